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
class Goal:
    """What is wanted.

    Args:
        text: the request in plain words.
        options: the planner's own settings, by name; plain data, since they are journaled.
        tools: the names of the tools that may be used; None allows every registered one.
        approve: what may be done without asking: "ask" asks as the policy says, "yes" does all that it allows.
    """

    text: str
    options: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[str, ...] | None = None
    approve: Literal["ask", "yes"] = "ask"


class View(ToolContext, Protocol):
    """What a planner sees of its run, and what any task may know and say of itself.

    It is live: looking again after an `await` shows what has happened since.
    """

    @property
    def graph(self) -> LiveGraph:
        """The graph as it is now, for reading."""

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

        It may be called again for the same goal after a crash, and goes on from what the view shows. A patch that
        the scheduler refuses is raised at its `yield` as PatchRefused.
        """
