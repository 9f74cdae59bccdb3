"""What a reference amounts to, once its source has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orrery.errors import ExpressionError, suggestion
from orrery.graph.ref import INPUTS, Path, Ref, TaskId
from orrery.graph.resolve import resolve
from orrery.graph.template import Template
from orrery.graph.values import Blob, decode
from orrery.scheduler.record import Record
from orrery.scheduler.states import State

Load = Callable[[Blob], Any]
"""Fetches a value that is kept as a blob."""


def blob_is_too_large(blob: Blob) -> Any:
    """The `Load` of conditions, which are computed without reading anything from outside."""
    raise ExpressionError(
        f"the result is too large for a condition ({blob.size_bytes} bytes); "
        "let a task of its own return the deciding value"
    )


class Results:
    """The results of a run by reference: read-only, over the scheduler's records."""

    __slots__ = ("_inputs", "_records")

    def __init__(self, records: Mapping[TaskId, Record]) -> None:
        self._records = records
        self._inputs: Any = {}

    def set_inputs(self, encoded: bytes) -> None:
        """Take the encoded inputs of the run."""
        self._inputs = decode(encoded)

    @property
    def inputs(self) -> Any:
        """The inputs of the run."""
        return self._inputs

    def look_up(self, ref: Ref, load: Load) -> Any:
        """The value that a reference stands for.

        A failed source gives its `Failure`; a skipped, cancelled or unfinished one None, whatever the path.

        Raises:
            LookupError: the path leads nowhere; the message says where it ends.
        """
        if ref.task == INPUTS:
            return descend(self._inputs, ref.path, f"the inputs of the run ({ref!r})")
        record = self._records[ref.task]
        if record.state is State.FAILED:
            return record.failure
        if record.state is not State.SUCCEEDED:
            return None
        if record.value is None:
            return self._from_tree(record.tree, ref, load)
        value = decode(record.value)
        if type(value) is Blob and value.media == "value":
            value = load(value)
        return descend(value, ref.path, f"the result of {ref.task!r}") if ref.path else value

    def blob_of(self, ref: Ref) -> Blob | None:
        """The blob as which a whole result is kept; None if the reference stands for anything else."""
        record = None if ref.path or ref.task == INPUTS else self._records[ref.task]
        if record is None or record.state is not State.SUCCEEDED or record.value is None:
            return None
        value = decode(record.value)
        return value if type(value) is Blob and value.media == "value" else None

    def _from_tree(self, tree: Any, ref: Ref, load: Load) -> Any:
        for position, key in enumerate(ref.path):
            if type(tree) is Ref or type(tree) is Template:
                whole = self.fill(tree, load)
                return descend(whole, ref.path[position:], f"the result of {ref.task!r}")
            tree = descend(tree, (key,), f"the result of {ref.task!r}")
        return self.fill(tree, load)

    def fill(self, value: Any, load: Load) -> Any:
        """A value with every reference in it looked up."""
        return resolve(value, lambda ref: self.look_up(ref, load))


def descend(value: Any, path: Path, whose: str) -> Any:
    """The part of a value that a path leads to. Raises LookupError, naming what is there instead."""
    for key in path:
        if isinstance(value, dict):
            if key in value:
                value = value[key]
                continue
            raise LookupError(f"{whose} has no entry {key!r}; {suggestion(str(key), map(str, value))}")
        if isinstance(value, list | tuple) and isinstance(key, int):
            if -len(value) <= key < len(value):
                value = value[key]
                continue
            raise LookupError(f"{whose} has no position {key}: it is a list of {len(value)}")
        raise LookupError(f"{whose} has no entry {key!r}: it is of type {type(value).__name__}")
    return value
