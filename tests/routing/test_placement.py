"""Placements: what may never be broken, whatever the figures, and how good they must be."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ArgumentError
from orrery.routing.placement import (
    NEVER,
    Machine,
    Problem,
    as_they_come,
    faults,
    heft,
    least_loaded,
    lower_bound,
    round_robin,
    search,
    simulate,
    upward,
)
from orrery.routing.placement.search import improved
from tests.routing.placements import assignments, problems, random_problem


@given(problems())
def test_every_rule_places_or_finds_that_nothing_can_be_kept_apart(problem: Problem) -> None:
    possible = next(assignments(problem), None) is not None
    for on in (round_robin(problem), least_loaded(problem), as_they_come(problem), heft(problem, upward(problem))):
        assert (on is not None) == possible
        if on is not None:
            schedule = simulate(problem, on)
            assert faults(problem, schedule) == []
            assert schedule.makespan >= lower_bound(problem) * (1 - 1e-9)


@given(problems(), st.sampled_from([None, 0.0, 5.0, 1e6]))
@settings(deadline=None, max_examples=50)
def test_what_the_search_finds_breaks_nothing_and_is_no_worse_than_the_rules(
    problem: Problem, deadline_s: float | None
) -> None:
    found = search(problem, deadline_s, effort=2_000)
    if found is None:
        assert next(assignments(problem), None) is None
        return
    assert faults(problem, found) == []
    for on in (least_loaded(problem), heft(problem, upward(problem))):
        assert on is not None
        rival = simulate(problem, on)
        ours, theirs = found.goal(deadline_s), rival.goal(deadline_s)
        assert ours[0] <= theirs[0] * (1 + 1e-6) + 1e-9
        if ours[0] == theirs[0] == 0:
            assert ours[1] <= theirs[1] * (1 + 1e-6) + 1e-9


@given(problems(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_schedule_is_that_of_a_list_whatever_the_order(problem: Problem, chance: object) -> None:
    on = round_robin(problem)
    if on is not None:
        order = list(range(len(problem)))
        chance.shuffle(order)  # type: ignore[attr-defined]
        assert faults(problem, simulate(problem, on, order)) == []


def test_the_faults_of_a_schedule_are_found() -> None:
    problem = Problem([Machine("a"), Machine("b")], [[1.0, NEVER], [1.0, 1.0], [1.0, 1.0]], [(), ((0, 1.0),), ()])
    good = simulate(problem, [0, 1, 1])
    assert faults(problem, good) == []
    early = type(good)([0, 1, 1], [0.0, 0.0, 1.0], [1.0, 1.0, 2.0], [-1] * 3, 0.0)
    assert faults(problem, early) == ["job 1 begins before what it needs of job 0 is there"]
    crowded = type(good)([0, 1, 1], [0.0, 1.0, 1.5], [1.0, 2.0, 2.5], [-1] * 3, 0.0)
    assert faults(problem, crowded) == ["b does 2 jobs at once, and has 1 slots"]
    misplaced = type(good)([1, 1, 1], [0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [-1] * 3, 0.0)
    assert faults(problem, misplaced) == ["job 0 may not be on b"]


def test_data_moves_over_both_links_and_stays_where_it_is_needed() -> None:
    slow, fast = Machine("slow", 1, 1e6, 0.5), Machine("fast", 1, 1e9, 0.25)
    problem = Problem([slow, fast], [[1.0, 1.0], [2.0, 1.0]], [(), ((0, 2e6),)])
    assert problem.transfer(2e6, 0, 1) == pytest.approx(0.75 + 2.0)
    assert simulate(problem, [0, 1]).makespan == pytest.approx(1 + 2.75 + 1)
    found = search(problem)
    assert found is not None
    assert found.on == [1, 1]


def test_the_cheapest_that_is_in_time() -> None:
    machines = [Machine("old", None), Machine("new", None)]
    problem = Problem(machines, [[4.0, 1.0], [4.0, 1.0]], [(), ((0, 0.0),)], [[1.0, 3.0], [1.0, 3.0]])
    for deadline_s, money, seconds in ((8.0, 2.0, 8.0), (7.0, 4.0, 5.0), (2.0, 6.0, 2.0), (1.0, 6.0, 2.0)):
        found = search(problem, deadline_s)
        assert found is not None
        assert (found.money, found.makespan) == (money, seconds)


def test_a_deadline_where_nothing_costs_money_is_no_reason_to_be_slow() -> None:
    problem = Problem([Machine("a"), Machine("b")], [[3.0, 4.0], [3.0, 4.0]], [(), ()])
    slow = simulate(problem, [0, 0])
    assert improved(problem, slow, 10.0, 1_000).makespan == 4.0
    found = search(problem, 10.0)
    assert found is not None
    assert found.makespan == 4.0


def test_of_equally_fast_placements_the_cheapest() -> None:
    # The second job has time until the first is done, so it need not be on the dear machine.
    machines = [Machine("old", 1), Machine("new", 2)]
    found = search(Problem(machines, [[9.0, 5.0], [4.0, 2.0]], [(), ()], [[9.0, 50.0], [4.0, 20.0]]))
    assert found is not None
    assert (found.on, found.makespan, found.money) == ([1, 0], 5.0, 54.0)


def test_a_machine_is_found_for_what_must_keep_apart_where_greed_finds_none() -> None:
    # Jobs 0 and 1 would both take machine 0 and 1; only with both on machine 2 is one left for job 2.
    problem = Problem(
        [Machine("a"), Machine("b"), Machine("c")],
        [[1.0, NEVER, 9.0], [NEVER, 1.0, 9.0], [1.0, 1.0, NEVER]],
        [(), (), ()],
        apart=[(0, 2), (1, 2)],
    )
    found = search(problem)
    assert found is not None
    assert faults(problem, found) == []
    assert search(Problem([Machine("a")], [[1.0], [1.0]], [(), ()], apart=[(0, 1)])) is None
    two = [Machine("a"), Machine("b")]
    assert search(Problem(two, [[1.0, 1.0]] * 2, [(), ()], together=[(0, 1)], apart=[(0, 1)])) is None


@given(problems(rules=False), st.permutations(range(3)))
@settings(deadline=None, max_examples=50)
def test_the_names_and_the_order_of_machines_change_no_bound(problem: Problem, order: list[int]) -> None:
    turned = [number for number in order if number < len(problem.machines)]
    other = Problem(
        [problem.machines[number] for number in turned],
        [[row[number] for number in turned] for row in problem.seconds],
        problem.needs,
        [[row[number] for number in turned] for row in problem.money],
    )
    assert lower_bound(other) == pytest.approx(lower_bound(problem))
    on = round_robin(problem)
    assert on is not None
    moved = simulate(other, [turned.index(machine) for machine in on])
    assert moved.makespan == pytest.approx(simulate(problem, on).makespan)
    assert moved.money == pytest.approx(problem.cost(on))


def test_better_than_plain_heft_and_than_the_least_load() -> None:
    ratios = []
    for seed in range(6):
        problem = random_problem(seed, 40, 4)
        on, emptiest = heft(problem, upward(problem)), least_loaded(problem)
        found = search(problem, effort=60_000)
        assert on is not None
        assert emptiest is not None
        assert found is not None
        plain = simulate(problem, on).makespan
        ratios.append(found.makespan / plain)
        assert found.makespan <= plain
        assert found.makespan < simulate(problem, emptiest).makespan
    assert sum(ratios) / len(ratios) < 0.95


def test_ten_thousand_jobs_in_a_chain_and_none() -> None:
    chain = Problem(
        [Machine("a"), Machine("b")],
        [[1.0, 2.0]] * 10_000,
        [(), *(((job, 1.0),) for job in range(9_999))],
    )
    found = search(chain, effort=20_000)
    assert found is not None
    assert found.makespan == 10_000
    nothing = search(Problem([Machine("a")], [], []))
    assert nothing is not None
    assert nothing.makespan == 0


def test_time_grows_about_as_the_jobs_do() -> None:
    def took(jobs: int) -> float:
        problem = random_problem(3, jobs, 5, slots=4)
        begun = time.process_time()
        search(problem, effort=0)
        return time.process_time() - begun

    took(500)
    small, large = min(took(1_000) for _ in range(2)), took(8_000)
    assert large < 8 * small * 4


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Problem([], [], []),
        lambda: Problem([Machine("a")], [[1.0, 2.0]], [()]),
        lambda: Problem([Machine("a")], [[math.nan]], [()]),
        lambda: Problem([Machine("a")], [[-1.0]], [()]),
        lambda: Problem([Machine("a")], [[NEVER]], [()]),
        lambda: Problem([Machine("a")], [[1.0]], [((0, 1.0),)]),
        lambda: Problem([Machine("a")], [[1.0]], [()], [[math.inf]]),
        lambda: Problem([Machine("a", 0)], [[1.0]], [()]),
        lambda: Problem([Machine("a", 1, 0.0)], [[1.0]], [()]),
    ],
)
def test_a_problem_that_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(ArgumentError):
        wrong()  # type: ignore[operator]
