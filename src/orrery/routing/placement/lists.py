"""Lists: placements made job by job, each job once, and kept. HEFT, a HEFT that looks ahead, and two simpler rules."""

from __future__ import annotations

import bisect
import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orrery.routing.placement.problem import Problem

MOST_GAPS = 32
"""Idle gaps of a machine that are remembered, the latest; more find little and cost time on large graphs."""
MOST_STEPS = 100_000
"""Steps in which machines are sought for jobs that must keep apart."""

Table = Sequence[Sequence[float]]


@dataclass
class _Timeline:
    """What one machine has taken on: when its slots get free, and the gaps before that."""

    slots: list[float]
    gaps: list[tuple[float, float]] = field(default_factory=list)  # (end, begin), by their ends

    def earliest(self, ready: float, seconds: float) -> tuple[float, int]:
        """When a job could begin, and in which gap; -1: after all others."""
        tail = self.slots[0] if self.slots else ready
        if tail <= ready:
            return ready, -1
        begin, where = tail, -1
        for number in range(bisect.bisect_left(self.gaps, (ready + seconds,)), len(self.gaps)):
            end, opens = self.gaps[number]
            at = max(opens, ready)
            if at < begin and at + seconds <= end:
                begin, where = at, number
        return begin, where

    def take(self, begin: float, seconds: float, where: int) -> None:
        """Give that time to a job."""
        if where >= 0:
            end, opens = self.gaps.pop(where)
            if begin > opens:
                bisect.insort(self.gaps, (begin, opens))
            if begin + seconds < end:
                bisect.insort(self.gaps, (end, begin + seconds))
        elif self.slots:
            tail = heapq.heapreplace(self.slots, begin + seconds)
            if begin > tail:
                bisect.insort(self.gaps, (begin, tail))
        if len(self.gaps) > MOST_GAPS:
            del self.gaps[0]


def upward(problem: Problem) -> list[float]:
    """HEFT's rank: the longest way from each job to the end, at the mean over the machines that may do it."""
    count = len(problem.machines)
    pairs = [(a, b) for a in range(count) for b in range(count) if a != b]
    late = math.fsum(problem.latency[a][b] for a, b in pairs) / max(1, len(pairs))
    slow = math.fsum(problem.per_byte[a][b] for a, b in pairs) / max(1, len(pairs))
    ranks = [0.0] * len(problem)
    for job in range(len(problem) - 1, -1, -1):
        row, candidates = problem.seconds[job], problem.candidates[problem.group_of[job]]
        longest = 0.0
        for other, size in problem.followers[job]:
            way = ranks[other] + (late + size * slow if size else 0.0)
            longest = max(longest, way)
        ranks[job] = longest + sum(row[machine] for machine in candidates) / len(candidates)
    return ranks


def ahead(problem: Problem) -> list[list[float]]:
    """For each job and machine the longest way that remains after it if all others get the machine they would like.

    O(needs * machines²). Source: the optimistic cost table of PEFT (Arabnejad and Barbosa, 2014); here data movement
    counts with the real link in place of the mean.
    """
    every = range(len(problem.machines))
    table = [[0.0] * len(problem.machines) for _ in range(len(problem))]
    for job in range(len(problem) - 1, -1, -1):
        mine = table[job]
        for other, size in problem.followers[job]:
            row, theirs = problem.seconds[other], table[other]
            ways = [(row[there] + theirs[there], there) for there in problem.candidates[problem.group_of[other]]]
            for here in every:
                late, slow = problem.latency[here], problem.per_byte[here]
                way = min([seconds + late[there] + size * slow[there] if size else seconds for seconds, there in ways])
                mine[here] = max(mine[here], way)
    return table


def heft(problem: Problem, ranks: Sequence[float], extra: Table | None = None) -> list[int] | None:
    """Each job, in the order of rank, on the machine that would finish it first, in a gap if it fits into one.

    O((jobs + needs) * machines). None where no machine could be found for jobs that must keep apart.

    Args:
        ranks: as `upward` gives them.
        extra: seconds to add to the finish of each job on each machine, such as what follows, or money at a rate.

    Source: HEFT (Topcuoglu, Hariri and Wu, 2002), with machines of several slots.
    """
    lines = [_Timeline([0.0] * min(machine.slots or 0, len(problem))) for machine in problem.machines]
    seconds, latency, per_byte = problem.seconds, problem.latency, problem.per_byte
    on, ends = [0] * len(problem), [0.0] * len(problem)

    def finish(job: int, machines: Sequence[int]) -> int:
        needs = problem.needs[job]
        best, chosen, at = math.inf, -1, (0.0, -1)
        for machine in machines:
            ready = 0.0
            for source, size in needs:
                comes = ends[source]
                if size:
                    there = on[source]
                    comes += latency[there][machine] + size * per_byte[there][machine]
                ready = max(ready, comes)
            begin, where = lines[machine].earliest(ready, seconds[job][machine])
            value = begin + seconds[job][machine] + (extra[job][machine] if extra else 0.0)
            if value < best or chosen < 0:
                best, chosen, at = value, machine, (begin, where)
        lines[chosen].take(at[0], seconds[job][chosen], at[1])
        on[job], ends[job] = chosen, at[0] + seconds[job][chosen]
        return chosen

    order = sorted(range(len(problem)), key=lambda job: (-ranks[job], job))
    return on if _assign(problem, order, finish) else None


def round_robin(problem: Problem) -> list[int] | None:
    """The machines in turn, those left out that may not do a job. A baseline."""
    turn = 0

    def following(_job: int, machines: Sequence[int]) -> int:
        nonlocal turn
        chosen = min(machines, key=lambda machine: (machine - turn) % len(problem.machines))
        turn = chosen + 1
        return chosen

    return _by_groups(problem, following)


