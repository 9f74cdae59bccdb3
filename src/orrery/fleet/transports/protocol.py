"""Connection, Listener, Transport: what every way of moving messages must do.

A message is a few bytes up to a few million. A connection may lose, repeat and reorder messages where its medium
does (`session` mends that); it never changes or joins them. `orrery.testing.transports` checks all that is said here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class Connection(Protocol):
    """One end of an open connection.

    `max_bytes` is the largest message that it takes in. It may be changed: who takes connections from strangers begins
    with little, and allows more once it knows who is there.
    """

    max_bytes: int

    @property
    def peer(self) -> str:
        """Where the other end is, for logs: an address or a topic."""

    @property
    def form(self) -> str:
        """How frames are written on it: "json" or "msgpack"."""

    async def send(self, message: bytes) -> None:
        """Send one message; returns when there is room for another. Raises ConnectionLostError."""

    async def receive(self) -> bytes:
        """The next message.

        Raises:
            ConnectionLostError: there is no more to come, for whatever reason; it says which.
            MessageTooLargeError: one is larger than allowed; the connection is closed.
        """

    async def close(self, because: str = "") -> None:
        """Say goodbye where the medium knows how, and free everything. Closing again does nothing."""


Accepted = Callable[[Connection], Awaitable[None]]
"""Told of every new connection; it ends when this returns."""


class Listener(Protocol):
    """Takes connections until it is closed."""

    @property
    def url(self) -> str:
        """What others dial."""

    async def close(self) -> None:
        """Take no more, and close what is open."""


class Transport(Protocol):
    """A way to connect, found by the scheme of a URL: `memory:`, `ws:`, `wss:`, `mqtt:`, `mqtts:`."""

    async def dial(self, url: str, *, max_bytes: int) -> Connection:
        """Connect to a listener. Raises ConnectionLostError, TransportUrlError, MissingExtraError."""

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Listener:
        """Take connections at a URL; port 0 chooses one. Raises TransportUrlError, MissingExtraError, OutsideError."""
