"""Outline: the tasks of a run as the lines of a tree, with groups that are open or closed and counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orrery.dashboard.rows import Change, TaskRow

TOP = ""
"""What the tasks of the first level are below."""


class Line(NamedTuple):
    """A task that is in view, and how deep below the first level it stands."""

    task: str
    depth: int


class Group:
    """What is below a task: how many in each state, and from when to when they ran (seconds since the epoch)."""

    __slots__ = ("began_at", "counts", "ended_at")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.began_at: float | None = None
        self.ended_at: float | None = None

    @property
    def total(self) -> int:
        """How many tasks are below it."""
        return sum(self.counts.values())

    def add(self, row: TaskRow) -> None:
        """Count a row."""
        self.counts[row.state] = self.counts.get(row.state, 0) + 1
        if row.began_at is not None:
            self.began_at = min(row.began_at, self.began_at or row.began_at)
        if row.ended_at is not None:
            self.ended_at = max(row.ended_at, self.ended_at or row.ended_at)

    def drop(self, row: TaskRow) -> None:
        """Count a row no longer."""
        self.counts[row.state] -= 1


class Outline:
    """The lines of a tree over the rows of a run.

    A task that makes a task of every item of a list is closed until somebody opens it; every other one is open.
    While words are looked for, the tasks that have them are in view with everything above them.

    Attributes:
        lines: what is in view, from top to bottom.
        groups: what is below each task that has anything below it.
    """

    def __init__(self) -> None:
        self.rows: dict[str, TaskRow] = {}
        self.groups: dict[str, Group] = {}
        self.lines: list[Line] = []
        self._below: dict[str, dict[str, None]] = {TOP: {}}
        self._place: dict[str, int] = {}
        self._turned: set[str] = set()
        self._words = ""
        self._fitting: set[str] = set()

    def take(self, change: Change) -> set[str] | None:
        """Take rows in.

        Returns: the tasks in view whose line says something else now; None if other lines are in view.
        """
        if change.gone:
            for task in change.gone:
                self.rows.pop(task, None)
            self._restart({**self.rows, **{row.id: row for row in change.tasks}}.values())
            return None
        touched: set[str] = set()
        is_other = False
        for row in change.tasks:
            is_other |= self._put(row)
            touched.add(row.id)
            touched.update(self._above(row))
        if is_other:
            self._lay_out()
            return None
        return {task for task in touched if task in self._place}

    def look_for(self, words: str) -> None:
        """Show only tasks that have these words in their name, operation, state, device, model or label."""
        self._words = words.strip().lower()
        self._fitting = {task for task, row in self.rows.items() if self._fits(row)}
        self._lay_out()

    def is_open(self, task: str) -> bool:
        """Whether what is below a task is in view."""
        return bool(self._words) or self.rows[task].each == (task in self._turned)

    def turn(self, task: str) -> None:
        """Open a group that is closed, close one that is open."""
        self._turned ^= {task}
        self._lay_out()

    def show(self, task: str) -> int | None:
        """Open everything above a task; the number of its line, None if it is not among what is looked for."""
        row = self.rows.get(task)
        if row is None:
            return None
        closed = [above for above in self._above(row) if not self.is_open(above)]
        if closed:
            self._turned ^= set(closed)
            self._lay_out()
        return self._place.get(task)

    def place_of(self, task: str) -> int | None:
        """The number of a task's line, None if it is not in view."""
        return self._place.get(task)

    def _put(self, row: TaskRow) -> bool:
        """Take one row in; whether another line comes into view or goes by it."""
        before = self.rows.get(row.id)
        self.rows[row.id] = row
        if before is None:
            self._below.setdefault(self._parent(row), {})[row.id] = None
        for above in self._above(row):
            group = self.groups.setdefault(above, Group())
            if before is not None:
                group.drop(before)
            group.add(row)
        if self._words:
            did, does = row.id in self._fitting, self._fits(row)
            (self._fitting.add if does else self._fitting.discard)(row.id)
            return did != does
        parent = self._parent(row)
        return before is None and (parent == TOP or (parent in self._place and self.is_open(parent)))

    def _restart(self, rows: Iterable[TaskRow]) -> None:
        kept = sorted(rows, key=lambda row: row.born)
        self.rows, self.groups, self._below, self._place = {}, {}, {TOP: {}}, {}
        for row in kept:
            self._put(row)
        self._fitting &= self.rows.keys()
        self._lay_out()

    def _parent(self, row: TaskRow) -> str:
        return row.parent if row.parent in self.rows else TOP

    def _above(self, row: TaskRow) -> Iterator[str]:
        """The tasks above one, the nearest first."""
        while (parent := self._parent(row)) != TOP:
            yield parent
            row = self.rows[parent]

    def _fits(self, row: TaskRow) -> bool:
        return any(
            self._words in text.lower() for text in (row.id, row.op, row.state, row.where, row.model, row.label) if text
        )

    def _lay_out(self) -> None:
        """Say anew what is in view."""
        kept: set[str] | None = None
        if self._words:
            kept = set(self._fitting)
            for task in self._fitting:
                kept.update(self._above(self.rows[task]))
        self.lines = []
        ahead = [Line(task, 0) for task in reversed(self._below[TOP])]
        while ahead:
            line = ahead.pop()
            if kept is not None and line.task not in kept:
                continue
            self.lines.append(line)
            below = self._below.get(line.task)
            if below and self.is_open(line.task):
                ahead += [Line(task, line.depth + 1) for task in reversed(below)]
        self._place = {line.task: number for number, line in enumerate(self.lines)}
