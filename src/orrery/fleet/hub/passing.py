"""Passing: blobs on their way through a hub, from whoever holds them to whoever asks; and leave to go around it."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Sequence

import msgspec

from orrery.fleet.blobs import Addressed, Relay, Step, ticket_for
from orrery.fleet.messages import Artifact, Assign

TICKET_S = 3600.0
"""How long a ticket is good."""
MOST_OFFERED = 100_000
"""Blobs of clients of which it is remembered who offered them."""


class Passing:
    """The streams of blobs, and who of the clients offered which.

    Args:
        holders: the devices that hold a digest, the best first.
        send: says something to a principal; False: it is not there.
        needs: whether a principal has any business with a digest.
    """

    def __init__(
        self,
        holders: Callable[[str], Iterable[str]],
        send: Callable[[str, Step], bool],
        needs: Callable[[str, str], bool] = lambda _principal, _digest: True,
    ) -> None:
        self._holders, self._send, self._needs = holders, send, needs
        self._relay = Relay()
        self._offered: dict[str, str] = {}
        self._secret = os.urandom(32)

    def offered(self, client: str, digests: Iterable[str]) -> None:
        """A client has these, among the arguments of its tasks."""
        for digest in digests:
            self._offered.pop(digest, None)
            self._offered[digest] = client  # the latest last
        while len(self._offered) > MOST_OFFERED:
            del self._offered[next(iter(self._offered))]

    def take(self, name: str, frame: Step) -> None:
        """A step came from a principal."""
        if isinstance(frame, Artifact) and frame.step == "open" and not self._needs(name, frame.digest):
            because = "it is among the arguments of no task that you have"  # whether or not anybody holds it
            self._send(name, Artifact(step="stop", stream=frame.stream, error=because))
        elif isinstance(frame, Artifact) and frame.step == "open":
            holders = list(self._holders(frame.digest))
            if (client := self._offered.get(frame.digest)) is not None:
                holders.append(client)
            self._send_all(self._relay.open(name, frame, holders))
        else:
            self._send_all(self._relay.take(name, frame))

    def gone(self, name: str, because: str) -> None:
        """A principal's connection is over; streams from it go on from others."""
        self._send_all(self._relay.gone(name, because))

    def secret_of(self, device: str) -> bytes:
        """What a device checks tickets with: nobody else can make one for it, or check one of another's."""
        return hmac.digest(self._secret, device.encode(), "sha256")

    def with_tickets(self, assign: Assign, now: float) -> Assign:
        """The same, with leave to fetch from the devices that serve blobs themselves."""
        if not any(source.url for source in assign.sources):
            return assign
        until = now + TICKET_S
        sources = tuple(
            msgspec.structs.replace(one, ticket=ticket_for(self.secret_of(one.device), one.digest, until))
            if one.url and one.device
            else one
            for one in assign.sources
        )
        return msgspec.structs.replace(assign, sources=sources)

    def _send_all(self, addressed: Sequence[Addressed]) -> None:
        waiting = list(addressed)
        while waiting:
            to, frame = waiting.pop(0)
            if not self._send(to, frame):
                # Each call takes a holder off the list or ends the stream, so this ends, too.
                waiting += self._relay.gone(to, f"{to} is not there")
