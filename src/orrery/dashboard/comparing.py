"""Comparing: two runs beside each other, task by task and output by output, what differs first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import msgspec

from orrery.dashboard.account import Account, account_of
from orrery.dashboard.board import Board
from orrery.dashboard.picture import waiting_row
from orrery.dashboard.values import value_of
from orrery.dashboard.weighed import Comparison, OutputPair, Picture, Spread, TaskPair
from orrery.errors import StoreError
from orrery.graph.diff import same
from orrery.graph.live import LiveGraph
from orrery.graph.ref import TaskId
from orrery.graph.text import statement
from orrery.graph.values import Blob, decode
from orrery.journal.blobs import BlobStore
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.states import State
from orrery.telling.plain import plain, short
from orrery.telling.printable import printable
from orrery.telling.scene import marked

MOST_TASKS, MOST_DRAWN = 2_000, 1_000
"""Tasks that are told of, and tasks of a graph that is sent along."""
MOST_LINES, MOST_CHARS, MOST_BYTES = 1_000, 200_000, 4 << 20
"""Lines of an output, and characters of it, that are compared line by line; a value of more bytes is compared whole."""
MOST_DEFINED = 60
"""Lines of a definition."""


def compare_runs(board: Board, a: str, b: str) -> Comparison:
    """Two runs beside each other. Raises UnknownRunError, CorruptionError, ReplayDivergedError."""
    one, other = (Side.of(account_of(board.journal, run)) for run in (a, b))
    pairs = [_Pair(task, one, other) for task in {**one.graph.tasks, **other.graph.tasks}]
    differing = sum(pair.differs for pair in pairs)
    pairs.sort(key=lambda pair: (not pair.differs, -pair.apart_s))
    blobs = board.journal.blobs
    return Comparison(
        a,
        b,
        tuple(_totals(one, other)),
        tuple(pair.told() for pair in pairs[:MOST_TASKS]),
        len(pairs),
        tuple(_outputs(one.machine, other.machine, blobs)),
        one.picture(),
        other.picture(),
        differing,
    )


@dataclass(frozen=True)
class Side:
    """One of the two runs, by task.

    Args:
        seconds: of the latest attempt of each task; `money` of all of them.
    """

    account: Account
    seconds: dict[TaskId, float]
    money: dict[TaskId, float]

    @classmethod
    def of(cls, account: Account) -> Side:
        """A run as it was read."""
        seconds: dict[TaskId, float] = {}
        money: dict[TaskId, float] = {}
        for spent in account.spent:
            task = spent.attempt.task
            seconds[task] = spent.attempt.seconds
            if spent.usage.money:
                money[task] = money.get(task, 0.0) + spent.usage.money
        return cls(account, seconds, money)

    @property
    def machine(self) -> Machine:
        """The run as it stands."""
        return self.account.machine

    @property
    def graph(self) -> LiveGraph:
        """Its graph as it stands."""
        return self.account.machine.graph

    def picture(self) -> Picture | None:
        """Its graph, where it is not too large."""
        graph = self.graph
        if len(graph.tasks) > MOST_DRAWN:
            return None
        return Picture(
            tuple(
                waiting_row(
                    task, graph.incoming[task.id].values(), estimate_s=self.seconds.get(task.id, task.estimate.seconds)
                )
                for task in graph.tasks.values()
            )
        )

    def statement(self, task: TaskId) -> str:
        """The definition of a task as text; "" where there is none."""
        found = self.graph.tasks.get(task)
        return statement(found, self.graph.explicit.get(task, {}).values()) if found is not None else ""


class _Pair:
    """A task in two runs."""

    __slots__ = ("_a", "_b", "_one", "_other", "_task", "apart_s", "change", "differs", "output")

    def __init__(self, task: TaskId, one: Side, other: Side) -> None:
        self._task, self._one, self._other = task, one, other
        self._a, self._b = one.machine.records.get(task), other.machine.records.get(task)
        self.change = self._changed()
        self.output = _same_result(self._a, self._b)
        self.apart_s = abs(one.seconds.get(task, 0.0) - other.seconds.get(task, 0.0))
        states = {record.state for record in (self._a, self._b) if record is not None}
        self.differs = self.change != "same" or len(states) > 1 or self.output == "differs"

    def _changed(self) -> str:
        one, other, task = self._one.graph, self._other.graph, self._task
        before, after = one.tasks.get(task), other.tasks.get(task)
        if before is None or after is None:
            return "added" if before is None else "removed"
        if not same(before, after) or one.explicit.get(task, {}) != other.explicit.get(task, {}):
            return "changed"
        return "same"

    def told(self) -> TaskPair:
        """What is told of it."""
        task, one, other = self._task, self._one, self._other
        definition = marked(one.statement(task), other.statement(task)) if self.change == "changed" else []
        return TaskPair(
            task,
            self.change,
            self._a.state.value if self._a is not None else "",
            self._b.state.value if self._b is not None else "",
            tuple(map(printable, _bounded(definition, MOST_DEFINED))),
            one.seconds.get(task),
            other.seconds.get(task),
            one.money.get(task, 0.0),
            other.money.get(task, 0.0),
            self.output,
        )


def _same_result(a: Record | None, b: Record | None) -> str:
    """Whether two tasks returned the same; "" where one returned nothing of its own."""
    if a is None or b is None or a.value is None or b.value is None:
        return ""
    if a.state is not State.SUCCEEDED or b.state is not State.SUCCEEDED:
        return ""
    return "same" if a.value == b.value or same(decode(a.value), decode(b.value)) else "differs"


def _totals(one: Side, other: Side) -> Iterator[Spread]:
    """The figures of the whole; those that neither run has are left out, but for time and tasks."""
    for name, unit, a, b in (
        ("time", "s", one.account.duration_s, other.account.duration_s),
        ("one after the other", "s", _work_s(one), _work_s(other)),
        ("money", "$", one.machine.ledger.money, other.machine.ledger.money),
        ("tokens", "tokens", float(one.machine.ledger.tokens), float(other.machine.ledger.tokens)),
        ("tasks", "", float(len(one.graph.tasks)), float(len(other.graph.tasks))),
        ("attempts", "", float(len(one.account.spent)), float(len(other.account.spent))),
        ("failed", "", float(len(one.machine.failed)), float(len(other.machine.failed))),
    ):
        if a or b or name in ("time", "tasks"):
            yield Spread(name, a, actual=b, unit=unit)


def _work_s(side: Side) -> float:
    return sum(spent.attempt.seconds for spent in side.account.spent if spent.attempt.outcome != "grown")


# -- outputs ----------------------------------------------------------------------------------------------------


def _outputs(one: Machine, other: Machine, blobs: BlobStore) -> Iterator[OutputPair]:
    first, second = outputs_of(one, blobs), outputs_of(other, blobs)
    for name in {**first, **second}:
        a, b = first.get(name), second.get(name)
        is_same = name in first and name in second and same(a, b)
        lines = () if is_same else _bounded(line_diff(_text(a), _text(b)), MOST_LINES)
        shown_a, shown_b = (
            value_of(found[name], blobs, name=name) if name in found else None for found in (first, second)
        )
        yield OutputPair(name, shown_a, shown_b, tuple(map(printable, lines)), is_same)


def outputs_of(machine: Machine, blobs: BlobStore) -> dict[str, Any]:
    """The outputs as far as they were produced; what is very large or lost stays a blob."""

    def load(blob: Blob) -> Any:
        if blob.size_bytes > MOST_BYTES:
            return blob
        try:
            return decode(blobs.get(blob))
        except (StoreError, msgspec.DecodeError):  # it is shown as that; everything else is compared all the same
            return blob

    return machine.outputs(load)


def _text(value: Any) -> str:
    """A value as lines: a text as it is, anything else as JSON with its keys in order."""
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray | Blob):
        return short(value)
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False, indent=1, sort_keys=True)
    return text[:MOST_CHARS]


def line_diff(a: str, b: str) -> list[str]:
    """Two texts as one, lines with "- ", "+ " and "  " in front of them; where they are long, their beginnings.

    >>> line_diff("a\\nb", "a\\nc")
    ['  a', '- b', '+ c']
    """
    old, new = a.splitlines()[:MOST_LINES], b.splitlines()[:MOST_LINES]
    lines: list[str] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            lines += (f"  {line}" for line in old[i:j])
            continue
        lines += (f"- {line}" for line in old[i:j])
        lines += (f"+ {line}" for line in new[k:m])
    return lines


def _bounded(lines: Iterable[str], most: int) -> list[str]:
    """So many lines at most, and a word of those that are left out."""
    lines = list(lines)
    return lines if len(lines) <= most else [*lines[:most], f"  ... and {len(lines) - most:,} more lines"]


__all__ = ["compare_runs", "line_diff"]
