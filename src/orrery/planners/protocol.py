"""Planner: how is this request done? First plan and replan alike are patches that a planner yields."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from orrery.graph import LiveGraph, Patch, Ref, TaskId
from orrery.scheduler.states import State


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
    approve: str = "ask"


class View(Protocol):
    """What a planner sees of its run. It is live: looking again after an `await` shows what has happened since."""

    @property
    def graph(self) -> LiveGraph:
        """The graph as it is now, for reading."""

    @property
    def folder(self) -> Path:
        """The run's working folder."""

    @property
    def task(self) -> TaskId:
        """The planning task itself."""

    def state(self, task: TaskId) -> State | None:
        """Where a task stands; None if there is none of that name."""

    def value(self, ref: Ref) -> Any:
        """What a reference stands for: a result, a `Failure`, or None where its task has no result.

        Raises LookupError if the path leads nowhere.
        """

    async def changed(self) -> Sequence[TaskId]:
        """Wait until tasks have ended, and return all that ended since the last call, in order.

        Returns an empty sequence at once if no task but the planning one is left to wait for.
        """

    def hold(self, tasks: Sequence[TaskId], *, seconds: float) -> AbstractContextManager[None]:
        """Keep tasks from starting inside the block, for so long at most; everything else goes on."""

    def usage(self, *, money: float = 0.0, tokens: int = 0) -> None:
        """Add to what planning has consumed."""

    def progress(self, fraction: float | None = None, note: str = "") -> None:
        """Say how far the plan is."""


class Planner(Protocol):
    """From a goal to patches."""

    def plan(self, goal: Goal, view: View) -> AsyncIterator[Patch]:
        """The patches that make the plan; an async generator.

        It may be called again for the same goal after a crash, and goes on from what the view shows. A patch that
        the scheduler refuses is raised at its `yield` as PatchRefused.
        """
