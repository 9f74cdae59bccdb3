"""Endpoints that look: runs, their rows as they change, their events."""

from __future__ import annotations

from typing import Annotated

import msgspec

from orrery.dashboard.board import Board
from orrery.dashboard.happenings import events_of
from orrery.dashboard.panel import outputs_of, panel_of
from orrery.dashboard.past import past_of
from orrery.dashboard.rows import Change, Events, Outputs, Past, RunList, TaskPanel, Timeline
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.timeline import timeline_of
from orrery.dashboard.web.endpoint import Endpoints, Raw, Stream
from orrery.dashboard.web.stream import changes
from orrery.dashboard.wholes import whole_of

looking = Endpoints("Look")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class RunsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which runs.

    Args:
        state: only runs in this state.
        q: only runs whose name or target has this text in it.
        skip: how many of the newest to leave out.
        most: how many at the most.
    """

    state: str = ""
    q: Annotated[str, msgspec.Meta(max_length=200)] = ""
    skip: Number = 0
    most: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class RowsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run, and the number of the last event that is known."""

    run: Name
    after: Number = 0


class EventsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events of a run.

    Args:
        after: only those with a higher number; the first of them.
        before: only those with a lower number, where it is given; the last of them.
        most: how many at the most.
        task: only those that name this task.
    """

    run: Name
    after: Number = 0
    before: Number | None = None
    most: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200
    task: str = ""


class RunAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run."""

    run: Name


class TaskAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task of a run; a slash in its name is written as %2F."""

    run: Name
    task: Annotated[str, msgspec.Meta(min_length=1)]


class ValueAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole value: exactly one of the three, and perhaps a part of it.

    Args:
        task: the result of this task.
        output: the output of this name.
        blob: the bytes of this digest, which the run must have.
        path: a JSON Pointer to a part of it, such as "/rows/0/image".
    """

    run: Name
    task: str = ""
    output: str = ""
    blob: Annotated[str, msgspec.Meta(max_length=64)] = ""
    path: Annotated[str, msgspec.Meta(max_length=1000)] = ""


@looking.get("/runs")
def list_runs(board: Board, asked: RunsAsked) -> RunList:
    """Runs, the newest first."""
    return board.listing.page(state=asked.state, q=asked.q, skip=asked.skip, most=asked.most)


@looking.get("/runs/{run}/rows")
def rows(board: Board, asked: RowsAsked) -> Change:
    """The rows of a run that changed after an event; all of them after event 0."""
    return _spectator(board, asked.run).changed_after(asked.after)


@looking.get("/runs/{run}/stream")
async def stream(board: Board, asked: RowsAsked) -> Stream:
    """The rows of a run that change after an event, as they do: server-sent events, with their numbers as ids."""
    return Stream(changes(board, asked.run, asked.after))


@looking.get("/runs/{run}/events")
def events(board: Board, asked: EventsAsked) -> Events:
    """Events of a run, a line each, in order."""
    return events_of(
        _spectator(board, asked.run), after=asked.after, before=asked.before, most=asked.most, task=asked.task
    )


@looking.get("/runs/{run}/past")
def past(board: Board, asked: RunAsked) -> Past:
    """Every change of state of a run, as columns."""
    return past_of(_spectator(board, asked.run))


@looking.get("/runs/{run}/timeline")
def timeline(board: Board, asked: RunAsked) -> Timeline:
    """The attempts of a run, and the chain of them that it waited for."""
    return timeline_of(_spectator(board, asked.run))


@looking.get("/runs/{run}/outputs")
def outputs(board: Board, asked: RunAsked) -> Outputs:
    """What a run returned, as far as it was produced."""
    return Outputs(outputs_of(_spectator(board, asked.run)))


@looking.get("/runs/{run}/tasks/{task}")
def task(board: Board, asked: TaskAsked) -> TaskPanel:
    """Everything about one task of a run."""
    return panel_of(_spectator(board, asked.run), asked.task)


@looking.get("/runs/{run}/value")
def value(board: Board, asked: ValueAsked) -> Raw:
    """A whole value of a run: images as they are, texts and JSON to be kept; nothing in it is executed."""
    found = whole_of(_spectator(board, asked.run), asked.task, asked.output, asked.blob, asked.path)
    return Raw(found.content, found.media, found.filename)


def _spectator(board: Board, run: str) -> Spectator:
    """The spectator of a run, as far as its log goes now."""
    spectator = board.spectators.of(run)
    spectator.catch_up()
    return spectator
