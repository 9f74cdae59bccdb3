"""Patience: how long a connection may take to say what it asks.

Whoever reaches the port may open connections, without a token. One that says nothing, or its headers a letter at a
time, would hold a file of the process for ever, and enough of them all that it may have.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 10.0
"""From the opening of a connection, or the first byte of a further request on it, until its headers are whole."""


class Patient(H11Protocol):
    """A connection that is closed where its headers do not come in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on, or no more."""
        super().data_received(data)
        if self._is_waited_for():
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_S, self._give_up)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_waited_for() and not self.transport.is_closing():
            self.transport.close()

    def _is_waited_for(self) -> bool:
        """Whether there is no whole head of a request, or the rest of one is under way that has its answer already."""
        return self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE


__all__ = ["Patient"]
