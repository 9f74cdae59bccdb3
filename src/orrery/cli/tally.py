"""Tally: what a display knows of a run that goes on.

It hears every event once it is durable and keeps what a screen can show: growing groups, the few slowest
tasks, what runs, pauses or asks. An event costs the same however large the run is, and a picture costs as
much as the screen has lines.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orrery.graph.patch import Add, Drop, Patch
from orrery.graph.ref import TaskId
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.states import ENDED, State
from orrery.tracing import Attempts

MOST_TOPS = 500
MOST_DURATIONS = 500
SLOWEST = 5
_TOKENS = re.compile(r"(\d[\d,]*) tokens\b")
_MONEY = re.compile(r"\$(\d+(?:\.\d+)?)")


class Group:
    """The children of one grown task, counted."""

    __slots__ = ("done", "failed", "running", "total")

    def __init__(self) -> None:
        self.total = self.done = self.failed = 0
        self.running: dict[TaskId, None] = {}


class Happening(NamedTuple):
    """Something worth a line where nothing can be redrawn: a task ended, pauses or asks.

    Args:
        kind: the state in which it ended, or "retrying" or "asking".
        seconds: how long its last attempt took, where one ended.
        about: the reason or the question.
    """

    task: TaskId
    kind: str
    seconds: float | None
    about: str


def told_spending(note: str) -> tuple[float, int]:
    """The money and the tokens of which a note of progress tells, such as "1,204 tokens, $0.0042"."""
    tokens, money = _TOKENS.search(note), _MONEY.search(note)
    return float(money[1]) if money else 0.0, int(tokens[1].replace(",", "")) if tokens else 0


class Tally:
    """What is known of one run.

    Args:
        machine: the live state of the run; it is read, never changed.
        clock_at: now, in seconds since the epoch; what ended before does not count as done by this process.
    """

    def __init__(self, machine: Machine, clock_at: float) -> None:
        self.machine = machine
        self.began_at = clock_at
        self.tops: dict[TaskId, None] = {}
        self.top_count = 0
        self.groups: dict[TaskId, Group] = {}
        self.progress: dict[TaskId, tuple[float | None, str]] = {}
        self.pausing: dict[TaskId, ev.RetryScheduled] = {}
        self.asking: dict[TaskId, str] = {}
        self.began: dict[TaskId, float] = {}
        self.took: dict[TaskId, float] = {}
        self.slowest: list[tuple[float, TaskId]] = []
        self.ended = 0
        self.retries = 0
        self.done_before = 0
        self.work_s = 0.0
        self._attempts = Attempts()
        self._told: set[TaskId] = set()  # tasks that ended in the present batch: a parent is met once per child
        self._seed(machine.records.values())

    def _seed(self, records: Iterable[Record]) -> None:
        """Take in what was there before this process drove the run."""
        for record in records:
            self._add(record)
            if record.state in ENDED:
                self.ended += 1
                self._count_end(record)
                self.done_before += record.state is State.SUCCEEDED
            elif record.state is State.ASKING:
                self.asking[record.task.id] = record.because

    def _add(self, record: Record) -> None:
        if record.parent is None:
            self.top_count += 1
            if len(self.tops) < MOST_TOPS:
                self.tops[record.task.id] = None
        else:
            self.groups.setdefault(record.parent, Group()).total += 1

    # -- events ---------------------------------------------------------------------------------------

    def take(self, events: Sequence[ev.Event]) -> list[Happening]:
        """Take in what happened; returns what is worth a line."""
        touched: dict[TaskId, None] = {}
        told: list[Happening] = []
        self._told.clear()
        for event in events:
            if isinstance(event, ev.TaskStarted):
                self._attempts.take(event)
                self._started(event.task, event.at)
                continue
            if not isinstance(event, ev.TaskSucceeded):
                self._take_rare(event, told)
            ended = self._attempts.take(event)
            if ended is not None:
                seconds, plans = ended.seconds, self._plans(ended.task)
                self.work_s += 0.0 if plans else seconds
                self._took(ended.task, seconds, uncounted=plans or ended.outcome == "grown")
            task = getattr(event, "task", None)
            if task is not None:
                touched[task] = None
        for task in touched:
            self._look_at(task, told)
        return told

    def _take_rare(self, event: ev.Event, told: list[Happening]) -> None:
        match event:
            case ev.GraphPatched(patch=patch) | ev.TaskExpanded(patch=patch):
                self._grow(patch)
            case ev.TaskProgressed(task=task, fraction=fraction, note=note):
                self.progress[task] = (fraction, note)
            case ev.RetryScheduled(task=task):
                self.retries += 1
                self.pausing[task] = event
                told.append(Happening(task, "retrying", self.took.get(task), event.because))
            case ev.PersonAsked(task=task, question=question):
                self.asking[task] = question
                told.append(Happening(task, "asking", None, question))

    def _grow(self, patch: Patch) -> None:
        for edit in patch.edits:
            if isinstance(edit, Add):
                record = self.machine.records.get(edit.task.id)
                if record is not None:
                    self._add(record)
            elif isinstance(edit, Drop) and edit.task in self.tops:
                del self.tops[edit.task]
                self.top_count -= 1

    def _started(self, task: TaskId, at: float) -> None:
        self.began[task] = at
        self.pausing.pop(task, None)
        record = self.machine.records.get(task)
        if record is not None and record.parent is not None:
            self.groups.setdefault(record.parent, Group()).running[task] = None

    def _plans(self, task: TaskId) -> bool:
        """Whether a task makes plans: mostly it waits for what it planned, which is no work of its own."""
        record = self.machine.records.get(task)
        return record is not None and record.task.executor == "planner"

    def _took(self, task: TaskId, seconds: float, *, uncounted: bool) -> None:
        self.took.pop(task, None)
        self.took[task] = seconds
        if len(self.took) > MOST_DURATIONS:
            del self.took[next(iter(self.took))]
        if uncounted:
            return
        if len(self.slowest) < SLOWEST:
            heapq.heappush(self.slowest, (seconds, task))
        elif seconds > self.slowest[0][0]:
            heapq.heapreplace(self.slowest, (seconds, task))

    def _look_at(self, task: TaskId, told: list[Happening]) -> None:
        """Bring what is kept about a task up to date, and about those above it, which may have ended with it."""
        record = self.machine.records.get(task)
        if record is None:
            return
        state = record.state
        if self.asking and state is not State.ASKING:
            self.asking.pop(task, None)
        if self.pausing and state is not State.RETRYING:
            self.pausing.pop(task, None)
        if task not in self.machine.in_flight:
            if self.progress:
                self.progress.pop(task, None)
            if state is not State.GROWN and state not in ENDED:
                self.began.pop(task, None)
            if record.parent is not None and record.parent in self.groups:
                self.groups[record.parent].running.pop(task, None)
        if record.state in ENDED:
            self._end(record, told)

    def _end(self, record: Record, told: list[Happening]) -> None:
        task = record.task.id
        if task in self._told:
            return
        self._told.add(task)
        self.ended += 1
        self._count_end(record)
        began = self.began.pop(task, None)
        if began is not None and task in self.groups:
            self.took[task] = max(0.0, self.machine.now - began)
        why = str(record.failure) if record.failure is not None else record.because
        seconds = self.took.get(task) if record.attempt else None
        told.append(Happening(task, record.state.value, seconds, "" if record.state is State.SUCCEEDED else why))
        parent = self.machine.records.get(record.parent) if record.parent is not None else None
        if parent is not None and parent.state in ENDED:
            group = self.groups[parent.task.id]
            if group.done == group.total:  # nobody else says that it has ended
                self._end(parent, told)

    def _count_end(self, record: Record) -> None:
        if record.parent is not None:
            group = self.groups.setdefault(record.parent, Group())
            group.done += 1
            group.failed += record.state is State.FAILED

    # -- what it amounts to ---------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many tasks the run has by now."""
        return len(self.machine.records)

    @property
    def done(self) -> int:
        """How many have ended, in whatever way."""
        return self.total - self.machine.open

    @property
    def spent(self) -> tuple[float, int]:
        """Money and tokens consumed until now; what model calls that still run say of themselves is counted in."""
        money, tokens = self.machine.ledger.money, self.machine.ledger.tokens
        for _, note in self.progress.values():
            more_money, more_tokens = told_spending(note)
            money, tokens = money + more_money, tokens + more_tokens
        return money, tokens

    def seconds_of(self, task: TaskId, now: float) -> float | None:
        """How long a task has been running, or took; None where it did neither, or it is forgotten."""
        began = self.began.get(task)
        return max(0.0, now - began) if began is not None else self.took.get(task)
