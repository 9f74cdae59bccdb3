"""Watchdog: notices that something holds the event loop up, and says what."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable

Report = Callable[[float, str], None]
"""Takes how long the loop has been blocked, in seconds, and where its thread is, as a traceback's text."""


class Watchdog:
    """Watches an event loop from a thread of its own.

    The loop is asked for a sign of life every half `threshold_s`; without one for `threshold_s` it is
    blocked, which is reported once. An idle loop answers, so this costs two wake-ups per threshold.

    Args:
        loop: is watched; `start` is called on it.
        threshold_s: how long the loop may be blocked, in seconds.
        report: is called from the watching thread, once per blockage.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, threshold_s: float = 1.0, *, report: Report) -> None:
        self._loop, self._threshold_s, self._report = loop, threshold_s, report
        self._answered = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0

    def start(self) -> None:
        """Begin to watch; called on the loop's own thread."""
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="orrery-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer; returns when the thread has ended."""
        self._stopping.set()
        self._answered.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self) -> None:
        while not self._stopping.is_set():
            asked_at = time.monotonic()
            self._answered.clear()
            if self._stopping.is_set() or not self._ask():
                return
            if not self._answered.wait(self._threshold_s):
                self._report(time.monotonic() - asked_at, self._where())
                self._answered.wait()  # the rest of this blockage was reported already
            self._stopping.wait(self._threshold_s / 2)

    def _ask(self) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._answered.set)
        except RuntimeError:  # the loop was closed: there is nothing left to watch
            return False
        return True

    def _where(self) -> str:
        frame = sys._current_frames().get(self._watched)
        return "" if frame is None else "".join(traceback.format_stack(frame))
