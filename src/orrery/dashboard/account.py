"""Account: one run read whole, with all its attempts, what each consumed, and what the run waited for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orrery.graph.ref import TaskId
from orrery.graph.task import Task
from orrery.journal import Journal
from orrery.runtime.history import fold
from orrery.scheduler import events as ev
from orrery.scheduler.events import Usage
from orrery.scheduler.machine import Machine
from orrery.tracing import Attempt, Attempts, critical_path

PERSON, STOOD, PAUSE = "(person)", "(stood still)", "(retry pause)"
QUEUE, SCHEDULING = "(queue)", "(scheduling)"
"""What a run waits for where it waits for no attempt: a person's answer, somebody to drive it, the time of another try;
for a free worker with what is ready; and for whoever decides what is."""
NO_USAGE = Usage()


class Spent(NamedTuple):
    """An attempt, what it consumed, how long it was queued in seconds, and the device of a fleet where it was made."""

    attempt: Attempt
    usage: Usage
    queued_s: float
    where: str = ""


class Waited(NamedTuple):
    """A stretch of a run: how long, in seconds, and for which attempt, or else for what."""

    seconds: float
    attempt: Attempt | None
    what: str = ""


@dataclass(frozen=True)
class Account:
    """A run with its attempts.

    Args:
        machine: the run as it stands; read only.
        started: its first event.
        spent: every attempt, in the order in which they were handed out.
        still: what else was waited for, and when: spans in order that do not meet, in seconds since the epoch.
        tasks: every task that the run ever had; also those that a patch took away.
    """

    machine: Machine
    started: ev.RunStarted
    spent: tuple[Spent, ...]
    still: Mapping[str, Sequence[tuple[float, float]]]
    tasks: dict[TaskId, Task] = field(repr=False)

    @property
    def duration_s(self) -> float:
        """From the start of the run to its last event."""
        return max(0.0, self.machine.now - self.machine.started_at)

    def waited(self) -> list[Waited]:
        """What the run waited for, from its start to its last event without a gap: its critical path, and the rest."""
        at, found = self.machine.started_at, list[Waited]()
        queued = {(one.attempt.task, one.attempt.number): one.queued_s for one in self.spent}
        for attempt in critical_path(self.machine, (one.attempt for one in self.spent)):
            ready_at = max(at, attempt.began_at - queued[attempt.task, attempt.number])
            found += [*self._still(at, ready_at, SCHEDULING), *self._still(ready_at, attempt.began_at, QUEUE)]
            at = max(at, min(attempt.began_at, self.machine.now))
            ended = max(at, min(attempt.ended_at, self.machine.now))
            found.append(Waited(ended - at, attempt))
            at = ended
        return [*found, *self._still(at, self.machine.now, SCHEDULING)]

    def _still(self, start: float, end: float, otherwise: str) -> Iterator[Waited]:
        """A stretch in which nothing ran that mattered, by what was waited for; the first reason counts."""
        if end <= start:
            return
        open_parts = [(start, end)]
        for what, spans in self.still.items():
            rest: list[tuple[float, float]] = []
            for first, last in open_parts:
                at, number = first, bisect_left(spans, first, key=lambda one: one[1])
                while number < len(spans) and spans[number][0] < last:
                    begin, stop = max(at, spans[number][0]), min(last, spans[number][1])
                    yield Waited(stop - begin, None, what)
                    if at < begin:
                        rest.append((at, begin))
                    at, number = stop, number + 1
                if at < last:
                    rest.append((at, last))
            open_parts = rest
        yield from (Waited(right - left, None, otherwise) for left, right in open_parts)


def account_of(journal: Journal, run: str) -> Account:
    """Read a run. Raises UnknownRunError, CorruptionError, ReplayDivergedError."""
    reader = _Reader()
    machine = fold(journal, run, watch=reader.take).machine
    return reader.account(machine)


class _Reader:
    """Hears every event of a run."""

    def __init__(self) -> None:
        self._open = Attempts()
        self._spent: list[Spent] = []
        self._where: dict[TaskId, str] = {}
        self._ready: dict[tuple[TaskId, int], float] = {}
        self._still = _Still()
        self._tasks: dict[TaskId, Task] = {}
        self._started: ev.RunStarted | None = None
        self._at = 0.0

    def take(self, event: ev.AnyEvent, machine: Machine) -> None:
        """Note what an event says."""
        match event:
            case ev.RunStarted():
                self._started = event
            case ev.RunResumed():
                self._open.doubt(self._at)
            case ev.TaskStarted(task=task, attempt=number):
                record = machine.records.get(task)
                if number == 1 and record is not None and record.ready_at is not None:
                    self._ready[task, number] = record.ready_at
            case ev.TaskProgressed(task=task, where=where) if where:
                self._where[task] = where
            case ev.GraphPatched(patch=patch) | ev.TaskExpanded(patch=patch):
                for edit in patch.edits:
                    task_edited = getattr(edit, "task", None)
                    if isinstance(task_edited, Task):
                        self._tasks[task_edited.id] = task_edited
        self._still.take(event, self._at)
        attempt = self._open.take(event)
        if attempt is not None:
            self._end(attempt, getattr(event, "usage", None), getattr(event, "where", ""))
        elif (usage := getattr(event, "usage", None)) is not None:  # of an attempt whose beginning is not in the log
            number, task = getattr(event, "attempt", 0), getattr(event, "task", "")
            self._end(Attempt(task, number, event.at, event.at, event.at, "lost"), usage, "")
        self._at = event.at

    def _end(self, attempt: Attempt, usage: Usage | None, where: str) -> None:
        ready = self._ready.pop((attempt.task, attempt.number), attempt.queued_at)
        queued_s = max(0.0, attempt.began_at - min(ready, attempt.queued_at))
        self._spent.append(Spent(attempt, usage or NO_USAGE, queued_s, where or self._where.get(attempt.task, "")))

    def account(self, machine: Machine) -> Account:
        """What was heard."""
        assert self._started is not None  # `fold` refuses a log that begins otherwise
        for attempt in self._open.abandon(self._at):
            self._end(attempt, None, "")
        self._spent.sort(key=lambda one: (one.attempt.queued_at, one.attempt.task, one.attempt.number))
        return Account(machine, self._started, tuple(self._spent), self._still.spans(self._at), self._tasks)


class _Still:
    """Notes while what a run waits for a person, for a driver, and for another try."""

    def __init__(self) -> None:
        self._asked: dict[TaskId, float] = {}
        self._paused: float | None = None
        self._found: dict[str, list[tuple[float, float]]] = {PERSON: [], STOOD: [], PAUSE: []}

    def take(self, event: ev.AnyEvent, before: float) -> None:
        """Note what an event says; `before` is the time of the one before."""
        match event:
            case ev.PersonAsked(task=task):
                self._asked.setdefault(task, event.at)
            case ev.TaskAnswered(task=task) | ev.TaskGaveUp(task=task) | ev.TaskSkipped(task=task):
                if (since := self._asked.pop(task, None)) is not None:
                    self._found[PERSON].append((since, event.at))
            case ev.RunPaused():
                self._paused = event.at
            case ev.RunContinued() if self._paused is not None:
                self._found[STOOD].append((self._paused, event.at))
                self._paused = None
            case ev.RunResumed():
                self._found[STOOD].append((before, event.at))
            case ev.RetryScheduled(due=due):
                self._found[PAUSE].append((event.at, due))

    def spans(self, until: float) -> dict[str, list[tuple[float, float]]]:
        """What was waited for, from when to when; what goes on still, until the last event."""
        self._found[PERSON] += [(since, until) for since in self._asked.values()]
        if self._paused is not None:
            self._found[STOOD].append((self._paused, until))
        return {what: _united(spans) for what, spans in self._found.items()}


def _united(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The spans in order, those that meet as one: however many retries a run had, it stood still but once at a time."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


__all__ = ["Account", "Spent", "Waited", "account_of"]
