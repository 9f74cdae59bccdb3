"""Problem: what is to be placed, on what, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from orrery.errors import ArgumentError

NEVER = math.inf
"""The seconds of a job on a machine that may not do it."""

Need = tuple[int, float]
"""An earlier job, and how many bytes come from it; 0: it is waited for, and nothing is moved."""


@dataclass(frozen=True)
class Machine:
    """What jobs can be put on.

    Args:
        name: for messages.
        slots: jobs at once; None: no limit.
        bytes_per_s, latency_s: of its link to all others. What goes between two machines goes over both links: at the
            slower one's rate, after both latencies. Nothing is reckoned for links that are shared.
    """

    name: str
    slots: int | None = 1
    bytes_per_s: float = math.inf
    latency_s: float = 0.0


@dataclass(frozen=True)
class Problem:
    """Jobs with an order between them, to be spread over machines.

    Args:
        machines: at least one.
        seconds: what each job takes on each machine, shape (jobs, machines), finite or `NEVER`.
        needs: for each job what it waits for; earlier jobs only.
        money: what each job costs on each machine, shape (jobs, machines), in US dollars; empty: nothing.
        together: jobs that must be on one machine.
        apart: pairs of jobs that must not.

    Raises:
        ArgumentError: shapes differ, a number is out of range, or jobs that are to be together share no machine.
    """

    machines: Sequence[Machine]
    seconds: Sequence[Sequence[float]]
    needs: Sequence[Sequence[Need]]
    money: Sequence[Sequence[float]] = ()
    together: Sequence[Sequence[int]] = ()
    apart: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        width = len(self.machines)
        for machine in self.machines:
            has_slots = machine.slots is None or machine.slots >= 1
            if not (has_slots and machine.bytes_per_s > 0 and 0 <= machine.latency_s < math.inf):
                raise ArgumentError(f"{machine}: it needs a slot, a rate above 0 and a latency of at least 0")
        if not width or len(self.needs) != len(self.seconds) or len(self.money) not in (0, len(self.seconds)):
            raise ArgumentError("a placement needs a machine, and for every job seconds, needs and money (or no money)")
        for job, (row, needs) in enumerate(zip(self.seconds, self.needs, strict=True)):
            if len(row) != width or not all(value >= 0 for value in row):
                raise ArgumentError(f"job {job}: its seconds must be {width} numbers of at least 0, not {row}")
            if not all(0 <= source < job and 0 <= size < math.inf for source, size in needs):
                raise ArgumentError(f"job {job}: it can need bytes of earlier jobs only, not {needs}")
        for job, costs in enumerate(self.money):
            if len(costs) != width or not all(0 <= cost < math.inf for cost in costs):
                raise ArgumentError(f"job {job}: its money must be {width} finite numbers of at least 0, not {costs}")
        for group, candidates in enumerate(self.candidates):
            if not candidates:
                raise ArgumentError(
                    f"no machine may do all of the jobs {list(self.groups[group])}, which are one group"
                )

    def __len__(self) -> int:
        return len(self.seconds)

    @cached_property
    def latency(self) -> list[list[float]]:
        """Seconds before the first byte, from machine to machine; 0 on the same."""
        return [
            [0.0 if a is b else one.latency_s + other.latency_s for b, other in enumerate(self.machines)]
            for a, one in enumerate(self.machines)
        ]

    @cached_property
    def per_byte(self) -> list[list[float]]:
        """Seconds for each byte, from machine to machine; 0 on the same."""
        return [
            [0.0 if a is b else 1.0 / min(one.bytes_per_s, other.bytes_per_s) for b, other in enumerate(self.machines)]
            for a, one in enumerate(self.machines)
        ]

    def transfer(self, size: float, source: int, target: int) -> float:
        """Seconds to move so many bytes from one machine to another."""
        return self.latency[source][target] + size * self.per_byte[source][target] if size else 0.0

    @cached_property
    def followers(self) -> list[list[Need]]:
        """For each job those that wait for it, with the bytes that go there."""
        found: list[list[Need]] = [[] for _ in self.seconds]
        for job, needs in enumerate(self.needs):
            for source, size in needs:
                found[source].append((job, size))
        return found

    @cached_property
    def groups(self) -> list[tuple[int, ...]]:
        """The jobs by what must be on one machine, each group and all groups in the order of their first job."""
        leader = list(range(len(self.seconds)))

        def first(job: int) -> int:
            while leader[job] != job:
                leader[job] = leader[leader[job]]
                job = leader[job]
            return job

        for jobs in self.together:
            for one, other in pairwise(jobs):
                low, high = sorted((first(one), first(other)))
                leader[high] = low
        members: dict[int, list[int]] = {}
        for job in range(len(leader)):
            members.setdefault(first(job), []).append(job)
        return [tuple(jobs) for jobs in members.values()]

    @cached_property
    def group_of(self) -> list[int]:
        """The group of each job."""
        found = [0] * len(self.seconds)
        for group, jobs in enumerate(self.groups):
            for job in jobs:
                found[job] = group
        return found

    @cached_property
    def candidates(self) -> list[tuple[int, ...]]:
        """The machines that may do all jobs of each group, in order."""
        every = range(len(self.machines))
        return [tuple(m for m in every if all(self.seconds[job][m] < NEVER for job in jobs)) for jobs in self.groups]

    @cached_property
    def strangers(self) -> dict[int, tuple[int, ...]]:
        """For each group that must keep apart from others: which."""
        found: dict[int, dict[int, None]] = {}
        for one, other in self.apart:
            a, b = self.group_of[one], self.group_of[other]
            found.setdefault(a, {})[b] = None
            found.setdefault(b, {})[a] = None
        return {group: tuple(sorted(others)) for group, others in sorted(found.items())}

    def cost(self, on: Sequence[int]) -> float:
        """The money of an assignment: the machine of each job."""
        return math.fsum(row[machine] for row, machine in zip(self.money, on, strict=False))

    def broken(self, on: Iterable[int]) -> list[str]:
        """What an assignment breaks, in words; empty where it may be used."""
        where = list(on)
        said = [
            f"job {job} may not be on {self.machines[machine].name}"
            for job, machine in enumerate(where)
            if not self.seconds[job][machine] < NEVER
        ]
        said += [f"jobs {jobs} are not together" for jobs in self.groups if len({where[job] for job in jobs}) > 1]
        return said + [f"jobs {a} and {b} are not apart" for a, b in self.apart if where[a] == where[b]]
