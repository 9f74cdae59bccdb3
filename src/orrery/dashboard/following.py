"""Followers: the runs that somebody listens to, each read on by one task however many listen.

A follower asks for no more than the number of a run's last event while nothing happens. It tells its listeners that
something moved, not what: each takes the change from where it is when it is ready for it, so that a slow one gets fewer
and larger changes, and nothing waits for it in memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from orrery.dashboard.faults import UNFORESEEN
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.spectators import Spectators
from orrery.errors import InternalError, OrreryError

_LOG = logging.getLogger("orrery.dashboard")

POLL_S = 0.1
"""Between two looks at the end of a log."""
LIVE_S = 1.0
"""Between two looks at whether somebody drives the run, while its log does not grow."""


class Mark(NamedTuple):
    """Where a run stands: the number of its last event, its state, and whether nothing can follow."""

    seq: int
    state: str
    ended: bool


class Follower:
    """One run that somebody listens to.

    Args:
        spectators: of the store; they are asked on a thread, since that may wait for the store.
        run: its whole name.

    Attributes:
        mark: where the run stood at the last look; None before the first.
        trouble: why it can be read no further.
        closed: the server is about to end.
    """

    def __init__(self, spectators: Spectators, run: str) -> None:
        self._spectators, self._run = spectators, run
        self._spectator: Spectator | None = None
        self.mark: Mark | None = None
        self.trouble: OrreryError | None = None
        self.closed = False
        self.listeners = 0
        self.task: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._asked_at = float("-inf")

    @property
    def spectator(self) -> Spectator:
        """The run, as far as `mark` says or further; there is none before the first mark."""
        assert self._spectator is not None
        return self._spectator

    async def moves(self, timeout_s: float) -> bool:
        """Wait until something has moved since the call, at most so long; whether it has."""
        try:
            await asyncio.wait_for(self._moved.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def follow(self) -> None:
        """Read on until nobody listens or nothing can follow."""
        while not self.closed:
            try:
                mark = await asyncio.to_thread(self._look)
            except OrreryError as error:
                self._give_up(error)
                return
            except Exception as error:  # noqa: BLE001 - whoever listens would wait for ever
                _LOG.error("a run could not be read on", exc_info=error)
                self._give_up(InternalError(UNFORESEEN))
                return
            if mark != self.mark:
                self.mark = mark
                self._tell()
            if mark.ended:
                return
            await asyncio.sleep(POLL_S)

    def close(self) -> None:
        """Let everybody who listens go."""
        self.closed = True
        self._tell()

    def _look(self) -> Mark:
        if self._spectator is None:
            self._spectator = self._spectators.of(self._run)
        spectator, now = self._spectator, time.monotonic()
        grown = spectator.journal.head(spectator.run) != spectator.machine.seq
        if grown or self.mark is None or now - self._asked_at >= LIVE_S:
            self._asked_at = now
            spectator.catch_up()
        return Mark(spectator.machine.seq, spectator.standing, spectator.ended)

    def _give_up(self, error: OrreryError) -> None:
        self.trouble = error
        self._tell()

    def _tell(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


class Followers:
    """The followers of a store, by run. Their tasks belong to the event loop of whoever listens first."""

    def __init__(self, spectators: Spectators) -> None:
        self._spectators = spectators
        self._following: dict[tuple[asyncio.AbstractEventLoop, str], Follower] = {}
        self._closed = False

    @asynccontextmanager
    async def listen(self, run: str) -> AsyncIterator[Follower]:
        """The follower of a run, for as long as the block lasts."""
        place = (asyncio.get_running_loop(), run)
        follower = self._following.get(place)
        if follower is None:
            follower = self._following[place] = Follower(self._spectators, run)
            follower.closed = self._closed
            follower.task = asyncio.create_task(follower.follow())
        follower.listeners += 1
        try:
            yield follower
        finally:
            follower.listeners -= 1
            if follower.listeners == 0:
                if self._following.get(place) is follower:
                    del self._following[place]
                if follower.task is not None:
                    follower.task.cancel()

    def close(self) -> None:
        """End every stream, and those to come; may be called from any thread, and from the handler of a signal."""
        self._closed = True
        for (loop, _run), follower in list(self._following.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(follower.close)