def least_loaded(problem: Problem) -> list[int] | None:
    """Each job, in order, on the machine whose slots have the least to do with it counted in. A baseline."""
    load = [0.0] * len(problem.machines)

    def emptiest(job: int, machines: Sequence[int]) -> int:
        def after(machine: int) -> float:
            return (load[machine] + problem.seconds[job][machine]) / (problem.machines[machine].slots or len(problem))

        chosen = min(machines, key=lambda machine: (after(machine), machine))
        load[chosen] += problem.seconds[job][chosen]
        return chosen

    return _by_groups(problem, emptiest)


def as_they_come(problem: Problem) -> list[int] | None:
    """What the hub does with tasks that are not placed: a job that is ready goes, among the machines that are free, to
    the one that would be done with it first. The job from which the longest way remains is seen to first. A baseline.

    O((jobs + needs) * machines), times the number of different sets of machines that jobs may be on.
    """
    fixed = keep_apart(problem)
    if fixed is None:
        return None
    ranks = upward(problem)
    on, ends = [-1] * len(problem), [0.0] * len(problem)
    waits = [len(needs) for needs in problem.needs]
    free = [len(problem) if machine.slots is None else machine.slots for machine in problem.machines]
    settled = dict(fixed)  # who must keep apart is told where to go; guessing what the hub would do gains nothing
    lines: dict[tuple[int, ...], list[tuple[float, int]]] = {}
    coming = [(0.0, job, False) for job in range(len(problem)) if not waits[job]]
    while coming:
        now = coming[0][0]
        while coming and coming[0][0] <= now:
            _, job, ended = heapq.heappop(coming)
            if not ended:
                group = problem.group_of[job]
                machines = (settled[group],) if group in settled else problem.candidates[group]
                heapq.heappush(lines.setdefault(machines, []), (-ranks[job], job))
                continue
            free[on[job]] += 1
            for other, _ in problem.followers[job]:
                waits[other] -= 1
                if not waits[other]:
                    heapq.heappush(coming, (now, other, False))
        while True:
            able = [line for line in lines if lines[line] and any(free[machine] for machine in line)]
            if not able:
                break
            line = min(able, key=lambda each: (lines[each][0], each))
            job = heapq.heappop(lines[line])[1]
            group = problem.group_of[job]
            if group in settled and line != (settled[group],):  # another of its group was placed while it waited
                heapq.heappush(lines.setdefault((settled[group],), []), (-ranks[job], job))
                continue
            done = {m: _done(problem, job, m, on, now) for m in line if free[m]}
            chosen = on[job] = min(done, key=lambda machine: (done[machine], machine))
            if len(problem.groups[group]) > 1:
                settled[group] = chosen
            free[chosen] -= 1
            ends[job] = done[chosen]
            heapq.heappush(coming, (ends[job], job, True))
    return on


def _done(problem: Problem, job: int, machine: int, on: Sequence[int], now: float) -> float:
    moving = max((problem.transfer(size, on[source], machine) for source, size in problem.needs[job]), default=0.0)
    return now + moving + problem.seconds[job][machine]


def all_on(problem: Problem, prefer: Callable[[int, int], float]) -> list[int] | None:
    """Each job on the machine for which `prefer(job, machine)` is smallest, whatever the others do."""
    return _by_groups(problem, lambda job, machines: min(machines, key=lambda machine: (prefer(job, machine), machine)))


def _by_groups(problem: Problem, choose: Callable[[int, Sequence[int]], int]) -> list[int] | None:
    on = [0] * len(problem)

    def keep(job: int, machines: Sequence[int]) -> int:
        on[job] = choose(job, machines)
        return on[job]

    return on if _assign(problem, range(len(problem)), keep) else None


def _assign(problem: Problem, order: Sequence[int], choose: Callable[[int, Sequence[int]], int]) -> bool:
    """Ask `choose` for the machine of each job, among those that what must be together or apart leaves.

    The first job of a group chooses for all of it. False if no way was found to keep apart what must be.
    """
    settled: dict[int, int] = {}
    strangers = problem.strangers
    fixed = keep_apart(problem) if strangers else {}
    if fixed is None:
        return False
    for job in order:
        group = problem.group_of[job]
        if group in settled:
            choose(job, (settled[group],))
        elif group not in strangers:
            settled[group] = choose(job, problem.candidates[group])
        else:
            # Any machine that no settled stranger has, as long as each stranger to come keeps the one it can fall
            # back on; then the group's own is always left.
            taken = {settled.get(other, fixed[other]) for other in strangers[group]}
            settled[group] = choose(job, [machine for machine in problem.candidates[group] if machine not in taken])
    return True


def keep_apart(problem: Problem) -> dict[int, int] | None:
    """A machine for each group that must keep apart from others; None if none was found in a bounded search.

    The group with the fewest machines goes first; a choice that leaves none for another is taken back (backtracking).
    """
    strangers, candidates = problem.strangers, problem.candidates
    if any(group in others for group, others in strangers.items()):
        return None
    order = sorted(strangers, key=lambda group: (len(candidates[group]), -len(strangers[group]), group))
    chosen: dict[int, int] = {}
    tried = [iter(candidates[group]) for group in order]
    depth = steps = 0
    while depth < len(order):
        steps += 1
        if steps > MOST_STEPS + len(order):
            return None
        group = order[depth]
        taken = {chosen[other] for other in strangers[group] if other in chosen}
        machine = next((machine for machine in tried[depth] if machine not in taken), None)
        if machine is not None:
            chosen[group] = machine
            depth += 1
            continue
        tried[depth] = iter(candidates[group])
        depth -= 1
        if depth < 0:
            return None
        del chosen[order[depth]]
    return chosen
