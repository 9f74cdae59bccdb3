"""InlineExecutor: async functions on the driver's own event loop, one asyncio task per attempt."""

from __future__ import annotations

import asyncio
import inspect

from orrery.graph.values import Blob, encode
from orrery.runtime.context import Context
from orrery.runtime.executors import outcome
from orrery.runtime.executors.outcome import INLINE_BYTES, AttemptKey, stopped
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.runtime.operations import resolve
from orrery.scheduler.events import Event, Usage


class InlineExecutor:
    """Runs attempts on the loop that opened it.

    A function that is not async runs right there as well, and holds everything up while it does: give it
    to the thread or process executor if it takes more than a moment. The watchdog tells when one did.

    Args:
        capacity: attempts at once.
        grace_s: how long `close` waits for cancelled attempts to end.
    """

    def __init__(self, capacity: int = 1000, *, grace_s: float = 5.0) -> None:
        self._capacity, self._grace_s = capacity, grace_s
        # Whoever takes an attempt out of the table reports its end, so there is exactly one.
        self._tasks: dict[AttemptKey, asyncio.Task[None]] = {}
        self._contexts: dict[AttemptKey, Context] = {}
        self._cancelled: set[AttemptKey] = set()

    @property
    def capacity(self) -> int:
        """How many attempts it can run at once."""
        return self._capacity

    async def open(self, host: Host) -> None:
        """Get ready; nothing is started before this."""
        self._host = host
        self._loop = asyncio.get_running_loop()

    def start(self, invocation: Invocation) -> None:
        """Begin an attempt and return at once."""
        key = (invocation.run, invocation.task, invocation.attempt)
        self._tasks[key] = self._loop.create_task(self._perform(invocation, key))

    def cancel(self, run: str, task: str, attempt: int) -> None:
        """Ask that an attempt ends; it is confirmed by its final event. Unknown attempts are ignored."""
        key = (run, task, attempt)
        running = self._tasks.get(key)
        if running is None:
            return
        begun = inspect.getcoroutinestate(running.get_coro()) != inspect.CORO_CREATED  # type: ignore[arg-type]
        if begun:
            self._cancelled.add(key)
            if key in self._contexts:
                self._contexts[key].cancel()
        else:  # asyncio will never enter it, so it cannot speak for itself
            self._finish(key, stopped(key, self._host))
        running.cancel()

    async def close(self) -> None:
        """Stop everything; an attempt that ignores its cancellation for `grace_s` is given up."""
        for key in list(self._tasks):
            self.cancel(*key)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=self._grace_s)
        for key in list(self._tasks):
            self._finish(key, stopped(key, self._host, self._used(key)))

    def _read_blob(self, blob: Blob) -> bytes:
        return self._host.blobs.get(blob)  # asked for only when needed: it may be made on first use

    def _finish(self, key: AttemptKey, event: Event) -> None:
        if self._tasks.pop(key, None) is not None:
            if self._contexts:
                self._contexts.pop(key, None)
            if self._cancelled:
                self._cancelled.discard(key)
            self._host.report(key[0], event)

    def _context(self, invocation: Invocation, key: AttemptKey) -> Context:
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = Context(invocation, self._host)
        return context

    async def _perform(self, invocation: Invocation, key: AttemptKey) -> None:
        """The hot path: all that a task costs beyond its own function and an asyncio task."""
        host = self._host
        began_at = host.now()
        event: Event | None = None
        try:
            operation = resolve(invocation.op)
            kwargs = operation.bind(invocation.args, read_blob=self._read_blob)
            if operation.context_parameter is not None:
                kwargs[operation.context_parameter] = self._context(invocation, key)
            value = operation.function(**kwargs)
            if operation.is_async:
                value = await value
            if not outcome.is_plain(value):
                value = await outcome.awaited(value, lambda: self._context(invocation, key))
                event = outcome.growth(invocation, value, host, usage=self._used(key))
            if event is None:
                data, usage = encode(value), self._used(key)
                if len(data) <= INLINE_BYTES:
                    event = outcome.success(invocation, data, host, usage=usage, began_at=began_at)
                else:  # hashing and writing a large value would hold the loop up
                    event = await asyncio.to_thread(
                        outcome.success, invocation, data, host, usage=usage, began_at=began_at
                    )
        except BaseException as error:  # noqa: BLE001 - SystemExit and its like too: they end an attempt, not the driver
            event = outcome.ended_by(
                error,
                invocation,
                host,
                cancelled=key in self._cancelled,
                usage=self._used(key),
                began_at=began_at,
            )
        self._finish(key, event)

    def _used(self, key: AttemptKey) -> Usage | None:
        context = self._contexts.get(key)
        return None if context is None else context.used()
