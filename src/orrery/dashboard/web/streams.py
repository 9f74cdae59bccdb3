"""Streams: the answers that go on, so many at the most, and all ended when the server is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from orrery.errors import TooManyStreamsError

MOST_STREAMS = 100


class Streams:
    """The streams that are open. Belongs to the event loop in which they are.

    Args:
        most: how many there may be at once.
    """

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self.most = most
        self._ends: set[asyncio.Future[None]] = set()
        self._is_over = False

    def close(self) -> None:
        """End all of them, and let none begin."""
        self._is_over = True
        for end in self._ends:
            if not end.done():
                end.set_result(None)

    def admit(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The parts of a stream, until it ends or all are ended. Raises TooManyStreamsError."""
        if len(self._ends) >= self.most:
            raise TooManyStreamsError(f"{self.most} streams are open, which is as many as there may be; close a page")
        return self._through(parts)

    async def _through(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ends.add(end)
        coming: asyncio.Future[bytes | None] | None = None
        try:
            while not self._is_over:
                coming = asyncio.ensure_future(_next(parts))
                waited: set[asyncio.Future[Any]] = {coming, end}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done() or (part := coming.result()) is None:
                    return
                yield part
        finally:
            self._ends.discard(end)
            if coming is not None and not coming.done():
                coming.cancel()
                await asyncio.wait({coming})
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()


async def _next(parts: AsyncIterator[bytes]) -> bytes | None:
    """The next part, None after the last."""
    return await anext(parts, None)


__all__ = ["Streams"]
