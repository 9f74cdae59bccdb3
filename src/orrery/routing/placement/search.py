"""Search: a good placement of any number of jobs, without proof.

Several lists are made (see `lists`), and the best is improved by moving the jobs that decide the makespan. For large
problems, where even one look at a move costs something, what can be had is a good list; so time stays near-linear.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from orrery.routing.placement.lists import ahead, all_on, as_they_come, heft, least_loaded, upward
from orrery.routing.placement.problem import Problem
from orrery.routing.placement.schedule import SAME, Goal, Schedule, simulate

EFFORT = 300_000
"""Jobs that may be simulated for improvements, together: about a second."""
LOOKAHEAD_PAIRS = 2_000_000
"""The most data movements times pairs of machines for which lists look ahead; beyond, it takes longer than the rest."""


LARGE = 10_000
"""Jobs from which on every list takes a noticeable time, so fewer are made."""
CHEAPEST_RATE = 1e-6
"""The lowest rate at which money is reckoned as seconds, against the one at which only money counts."""


def search(problem: Problem, deadline_s: float | None = None, *, effort: int = EFFORT) -> Schedule | None:
    """The best placement found: the fastest, of equally fast ones the cheapest; with a deadline the cheapest in time.

    If no placement is found that meets the deadline, it is the fastest that was. None where none was found that
    keeps apart what must be. O(effort + (jobs + needs) * machines * lists): near-linear.

    Args:
        effort: how many jobs may be simulated for improvements; 0 leaves the best list as it is.

    Source: lists after HEFT (Topcuoglu et al., 2002) and PEFT (Arabnejad and Barbosa, 2014); moves of critical jobs
        as in tabu search for job shops (Nowicki and Smutnicki, 1996), where we move between machines and leave the
        order on each to the scheduler's rule.
    """
    starts = sorted(_fast(problem), key=lambda schedule: schedule.goal(None))
    if not starts:
        return None
    tempting = any(max(row) > min(row) for row in problem.money)
    share = effort // (4 if tempting else 2)
    # The second best list often leads elsewhere; a third was not worth its time.
    fastest = min(
        (improved(problem, start, None, share) for start in starts[:2]), key=lambda schedule: schedule.goal(None)
    )
    if not tempting:
        return fastest
    if deadline_s is not None and fastest.makespan > deadline_s:
        deadline_s = None
    limit = fastest.makespan * SAME if deadline_s is None else deadline_s
    if deadline_s is None and len(problem) > LARGE:
        return fastest  # lists that are as fast and cheaper are rare, and each takes as long as this one
    cheap = min([fastest, *starts, *_cheap(problem, limit)], key=lambda schedule: schedule.goal(limit))
    return improved(problem, cheap, limit, 2 * share)


def _fast(problem: Problem) -> Iterator[Schedule]:
    ranks = upward(problem)
    lists = [heft(problem, ranks)]
    if sum(map(len, problem.needs)) * len(problem.machines) ** 2 <= LOOKAHEAD_PAIRS:
        lists.append(heft(problem, ranks, ahead(problem)))
        lists += [all_on(problem, _unless(problem, favourite)) for favourite in range(len(problem.machines))]
        lists += [least_loaded(problem), as_they_come(problem)]
    seen: set[tuple[int, ...]] = set()
    for on in lists:
        if on is not None and tuple(on) not in seen:
            seen.add(tuple(on))
            yield simulate(problem, on)


def _unless(problem: Problem, favourite: int) -> Callable[[int, int], float]:
    """One machine wherever it may be, elsewhere the fastest."""
    return lambda job, machine: -1.0 if machine == favourite else problem.seconds[job][machine]


def _cheap(problem: Problem, limit: float) -> Iterator[Schedule]:
    """Every job at its cheapest; if that takes too long, HEFT with money reckoned as seconds at several rates.

    The rate is halved, as a factor, between one that is in time and one that is not.
    """
    cheapest = all_on(problem, lambda job, machine: problem.money[job][machine])
    if cheapest is None:
        return
    alone = simulate(problem, cheapest)
    yield alone
    spread = math.fsum(max(row) - min(row) for row in problem.money) / max(1, len(problem))
    if alone.makespan <= limit or not spread:
        return
    ranks = upward(problem)
    high = alone.makespan / spread  # seconds for a dollar: at this rate hardly anything is worth waiting for
    low = high * CHEAPEST_RATE
    for _ in range(3 if len(problem) > LARGE else 10):
        rate = math.sqrt(low * high)
        if not 0 < rate < math.inf:
            return
        on = heft(problem, ranks, [[rate * cost for cost in row] for row in problem.money])
        if on is None:
            return
        found = simulate(problem, on)
        yield found
        if found.makespan <= limit:
            low = rate
        else:
            high = rate


def improved(problem: Problem, start: Schedule, deadline_s: float | None, effort: int) -> Schedule:
    """The best that a walk of single moves comes by, from a placement on; never worse than that.

    Each step takes the best move there is, even if it leads uphill, and for some steps does not take it back.
    """
    size = max(1, len(problem))
    best, here = start, start
    best_goal = start.goal(deadline_s)
    barred: dict[tuple[int, int], int] = {}  # (group, machine) → the step from which it may go there again
    step, stale, patience = 0, 0, 30 + 2 * math.isqrt(size)
    tenure = 3 + math.isqrt(len(problem.groups))
    while effort > 0 and stale < patience:
        step += 1
        stale += 1
        found: tuple[Goal, Schedule, int] | None = None
        for group, machine in _moves(problem, here, deadline_s):
            effort -= size
            if effort < 0:
                break
            there = simulate(problem, _moved(problem, here, group, machine))
            goal = there.goal(deadline_s)
            wins = goal < best_goal
            if (wins or barred.get((group, machine), 0) <= step) and (found is None or goal < found[0]):
                found = goal, there, group
            if wins:
                break
        if found is None:
            break
        goal, there, group = found
        barred[group, here.on[problem.groups[group][0]]] = step + tenure
        here = there
        if goal < best_goal:
            best, best_goal, stale = there, goal, 0
    return best


def _moves(problem: Problem, here: Schedule, deadline_s: float | None) -> Iterator[tuple[int, int]]:
    """Groups and machines to which they could go: those that decide the makespan; with time left, what saves money."""
    on, groups = here.on, problem.groups
    if problem.money and deadline_s is not None and here.makespan <= deadline_s:
        savings = []
        for group, jobs in enumerate(groups):
            now = on[jobs[0]]
            for machine in problem.candidates[group]:
                saved = sum(problem.money[job][now] - problem.money[job][machine] for job in jobs)
                if saved > 0:
                    savings.append((-saved, group, machine))
        chosen: Iterable[tuple[int, int]] = [(group, machine) for _, group, machine in sorted(savings)]
    else:
        chosen = (
            (group, machine)
            for group in dict.fromkeys(problem.group_of[job] for job in here.critical())
            for machine in problem.candidates[group]
        )
    allowed = _allowed(problem, here)
    yield from (move for move in chosen if allowed(*move))


def _allowed(problem: Problem, here: Schedule) -> Callable[[int, int], bool]:
    on, groups, strangers = here.on, problem.groups, problem.strangers

    def may(group: int, machine: int) -> bool:
        return on[groups[group][0]] != machine and all(
            on[groups[other][0]] != machine for other in strangers.get(group, ())
        )

    return may


def _moved(problem: Problem, here: Schedule, group: int, machine: int) -> list[int]:
    on = list(here.on)
    for job in problem.groups[group]:
        on[job] = machine
    return on
