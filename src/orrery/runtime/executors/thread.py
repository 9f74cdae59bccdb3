"""ThreadExecutor: functions that block, each on a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
import time

from orrery.runtime.context import Context
from orrery.runtime.executors.outcome import AttemptKey, key_of, stopped
from orrery.runtime.executors.perform import perform
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.scheduler.events import Event

IDLE = "orrery-idle"


class _Attempt:
    """One attempt on its way through a thread."""

    __slots__ = ("began", "context", "invocation", "variables")

    def __init__(self, invocation: Invocation, host: Host) -> None:
        self.invocation = invocation
        self.context = Context(invocation, host)
        self.variables = contextvars.copy_context()
        self.began = False


class ThreadExecutor:
    """Runs attempts on daemon threads, made when they are first needed.

    A thread cannot be stopped from outside. A cancelled attempt that has not begun ends at once; one that
    runs is told by its context (`ctx.cancelled`, `ctx.check_cancelled()`; an async function is cancelled)
    and has `grace_s` to end. After that it is given up: confirmed as stopped, its thread replaced, and
    whatever it returns later thrown away.

    Args:
        capacity: attempts at once.
        grace_s: how long a cancelled attempt may take to end.
    """

    def __init__(self, capacity: int = 32, *, grace_s: float = 5.0) -> None:
        self._capacity, self._grace_s = capacity, grace_s
        self._lock = threading.RLock()
        # Under the lock. Whoever takes an attempt out of the table reports its end, so there is exactly one.
        self._attempts: dict[AttemptKey, _Attempt] = {}
        self._threads: dict[threading.Thread, AttemptKey | None] = {}  # what each is at, or None
        self._waiting: queue.SimpleQueue[_Attempt | None] = queue.SimpleQueue()
        self._all_ended: asyncio.Event | None = None

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
        attempt = _Attempt(invocation, self._host)
        with self._lock:
            self._attempts[key_of(invocation)] = attempt
            self._add_thread_if_short()
        self._waiting.put(attempt)

    def cancel(self, run: str, task: str, attempt: int) -> None:
        """Ask that an attempt ends; it is confirmed by its final event. Unknown attempts are ignored."""
        key = (run, task, attempt)
        with self._lock:
            asked = self._attempts.get(key)
            if asked is None:
                return
            if not asked.began:
                self._end(key, asked, stopped(key, self._host))
                return
        asked.context.cancel()
        self._loop.call_later(self._grace_s, self._give_up, key, asked)

    async def close(self) -> None:
        """Stop everything; an attempt that does not end within `grace_s` of its cancellation is given up."""
        ended = asyncio.Event()
        with self._lock:
            self._all_ended = ended
            running = list(self._attempts)
        for key in running:
            self.cancel(*key)
        if running:
            await ended.wait()
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._waiting.put(None)
        for thread in threads:
            thread.join()  # each has at most to take its None

    def _add_thread_if_short(self) -> None:
        """One more thread if all are busy; under the lock."""
        if len(self._threads) < min(self._capacity, len(self._attempts)):
            thread = threading.Thread(target=self._serve, name=IDLE, daemon=True)
            self._threads[thread] = None
            thread.start()

    def _serve(self) -> None:
        """A thread's life: take an attempt, run it, until told to end or given up."""
        me = threading.current_thread()
        while (attempt := self._waiting.get()) is not None:
            key = key_of(attempt.invocation)
            with self._lock:
                if self._attempts.get(key) is not attempt:
                    continue  # it was cancelled while it waited
                attempt.began = True
                self._threads[me] = key
            me.name = f"orrery-{key[1]}"  # what a debugger or the watchdog's reader sees
            event = attempt.variables.run(
                perform, attempt.invocation, self._host, attempt.context, cpu_clock=time.thread_time
            )
            self._end(key, attempt, event)
            with self._lock:
                if me not in self._threads:
                    return  # it was given up, and another serves in its place
                self._threads[me] = None
            me.name = IDLE
        with self._lock:
            self._threads.pop(me, None)

    def _end(self, key: AttemptKey, attempt: _Attempt, event: Event) -> None:
        """Report the end of an attempt, unless somebody did."""
        with self._lock:
            if self._attempts.get(key) is not attempt:
                return
            del self._attempts[key]
            ended = self._all_ended if not self._attempts else None
        self._host.report(key[0], event)
        if ended is not None:
            self._loop.call_soon_threadsafe(ended.set)

    def _give_up(self, key: AttemptKey, attempt: _Attempt) -> None:
        """The grace is over: let the thread go its way and put another in its place."""
        with self._lock:
            if self._attempts.get(key) is not attempt:
                return
            for thread, busy_with in list(self._threads.items()):
                if busy_with == key:
                    del self._threads[thread]
            self._end(key, attempt, stopped(key, self._host, attempt.context.used()))
            self._add_thread_if_short()  # for those that wait behind it
