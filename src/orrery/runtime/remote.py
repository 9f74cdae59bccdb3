"""Steering a run from any process: the one that drives it is asked; where none does, the word is written at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from orrery.errors import Problem, RequestError, RunEndedError, RunLockedError, suggestion
from orrery.graph.patch import Patch
from orrery.graph.ref import TaskId
from orrery.journal.protocol import Journal
from orrery.runtime.history import fold
from orrery.runtime.requests import event_of, request_of
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine

_ENDED = {"partial": "succeeded in part", "cancelled": "been cancelled"}


def say(journal: Journal, run: str, event: ev.Event) -> Literal["sent", "applied"]:
    """Bring an event into a run: a cancellation, a pause, an answer, a patch.

    Returns: "applied" if nobody drives the run and the event is in its log now; "sent" if a living process
        drives it, which takes the event in at its next turn.

    Raises:
        UnknownRunError: there is no such run.
        RunEndedError: it has ended.
        RequestError: the event would change nothing, such as an answer that nobody waits for.
    """
    try:
        lease = journal.acquire(run, time.time())
    except RunLockedError:
        _foreseen(fold(journal, run).machine, event)  # a copy: it only tells whether the request makes sense
        journal.post(run, request_of(event))
        return "sent"
    try:
        machine = fold(journal, run).machine
        log: list[ev.Event] = []
        if machine.in_flight and machine.state == "running":
            _take(machine, ev.RunResumed(time.time(), lease.epoch), log)  # those attempts died with their driver
        for request in journal.collect(lease):  # said earlier, to a driver that never heard it
            if (said := event_of(request, at=time.time())) is not None:
                _take(machine, said, log)
        log.append(_foreseen(machine, event))
        log += machine.decisions
        commit = journal.append([(lease, log)])
        if commit is not None:
            commit.result()
    finally:
        journal.release(lease)
    return "applied"


@contextmanager
def hold(journal: Journal, run: str, edit: str, tasks: Sequence[TaskId], *, seconds: float) -> Iterator[bool]:
    """Inside the block keep a run from ending, and some of its tasks from starting; everything else goes on.

    Args:
        edit: a name for the change that is thought about.
        seconds: after which they are let go all the same, also where this process is no more.

    Yields: whether there is a process to ask for it; where nobody drives the run, nothing starts anyway.
    """
    is_driven = any(one.live for one in journal.runs() if one.run == run)
    if is_driven:
        now = time.time()
        journal.post(run, request_of(ev.EditOpened(now, edit, tuple(tasks), now + seconds)))
    try:
        yield is_driven
    finally:
        if is_driven:
            journal.post(run, request_of(ev.EditClosed(time.time(), edit)))


def fate(journal: Journal, run: str, patch: Patch, *, since: int, wait_s: float) -> tuple[Problem, ...] | None:
    """What became of a patch that was said to a run: why it was refused; nothing at all if it was taken.

    Args:
        patch: as it was said. It is known again by its `because`, which no other patch of the run must have.
        since: the number of the last event before it was said.

    Returns: the problems, empty if the graph has changed; None if the log has no word of it in that time.

    Raises RunEndedError: the run ended before the patch came to it.
    """
    for event in _later(journal, run, since, wait_s):
        if isinstance(event, ev.GraphPatched | ev.PatchRejected) and event.patch.because == patch.because:
            return event.problems if isinstance(event, ev.PatchRejected) else ()
        if isinstance(event, ev.RunEnded):
            raise RunEndedError(f"run {run!r} has {_ENDED.get(event.state, event.state)} before the change came")
    return None


def reply(journal: Journal, run: str, task: TaskId, *, since: int, wait_s: float) -> ev.TaskAnswered | None:
    """The answer that a question got.

    Args:
        since: the number of the last event before one was said.

    Returns: the first answer in the log after that, whoever gave it; None if there is none in that time.

    Raises RunEndedError: the run ended before any answer came to it.
    """
    for event in _later(journal, run, since, wait_s):
        if isinstance(event, ev.TaskAnswered) and event.task == task:
            return event
        if isinstance(event, ev.RunEnded):
            raise RunEndedError(f"run {run!r} has {_ENDED.get(event.state, event.state)} before the answer came")
    return None


def _later(journal: Journal, run: str, since: int, wait_s: float) -> Iterator[ev.Event]:
    """Events as they come, for so long."""
    until, seen = time.monotonic() + wait_s, since
    while True:
        is_last_look = time.monotonic() >= until
        for number, event in journal.read(run, after=seen):
            seen = number
            yield event
        if is_last_look:
            return
        time.sleep(_LOOK_EVERY_S)  # a store tells nobody that another process wrote


_LOOK_EVERY_S = 0.05


def _take(machine: Machine, event: ev.Event, log: list[ev.Event]) -> None:
    taken = machine.handle(event)
    log += ([taken] if taken is not None else []) + machine.decisions
    machine.decisions.clear()


def _foreseen(machine: Machine, event: ev.Event) -> ev.Event:
    """What the event becomes in the run's log. Raises RunEndedError, RequestError."""
    if machine.state != "running":
        raise RunEndedError(
            f"run {machine.run!r} has {_ENDED.get(machine.state, machine.state)}; there is nothing left to do with it"
        )
    taken = machine.handle(event)
    if taken is None:
        raise RequestError(_why_nothing(machine, event))
    return taken


def _why_nothing(machine: Machine, event: ev.Event) -> str:
    match event:
        case ev.TaskAnswered(task=task) if task in machine.records:
            return f"task {task!r} waits for no such answer: it is {machine.records[task].state.value}"
        case ev.TaskAnswered(task=task):
            return f"run {machine.run!r} has no task {task!r}; {suggestion(task, machine.records)}"
        case ev.RunPaused():
            return f"run {machine.run!r} is paused already"
        case ev.RunContinued():
            return f"run {machine.run!r} is not paused"
        case ev.RunCancelRequested():
            return f"run {machine.run!r} is being cancelled already"
    return "that would change nothing"


__all__ = ["fate", "hold", "reply", "say"]
