"""Drafting: the plan of a request without a run, as far as it needs no results."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn

from orrery.errors import PatchRefused, RequestError
from orrery.graph import Graph, LiveGraph, Patch, Ref, TaskId
from orrery.planners.driving import drive
from orrery.planners.protocol import Goal, Planner
from orrery.scheduler.states import State


class _NeedsResults(Exception):
    """The planner waits for results, of which a draft has none."""


class DraftView:
    """A view of a run that there is not: the graph grows, and nothing in it ever starts.

    Args:
        folder: what paths are read against.

    Attributes:
        graph: what was planned so far.
        money, tokens: what planning consumed.
        needs_results: the planner would have gone on with results; the plan is only its beginning.
    """

    task: TaskId = "plan"
    run = "draft"
    idempotency_key = "draft/plan"
    attempt = 1
    cancelled = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.graph = LiveGraph()
        self.money, self.tokens = 0.0, 0
        self.needs_results = False

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What was set so far."""
        return self.graph.outputs

    def state(self, task: TaskId) -> State | None:
        """Waiting, of everything that was planned."""
        return State.WAITING if task in self.graph.tasks else None

    def value(self, ref: Ref) -> Any:  # noqa: ARG002 - as the protocol says
        """Nothing has a result."""
        return None

    async def changed(self) -> Sequence[TaskId]:
        """Nothing ever ends: the draft does."""
        self.needs_results = True
        raise _NeedsResults

    def hold(self, tasks: Sequence[TaskId], *, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002
        """Nothing starts anyhow."""
        return nullcontext()

    def progress(self, fraction: float | None = None, note: str = "") -> None:
        """Nobody is told."""

    def usage(self, *, money: float = 0.0, tokens: int = 0) -> None:
        """Count what planning consumes."""
        self.money += money
        self.tokens += tokens

    def check_cancelled(self) -> None:
        """Nobody cancels a draft but by ending the process."""

    def blob_writer(self, media: str = "") -> NoReturn:  # noqa: ARG002
        """A draft has no store. Raises RequestError."""
        raise RequestError("a plan that is only drafted has no place for large values")


async def adraft(planner: Planner, goal: Goal, folder: Path | str, *, view: DraftView | None = None) -> Graph:
    """What `draft` returns, inside an event loop."""
    seen = view or DraftView(Path(folder))

    async def apply(patch: Patch) -> None:
        done = seen.graph.apply(patch)
        if not isinstance(done, Patch):
            raise PatchRefused(done)

    with suppress(_NeedsResults):
        await drive(planner.plan(goal, seen), apply)
    graph = seen.graph
    links = (edge for edges in graph.explicit.values() for edge in edges.values())
    return Graph(graph.tasks.values(), links, graph.outputs)


def draft(planner: Planner, goal: Goal, folder: Path | str, *, view: DraftView | None = None) -> Graph:
    """The plan of a request, made without a run and without carrying anything out.

    A planner that waits for results is left there: what it planned until then is the draft.

    Args:
        planner: who plans; one that asks a model asks it.
        goal: what is wanted.
        folder: what paths are read against.
        view: told what planning consumed, and whether the draft is only a beginning.

    Raises:
        RequestError: the planner does not understand the request.
        ToolError, OutsideError: it could not be planned, such as by a model that gives no answer.
    """
    return asyncio.run(adraft(planner, goal, folder, view=view))


__all__ = ["DraftView", "adraft", "draft"]
