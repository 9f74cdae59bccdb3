"""Layout: which rows are in a window and what they share, as it stands in the window's log; and that log read again.

The tasks of a consolidated graph are called after the first row that needs them ("r17/step"), and its outputs after
their rows ("r17.answer"); so only what is shared has to be said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from orrery.graph.ref import TaskId
from orrery.graph.values import decode
from orrery.journal.protocol import Journal
from orrery.passes.batch import Consolidated, Key
from orrery.runtime.batch.window import Done, Load, Window, rows_of_graph
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine

PARTS: Final = frozenset(("rows", "shared", "keys", "wanted"))
"""What a layout says."""


def window_number(batch: str, run: str) -> int | None:
    """Which window of a batch a run is by its name; None if it is none."""
    number = run.removeprefix(f"{batch}/")
    return int(number) if number != run and number.isascii() and number.isdecimal() else None


def is_window(journal: Journal, run: str) -> bool:
    """Whether a batch began a run; anybody may begin one of such a name."""
    first = next((event for _, event in journal.read(run)), None)
    if not isinstance(first, ev.RunStarted):
        return False
    inputs = decode(bytes(first.inputs))
    return isinstance(inputs, dict) and inputs.keys() == PARTS


def layout_of(made: Consolidated, keys: Mapping[TaskId, Key], wanted: Sequence[Key]) -> dict[str, Any]:
    """What a window's run is started with, in place of inputs.

    Args:
        made: its graph.
        keys: the shared work that it does for other windows too.
        wanted: the work of its rows that other rows want too, once for each of them.
    """
    return {
        "rows": list(made.outputs),
        "shared": {task: list(numbers) for task, numbers in made.rows.items() if len(numbers) > 1},
        "keys": dict(keys),
        "wanted": list(wanted),
    }


class LogReader:
    """Reads a window back from its log.

    Attributes:
        window: None before its graph was read.
        done: what came of it.
        keys, wanted: as `layout_of` was told.
        tasks: how many were made for its rows.
    """

    def __init__(self, run: str, load: Load) -> None:
        self._run, self._load = run, load
        self._layout: dict[str, Any] = {}
        self.window: Window | None = None
        self.done = Done()
        self.keys: dict[TaskId, Key] = {}
        self.wanted: list[Key] = []
        self.tasks = 0

    def watch(self, event: ev.AnyEvent, machine: Machine) -> None:
        """Take in an event of the log, and the machine after it."""
        if isinstance(event, ev.RunStarted):
            self._layout = decode(bytes(event.inputs))
        elif isinstance(event, ev.GraphPatched) and self.window is None:
            self._begin(machine)
        elif self.window is not None:
            done = self.window.take((event,), machine)
            self.done.rows += done.rows
            self.done.work |= done.work

    def _begin(self, machine: Machine) -> None:
        layout, shared = self._layout, self._layout["shared"]
        self.keys, self.wanted = layout["keys"], layout["wanted"]
        self.tasks = len(machine.graph.tasks)
        tasks = {task: shared.get(task) or [_row_of(task)] for task in machine.graph.tasks}
        names: dict[int, dict[str, str]] = {number: {} for number in layout["rows"]}
        for whole in machine.graph.outputs:
            row, _, name = whole.partition(".")
            names[int(row[1:])][name] = whole
        self.window = Window(self._run, rows_of_graph(tasks, names), self.keys, self._load)


def _row_of(task: TaskId) -> int:
    """The row after which a task is called."""
    return int(task[1 : task.index("/")])
