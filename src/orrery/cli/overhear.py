"""Overhear: what tasks print while a display holds the terminal, handed to the display in whole lines.

A worker process or a shell command writes to the terminal itself, past anything that replaces `sys.stdout`,
and would tear a display that redraws itself. So the terminal's file descriptors are led into a pipe for
that time. A thread reads it: the event loop must not, as a task that prints on the loop would wait for it.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable

_CHUNK_BYTES = 1 << 16


class Overhear:
    """Between `start` and `stop`, whatever is written to stdout and stderr goes to `hear`, where they are terminals.

    Args:
        hear: takes some whole lines at a time, on a thread of its own.
    """

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._saved: dict[int, int] = {}
        self._thread: threading.Thread | None = None
        self._stop_reader, self._stop_writer = -1, -1

    def start(self) -> None:
        """Begin. Does nothing where select cannot wait for pipes, as on Windows."""
        if os.name == "nt" or self._thread is not None:
            return
        _flush()
        reader, writer = os.pipe()
        self._stop_reader, self._stop_writer = os.pipe()
        for descriptor in (1, 2):
            if os.isatty(descriptor):
                self._saved[descriptor] = os.dup(descriptor)
                os.dup2(writer, descriptor)
        os.close(writer)
        self._thread = threading.Thread(target=self._listen, args=(reader,), name="orrery-overhear", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the terminal back; everything written until now has been handed over when this returns."""
        if self._thread is None:
            return
        _flush()
        for descriptor, saved in self._saved.items():
            os.dup2(saved, descriptor)
            os.close(saved)
        self._saved.clear()
        os.close(self._stop_writer)
        self._thread.join()
        os.close(self._stop_reader)
        self._thread = None

    def _listen(self, reader: int) -> None:
        rest = b""
        while True:
            ready, _, _ = select.select([reader, self._stop_reader], [], [])
            if reader not in ready:
                break  # told to stop, and there is nothing left; a child may hold the pipe for ever
            chunk = os.read(reader, _CHUNK_BYTES)
            if not chunk:
                break
            lines, newline, rest = (rest + chunk).rpartition(b"\n")
            if newline:
                self._hear(lines.decode("utf-8", "replace"))
            elif len(rest) > _CHUNK_BYTES:
                self._hear(rest.decode("utf-8", "replace"))
                rest = b""
        if rest:
            self._hear(rest.decode("utf-8", "replace"))
        os.close(reader)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
