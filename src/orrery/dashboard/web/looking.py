"""Endpoints that look: runs, their rows as they change, their events."""

from __future__ import annotations

from typing import Annotated

import msgspec

from orrery.dashboard.board import Board
from orrery.dashboard.rows import Change, RunLine, RunList
from orrery.dashboard.web.endpoint import Endpoints, Stream
from orrery.dashboard.web.stream import changes
from orrery.runtime.directory import standing, without_windows

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


@looking.get("/runs")
def list_runs(board: Board, asked: RunsAsked) -> RunList:
    """Runs, the newest first."""
    runs = [run for run in without_windows(board.journal.runs()) if run.events or run.live]
    states: dict[str, int] = {}
    for run in runs:
        states[standing(run)] = states.get(standing(run), 0) + 1
    fitting = [
        run
        for run in reversed(runs)
        if asked.state in ("", standing(run)) and (asked.q in run.run or asked.q in run.target)
    ]
    lines = tuple(
        RunLine(run.run, standing(run), run.created_at, run.updated_at, run.events, run.target)
        for run in fitting[asked.skip : asked.skip + asked.most]
    )
    return RunList(lines, len(fitting), states)


@looking.get("/runs/{run}/rows")
def rows(board: Board, asked: RowsAsked) -> Change:
    """The rows of a run that changed after an event; all of them after event 0."""
    spectator = board.spectators.of(asked.run)
    spectator.catch_up()
    return spectator.changed_after(asked.after)


@looking.get("/runs/{run}/stream")
async def stream(board: Board, asked: RowsAsked) -> Stream:
    """The rows of a run that change after an event, as they do: server-sent events, with their numbers as ids."""
    return Stream(changes(board, asked.run, asked.after))
