"""Stage: one drill from its first process to the judgement."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from orrery.bench.fleet_drills.deed import work
from orrery.bench.fleet_drills.drill import FIRST, LAST, OFFICE, OTHER, OTHER_SKILL, SKILL, SUBJECT, Drill, Scene
from orrery.bench.fleet_drills.judge import broken_promises
from orrery.bench.fleet_drills.machines import Machines
from orrery.bench.fleet_drills.witness import Hold, Witness
from orrery.errors import OutsideError
from orrery.graph import Edge, Effects, Graph, Limits, Place, Ref, Task
from orrery.graph.task import EffectKind
from orrery.workflow.code import name_of

WITHIN_S = 45.0
"""The longest that a drill may take, from the start of its run to the end of it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a drill.

    Args:
        seconds: from the moment it was struck (or, where nothing is struck, begun) to the end of its run.
        lost: results that were lost.
        doubled: effects that happened more often than they may.
        otherwise: what else was not as promised.
    """

    drill: Drill
    seconds: float
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[str, ...]:
        """All that was not as promised."""
        return (*self.lost, *self.doubled, *self.otherwise)


async def play(drill: Drill, folder: Path) -> Outcome:
    """Perform one drill in an empty folder. Raises OutsideError if a process does not come up."""
    sink = folder / "effects.jsonl"
    sink.touch()
    async with Witness() as witness, Machines(folder, [OFFICE, *drill.members], lease_s=drill.lease_s) as machines:
        graph = plan(drill, sink, witness.address)
        held = witness.hold(SUBJECT, drill.at)
        began = time.monotonic()
        await machines.start_run(graph, drill.verdict)
        try:
            async with asyncio.timeout(WITHIN_S):
                struck = await _strike(drill, machines, witness, graph, held)
                await machines.run_ended()
        except TimeoutError:
            seen = [f"{one.task} on {one.device} at {one.percent} %" for one in witness.executions]
            return Outcome(drill, WITHIN_S, otherwise=(f"it has not ended after {WITHIN_S:g} s; seen: {seen}",))
        except OutsideError as error:
            return Outcome(drill, time.monotonic() - began, otherwise=(str(error),))
        seconds = time.monotonic() - (struck or began)
        lost, doubled, otherwise = broken_promises(drill, machines.store, sink, witness.executions)
    return Outcome(drill, seconds, tuple(lost), tuple(doubled), tuple(otherwise))


async def _strike(drill: Drill, machines: Machines, witness: Witness, graph: Graph, held: Hold) -> float | None:
    """Strike when the subject is there; returns when it was."""
    if not drill.strikes:
        return None
    execution = await held.reached()
    struck = time.monotonic()
    await drill.strike(Scene(machines, witness, graph, drill.verdict, execution, held))
    return struck


def plan(drill: Drill, sink: Path, witness: str) -> Graph:
    """The subject between two other tasks, and one that has nothing to do with them."""

    def task(name: str, skill: str, kind: EffectKind, timeout_s: float | None = None, **args: object) -> Task:
        return Task(
            name,
            name_of(work),
            {"kind": kind, "sink": str(sink), "witness": witness, **args},
            executor="fleet",
            effects=Effects(kind),
            limits=Limits(timeout_s=timeout_s),
            place=Place(skills=(skill,)),
        )

    return Graph(
        [
            task(FIRST, OTHER_SKILL, "keyed"),
            task(SUBJECT, SKILL, drill.kind, drill.timeout_s, after=Ref(FIRST)),
            task(LAST, OTHER_SKILL, "keyed", after=Ref(SUBJECT)),
            task(OTHER, OTHER_SKILL, "once"),
        ],
        [Edge(FIRST, SUBJECT), Edge(SUBJECT, LAST)],
        outputs={LAST: Ref(LAST), OTHER: Ref(OTHER)},
    )


__all__ = ["Outcome", "play"]
