"""Acting: a word to a run from the dashboard, as `orrery cancel`, `pause`, `continue`, `approve` and `edit` say it."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Literal, NamedTuple

import msgspec

from orrery.dashboard.begun import Answer, Done, Draft, Edit, Edited
from orrery.dashboard.faults import faults
from orrery.errors import (
    AnsweredError,
    GraphError,
    InputError,
    NotSerialisableError,
    PatchRefused,
    Problem,
    RequestError,
    RunEndedError,
    UnknownNameError,
)
from orrery.graph.graph import Graph
from orrery.graph.patch import Patch
from orrery.graph.rebase import rebased
from orrery.graph.values import encode
from orrery.journal import Journal
from orrery.runtime import remote
from orrery.runtime.history import fold
from orrery.runtime.person import me
from orrery.scheduler import events as ev
from orrery.scheduler.codec import check_can_be_written
from orrery.telling.scene import Scene, difference, graph_of

ANSWER_S = 10.0
"""How long the process that drives a run may take to take in an edit or an answer; it looks four times a second."""
_SPEAKING = threading.Lock()
"""Who writes into a run that nobody drives holds it meanwhile: a second word would take that for a driver, and be left
in a mailbox into which nobody looks."""


def cancel(journal: Journal, run: str, because: str) -> Done:
    """Ask that a run ends. Raises UnknownRunError, RunEndedError, RequestError."""
    return _say(journal, run, ev.RunCancelRequested(time.time(), me(), because), "is cancelled", "is asked to end")


def pause(journal: Journal, run: str) -> Done:
    """Let a run start nothing new. Raises UnknownRunError, RunEndedError, RequestError."""
    return _say(journal, run, ev.RunPaused(time.time(), me()), "is paused", "is asked to pause")


def carry_on(journal: Journal, run: str) -> Done:
    """Let a paused run go on. Raises UnknownRunError, RunEndedError, RequestError."""
    return _say(journal, run, ev.RunContinued(time.time(), me()), "is no longer paused", "is asked to go on")


def answer(journal: Journal, run: str, task: str, said: Answer) -> Done:
    """Answer a task that waits for a person.

    Raises:
        UnknownRunError, UnknownNameError: there is no such run or task.
        RunEndedError, RequestError: it waits for no such answer.
        AnsweredError: another answer came first.
    """
    since = journal.head(run)
    records = fold(journal, run).machine.records
    if task not in records:
        raise UnknownNameError("task", task, records)
    try:
        value = encode(said.value if said.verdict == "approve" else None)
    except NotSerialisableError as error:
        raise InputError(f"the answer cannot be kept: {error}") from error
    event = ev.TaskAnswered(time.time(), task, said.verdict, msgspec.Raw(value), me(), said.comment)
    verdict = f"{said.verdict} {task}"
    done = _say(journal, run, event, f"has the answer: {verdict}", f"is told: {verdict}")
    if done.outcome == "applied":
        return done
    taken = remote.reply(journal, run, task, since=since, wait_s=ANSWER_S)
    if taken is None:
        return done
    if msgspec.structs.replace(taken, at=event.at) != event:
        by = taken.by or "somebody else"
        raise AnsweredError(f"{by} answered {task!r} of run {run!r} before: {taken.verdict}")
    return Done("applied", f"run {run} has the answer: {verdict}")


def _say(journal: Journal, run: str, event: ev.Event, applied: str, sent: str) -> Done:
    if _said(journal, run, event) == "sent":
        return Done("sent", f"run {run} {sent}; the process that drives it takes it in at once")
    machine = fold(journal, run).machine
    now = "nobody drives it until it is resumed" if machine.state == "running" else f"it has ended: {machine.state}"
    return Done("applied", f"run {run} {applied}; {now}")


def _said(journal: Journal, run: str, event: ev.Event) -> Literal["sent", "applied"]:
    """Bring a word to a run, one at a time."""
    check_can_be_written(event)
    with _SPEAKING:
        return remote.say(journal, run, event)


def draft(journal: Journal, run: str) -> Draft:
    """What of a run can still be changed, as text. Raises UnknownRunError, RunEndedError."""
    machine = _running(journal, run).machine
    return Draft(machine.seq, Scene(machine).text())


def edit(journal: Journal, run: str, said: Edit) -> Edited:
    """Change what has not started of a run, or only say what the change would do.

    The text may come from an older draft: what it changes of that is done to the run as it is now, unless that has
    changed at the same place.

    Raises:
        UnknownRunError, RunEndedError: there is nothing to change.
        RequestError: the run has never been at that event.
    """
    now = _running(journal, run)
    if not 0 < said.seq <= now.machine.seq:
        raise RequestError(f"run {run!r} is at event {now.machine.seq}, so there is no draft of event {said.seq}")
    try:
        foreseen = _foresee(now, _scene_at(journal, run, said.seq, now), said)
        if not foreseen.patch.edits:
            return Edited("nothing")
        lines = tuple(difference(foreseen.graph, foreseen.patch))
        if said.preview:
            return Edited("preview", lines)
        problems = _send(journal, run, foreseen.patch)
    except (GraphError, PatchRefused) as error:
        return Edited("refused", (), faults(error.problems))
    if problems is None:
        return Edited("unanswered", lines)
    return Edited("refused", lines, faults(problems)) if problems else Edited("taken", lines)


class _Foreseen(NamedTuple):
    """A change that would be taken: the patch for the graph as it is now, and that graph."""

    patch: Patch
    graph: Graph


def _foresee(now: Scene, then: Scene, said: Edit) -> _Foreseen:
    """The change for the run as it is now. Raises GraphError, or PatchRefused with every reason against it."""
    name = f"edit-{secrets.token_hex(4)}"  # it tells this patch from every other in the log
    change = msgspec.structs.replace(
        then.patch(said.text), by=me(), because=f"{said.because} ({name})" if said.because else name
    )
    graph = graph_of(now.machine)
    patch = rebased(change, then.graph, graph)
    if patch.edits:
        verdict = now.machine.handle(ev.GraphPatched(time.time(), patch))  # a copy of the run: only to hear its answer
        if isinstance(verdict, ev.PatchRejected):
            raise PatchRefused(verdict.problems)
    return _Foreseen(patch, graph)


def _send(journal: Journal, run: str, patch: Patch) -> tuple[Problem, ...] | None:
    since = journal.head(run)
    event = ev.GraphPatched(time.time(), patch)
    _said(journal, run, event)
    return remote.fate(journal, run, patch, since=since, wait_s=ANSWER_S)


def _running(journal: Journal, run: str) -> Scene:
    machine = fold(journal, run).machine
    if machine.state != "running":
        raise RunEndedError(f"run {run!r} has ended ({machine.state}); there is nothing left to edit")
    return Scene(machine)


def _scene_at(journal: Journal, run: str, seq: int, now: Scene) -> Scene:
    return now if seq == now.machine.seq else Scene(fold(journal, run, until=seq).machine)


__all__ = ["answer", "cancel", "carry_on", "draft", "edit", "pause"]
