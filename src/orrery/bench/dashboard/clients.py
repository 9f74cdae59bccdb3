"""Clients: one that listens to the stream of a run, and one that asks for all of its rows every second."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from orrery.bench.dashboard.processes import START_S, Dashboard
from orrery.errors import OutsideError

EVERY_S = 1.0


class Tally:
    """What came: bytes, answers (changes of a stream are such), and the number of the last event that was told of."""

    def __init__(self) -> None:
        self.bytes = self.answers = self.last = 0
        self._more = threading.Condition()

    def answered(self, last: int = 0) -> None:
        """Count an answer."""
        with self._more:
            self.answers, self.last = self.answers + 1, last
            self._more.notify_all()

    def wait(self, more_than: int = 0) -> None:
        """Wait until there are more answers than so many. Raises OutsideError."""
        with self._more:
            if not self._more.wait_for(lambda: self.answers > more_than, START_S):
                raise OutsideError(f"the dashboard answers nothing for {START_S:g} s")


@contextmanager
def listening(dashboard: Dashboard, run: str, tally: Tally | None = None) -> Iterator[Tally]:
    """Listen to the stream of a run while the block lasts, from where the tally is."""
    tally = tally or Tally()
    connection = dashboard.connection()
    connection.request("GET", f"/api/runs/{run}/stream?after={tally.last}", headers=dashboard.headers)
    answer, end = connection.getresponse(), threading.Event()

    def listen() -> None:
        try:
            while not end.is_set() and (line := answer.readline()):
                tally.bytes += len(line)
                if line.startswith(b"id: "):
                    tally.answered(int(line[4:]))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            if not end.is_set():  # that the connection was closed is how it ends
                raise

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield tally
    finally:
        end.set()
        _hang_up(connection)
        thread.join()
        connection.close()


@contextmanager
def polling(dashboard: Dashboard, run: str) -> Iterator[Tally]:
    """Ask for all rows of a run once a second while the block lasts, as a page without a stream would."""
    tally, end = Tally(), threading.Event()

    def ask() -> None:
        due = time.monotonic()
        while not end.wait(max(0.0, due - time.monotonic())):
            due = max(due + EVERY_S, time.monotonic())
            tally.bytes += len(rows(dashboard, run))
            tally.answered()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield tally
    finally:
        end.set()
        thread.join()


def rows(dashboard: Dashboard, run: str) -> bytes:
    """Every row of a run."""
    connection = dashboard.connection()
    try:
        connection.request("GET", f"/api/runs/{run}/rows", headers=dashboard.headers)
        return connection.getresponse().read()
    finally:
        connection.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        connection.sock.shutdown(socket.SHUT_RDWR)
