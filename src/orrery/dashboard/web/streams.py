"""Streams: the answers that go on, so many at the most, and all ended when the server is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

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

    def answer(self, parts: AsyncIterator[bytes], media: str, headers: Mapping[str, str]) -> Response:
        """The answer that has the parts of a stream, until it ends or all are ended. Raises TooManyStreamsError."""
        if len(self._ends) >= self.most:
            raise TooManyStreamsError(f"{self.most} streams are open, which is as many as there may be; close a page")
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ends.add(end)  # from here on, since many may be asked for before the first of them begins
        return _Counted(self._through(parts, end), media, headers, lambda: self._ends.discard(end))

    async def _through(self, parts: AsyncIterator[bytes], end: asyncio.Future[None]) -> AsyncIterator[bytes]:
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
            if coming is not None and not coming.done():
                coming.cancel()
                await asyncio.wait({coming})
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()


class _Counted(StreamingResponse):
    """A stream that takes a place, and gives it back however it ends, even where it never began."""

    def __init__(
        self, parts: AsyncIterator[bytes], media: str, headers: Mapping[str, str], give_back: Callable[[], None]
    ) -> None:
        super().__init__(parts, media_type=media, headers=headers)
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


async def _next(parts: AsyncIterator[bytes]) -> bytes | None:
    """The next part, None after the last."""
    return await anext(parts, None)


__all__ = ["Streams"]
