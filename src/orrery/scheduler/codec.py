"""Events as bytes and back: MessagePack, one array per event.

Results travel in events already encoded. Values that a patch holds (arguments, items, outputs) do not, so
what `graph.values` writes in a form of its own is put into that form here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from orrery.errors import NotSerialisableError
from orrery.graph.patch import Add, Edit, Patch, Replace, SetOutputs
from orrery.graph.task import Task
from orrery.graph.values import boxed, from_ext, to_ext
from orrery.scheduler.events import AnyEvent, Event, GraphPatched, PatchRejected, TaskExpanded

_encoder = msgspec.msgpack.Encoder(enc_hook=to_ext)
_decoder = msgspec.msgpack.Decoder(list[AnyEvent], ext_hook=from_ext)
_WITH_VALUES = frozenset({GraphPatched, PatchRejected, TaskExpanded})


def encode_events(events: Sequence[Event]) -> bytes:
    """The bytes of a group of events. Raises NotSerialisableError if a text or a value in one cannot be written."""
    try:
        for event in events:
            if type(event) in _WITH_VALUES:  # few are, and the others are on every task's way
                return _encoder.encode([_boxed_event(event) for event in events])
        return _encoder.encode(events)
    except NotSerialisableError:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise NotSerialisableError(f"an event cannot be written to the journal: {error}") from error


def decode_events(data: bytes) -> list[AnyEvent]:
    """The events that `encode_events` wrote. Raises msgspec.DecodeError if the bytes are none."""
    return _decoder.decode(data)


def check_can_be_written(event: Event) -> None:
    """Return if the event can be written to a journal. Raises NotSerialisableError."""
    encode_events([event])


def boxed_task(task: Task) -> Task:
    """The task with its values in the form in which they are written; the same where that is no other."""
    args, each = boxed(task.args), task.each
    over = None if each is None else boxed(each.over)
    if each is not None and over is not each.over:
        each = msgspec.structs.replace(each, over=over)
    if args is task.args and each is task.each:
        return task
    return msgspec.structs.replace(task, args=args, each=each)


def _boxed_event(event: Event) -> Event:
    match event:
        case TaskExpanded():
            return msgspec.structs.replace(event, patch=_boxed_patch(event.patch), result=boxed(event.result))
        case GraphPatched() | PatchRejected():
            return msgspec.structs.replace(event, patch=_boxed_patch(event.patch))
    return event


def _boxed_patch(patch: Patch) -> Patch:
    return msgspec.structs.replace(patch, edits=tuple(_boxed_edit(edit) for edit in patch.edits))


def _boxed_edit(edit: Edit) -> Edit:
    match edit:
        case Add(task):
            inner = boxed_task(task)
            return edit if inner is task else Add(inner)
        case Replace(task):
            return Replace(boxed_task(task))
        case SetOutputs(outputs):
            return SetOutputs(boxed(outputs))
    return edit
