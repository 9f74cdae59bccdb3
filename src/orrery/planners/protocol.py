"""Planner: how is this request done? First plan and replan alike are patches that a planner yields."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from orrery.graph import LiveGraph, Patch, Ref, TaskId
from orrery.scheduler.states import State
from orrery.tools.context import ToolContext


@dataclass(frozen=True)
class Device:
    """A device over which a plan may spread: its name, what it says of itself, and the tools it performs."""

    name: str
    skills: tuple[str, ...] = ()
    os: str = ""
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Goal:
    """What is wanted.

    Args:
        text: the request in plain words.
        options: the planner's own settings, by name; plain data, since they are journaled.
        tools: the names of the tools that may be used; None allows every registered one.
        approve: what may be done without asking: "ask" asks as the policy says, "yes" does all that it allows.
        devices: where besides this machine something can be done; empty: there is no fleet.
    """

    text: str
    options: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[str, ...] | None = None
    approve: Literal["ask", "yes"] = "ask"
    devices: tuple[Device, ...] = ()


PLAN = "plan"
"""The task that plans a request, which is all of its run at first: what it plans needs no name of its own."""


def own_name(task: TaskId, name: str, *, mark: str = "-") -> str:
    """The name of something that a planning task adds to its run; in a workflow it begins with that of the task.

    >>> own_name("plan", "root"), own_name("survey", "root")
    ('root', 'survey-root')
    """
    return name if task == PLAN else f"{task}{mark}{name}"


class View(ToolContext, Protocol):
    """What a planner sees of its run, and what any task may know and say of itself.

    It is live: looking again after an `await` shows what has happened since.
    """

    @property
    def graph(self) -> LiveGraph:
        """The graph as it is now, for reading."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs that this planner has set, by its own names for them. The run may have others besides."""

    def state(self, task: TaskId) -> State | None:
        """Where a task stands; None if there is none of that name."""

    def value(self, ref: Ref) -> Any:
        """What a reference stands for: a result, a `Failure`, or None where its task has no result.

        Raises LookupError if the path leads nowhere.
        """

    async def changed(self) -> Sequence[TaskId]:
        """Wait until tasks have ended, and return all that ended since the last call, in order of their addition.

        The first call returns those that had ended before. Empty where nothing can end any more without a patch.
        """

    def hold(self, tasks: Sequence[TaskId], *, seconds: float) -> AbstractContextManager[None]:
        """Keep tasks from starting inside the block, for so long at most; everything else goes on."""


class Planner(Protocol):
    """From a goal to patches."""

    def plan(self, goal: Goal, view: View) -> AsyncIterator[Patch]:
        """The patches that make the plan; an async generator.

        What it sets as outputs are its own: those of the workflow, and of other planners, stay beside them.

        It may be called again for the same goal after a crash, and goes on from what the view shows. A patch that
        the scheduler refuses is raised at its `yield` as PatchRefused.
        """


class Checking(Planner, Protocol):
    """A planner that can say beforehand that a goal is not one for it, so that no run begins in vain."""

    def check(self, goal: Goal) -> None:
        """Look at the goal's options, and at whether there is whom to ask. Raises RequestError."""


def check(planner: Planner, goal: Goal) -> None:
    """What the planner has against the goal, where it can say so beforehand. Raises RequestError."""
    own = getattr(planner, "check", None)
    if own is not None:
        own(goal)
