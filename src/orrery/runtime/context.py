"""Context: what a task may know of its attempt, and what it may say while it runs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from orrery.graph.values import Blob
from orrery.journal.blobs import BYTES, BlobWriter
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.scheduler.events import TaskProgressed, Usage

PROGRESS_EVERY_S = 0.05


class Context:
    """Given to a function that has a parameter `ctx`; may be used from any thread.

    Args:
        invocation: the attempt.
        host: where its reports go.
    """

    __slots__ = ("_cancelled", "_host", "_invocation", "_lock", "_money", "_on_cancel", "_quiet_until", "_tokens")

    def __init__(self, invocation: Invocation, host: Host) -> None:
        self._invocation, self._host = invocation, host
        self._lock = threading.Lock()
        self._cancelled = False
        self._on_cancel: Callable[[], object] | None = None
        self._quiet_until = 0.0
        self._money, self._tokens = 0.0, 0

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at this task: hand it to services that promise to act once per key."""
        return self._invocation.key

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1."""
        return self._invocation.attempt

    @property
    def task(self) -> str:
        """The task's id."""
        return self._invocation.task

    @property
    def run(self) -> str:
        """The run's id."""
        return self._invocation.run

    @property
    def folder(self) -> Path:
        """The run's working folder, against which relative paths are read."""
        return Path(self._invocation.folder)

    def progress(self, fraction: float | None = None, note: str = "") -> None:
        """Say how far the task is. Cheap to call often: at most 20 reports a second are passed on, and the end.

        Args:
            fraction: of the work that is done, in [0, 1]; None if nobody knows.
            note: what is being done, for people to read.
        """
        now = time.monotonic()
        done = fraction is not None and fraction >= 1
        with self._lock:
            if now < self._quiet_until and not done:
                return
            self._quiet_until = now + PROGRESS_EVERY_S
        self._host.report(self.run, self._progressed(fraction, note))

    def _progressed(self, fraction: float | None, note: str) -> TaskProgressed:
        if fraction is not None:
            fraction = min(max(0.0, float(fraction)), 1.0)  # in this order NaN becomes 0
        return TaskProgressed(self._host.now(), self.task, self.attempt, fraction, as_unicode(note))

    def blob_writer(self, media: str = BYTES) -> BlobInTheMaking:
        """A place for a large result of the given media type, written piece by piece."""
        return BlobInTheMaking(self._host.blobs.writer(media))

    def usage(self, *, money: float = 0.0, tokens: int = 0) -> None:
        """Add to what this attempt consumed: money in the budget's currency, tokens."""
        with self._lock:
            self._money += money
            self._tokens += tokens

    def used(self, *, cpu_s: float = 0.0) -> Usage | None:
        """What was consumed so far; None if nothing was."""
        with self._lock:
            if not (self._money or self._tokens or cpu_s):
                return None
            return Usage(self._money, self._tokens, cpu_s)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked that this attempt ends. A long computation in a thread looks here now and then."""
        return self._cancelled

    def check_cancelled(self) -> None:
        """End the attempt here if that was asked for. Raises asyncio.CancelledError."""
        if self._cancelled:
            raise asyncio.CancelledError

    def cancel(self) -> None:
        """Ask that the attempt ends; the executor's part."""
        with self._lock:
            self._cancelled = True
            if self._on_cancel is not None:
                self._on_cancel()

    @contextmanager
    def when_cancelled(self, act: Callable[[], object]) -> Iterator[None]:
        """Inside the block, a cancellation also calls `act`, from the thread that asks; never after the block."""
        with self._lock:
            self._on_cancel = act
            if self._cancelled:
                act()
        try:
            yield
        finally:
            with self._lock:
                self._on_cancel = None


class BlobInTheMaking:
    """Takes a large value in pieces; what is not closed when its block is left, leaves nothing behind.

    with ctx.blob_writer("text/plain") as out:
        out.write(b"piece by piece")
        return out.close()
    """

    __slots__ = ("_blob", "_writer")

    def __init__(self, writer: BlobWriter) -> None:
        self._writer = writer.__enter__()
        self._blob: Blob | None = None

    def write(self, data: bytes, /) -> None:
        """Add bytes. Raises StoreFullError, StoreReadOnlyError."""
        self._writer.write(data)

    def close(self) -> Blob:
        """Keep what was written and return what stands for it; closing again returns the same."""
        if self._blob is None:
            self._writer.__exit__(None, None, None)
            self._blob = self._writer.blob
        return self._blob

    def __enter__(self) -> BlobInTheMaking:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._blob is None:
            unwanted = error or GeneratorExit()
            self._writer.__exit__(type(unwanted), unwanted, trace)


def as_unicode(text: str) -> str:
    """The text with what UTF-8 cannot hold (lone surrogates) written out, so that it can be journaled."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
