"""Spectator: one run, folded as its log grows, and the rows that changed after an event."""

from __future__ import annotations

import threading

from orrery.dashboard.rows import Change, RunHead, TaskRow
from orrery.journal import Journal
from orrery.scheduler.events import AnyEvent
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record


class Spectator:
    """Reads a run's log and keeps a row of every task. Safe to ask from several threads.

    Args:
        journal: where the run is.
        run: its whole name.
    """

    def __init__(self, journal: Journal, run: str) -> None:
        self.journal, self.run = journal, run
        self.machine = Machine(run)
        self.lock = threading.RLock()
        """Held by whoever reads `machine`."""
        self._rows: dict[str, TaskRow] = {}
        self._target = ""

    def catch_up(self) -> int:
        """Fold what the log has gained; the number of its last event. Raises UnknownRunError, CorruptionError."""
        with self.lock:
            for _seq, event in self.journal.read(self.run, after=self.machine.seq):
                self._take(event)
            return self.machine.seq

    def changed_after(self, after: int) -> Change:
        """The rows that changed after event `after`, as of the last `catch_up`."""
        with self.lock:
            rows = tuple(row for row in self._rows.values() if row.changed > after)
            return Change(self.machine.seq, self._head(), rows)

    def _take(self, event: AnyEvent) -> None:
        self.machine.replay(event)
        self._target = getattr(event, "target", "") or self._target
        task = getattr(event, "task", None)
        for name in self.machine.records if task is None else (task,):
            record = self.machine.records.get(name)
            if record is not None:
                self._rows[name] = self._row(record)

    def _row(self, record: Record) -> TaskRow:
        task, seq = record.task, self.machine.seq
        return TaskRow(task.id, task.op, record.state.value, seq, seq, attempt=record.attempt)

    def _head(self) -> RunHead:
        machine = self.machine
        return RunHead(
            self.run, machine.state, False, machine.seq, machine.started_at, machine.now, self._target, machine.counts()
        )
