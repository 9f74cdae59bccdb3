"""Seen: what a spectator remembers of one task beside the machine's record, and the row that both make."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from orrery.dashboard.rows import NO_MONEY, USUAL_S, AttemptRow, Need, TaskRow
from orrery.graph.expr import Expr
from orrery.graph.task import Task
from orrery.scheduler import events as ev
from orrery.scheduler.record import Record
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import State
from orrery.telling.printable import printable
from orrery.tracing.attempts import ENDINGS, Ending

MOST_LINE = 300
"""Of reasons and notes so many characters are told."""
MOST_NOTE = 2 * MOST_LINE
_NOTHING = ev.Usage()


class Seen(msgspec.Struct, gc=False):
    """One task as it was seen.

    Attributes:
        record: the machine's; `number` is the place of its name among those of the run.
        born: the number of the event that added it; `changed` of the one that changed its row last.
        state: as of its last change.
        open: attempts that have not ended: number -> when each was handed to its executor.
        attempts: those that have; `last` is the one that decided what came next.
        row: what is told of it; None until somebody asks after a change.
    """

    record: Record
    number: int
    born: int
    changed: int = 0
    state: State | None = None
    open: dict[int, float] = {}
    attempts: tuple[AttemptRow, ...] = ()
    last: AttemptRow | None = None
    fraction: float | None = None
    note: str = ""
    where: str = ""
    money: float = NO_MONEY
    tokens: int = 0
    needs: tuple[Need, ...] | None = None
    row: TaskRow | None = None

    def hear(self, event: Any) -> None:
        """Take in what an event about this task says beyond the machine's record."""
        kind = type(event)
        if kind is ev.TaskStarted:
            if not self.open:
                self.fraction, self.note, self.where = None, "", ""
            self.open[event.attempt] = event.at
        elif kind is ev.TaskProgressed:
            self.fraction = event.fraction if event.fraction is not None else self.fraction
            self.note = event.note[:MOST_NOTE] or self.note
            self.where = event.where or self.where
        elif kind in ENDINGS:
            self._end(event)

    def _end(self, event: Any) -> None:
        usage = getattr(event, "usage", None)
        if usage is not None:
            self.money += usage.money
            self.tokens += usage.tokens
        self.where = getattr(event, "where", "") or self.where
        because = getattr(event, "failure", None) or getattr(event, "because", "")
        began_at = getattr(event, "began_at", None)
        outcome, usage = ENDINGS[type(event)], usage or _NOTHING
        row = self.close(event.attempt, event.at, outcome, began_at=began_at, usage=usage, because=str(because))
        self.last = row or self.last

    def leave(self, live: Collection[int], at: float, outcome: Ending, *, decided: bool) -> None:
        """Let the attempts end that count no more, without a word of theirs.

        Args:
            decided: another attempt has decided what comes next.
        """
        for attempt in [number for number in self.open if number not in live]:
            row = self.close(attempt, at, outcome)
            if not decided:
                self.last = row

    def close(
        self,
        attempt: int,
        at: float,
        outcome: Ending,
        *,
        began_at: float | None = None,
        usage: ev.Usage = _NOTHING,
        because: str = "",
    ) -> AttemptRow | None:
        """Let an attempt end, in the times that `orrery.tracing` gives it; None if it is not open."""
        queued = self.open.pop(attempt, None)
        if queued is None:
            return None
        ended = max(queued, at)
        began = queued if began_at is None else min(ended, max(queued, began_at))
        money, why = usage.money or NO_MONEY, line(because)
        task, where = self.record.task.id, self.where
        row = AttemptRow(task, attempt, queued, began, ended, outcome, where, money, usage.tokens, why)
        self.attempts = (*self.attempts, row)
        return row

    def attempts_by(self, now: float) -> tuple[AttemptRow, ...]:
        """Its attempts by number, those that go on as if they ended now."""
        rows = [
            AttemptRow(self.record.task.id, number, since, since, max(since, now), "running", where=self.where)
            for number, since in self.open.items()
        ]
        return tuple(sorted((*self.attempts, *rows), key=lambda row: row.number))

    def told(self, run: RunRecord) -> TaskRow:
        """Its row."""
        if self.row is None:
            self.row = self._told(run)
        return self.row

    def _told(self, run: RunRecord) -> TaskRow:
        record = self.record
        task = record.task
        if self.needs is None:
            self.needs = needs_of(run, task)
        running = record.state is State.RUNNING or record.state is State.STOPPING
        queued_at, began_at, ended_at = self._times()
        return TaskRow(
            task.id,
            task.op,
            record.state.value,
            self.changed,
            self.born,
            label=task.label,
            parent=record.parent or "",
            each=task.each is not None,
            needs=self.needs,
            executor=task.executor,
            model=model_of(task),
            where=self.where or record.where,
            attempt=record.attempt,
            ready_at=record.ready_at,
            queued_at=queued_at,
            began_at=began_at,
            ended_at=ended_at,
            fraction=self.fraction if running else None,
            note=line(self.note),
            money=self.money or NO_MONEY,
            tokens=self.tokens,
            estimate_s=USUAL_S if task.estimate.seconds == USUAL_S else task.estimate.seconds,
            because=because_of(record),
        )

    def _times(self) -> tuple[float | None, float | None, float | None]:
        """When its latest attempt was handed out, began and ended; one that goes on counts as begun at once."""
        if self.open:
            since = self.open[max(self.open)]
            return since, since, None
        last = self.last
        return (None, None, None) if last is None else (last.queued_at, last.began_at, last.ended_at)


def needs_of(run: RunRecord, task: Task) -> tuple[Need, ...]:
    """What a task waits for: the sources of its edges, but for what it grew itself."""
    records = run.records
    return tuple(
        Need(source, edge.on.source if isinstance(edge.on, Expr) else edge.on, edge.hard)
        for source, edge in run.graph.incoming[task.id].items()
        if (origin := records.get(source)) is None or origin.parent != task.id
    )


def model_of(task: Task) -> str:
    """The model that a task asks, where its arguments name one."""
    if not task.op.startswith(("model.", "agent.")):
        return ""
    agent = task.args.get("agent")
    model = task.args.get("model") or (agent.get("model") if isinstance(agent, dict) else None)
    return model if isinstance(model, str) else ""


def because_of(record: Record) -> str:
    """Why a task is in its state, in one line; empty where the state says it all."""
    match record.state:
        case State.SUCCEEDED | State.RUNNING | State.GROWN:
            return ""
        case State.STOPPING:
            return line(record.stop.message) if record.stop is not None else ""
        case State.FAILED:
            return line(str(record.failure)) if record.failure is not None else ""
        case State.CANCELLED:
            return line(record.failure.message) if record.failure is not None else ""
        case State.WAITING:
            return ""
    return line(record.because)


def line(text: str) -> str:
    """A text on one line, not too long."""
    if not text:
        return ""
    text = " ".join(printable(text[:MOST_NOTE]).split())
    return text if len(text) <= MOST_LINE else text[: MOST_LINE - 3] + "..."
