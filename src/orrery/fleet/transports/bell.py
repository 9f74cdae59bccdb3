"""Bell: wakes whoever waits for something to change; what has changed they see for themselves."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung in an event loop, without a lock and without a turn of the loop where nobody waits."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        """Wake all who wait now."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def rung(self) -> None:
        """Wait for the next ring."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        finally:
            if waiting.cancelled() and waiting in self._waiting:
                self._waiting.remove(waiting)
