"""Content keys: two tasks with one key compute the same result, however they are named.

A key is the SHA-256 of the operation, its arguments, its for-each and what its place requires, in canonical form, in
which a reference to a task is that task's own key. So it does not depend on ids, labels, limits, estimates, executors,
preferred devices, or the order of maps; and it tells 1 from 1.0 from True, 0.0 from -0.0, a list from a map. Whether
and when a task runs (conditions, `join`, edges) is no part of it: whoever merges two tasks must compare that as well.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import Any

from orrery.errors import Failure, GraphError, Problem, suggestion
from orrery.graph.graph import Graph
from orrery.graph.ref import INPUTS, PSEUDO_SOURCES, Ref, TaskId
from orrery.graph.task import Task
from orrery.graph.template import Template
from orrery.graph.values import Blob, decode, encode

Write = Callable[[bytes], object]


def content_key(task: Task, inputs: Mapping[TaskId, str]) -> str:
    """The key of one task: 64 hexadecimal digits.

    Args:
        inputs: the keys of the tasks to which its arguments refer. One for `INPUTS` may be given too;
            without it, all runs' inputs count as the same.

    Raises:
        GraphError: it refers to a task whose key is not given.
    """
    digest = hashlib.sha256()
    write = digest.update
    place = f"task {task.id!r}"
    _text(write, b"o", task.op)
    _value(write, task.args, inputs, place)
    if task.each is not None:
        write(b"e1" if task.each.accept_errors else b"e0")
        _value(write, task.each.over, inputs, place)
    if task.place is not None and (required := task.place.required()):
        write(b"@")
        _value(write, required, inputs, place)
    return digest.hexdigest()


def content_keys(graph: Graph, inputs: str | None = None) -> dict[TaskId, str]:
    """The keys of all tasks, in a topological order.

    Args:
        inputs: the key of the run's inputs (see `value_key`), to compare tasks of different runs.
    """
    known: dict[TaskId, str] = {} if inputs is None else {INPUTS: inputs}
    keys: dict[TaskId, str] = {}
    for task in graph.in_order():
        known[task.id] = keys[task.id] = content_key(task, known)
    return keys


def value_key(value: Any) -> str:
    """The key of a plain value, such as a run's inputs or a finished result."""
    digest = hashlib.sha256()
    _value(digest.update, value, {}, "value")
    return digest.hexdigest()


def _source(write: Write, source: TaskId, inputs: Mapping[TaskId, str], place: str) -> None:
    key = inputs.get(source)
    if key is not None:
        _text(write, b"k", key)
    elif source in PSEUDO_SOURCES:
        _text(write, b"p", source)
    else:
        raise GraphError(
            [Problem("keys/unknown-input", place, f"the key of {source!r} is not given; {suggestion(source, inputs)}")]
        )


def _text(write: Write, tag: bytes, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    write(b"%b%d:" % (tag, len(data)))
    write(data)


def _value(write: Write, value: Any, inputs: Mapping[TaskId, str], place: str) -> None:
    """Feed the canonical form: every part begins with its kind and length, so no two values read alike."""
    kind = type(value)
    if kind is str:
        _text(write, b"s", value)
    elif value is None:
        write(b"n")
    elif kind is bool:
        write(b"b1" if value else b"b0")
    elif kind is int:
        write(b"i%b;" % hex(value).encode())
    elif kind is float:
        write(b"f" + (struct.pack(">d", value) if value == value else b"nan"))  # noqa: PLR0124 (all NaNs are one)
    elif kind is bytes:
        write(b"y%d:" % len(value))
        write(value)
    elif kind is dict:
        write(b"m%d:" % len(value))
        for key in sorted(value):
            _text(write, b"s", key)
            _value(write, value[key], inputs, place)
    elif kind is list or kind is tuple:
        write(b"l%d:" % len(value))
        for inner in value:
            _value(write, inner, inputs, place)
    elif kind is Ref:
        write(b"r%d:" % len(value.path))
        _source(write, value.task, inputs, place)
        for step in value.path:
            _value(write, step, inputs, place)
    elif kind is Template:
        write(b"t%d:" % len(value.parts))
        for part in value.parts:
            _value(write, part, inputs, place)
    elif kind is Blob or kind is Failure:
        data = encode(value)
        write(b"z%d:" % len(data))
        write(data)
    else:
        _value(write, decode(encode(value)), inputs, place)
