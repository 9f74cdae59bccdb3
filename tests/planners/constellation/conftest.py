"""Runs that a scripted thinker steers, with tools whose ends the tests decide."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import InvariantError
from orrery.graph import Graph, Task
from orrery.runtime import Result, Session
from orrery.scheduler import events as ev
from orrery.scheduler.invariants import check
from orrery.scheduler.machine import Machine
from orrery.tools import tool, tools
from orrery.workflow import code

Situation = dict[str, Any]
Thinker = Callable[[Situation], Any]


@tool(name="test.echo", effects="pure")
async def echo(value: Any) -> Any:
    """Return what is given."""
    return value


@tool(name="test.fail", effects="pure")
async def fail(why: str = "boom") -> None:
    """Fail."""
    raise ValueError(why)


@tool(name="test.nap", effects="pure")
async def nap(ms: int, value: Any = None) -> Any:
    """Return after some milliseconds."""
    await asyncio.sleep(ms / 1000)
    return value


gates: dict[str, threading.Event] = {}


@tool(name="test.gate", effects="pure")
def gate(name: str) -> str:
    """Return once the gate is open."""
    assert gates.setdefault(name, threading.Event()).wait(10)
    return name


OURS = (echo, fail, nap, gate)


@pytest.fixture(autouse=True, scope="session")
def test_tools() -> Iterator[None]:
    """Our tools in the registry."""
    for one in OURS:
        tools.add(one.name, one)
    yield
    for one in OURS:
        del tools._things[one.name]


@dataclass
class Story:
    """What happened in a run."""

    result: Result
    machine: Machine
    events: list[ev.Event]
    situations: list[Situation] = field(default_factory=list)

    def state(self, task: str) -> str:
        """How a task stands at the end."""
        return self.machine.records[task].state.value


def steered(
    thinker: Thinker,
    folder: Path,
    *,
    options: dict[str, Any] | None = None,
    watch: Callable[[ev.Event], None] | None = None,
) -> Story:
    """A run from its beginning to its end, planned by a thinker; the invariants hold after every turn."""
    situations: list[Situation] = []

    def think(situation: Situation) -> Any:
        situations.append(situation)
        return thinker(situation)

    goal: dict[str, Any] = {"text": "do it", "tools": [one.name for one in OURS]}
    goal["options"] = {"thinker": code.name_of(think), **(options or {})}
    graph = Graph([Task("plan", "plan", {"planner": "constellation", "goal": goal}, executor="planner")])

    async def whole() -> Story:
        events: list[ev.Event] = []
        broken: list[Exception] = []

        def observe(_run: str, some: Sequence[ev.Event]) -> None:
            events.extend(some)
            try:
                check(session.driver.scheduler)
                for event in some:
                    if watch is not None:
                        watch(event)
            except (InvariantError, AssertionError) as error:  # the driver would log it and go on
                broken.append(error)

        async with Session("memory:") as session:
            session.driver.observers.append(observe)
            run = session.start(graph, folder=folder)
            result = await asyncio.wait_for(run.wait(), 20)
            if broken:
                raise broken[0]
            return Story(result, run.machine, events, situations)

    return asyncio.run(whole())
