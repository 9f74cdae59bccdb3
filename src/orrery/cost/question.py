"""Question: what of a task its past is looked up by. The same words for a task that is to run and one that has run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from orrery.cost.calls import ModelCall
from orrery.errors import OrreryError
from orrery.graph.ref import INDEX, ITEM, Ref
from orrery.graph.task import Task
from orrery.graph.template import Template
from orrery.graph.values import Blob, decode, encode

SizeOf = Callable[[Ref], float]
"""How many bytes a reference stands for."""


class Question(NamedTuple):
    """A kind of task, from the roughest mark to the finest.

    Args:
        op: its operation.
        target: the model it asks, the device it runs on; "" where neither is said.
        step: what tells it from other uses of its operation: a digest of its arguments, the values of references aside.
        size: the power of two below which the bytes of its arguments lie; None: not to be asked for.
    """

    op: str
    target: str = ""
    step: str = ""
    size: int | None = None


def question_of(task: Task, target: str, size_of: SizeOf | None) -> Question:
    """The question about a task; about one of its items where it has a for-each."""
    size = None if size_of is None else bucket_of(input_bytes(task.args, size_of))
    return Question(task.op, target, step_of(task), size)


def target_of(task: Task) -> str:
    """The model or the device that a task names, or the device that it prefers; "" where it names none."""
    call = ModelCall.of(task)
    if call is not None:
        return call.model or ""
    if task.place is not None and len(task.place.on) == 1 and isinstance(task.place.on[0], str):
        return task.place.on[0]
    return "" if task.place is None else task.place.prefer


def step_of(task: Task) -> str:
    """A digest of the operation and its arguments: equal for the same step of the same workflow in another run."""
    try:
        return hashlib.blake2b(task.op.encode() + b"\0" + encode(task.args), digest_size=8).hexdigest()
    except (OrreryError, TypeError, ValueError):  # it could not be run either; it is only asked what it would cost
        return ""


def input_bytes(args: Any, size_of: SizeOf) -> float:
    """The bytes of arguments: texts by their length, references by what they stand for, anything else as 8."""
    total = 0.0
    ahead = [args]
    while ahead:
        value = ahead.pop()
        match value:
            case str() | bytes():
                total += len(value)
            case Ref():
                total += size_of(value)
            case Template():
                ahead.extend(value.parts)
            case dict():
                ahead.extend(value.keys())
                ahead.extend(value.values())
            case list() | tuple():
                ahead.extend(value)
            case Blob():
                total += value.size_bytes
            case _:
                total += 8
    return total


def bucket_of(size_bytes: float) -> int:
    """The power of two below which a size lies: 12 for 2 to 4 kB."""
    return int(min(size_bytes, 2.0**60)).bit_length()


def size_in_words(bucket: int) -> str:
    """A bucket of sizes as a person reads it."""
    if bucket <= 6:
        return "input below 64 B"
    names = ("B", "kB", "MB", "GB", "TB", "PB")
    low, high = bucket - 1, bucket
    unit = min(low // 10, len(names) - 1)
    if high // 10 > unit and unit < len(names) - 1:
        return f"input {2 ** (low - 10 * unit)} {names[unit]}-1 {names[unit + 1]}"
    return f"input {2 ** (low - 10 * unit)}-{2 ** (high - 10 * unit)} {names[unit]}"


def is_of_item(ref: Ref) -> bool:
    """Whether a reference stands for an item of the task's own for-each, or its position."""
    return ref.task in (ITEM, INDEX)


def value_bytes(raw: msgspec.Raw | bytes) -> int:
    """The size of an encoded result, of one that lies in the blob store as well."""
    data = bytes(raw)
    if len(data) < 256 and data[:1] in _EXTENSIONS:
        value = decode(data)
        if isinstance(value, Blob):
            return value.size_bytes
    return len(data)


_EXTENSIONS = frozenset(bytes([code]) for code in (0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8))
"""The bytes with which MessagePack begins an extension type."""
