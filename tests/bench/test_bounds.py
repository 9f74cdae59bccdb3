"""No schedule beats the bound, and the simple schedules are schedules."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.bench.bounds import first_come, in_waves, lower_bound
from orrery.bench.shapes import KINDS, Shape, chain, fan_out, layered, random_shape, workflow
from orrery.bench.virtual import makespan


def best(shape: Shape, seconds: list[int], workers: int) -> float:
    """The shortest makespan: some order of the tasks, each started as soon as it can be, is optimal."""
    shortest = float("inf")
    for order in permutations(range(len(shape))):
        ended: dict[int, float] = {}
        free = [0.0] * workers
        for position in order:
            if any(need not in ended for need in shape[position]):
                break
            free.sort()
            start = max(free[0], *(ended[need] for need in shape[position]), 0.0)
            ended[position] = free[0] = start + seconds[position]
        else:
            shortest = min(shortest, max(ended.values(), default=0.0))
    return shortest


@st.composite
def problems(draw: st.DrawFn, most: int) -> tuple[Shape, list[int], int]:
    size = draw(st.integers(1, most))
    shape = [
        tuple(sorted(draw(st.sets(st.integers(0, position - 1), max_size=3)))) if position else ()
        for position in range(size)
    ]
    seconds = draw(st.lists(st.integers(1, 9), min_size=size, max_size=size))
    return shape, seconds, draw(st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(problems(most=6))
def test_the_bound_is_never_above_the_optimum(problem: tuple[Shape, list[int], int]) -> None:
    shape, seconds, workers = problem
    optimum = best(shape, seconds, workers)
    assert lower_bound(shape, seconds, workers) <= optimum + 1e-9
    for order in (first_come, in_waves):
        assert order(shape, seconds, workers) >= optimum - 1e-9


@settings(max_examples=60, deadline=None)
@given(problems(most=25))
def test_the_scheduler_never_beats_the_bound(problem: tuple[Shape, list[int], int]) -> None:
    shape, seconds, workers = problem
    graph = workflow(shape, "work", [float(each) for each in seconds])
    shortest = makespan(graph, workers=workers)
    bound = lower_bound(shape, seconds, workers)
    longest = lower_bound(shape, seconds, len(shape))
    assert bound - 1e-9 <= shortest <= sum(seconds) / workers + longest + 1e-9  # the second by Graham, 1966
    assert makespan(graph, workers=None) == pytest.approx(longest)


def test_the_bound_sees_a_bottleneck_that_path_and_work_do_not() -> None:
    # A long way in, six tasks at once, a long way out: neither the path (21) nor the work (26 / 2) says 23.
    shape: Shape = [(), *[(0,)] * 6, tuple(range(1, 7))]
    assert lower_bound(shape, [10, *[1] * 6, 10], 2) == 23


@pytest.mark.parametrize("kind", KINDS)
def test_a_random_shape_has_its_size_and_only_looks_back(kind: str) -> None:
    from random import Random

    shape = random_shape(kind, 60, Random(5))
    assert len(shape) == 60
    assert all(need < position for position, needs in enumerate(shape) for need in needs)
    assert shape == random_shape(kind, 60, Random(5))


def test_the_timed_shapes_are_what_their_names_say() -> None:
    assert fan_out(3) == [(), (), ()]
    assert chain(3) == [(), (0,), (1,)]
    layers = layered(300, seed=1)
    assert {len(needs) for needs in layers[100:]} == {2}
    assert all(need // 100 == position // 100 - 1 for position, needs in enumerate(layers) for need in needs)
