"""Sizes: how many bytes a reference stands for, and how many items a for-each has, before anything has run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orrery.cost import catalogue
from orrery.cost.calls import ModelCall
from orrery.cost.question import input_bytes, is_of_item, question_of, target_of
from orrery.cost.recall import Recall
from orrery.cost.spread import Spread
from orrery.graph.graph import Graph
from orrery.graph.ref import INDEX, INPUTS, ITEM, Ref, TaskId
from orrery.graph.task import Task, refs_in
from orrery.models.request import CHARS_PER_TOKEN

REFERRED_FACTOR, UNKNOWN_FACTOR = 2.0, 10.0
"""Up to which factor is known how large a result is that was learned, and one of which nobody knows anything."""
DEFAULT_ITEMS = 10.0


class Size(NamedTuple):
    """Bytes, and up to which factor they are known."""

    in_bytes: float
    doubt: float


UNKNOWN = Size(catalogue.RESULT_BYTES, UNKNOWN_FACTOR)


class Sizes:
    """What references in tasks stand for.

    Args:
        recall: what was learned.
        graph: in which the tasks stand; a task that is not in it has a result of which nothing is known.
        inputs: of the run; None: nothing is known of them.
    """

    def __init__(self, recall: Recall, graph: Graph | None, inputs: Mapping[str, Any] | None) -> None:
        self._recall, self._graph, self._inputs = recall, graph, inputs
        self._results: dict[TaskId, Size] = {}

    def of(self, task: Task, ref: Ref) -> float:
        """How many bytes a reference in a task stands for."""
        return self._size(task, ref).in_bytes

    def doubt(self, task: Task) -> float:
        """Up to which factor the sizes of what a task refers to are known."""
        return max((self._size(task, ref).doubt for ref in task.refs()), default=1.0)

    def items(self, task: Task) -> Spread | None:
        """How many items a task's for-each has; None where it has none."""
        if task.each is None:
            return None
        over = task.each.over
        if isinstance(over, Ref) and over.task == INPUTS:
            over = self._input(over)
        if isinstance(over, list | tuple | dict):
            return Spread.exactly(float(len(over)))
        learned = self._recall.spread(question_of(task, target_of(task), None), "items") if self._recall else None
        return learned or Spread.about(DEFAULT_ITEMS, UNKNOWN_FACTOR)

    def _size(self, task: Task, ref: Ref) -> Size:
        if ref.task == INDEX:
            return Size(8.0, 1.0)
        if ref.task == ITEM:
            return self._item(task)
        if ref.task == INPUTS:
            value = self._input(ref)
            return UNKNOWN if value is None else Size(input_bytes(value, lambda _ref: 0.0), 1.0)
        found = self._results.get(ref.task)
        if found is None:
            found = self._results[ref.task] = self._result(ref.task)
        return found

    def _item(self, task: Task) -> Size:
        over = task.each.over if task.each is not None else None
        items = self.items(task)
        if items is None or over is None or any(map(is_of_item, refs_in(over))):  # of a for-each around this one
            return UNKNOWN
        doubt = self._size(task, over).doubt if isinstance(over, Ref) else 1.0
        in_all = input_bytes(over, lambda ref: self.of(task, ref))
        return Size(in_all / max(1.0, items.mid), max(doubt, REFERRED_FACTOR))

    def _input(self, ref: Ref) -> Any:
        """An input, or a part of one; None where it is not known."""
        value: Any = self._inputs
        for step in ref.path:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return None
        return value

    def _result(self, name: TaskId) -> Size:
        if self._graph is None or name not in self._graph:
            return UNKNOWN
        source = self._graph[name]
        items = self.items(source)
        times = items.mid if items is not None else 1.0
        if self._recall:
            learned = self._recall.spread(question_of(source, target_of(source), None), "result_bytes")
            if learned is not None:
                return Size(learned.mid * times, REFERRED_FACTOR)
        call = ModelCall.of(source)
        size = catalogue.RESULT_BYTES if call is None else catalogue.answer_of(call).mid * CHARS_PER_TOKEN
        return Size(size * times, UNKNOWN_FACTOR)
