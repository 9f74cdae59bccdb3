"""From what a function returned or raised to the one final event of its attempt.

A value succeeds, an exception fails; a Graph, a Growth or a Patch becomes more work. A generator's items become a
list. Whatever user code does (SystemExit, a value that cannot be written, an error that cannot print
itself) ends as an event and never as a dead driver.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from types import GeneratorType
from typing import Any

import msgspec

import orrery
from orrery.errors import Failure, NotSerialisableError, ResultNotKeptError, StoreError
from orrery.graph import Graph, Growth, Patch, TaskId, values
from orrery.runtime.context import Context, as_unicode
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.scheduler.codec import check_can_be_written
from orrery.scheduler.events import Event, TaskExpanded, TaskFailed, TaskStopped, TaskSucceeded, Usage

INLINE_BYTES = 256_000
"""The largest encoded value that an event carries itself; larger ones go to the blob store."""
MAX_FRAMES = 8
MAX_MESSAGE_CHARS = 10_000

AttemptKey = tuple[str, TaskId, int]
"""What identifies an attempt: the run, the task, and the number of the attempt."""

_HERE = str(Path(orrery.__file__).parent)
_PLAIN = frozenset({str, int, float, bool, bytes, list, dict, tuple, type(None)})
_failures = msgspec.msgpack.Decoder(Failure)


def key_of(invocation: Invocation) -> AttemptKey:
    """What identifies the attempt."""
    return invocation.run, invocation.task, invocation.attempt


def stopped(key: AttemptKey, host: Host, usage: Usage | None = None) -> TaskStopped:
    """The event of a cancelled attempt that has ended."""
    return TaskStopped(host.now(), key[1], key[2], usage)


def is_plain(value: Any) -> bool:
    """Whether the value is surely a result as it is: nothing to await, to iterate or to expand."""
    return type(value) in _PLAIN


async def awaited(value: Any, context: Callable[[], Context]) -> Any:
    """The value behind what a function returned: an awaitable's result, a generator's items as a list."""
    if inspect.isasyncgen(value):
        items = []
        async for item in value:
            items.append(item)
            context().progress(None, f"{len(items)} items")
        return items
    if inspect.isawaitable(value):
        return await value
    return collected(value, context)


def collected(value: Any, context: Callable[[], Context]) -> Any:
    """A generator's items as a list, with progress after each; any other value as it is."""
    if not isinstance(value, GeneratorType):
        return value
    items = []
    for item in value:
        items.append(item)
        context().progress(None, f"{len(items)} items")
        context().check_cancelled()
    return items


def success(invocation: Invocation, data: bytes, host: Host, *, usage: Usage | None, began_at: float) -> Event:
    """The event of an encoded value; one that is too large for an event is put into the blob store."""
    if len(data) > INLINE_BYTES:
        try:
            data = values.encode(host.blobs.put(data, "value"))
        except StoreError as error:
            raise ResultNotKeptError(f"the result of task {invocation.task!r} could not be kept: {error}") from error
    return TaskSucceeded(host.now(), invocation.task, invocation.attempt, msgspec.Raw(data), usage, began_at)


def growth(invocation: Invocation, value: Any, host: Host, *, usage: Usage | None) -> Event | None:
    """The event of a Graph, a Growth or a Patch; None for any other value.

    Raises GraphError, NotSerialisableError.
    """
    attempt = host.now(), invocation.task, invocation.attempt
    if isinstance(value, Growth):
        event = TaskExpanded(*attempt, value.patch, value.result, value.accept_errors, usage, beside=True)
    elif isinstance(value, Graph):
        from orrery.graph.nest import nested

        event = TaskExpanded(*attempt, *nested(value, under=invocation.task), usage=usage)
    elif isinstance(value, Patch):
        event = TaskExpanded(*attempt, value, usage=usage)
    else:
        return None
    check_can_be_written(event)  # here it fails the task; in the journal it would stop the driver
    return event


def ended_by(
    error: BaseException,
    invocation: Invocation,
    host: Host,
    *,
    cancelled: bool,
    usage: Usage | None,
    began_at: float,
) -> Event:
    """The event of an exception: TaskStopped where a cancelled attempt gave in, else TaskFailed."""
    if cancelled and isinstance(error, asyncio.CancelledError):
        return stopped(key_of(invocation), host, usage)
    return TaskFailed(host.now(), invocation.task, invocation.attempt, failure_of(error), usage, began_at)


def failure_of(error: BaseException) -> Failure:
    """The failure that an exception amounts to, with a short traceback, in a form that surely can be written."""
    try:
        failure = Failure.of(error, detail=_own_frames(error))
        failure = msgspec.structs.replace(
            failure, message=as_unicode(failure.message[:MAX_MESSAGE_CHARS]), detail=as_unicode(failure.detail)
        )
        return _failures.decode(msgspec.msgpack.encode(failure))
    except Exception as broken:  # noqa: BLE001 - an exception's own methods and attributes may do anything
        return Failure(
            type=as_unicode(type(error).__name__),
            message=f"the error cannot say what it is: {type(broken).__name__}",
            severity="permanent" if isinstance(error, NotSerialisableError) else "transient",
        )


def _own_frames(error: BaseException) -> str:
    """The innermost frames of the user's code: ours say nothing about the user's mistake."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_HERE)]
    return "".join(traceback.format_list(frames[-MAX_FRAMES:]))
