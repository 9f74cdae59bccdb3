"""Run: one request performed on the fleet, side by side and one step after the other, and what was measured."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from orrery.bench.fleet.counters import Counters
from orrery.bench.fleet.exercise import Drill, End, Exercise
from orrery.bench.fleet.setting import DESK, PROFILES, Setting
from orrery.bench.fleet.steps import TURN
from orrery.errors import NotUnderstoodError, OrreryError
from orrery.graph import Graph, LiveGraph, Task
from orrery.planners.protocol import Device
from orrery.planners.rules import understand
from orrery.runtime.executors.protocol import Executor
from orrery.runtime.session import Session
from orrery.scheduler import events as ev

LIMIT_S = 60.0
"""The longest that one run may take."""
LOOK_EVERY_S = 0.005
"""How often a drill looks whether its moment has come."""

Planner = Callable[[Exercise, Setting], Graph]
"""From a request to a graph. Raises NotUnderstoodError."""
_numbers = itertools.count(1)


class Machines(Protocol):
    """The hub and the devices, running."""

    def executor(self) -> Executor:
        """A fresh executor that has tasks performed on them."""

    async def counters(self) -> Counters:
        """What went through the hub so far."""

    async def strike(self, drill: Drill) -> None:
        """Let the misfortune happen."""

    async def mend(self) -> None:
        """Start what is down, and return when everything is there and ready."""


@dataclass(frozen=True, kw_only=True)
class Performed:
    """One run of one request.

    Args:
        done: which subtasks were done.
        success: whether the end state is as it must be.
        state: in which the run ended; "refused" if there was no plan, "late" if it took too long.
        because: why it did not succeed, and what it touched without being asked.
        seconds: from its start to its end.
        graph: as planned.
        grown: as it was in the end.
        events: of the run.
        counters: what went through the hub.
        struck: whether the misfortune of its drill happened; its moment may never have come.
    """

    done: Sequence[bool]
    success: bool
    state: str
    because: str = ""
    seconds: float = 0.0
    graph: Graph = field(default_factory=Graph)
    grown: LiveGraph = field(default_factory=LiveGraph)
    events: Sequence[ev.Event] = ()
    counters: Counters = field(default_factory=Counters)
    struck: bool = False


def gold(exercise: Exercise, setting: Setting) -> Graph:
    """The graph of somebody who knows what to do."""
    return exercise.gold(setting)


def rules(exercise: Exercise, setting: Setting) -> Graph:
    """What the planner that needs no model makes of the words."""
    devices = [Device(profile.name, profile.skills, "linux") for profile in PROFILES.values()]
    return understand(exercise.said(setting), setting.folders[DESK], approve="yes", devices=devices).graph


PLANNERS: dict[str, Planner] = {"gold": gold, "rules": rules}


async def perform(
    exercise: Exercise, plan: Planner, setting: Setting, machines: Machines, *, in_turn: bool = False
) -> Performed:
    """Build the fixture, plan, run, and look at what came of it.

    Args:
        in_turn: one step after the other, by a resource that every task holds and of which there is one.
    """
    setting.clear()
    exercise.build(setting)
    before = setting.contents()
    try:
        graph = plan(exercise, setting)
    except NotUnderstoodError as refused:
        return Performed(done=[False] * len(exercise.subtasks), success=False, state="refused", because=str(refused))
    earlier = await machines.counters()
    events: list[ev.Event] = []
    store = f"sqlite:///{setting.root / 'runs.db'}"
    async with Session(
        store,
        executors={"fleet": machines.executor()},
        resources={TURN: 1 if in_turn else 1_000},
        observers=(lambda _run, new: events.extend(new),),
    ) as session:
        state: str
        async with _drilled(exercise.drill, setting, machines) as misfortunes:
            run = session.start(
                _holding_turns(graph),
                run=f"{exercise.category}-{exercise.name}-{next(_numbers)}",
                folder=setting.folders[DESK],
            )
            try:
                result = await asyncio.wait_for(run.wait(), LIMIT_S)
                state, reason, outputs, seconds = result.state, str(result.error or ""), result.outputs, result.seconds
            except TimeoutError:
                state, reason, outputs, seconds = "late", f"it took more than {LIMIT_S:g} s", {}, LIMIT_S
            except OrreryError as error:
                state, reason, outputs, seconds = "failed", str(error), {}, 0.0
        grown = run.machine.graph
    counters = (await machines.counters()).since(earlier)
    end = End(
        folders=setting.folders,
        before=before,
        calls=setting.calls(),
        outputs=outputs,
        reason=reason,
        assigned=counters.assigned,
    )
    harm = exercise.harm(end)
    done = exercise.done(end)
    missing = [subtask.says for subtask, was_done in zip(exercise.subtasks, done, strict=True) if not was_done]
    because = "; ".join(
        [
            *(f"not done: {says}" for says in missing),
            *(f"touched: {place}" for place in harm),
            *([reason] if reason else []),
        ]
    )
    await machines.mend()
    return Performed(
        done=done,
        success=all(done) and not harm,
        state=state,
        because=because,
        seconds=seconds,
        graph=graph,
        grown=grown,
        events=events,
        counters=counters,
        struck=bool(misfortunes),
    )


def _holding_turns(graph: Graph) -> Graph:
    """The graph whose tasks all hold a turn; those of gold graphs, and what grows of them, do already."""

    def holding(task: Task) -> Task:
        limits = msgspec.structs.replace(task.limits, resources={TURN: 1, **task.limits.resources})
        return msgspec.structs.replace(task, limits=limits)

    return Graph(map(holding, graph), graph.edges.values(), graph.outputs)


@contextlib.asynccontextmanager
async def _drilled(drill: Drill | None, setting: Setting, machines: Machines) -> AsyncIterator[list[Drill]]:
    """While the block runs, the moment of the misfortune is waited for, and it happens once.

    Yields: the misfortunes that have happened.
    """
    happened: list[Drill] = []
    if drill is None:
        yield happened
        return
    over = threading.Event()
    watching = asyncio.create_task(_strike_when_due(drill, setting.path(drill.when), machines, over, happened))
    try:
        yield happened
    finally:
        over.set()
        await watching


async def _strike_when_due(
    drill: Drill, sign: Path, machines: Machines, over: threading.Event, happened: list[Drill]
) -> None:
    def has_come() -> bool:
        while not sign.exists():
            if over.wait(LOOK_EVERY_S):
                return False
        return True

    if await asyncio.to_thread(has_come):
        happened.append(drill)
        await machines.strike(drill)


__all__ = ["PLANNERS", "Machines", "Performed", "Planner", "gold", "perform", "rules"]
