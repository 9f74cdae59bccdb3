"""GroupCommit: a thread that makes groups durable, all that wait at a time in one commit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

G = TypeVar("G")


class GroupCommit(Generic[G]):
    """Commits in the order of submission; the caller goes on while the disk works.

    Args:
        commit: makes several groups durable, all or none; called from the thread only.
        failed: told of a group that could not be committed, before its future says so.
    """

    def __init__(self, commit: Callable[[Sequence[G]], None], failed: Callable[[Sequence[G], Exception], None]) -> None:
        self._commit, self._failed = commit, failed
        self._waiting: queue.SimpleQueue[tuple[Sequence[G], Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="orrery-commit", daemon=True)
        self._thread.start()

    def submit(self, group: Sequence[G]) -> Future[None]:
        """Hand over what must be committed whole; the future completes when it is durable."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # from here on it cannot be taken back
        self._waiting.put((group, future))
        return future

    def drain(self) -> None:
        """Return once everything submitted before has been committed or has failed."""
        self.submit(()).result()

    def close(self) -> None:
        """Commit what waits and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            tickets: list[tuple[Sequence[G], Future[None]]] = []
            ticket = self._waiting.get()
            while True:
                if ticket is None:
                    closing = True
                    break
                tickets.append(ticket)
                try:
                    ticket = self._waiting.get_nowait()
                except queue.Empty:
                    break
            self._settle(tickets)

    def _settle(self, tickets: Sequence[tuple[Sequence[G], Future[None]]]) -> None:
        try:
            self._commit([part for group, _ in tickets for part in group])
        except Exception as error:  # noqa: BLE001 - it becomes the error of the futures; the thread must live
            if len(tickets) > 1:  # one of them is at fault: the others must not suffer for it
                for ticket in tickets:
                    self._settle([ticket])
                return
            for group, future in tickets:
                self._failed(group, error)
                future.set_exception(error)
        else:
            for _, future in tickets:
                future.set_result(None)
