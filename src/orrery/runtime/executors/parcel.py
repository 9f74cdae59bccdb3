"""Parcel: arguments and results as they travel between a run and a device of a fleet, large values as blobs.

A result of more than 256 kB is a blob with the media type "value"; as an argument it stays that blob, so a device that
made it or has had it before has it already. Other arguments of that size become such blobs. A task that returned more
work answers with the event that says so, in a Result that `grows`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orrery.errors import NotSerialisableError, ProtocolError
from orrery.graph import values
from orrery.graph.patch import Add, Replace
from orrery.graph.values import Blob, blobs_in
from orrery.journal.blobs import BlobStore
from orrery.runtime.executors.outcome import INLINE_BYTES
from orrery.scheduler.codec import decode_events, encode_events
from orrery.scheduler.events import TaskExpanded

VALUE = "value"
"""The media type of a blob that stands for a value."""


def packed(args: Mapping[str, Any], blobs: BlobStore) -> tuple[bytes, tuple[Blob, ...]]:
    """The encoded arguments, the largest as blobs where they come to more than 256 kB, and every blob among them.

    Raises NotSerialisableError, StoreError.
    """
    data = values.encode(dict(args))
    if len(data) > INLINE_BYTES:
        light, encoded = dict(args), {name: values.encode(value) for name, value in args.items()}
        left = len(data)
        for name in sorted(encoded, key=lambda one: -len(encoded[one])):
            if left <= INLINE_BYTES:
                break
            left -= len(encoded[name])
            light[name] = blobs.put(encoded[name], VALUE)
        data = values.encode(light)
    return data, tuple(dict.fromkeys(blobs_in(values.decode(data))))


def unpacked(data: bytes, read: Callable[[Blob], bytes]) -> dict[str, Any]:
    """The arguments that were packed, whole again. Raises msgspec.DecodeError, and what `read` raises."""
    found: dict[str, Any] = _whole(values.decode(data), read)
    return found


def value_of(data: bytes) -> Any:
    """The value that somebody else encoded, who may mean ill.

    Raises ProtocolError: it is none, or nested more than 200 levels deep, which would break whoever goes through it.
    """
    try:
        value = values.decode(data)
        if len(data) > values.MAX_DEPTH:  # each level takes a byte
            values.boxed(value)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, NotSerialisableError) as error:
        raise ProtocolError(f"it is no value: {error}") from error
    return value


def inside(blob: Blob, blobs: BlobStore) -> tuple[Blob, ...]:
    """The blobs that the value has for which a blob stands. Raises CorruptionError, StoreError."""
    return tuple(dict.fromkeys(blobs_in(values.decode(blobs.get(blob))))) if blob.media == VALUE else ()


def growth_packed(event: TaskExpanded, blobs: BlobStore) -> tuple[bytes, tuple[Blob, ...]]:
    """The value of a Result that `grows`, and every blob in it. Raises StoreError."""
    data = values.encode(encode_events([event]))
    inside = [*blobs_in(event.result)]
    for edit in event.patch.edits:
        if isinstance(edit, Add | Replace):
            inside += blobs_in(dict(edit.task.args))
            if edit.task.each is not None:
                inside += blobs_in(edit.task.each.over)
    if len(data) > INLINE_BYTES:
        blob = blobs.put(data, VALUE)
        inside.append(blob)
        data = values.encode(blob)
    return data, tuple(dict.fromkeys(inside))


def growth_unpacked(data: bytes, read: Callable[[Blob], bytes]) -> TaskExpanded:
    """The event of a Result that `grows`. Raises ProtocolError if it is none, and what `read` raises."""
    try:
        (event,) = decode_events(_whole(values.decode(data), read))
    except (msgspec.MsgspecError, TypeError) as error:
        raise ProtocolError(f"a device says that a task returned more work, and not which: {error}") from error
    if not isinstance(event, TaskExpanded):
        raise ProtocolError(f"a device says that a task returned more work, and means {type(event).__name__}")
    return event


def _whole(value: Any, read: Callable[[Blob], bytes]) -> Any:
    kind = type(value)
    if kind is Blob:
        return _whole(values.decode(read(value)), read) if value.media == VALUE else value
    if kind is list:
        return [_whole(item, read) for item in value]
    if kind is dict:
        return {key: _whole(item, read) for key, item in value.items()}
    return value


__all__ = ["VALUE", "growth_packed", "growth_unpacked", "inside", "packed", "unpacked", "value_of"]
