"""Steering a run from any process: the one that drives it is asked; where none does, the word is written at once."""

from __future__ import annotations

import time
from typing import Literal

from orrery.errors import RequestError, RunEndedError, RunLockedError, suggestion
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


__all__ = ["say"]
