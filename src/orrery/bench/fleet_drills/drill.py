"""Drill: what is struck when, and what was promised for that case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from orrery.bench.fleet_drills.driver import Verdict
from orrery.bench.fleet_drills.machines import LEASE_S, Machines, Member
from orrery.bench.fleet_drills.witness import Execution, Hold, Witness
from orrery.graph import Graph
from orrery.graph.task import EffectKind

FIRST, SUBJECT, LAST, OTHER = "first", "subject", "last", "other"
"""The tasks of every drill: the subject stands between two others, and one more hangs on nothing."""
SKILL, OTHER_SKILL = "crane", "office"
"""What the subject needs, and what the three others need."""
OFFICE = Member("office", (OTHER_SKILL,))
ONE, TWO = Member("crane-1", (SKILL,)), Member("crane-2", (SKILL,))


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What is to come of it.

    Args:
        state: of the run at its end.
        says: what its failure, or the question to a person, must name.
        times: how often the subject may be performed, at least and at most.
        asks: a person is asked about the subject.
    """

    state: str = "succeeded"
    says: tuple[str, ...] = ()
    times: tuple[int, int] = (1, 1)
    asks: bool = False


@dataclass(frozen=True)
class Scene:
    """What a drill has in its hands when the subject has come to the place."""

    machines: Machines
    witness: Witness
    graph: Graph
    verdict: Verdict
    execution: Execution
    held: Hold

    async def finish(self) -> None:
        """Let the subject go on, and return when it is about to return its result."""
        end = self.witness.hold(SUBJECT, 100)
        self.held.let_go()
        await end.reached()
        end.let_go()

    async def start_run(self) -> None:
        """Let another process go on with the run."""
        await self.machines.start_run(self.graph, self.verdict)


Strike = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One case.

    Args:
        name: its group, a slash, and its own.
        kind: of the subject's effect.
        strike: what happens when the subject is there.
        promise: what is to come of it.
        at: how far the subject is when it happens, in percent.
        members: the devices beside the office.
        timeout_s: of the subject.
        lease_s: how long a silent device keeps its work.
        verdict: of a person who is asked.
        strikes: whether the subject ever comes so far.
    """

    name: str
    kind: EffectKind
    strike: Strike
    promise: Promise = field(default_factory=Promise)
    at: int = 50
    members: tuple[Member, ...] = (ONE,)
    timeout_s: float | None = None
    lease_s: float = LEASE_S
    verdict: Verdict = "deny"
    strikes: bool = True

    @property
    def group(self) -> str:
        """What is drilled."""
        return self.name.partition("/")[0]


__all__ = [
    "FIRST",
    "LAST",
    "OFFICE",
    "ONE",
    "OTHER",
    "OTHER_SKILL",
    "SKILL",
    "SUBJECT",
    "TWO",
    "Drill",
    "Promise",
    "Scene",
    "Strike",
]
