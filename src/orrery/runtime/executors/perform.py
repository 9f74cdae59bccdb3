"""Perform: an attempt from beginning to end on the thread that calls, whatever kind its function is."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from orrery.graph.values import Blob, encode
from orrery.runtime.context import Context
from orrery.runtime.executors import outcome
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.runtime.operations import resolve
from orrery.scheduler.events import Event


def perform(invocation: Invocation, host: Host, context: Context, *, cpu_clock: Callable[[], float]) -> Event:
    """Run the attempt and return its final event; never raises.

    Args:
        host: the clock and the blobs; nothing final is reported to it.
        context: is cancelled from another thread.
        cpu_clock: processor time spent so far on the attempt's behalf, in seconds.
    """
    began_at, cpu_began_s = host.now(), cpu_clock()
    try:
        value = _value(invocation, host, context)
        if not outcome.is_plain(value):
            usage = context.used(cpu_s=cpu_clock() - cpu_began_s)
            grown = outcome.growth(invocation, value, host, usage=usage)
            if grown is not None:
                return grown
        data = encode(value)
        usage = context.used(cpu_s=cpu_clock() - cpu_began_s)
        return outcome.success(invocation, data, host, usage=usage, began_at=began_at)
    except BaseException as error:  # noqa: BLE001 - SystemExit and its like too: they end an attempt, not a worker
        usage = context.used(cpu_s=cpu_clock() - cpu_began_s)
        return outcome.ended_by(error, invocation, host, cancelled=context.cancelled, usage=usage, began_at=began_at)


def _value(invocation: Invocation, host: Host, context: Context) -> Any:
    operation = resolve(invocation.op)

    def read_blob(blob: Blob) -> bytes:
        return host.blobs.get(blob)  # asked for only when needed: it may be made on first use

    kwargs = operation.bind(invocation.args, read_blob=read_blob)
    if operation.context_parameter is not None:
        kwargs[operation.context_parameter] = context
    context.check_cancelled()
    value = operation.function(**kwargs)
    if outcome.is_plain(value):
        return value
    if inspect.isawaitable(value) or inspect.isasyncgen(value):
        return asyncio.run(_awaited(value, context))
    return outcome.collected(value, lambda: context)


async def _awaited(value: Any, context: Context) -> Any:
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None
    with context.when_cancelled(lambda: loop.call_soon_threadsafe(me.cancel)):
        return await outcome.awaited(value, lambda: context)
