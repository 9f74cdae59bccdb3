"""BlobServer: what others dial to fetch blobs directly, with a ticket from the hub."""

from __future__ import annotations

import time
from collections.abc import Callable

from orrery.fleet.blobs import ticket_fault
from orrery.fleet.messages import Artifact
from orrery.fleet.porter import Held, Porter, carry, sending_on
from orrery.fleet.transports.protocol import Connection, Listener, Transport
from orrery.fleet.transports.registry import transport_for

MOST_ASKED_BYTES = 65_536
"""The largest message that is taken in: others ask, and nobody is known before his ticket is."""


class BlobServer:
    """Lets others fetch directly, if the hub gave them a ticket.

    Args:
        held: opens what is held here.
        secret: gives the secret that tickets are made with; it is shared with the hub alone, and nobody is let in
            before there is one.
        hub_now: the hub's clock.
        max_bytes: of a message that comes in.
        idle_s: after which a connection is closed on which nothing is sent.
    """

    def __init__(
        self,
        held: Held,
        *,
        secret: Callable[[], bytes],
        hub_now: Callable[[], float] = time.time,
        max_bytes: int = MOST_ASKED_BYTES,
        idle_s: float = 30.0,
    ) -> None:
        self._held, self._secret, self._hub_now, self._max_bytes = held, secret, hub_now, max_bytes
        self._idle_s = idle_s
        self._listener: Listener | None = None

    @property
    def url(self) -> str:
        """What others dial; empty while it does not listen."""
        return self._listener.url if self._listener is not None else ""

    async def listen(self, url: str, transport: Transport | None = None) -> None:
        """Take connections at a URL; port 0 chooses one. Raises TransportUrlError, OutsideError.

        Args:
            transport: that listens; None: the usual one for the URL.
        """
        chosen = transport or transport_for(url)
        self._listener = await chosen.listen(url, self._accepted, max_bytes=self._max_bytes)

    async def close(self) -> None:
        """Take no more connections, and end those that there are."""
        if self._listener is not None:
            await self._listener.close()
            self._listener = None

    async def _accepted(self, connection: Connection) -> None:
        porter = Porter(sending_on(connection), self._held, shared=False, admit=self._fault)
        try:
            await carry(connection, porter, idle_s=self._idle_s)
        finally:
            await porter.close()

    def _fault(self, opened: Artifact) -> str:
        secret = self._secret()
        if not secret:
            return "nothing is given out before the hub was met"
        fault = ticket_fault(secret, opened.ticket, opened.digest, self._hub_now())
        return f"the ticket is {fault}" if fault else ""


__all__ = ["BlobServer"]
