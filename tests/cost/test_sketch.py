"""Sketches: quantiles that are right to a few per cent in little memory, whatever is counted."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from orrery.cost.sketch import ERROR, Sketch

amounts = st.lists(st.floats(min_value=1e-6, max_value=1e9), min_size=1, max_size=200)


def of(values: list[float]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(amounts, st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)))
def test_a_quantile_is_right_to_the_error_that_is_promised(values: list[float], share: float) -> None:
    ordered = sorted(values)
    true = ordered[max(0, math.ceil(share * len(values)) - 1)]
    found = of(values).quantile(share)
    assert share == 0 or abs(found - true) <= ERROR * true * 1.0001


@given(amounts)
def test_the_order_of_values_changes_nothing(values: list[float]) -> None:
    assert of(values) == of(values[::-1])


@given(st.lists(st.floats() | st.sampled_from((1e300, 0.0, -1.0, 1e-300))))
def test_absurd_values_neither_break_it_nor_make_it_large(values: list[float]) -> None:
    sketch = of([*values, *[1.0] * (2 * len(values) + 1)])
    spread = sketch.spread()
    assert 0.98 <= spread.mid <= 1.03
    assert len(sketch.buckets) <= 1326


def test_what_has_faded_counts_for_less() -> None:
    sketch = of([1.0] * 10)
    sketch.fade(0.1)
    for _ in range(3):
        sketch.add(50.0)
    assert abs(sketch.quantile(0.5) - 50) < 1.1
    sketch.fade(0.0)
    assert (sketch.weight, sketch.quantile(0.5)) == (0.0, 0.0)


def test_the_mean_does_not_follow_a_single_outlier() -> None:
    assert abs(of([1.0, 2.0, 3.0] * 10).mean() - 2) < 0.05
    assert of([1.0, 2.0, 3.0] * 10 + [1e12]).mean() < 2.5
    assert Sketch().mean() == 0
