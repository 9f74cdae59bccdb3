"""Endpoints that act: begin a run, say something to one, change what has not started."""

from __future__ import annotations

from typing import Annotated

import msgspec

from orrery.dashboard import acting as act
from orrery.dashboard import targets
from orrery.dashboard.begun import Answer, Begun, Done, Draft, Edit, Edited, Form, Reason, Start, Workflows
from orrery.dashboard.board import Board
from orrery.dashboard.web.endpoint import Endpoints
from orrery.dashboard.web.looking import Name

starting = Endpoints("Start")
acting = Endpoints("Act")


class FormAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workflow: a file below the folder, or what a run in the store was started from."""

    target: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


class RunNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run, by its whole name."""

    run: Name


class TaskNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task of a run."""

    run: Name
    task: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


@starting.get("/workflows")
def workflows(board: Board) -> Workflows:
    """The workflow files below the folder, and who can plan a request in plain words."""
    return targets.workflows(board.folder)


@starting.get("/workflows/form")
def form(board: Board, asked: FormAsked) -> Form:
    """The inputs that a workflow takes; its code is loaded for that."""
    return targets.form(board.journal, board.folder, asked.target)


@starting.post("/runs")
def start(board: Board, said: Start) -> Begun:
    """Begin a run, as a process of its own; answers once it is in the store."""
    return board.launcher.start(said)


@starting.post("/runs/{run}/retry")
def retry(board: Board, asked: RunNamed, said: Reason) -> Begun:  # noqa: ARG001 - a POST has a body
    """Begin a new run of the target and the inputs of another."""
    return board.launcher.again(asked.run)


@starting.post("/runs/{run}/resume")
def resume(board: Board, asked: RunNamed, said: Reason) -> Begun:  # noqa: ARG001 - a POST has a body
    """Go on with a run that nobody drives, in a process of its own."""
    return board.launcher.resume(asked.run)


@acting.post("/runs/{run}/cancel")
def cancel(board: Board, asked: RunNamed, said: Reason) -> Done:
    """End a run: what runs is stopped, what has not started is cancelled."""
    return act.cancel(board.journal, asked.run, said.because)


@acting.post("/runs/{run}/pause")
def pause(board: Board, asked: RunNamed, said: Reason) -> Done:  # noqa: ARG001 - the log has no place for the reason
    """Start nothing new in a run; what runs goes on."""
    return act.pause(board.journal, asked.run)


@acting.post("/runs/{run}/continue")
def carry_on(board: Board, asked: RunNamed, said: Reason) -> Done:  # noqa: ARG001 - as of pause
    """Go on with a paused run."""
    return act.carry_on(board.journal, asked.run)


@acting.post("/runs/{run}/tasks/{task}/answer")
def answer(board: Board, asked: TaskNamed, said: Answer) -> Done:
    """Answer a task that waits for a person."""
    return act.answer(board.journal, asked.run, asked.task, said)


@acting.get("/runs/{run}/draft")
def draft(board: Board, asked: RunNamed) -> Draft:
    """What of a run can still be changed, as text."""
    return act.draft(board.journal, asked.run)


@acting.post("/runs/{run}/edit")
def edit(board: Board, asked: RunNamed, said: Edit) -> Edited:
    """Change what has not started of a run, or only say what that would do."""
    return act.edit(board.journal, asked.run, said)
