"""The solver: what it proves is what trying everything finds."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import MissingExtraError
from orrery.routing.placement import (
    NEVER,
    Machine,
    Problem,
    exact,
    faults,
    heft,
    least_loaded,
    round_robin,
    search,
    simulate,
)
from orrery.routing.placement import upward as ranks_of
from tests.routing.placements import assignments, fastest_of, problems, random_problem


@given(problems(jobs=5, whole=True, paid=False))
@settings(deadline=None, max_examples=40)
def test_the_fastest_is_that_of_trying_every_placement_in_every_order(problem: Problem) -> None:
    first = search(problem, effort=0)
    if first is None:
        return
    best = exact(problem, first)
    assert best.proven
    assert faults(problem, best.schedule) == []
    assert best.schedule.makespan == pytest.approx(min(fastest_of(problem, on) for on in assignments(problem)))


@given(problems(jobs=4, whole=True, paid=True), st.sampled_from([3.0, 8.0, 15.0]))
@settings(deadline=None, max_examples=30)
def test_the_cheapest_in_time_is_that_of_trying_everything(problem: Problem, deadline_s: float) -> None:
    first = search(problem, deadline_s, effort=0)
    if first is None:
        return
    best = exact(problem, first, deadline_s).schedule
    options = [(fastest_of(problem, on), problem.cost(on)) for on in assignments(problem)]
    cheapest = min((money for seconds, money in options if seconds <= deadline_s), default=None)
    assert faults(problem, best) == []
    if cheapest is None:
        seconds = min(seconds for seconds, _ in options)
        assert best.makespan == pytest.approx(seconds)
        assert best.money == pytest.approx(min(money for each, money in options if each == seconds))
    else:
        assert best.makespan <= deadline_s
        assert best.money == pytest.approx(cheapest)


@given(problems(), st.sampled_from([None, 4.0]))
@settings(deadline=None, max_examples=30)
def test_never_worse_than_any_rule_and_never_broken(problem: Problem, deadline_s: float | None) -> None:
    first = search(problem, deadline_s, effort=500)
    if first is None:
        return
    best = exact(problem, first, deadline_s, limit=0.2).schedule
    assert faults(problem, best) == []
    for on in (list(first.on), least_loaded(problem), round_robin(problem), heft(problem, ranks_of(problem))):
        assert on is not None
        ours, theirs = best.goal(deadline_s), simulate(problem, on).goal(deadline_s)
        for mine, other in zip(ours[:2], theirs[:2], strict=True):
            assert mine <= other * (1 + 1e-6) + 1e-9
            if mine < other * (1 - 1e-9):
                break


@given(problems(jobs=6, whole=True, paid=False), st.permutations(range(3)))
@settings(deadline=None, max_examples=20)
def test_machines_in_another_order_are_as_fast(problem: Problem, order: list[int]) -> None:
    turned = [number for number in order if number < len(problem.machines)]
    other = Problem(
        [problem.machines[number] for number in turned],
        [[row[number] for number in turned] for row in problem.seconds],
        problem.needs,
        (),
        problem.together,
        problem.apart,
    )
    one, two = search(problem, effort=0), search(other, effort=0)
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        mine, theirs = exact(problem, one), exact(other, two)
        assert mine.proven
        assert theirs.proven
        assert mine.schedule.makespan == pytest.approx(theirs.schedule.makespan)


def test_the_same_question_has_the_same_answer() -> None:
    problem = random_problem(5, 14, 4)
    first = search(problem, effort=1_000)
    assert first is not None
    assert exact(problem, first, limit=0.1) == exact(problem, first, limit=0.1)


def test_the_best_may_be_to_wait_for_the_long_way_though_a_short_job_is_there() -> None:
    # By the scheduler's rule job 1, the only one that is ready on a, begins at 0 and holds up the long way for 5 s.
    seconds = [[NEVER, 1.0], [5.0, NEVER], [1.0, NEVER], [NEVER, 9.0]]
    problem = Problem([Machine("a"), Machine("b")], seconds, [(), (), ((0, 0.0),), ((2, 0.0),)])
    first = search(problem)
    assert first is not None
    assert first.makespan == 15.0
    best = exact(problem, first)
    assert best.proven
    assert best.schedule.makespan == 11.0
    assert faults(problem, best.schedule) == []


def test_the_search_is_within_five_percent_where_the_solver_proves() -> None:
    gaps = []
    for seed in range(8):
        problem = random_problem(seed, 14, 3)
        found = search(problem, effort=60_000)
        assert found is not None
        best = exact(problem, found, limit=0.5)
        if best.proven:
            gaps.append(found.makespan / best.schedule.makespan - 1)
    assert len(gaps) >= 6
    assert sum(gaps) / len(gaps) <= 0.05


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem([Machine("a")], [[1.0]], [()])
    first = search(problem)
    assert first is not None
    for name in ("ortools", "ortools.sat", "ortools.sat.python"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"orrery\[plan\]"):
        exact(problem, first)
