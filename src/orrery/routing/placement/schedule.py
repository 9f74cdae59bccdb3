"""Schedule: when each job begins and ends under an assignment, by the order in which the runtime starts work.

One evaluator for every placement, whoever made it, so that what is compared is the assignment alone.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from orrery.routing.placement.problem import Problem

SAME = 1.0 + 1e-9
"""Two times within this factor are one: sums of floats in another order differ by less."""

Goal = tuple[float, float, float]
"""What is to be small, the first first: seconds after the deadline, then money and seconds or seconds and money."""


@dataclass(frozen=True)
class Schedule:
    """A placement and what comes of it.

    Args:
        on: the machine of each job.
        starts, ends: of each job, in seconds from the beginning.
        cause: for each job the one whose end let it begin, by its data or by its slot; -1 for none.
        money: of all jobs.
    """

    on: Sequence[int]
    starts: Sequence[float]
    ends: Sequence[float]
    cause: Sequence[int]
    money: float

    @property
    def makespan(self) -> float:
        """When the last job ends; 0 without jobs."""
        return max(self.ends, default=0.0)

    def goal(self, deadline_s: float | None) -> Goal:
        """How good it is: without a deadline the fastest, then the cheapest; with one the cheapest that meets it."""
        seconds = self.makespan
        if deadline_s is None:
            return 0.0, seconds, self.money
        return max(0.0, seconds - deadline_s), self.money, seconds

    def critical(self) -> list[int]:
        """The chain of jobs that decides the makespan, last first."""
        job = max(range(len(self.ends)), key=lambda each: (self.ends[each], -each), default=-1)
        chain = []
        while job >= 0:
            chain.append(job)
            job = self.cause[job]
        return chain


def remaining(problem: Problem, on: Sequence[int]) -> list[float]:
    """For each job the longest way from its beginning to the end of everything, in seconds, data movement included."""
    seconds, latency, per_byte, followers = problem.seconds, problem.latency, problem.per_byte, problem.followers
    ways = [0.0] * len(on)
    for job in range(len(on) - 1, -1, -1):
        here = on[job]
        late, slow = latency[here], per_byte[here]
        longest = 0.0
        for other, size in followers[job]:
            way = ways[other]
            if size:
                there = on[other]
                way += late[there] + size * slow[there]
            longest = max(longest, way)
        ways[job] = longest + seconds[job][here]
    return ways


def simulate(problem: Problem, on: Sequence[int], order: Sequence[float] | None = None) -> Schedule:
    """What an assignment comes to if a free slot always takes the ready job that matters most.

    Data moves as soon as it is there. O((jobs + needs) log jobs).

    Args:
        on: the machine of each job.
        order: of two ready jobs the one with the smaller number begins first, ties by position; by default the one from
            which the longest way remains, as the scheduler does it.
    """
    jobs = len(on)
    seconds, latency, per_byte, followers = problem.seconds, problem.latency, problem.per_byte, problem.followers
    urgency = [-way for way in remaining(problem, on)] if order is None else order
    free = [jobs if machine.slots is None else machine.slots for machine in problem.machines]
    ready: list[list[tuple[float, int]]] = [[] for _ in problem.machines]
    waits = [len(needs) for needs in problem.needs]
    arrival = [0.0] * jobs
    cause = [-1] * jobs
    starts, ends = [0.0] * jobs, [0.0] * jobs
    coming = [(0.0, job, False) for job in range(jobs) if not waits[job]]  # (when, job, whether it ends or gets ready)
    heapq.heapify(coming)
    push, pop = heapq.heappush, heapq.heappop
    while coming:
        now = coming[0][0]
        touched: dict[int, int] = {}  # machine → the job that freed a slot just now
        while coming and coming[0][0] <= now:
            _, job, ended = pop(coming)
            here = on[job]
            if not ended:
                push(ready[here], (urgency[job], job))
                touched.setdefault(here, -1)
                continue
            free[here] += 1
            touched[here] = job
            late, slow = latency[here], per_byte[here]
            for other, size in followers[job]:
                there = on[other]
                comes = now + late[there] + size * slow[there] if size else now
                if comes > arrival[other] or cause[other] < 0:
                    arrival[other], cause[other] = max(comes, arrival[other]), job
                waits[other] -= 1
                if not waits[other]:
                    push(coming, (arrival[other], other, False))
        for here, freed in touched.items():
            queue = ready[here]
            while queue and free[here]:
                job = pop(queue)[1]
                free[here] -= 1
                starts[job] = now
                ends[job] = now + seconds[job][here]
                if now > arrival[job] and freed >= 0:
                    cause[job] = freed
                push(coming, (ends[job], job, True))
    return Schedule(on, starts, ends, cause, problem.cost(on))


def faults(problem: Problem, schedule: Schedule) -> list[str]:
    """Every rule that a schedule breaks, in words: requirements, precedence with data movement, slots."""
    said = problem.broken(schedule.on)
    slack = 1e-9 * (1.0 + schedule.makespan)
    for job, needs in enumerate(problem.needs):
        for source, size in needs:
            comes = schedule.ends[source] + problem.transfer(size, schedule.on[source], schedule.on[job])
            if schedule.starts[job] < comes - slack:
                said.append(f"job {job} begins before what it needs of job {source} is there")
    for number, machine in enumerate(problem.machines):
        here = [job for job, where in enumerate(schedule.on) if where == number]
        turns = [(schedule.starts[job] + slack, 1) for job in here] + [(schedule.ends[job], -1) for job in here]
        at_once = most = 0
        for _, step in sorted(turn for turn in turns):
            at_once += step
            most = max(most, at_once)
        if machine.slots is not None and most > machine.slots:
            said.append(f"{machine.name} does {most} jobs at once, and has {machine.slots} slots")
    return said


def lower_bound(problem: Problem) -> float:
    """Seconds that no placement beats: the longest path at each job's best, or the work spread over all slots."""
    best = [min(row) for row in problem.seconds]
    ends: list[float] = []
    for job, needs in enumerate(problem.needs):
        ends.append(best[job] + max((ends[source] for source, _ in needs), default=0.0))
    slots = [machine.slots for machine in problem.machines]
    work = 0.0 if None in slots else math.fsum(best) / sum(number or 0 for number in slots)
    return max(max(ends, default=0.0), work)
