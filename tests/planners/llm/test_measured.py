"""What the bench of this planner measures is what it says: lines of so many tokens, bounds as one reckons by hand."""

from __future__ import annotations

import statistics
from collections import Counter

import pytest

from orrery.bench.planning import plans as bench
from orrery.bench.planning.llm_compiler import SHORT
from orrery.models.simulated import tokens
from orrery.planners.llm.grammar import End, Step, read


def test_our_shapes_have_the_counts_of_the_published_ones() -> None:
    shapes = bench.shapes()
    assert len(shapes) == 17
    assert Counter(step.tool for shape in shapes for step in shape.tasks) == {"search": 52, "math": 26, "join": 17}
    assert sorted(sum(step.emitted_tokens for step in shape.tasks) for shape in shapes) == sorted(
        [24, 20, 18, 19, 18, 86, 86, 87, 61, 55, 99, 42, 87, 61, 55, 99, 42]
    )


@pytest.mark.parametrize("shape", bench.shapes(), ids=lambda shape: shape.plan)
def test_a_plan_is_written_in_the_tokens_of_its_shape(shape: bench.Shape) -> None:
    lines = bench.written(shape).splitlines(keepends=True)
    assert [tokens(line) for line in lines] == [step.emitted_tokens for step in shape.tasks]
    assert len("".join(lines)) % 4 == 0
    *steps, end = map(read, lines)
    assert end == End()
    assert [(s.number, tuple(s.needs())) for s in steps if isinstance(s, Step)] == [
        (s.id, s.needs) for s in shape.steps
    ]


def test_the_bound_is_the_latest_of_writing_and_doing_then_the_answer() -> None:
    search, math = bench.Step(1, "search", (), 5), bench.Step(2, "math", (1,), 5)
    shape = bench.Shape("x", (search, math, bench.Step(3, "join", (1, 2), 4)))
    answer_s = 0.4 + 24 / 50
    assert bench.bound_s(shape) == pytest.approx(0.4 + 5 / 50 + 0.8 + 1.2 + answer_s)
    assert bench.bound_s(shape, is_known=True) == pytest.approx(0.8 + 1.2 + answer_s)
    assert bench.bound_s(shape, SHORT) == pytest.approx(0.4 + 14 / 50 + answer_s)
    assert bench.bound_s(shape, SHORT, is_known=True, joins=False) == pytest.approx(0.01)
    assert bench.react_s(shape) == pytest.approx(0.5 + 0.8 + 0.5 + 1.2 + answer_s)


def test_the_bounds_of_our_shapes_are_near_those_published() -> None:
    assert statistics.fmean(map(bench.bound_s, bench.shapes())) == pytest.approx(3.96, abs=0.1)
    assert statistics.fmean(bench.bound_s(s, is_known=True) for s in bench.shapes()) == pytest.approx(2.81, abs=0.01)
