"""Window: some rows on their way through one run, and what came of them so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph.ref import TaskId
from orrery.graph.task import refs_in
from orrery.graph.values import Blob, decode
from orrery.passes.batch import Key
from orrery.runtime.batch.results import RowResult, RowState
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.outcome import is_handled
from orrery.scheduler.states import ENDED, State

Load = Callable[[Blob], Any]


class WindowRow(msgspec.Struct, frozen=True, gc=False):
    """One row of a window.

    Args:
        number: in the table, counted from 1.
        tasks: what is done for it; what rows share stands with each.
        outputs: what the workflow returns for it: its name → its name among the outputs of the window's run.
    """

    number: int
    tasks: tuple[TaskId, ...]
    outputs: Mapping[str, str]


class Done(msgspec.Struct):
    """What has come of a window since it was looked at last.

    Args:
        rows: the results of rows that have ended.
        work: shared work that has its value, by its key; None in place of a value that is not to be had.
    """

    rows: list[RowResult] = []
    work: dict[Key, tuple[Any] | None] = {}


class _Spent:
    """What was consumed for a row, and when."""

    __slots__ = ("began_at", "ended_at", "money", "open", "tokens")

    def __init__(self, tasks: int) -> None:
        self.open = tasks
        self.began_at: float | None = None
        self.ended_at = 0.0
        self.money, self.tokens = 0.0, 0


class Window:
    """Hears the events of one run and tells what they mean for its rows. Live, and over a log that is read again.

    Args:
        run: the name of its run.
        rows: those that go through it.
        keys: the shared work that it does: task → key.
        load: fetches a large value.
    """

    def __init__(self, run: str, rows: Sequence[WindowRow], keys: Mapping[TaskId, Key], load: Load) -> None:
        self.run, self.rows = run, rows
        self._keys, self._load = dict(keys), load
        self._spent = [_Spent(len(row.tasks)) for row in rows]
        self._rows_of: dict[TaskId, list[int]] = {}
        for position, row in enumerate(rows):
            for task in row.tasks:
                self._rows_of.setdefault(task, []).append(position)
        self._without_tasks = [position for position, row in enumerate(rows) if not row.tasks]
        self._ended: set[TaskId] = set()
        self._told: set[int] = set()
        self.unfinished = len(rows)
        self.money, self.tokens = 0.0, 0

    def newly_spent(self) -> tuple[float, int]:
        """Money and tokens consumed since this was asked last."""
        spent = (self.money, self.tokens)
        self.money, self.tokens = 0.0, 0
        return spent

    def take(self, events: Iterable[ev.AnyEvent | ev.Event], machine: Machine) -> Done:
        """Take in what happened. `machine` is the state after it."""
        done = Done()
        if self._without_tasks and machine.patched:
            for position in self._without_tasks:
                self._tell(position, machine, done)
            self._without_tasks = []
        touched: dict[TaskId, None] = {}
        for event in events:
            task = getattr(event, "task", None)
            if task is None:
                continue
            top = self._top(task, machine)
            if top is None:
                continue
            if isinstance(event, ev.TaskStarted):
                self._started(top, event.at)
            elif not isinstance(event, ev.TaskProgressed):
                self._count(top, event.at, getattr(event, "usage", None))
                touched[top] = None
        for top in touched:
            if top not in self._ended and machine.records[top].state in ENDED:
                self._end(top, machine, done)
        if machine.state != "running":
            self._end_rest(machine, done)
        return done

    def _top(self, task: TaskId, machine: Machine) -> TaskId | None:
        """The task of the plan to which a task belongs: itself, or the one from which it grew."""
        while task not in self._rows_of:
            record = machine.records.get(task)
            if record is None or record.parent is None:
                return None
            task = record.parent
        return task

    def _started(self, top: TaskId, at: float) -> None:
        for position in self._rows_of[top]:
            spent = self._spent[position]
            if spent.began_at is None:
                spent.began_at = at

    def _count(self, top: TaskId, at: float, usage: ev.Usage | None) -> None:
        positions = self._rows_of[top]
        for position in positions:
            self._spent[position].ended_at = at
        if usage is not None:
            first = self._spent[positions[0]]
            first.money += usage.money
            first.tokens += usage.tokens
            self.money += usage.money
            self.tokens += usage.tokens

    def _end(self, top: TaskId, machine: Machine, done: Done) -> None:
        self._ended.add(top)
        key = self._keys.pop(top, None)
        if key is not None:
            done.work[key] = self._value(top, machine)
        for position in self._rows_of[top]:
            spent = self._spent[position]
            spent.open -= 1
            if spent.open == 0:
                self._tell(position, machine, done)

    def _end_rest(self, machine: Machine, done: Done) -> None:
        """The run has ended, and with it whatever was not heard to end."""
        for top in self._rows_of:
            if top not in self._ended:
                self._end(top, machine, done)

    def _value(self, task: TaskId, machine: Machine) -> tuple[Any] | None:
        record = machine.records[task]
        if record.state is not State.SUCCEEDED:
            return None
        if record.value is None:
            return (machine.results.fill(record.tree, self._load),)
        return (decode(record.value),)  # one that is kept as a blob stays one

    def _tell(self, position: int, machine: Machine, done: Done) -> None:
        if position not in self._told:
            self._told.add(position)
            self.unfinished -= 1
            spent = self._spent[position]
            seconds = max(0.0, spent.ended_at - spent.began_at) if spent.began_at is not None else 0.0
            state, outputs, failure = outcome(self.rows[position], machine, self._load)
            number = self.rows[position].number
            done.rows.append(RowResult(number, state, outputs, failure, seconds, spent.money, spent.tokens))


def rows_of_graph(tasks: Mapping[TaskId, Iterable[int]], outputs: Mapping[int, Mapping[str, str]]) -> list[WindowRow]:
    """The rows of a consolidated graph, from which rows need each task and what each returns; see `Consolidated`."""
    needed: dict[int, list[TaskId]] = {number: [] for number in outputs}
    for task, numbers in tasks.items():
        for number in numbers:
            needed[number].append(task)
    return [WindowRow(number, tuple(needed[number]), names) for number, names in outputs.items()]


def outcome(row: WindowRow, machine: Machine, load: Load) -> tuple[RowState, dict[str, Any], Failure | None]:
    """How a row ended, what it returns and why it did not succeed: what is said of a run, said of a part of one."""
    records = [machine.records[task] for task in row.tasks if task in machine.records]
    failed = [record for record in records if record.state is State.FAILED and not is_handled(machine, record)]
    produced: dict[str, Any] = {}
    missing = ""
    for name, whole in row.outputs.items():
        value = machine.graph.outputs[whole]
        if not machine.is_available(value):
            continue
        try:
            produced[name] = machine.results.fill(value, load)
        except LookupError as error:
            missing = missing or f"output {name!r}: {error.args[0]}"
    if any(record.state is State.CANCELLED for record in records):
        return "cancelled", produced, failed[0].failure if failed else _because(records)
    if not failed and len(produced) == len(row.outputs):
        return "succeeded", produced, None
    failure = failed[0].failure if failed else None
    if failure is None:
        said = missing or "an output was not produced: its task did not run"
        failure = Failure("NoOutput", said, code="no-output", severity="permanent")
    real = any(True for name in produced for _ in refs_in(machine.graph.outputs[row.outputs[name]]))
    return ("partial" if real else "failed"), produced, failure


def _because(records: Sequence[Any]) -> Failure | None:
    return next((record.failure for record in records if record.failure is not None), None)
