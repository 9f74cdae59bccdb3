"""Runs of the planner `llm` over a simulated model, for its tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.simulated import Simulated
from tests.simulated import simulated as simulated  # noqa: PLC0414 - a fixture

from orrery.graph import Graph, Limits, Ref, Task
from orrery.models.simulated import Answer, Asked, SimulatedServer
from orrery.models.simulated.service import Script
from orrery.runtime import Result, Session
from orrery.scheduler.machine import Machine
from orrery.tools import tool, tools

Reply = str | Answer


@tool(name="t.search", effects="pure")
async def search(query: str) -> str:
    """Find something."""
    return f"found {query}"


@tool(name="t.add", effects="pure")
async def add(a: float, b: float = 1) -> float:
    """Add two numbers."""
    return a + b


@tool(name="t.echo", effects="pure")
async def echo(value: Any) -> Any:
    """Give back what was given."""
    return value


@tool(name="t.numbers", effects="pure")
async def numbers(count: int) -> dict[str, Any]:
    """The numbers from 0."""
    return {"list": list(range(count)), "count": count}


@tool(name="t.fail", effects="pure")
async def fail(message: str = "boom") -> str:
    """Fail."""
    raise ValueError(message)


@tool(name="t.hang", effects="pure")
async def hang() -> str:
    """Never end."""
    await asyncio.Event().wait()
    return ""


@tool(name="t.block", effects="pure", executor="process")
def block() -> str:
    """Keep a whole process busy for ever."""
    while True:
        pass


@tool(name="t.send", effects="once", writes=("net:example",))
async def send(text: str) -> str:
    """Send something out."""
    return f"sent {text}"


TESTED = (search, add, echo, numbers, fail, hang, block, send)


@pytest.fixture(autouse=True)
def own_tools() -> Iterator[None]:
    """The tools of the tests are registered while a test runs."""
    for each in TESTED:
        tools.add(each.name, each)
    yield
    for each in TESTED:
        tools._things.pop(each.name, None)


def is_joining(asked: Asked) -> bool:
    """Whether a model is asked to look at results, and not to plan."""
    return asked.system.startswith("You are shown")


class Story:
    """A model that answers plans and verdicts in the order in which they are written down; the last one is repeated.

    Attributes:
        plans, joins: what it was asked, in order.
    """

    def __init__(self, plans: Sequence[Reply], joins: Sequence[Reply] = ("finish: done",)) -> None:
        self._plans, self._joins = plans, joins
        self.plans: list[Asked] = []
        self.joins: list[Asked] = []

    def __call__(self, asked: Asked) -> Reply:
        kept, said = (self.joins, self._joins) if is_joining(asked) else (self.plans, self._plans)
        kept.append(asked)
        return said[min(len(kept), len(said)) - 1]


class Outcome(NamedTuple):
    """What came of a request."""

    result: Result
    machine: Machine
    story: Story
    server: SimulatedServer

    @property
    def answer(self) -> Any:
        """The answer; it must have succeeded."""
        assert self.result.state == "succeeded", self.result
        return self.result.outputs["answer"]

    def value(self, task: str) -> Any:
        """The result of a task."""
        return self.machine.results.look_up(Ref(task), _no_blob)

    def states(self) -> dict[str, str]:
        """Where the tasks of the plan ended."""
        return {task: record.state.value for task, record in self.machine.records.items() if task != "plan"}


def _no_blob(blob: Any) -> Any:
    raise AssertionError(blob)


Plan = Callable[..., Outcome]


@pytest.fixture
def plan(simulated: Simulated, tmp_path: Path) -> Plan:
    """Plans and runs a request with a model that says certain things, or follows a script."""

    def plan(
        plans: str | Sequence[Reply] | Story,
        joins: Sequence[Reply] = ("finish: done",),
        *,
        text: str = "do it",
        server: dict[str, Any] | None = None,
        within_s: float = 20,
        approve: str = "ask",
        limits: Limits | None = None,
        **options: Any,
    ) -> Outcome:
        story = plans if isinstance(plans, Story) else Story([plans] if isinstance(plans, str) else plans, joins)
        script: Script = story
        running = simulated(script, **(server or {}))
        goal = {"text": text, "options": options, "approve": approve, "tools": [each.name for each in TESTED]}
        task = Task("plan", "plan", {"goal": goal, "planner": "llm"}, executor="planner", limits=limits or Limits())

        async def whole() -> Outcome:
            async with Session("memory:") as session:
                run = session.start(Graph([task]), folder=tmp_path)
                result = await asyncio.wait_for(run.wait(), within_s)
                return Outcome(result, run.machine, story, running)

        return asyncio.run(whole())

    return plan
