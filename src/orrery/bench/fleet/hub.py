"""Hub: the hub of the suite as a process of its own, which counts what goes through it.

Run as `python -m orrery.bench.fleet.hub FOLDER URL`. It is the hub that `orrery hub` starts, with times that suit a
bench, on a transport that counts. It says on stdout as one line of JSON how it is reached, and an enrolment token for
each device that is not enrolled; then it answers each line on stdin with what it has counted, until stdin ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from orrery.bench.fleet.counters import Counters
from orrery.bench.fleet.setting import PROFILES
from orrery.errors import ProtocolError
from orrery.fleet.codec import decode
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import Assign
from orrery.fleet.transports.protocol import Accepted, Listener
from orrery.fleet.transports.websocket import WebSocketConnection, WebSocketTransport

SETTINGS = Settings(heartbeat_s=0.25, lease_s=1.0, away_s=2.0, patience_s=4.0)
"""A device that dies is missed within a second, so that a drill does not take half a minute."""
LOOKED_INTO_BYTES = 65_536
"""The largest message that is looked into; larger ones are a frame each."""


class CountedConnection:
    """A connection of which every message is counted."""

    def __init__(self, connection: WebSocketConnection, counters: Counters) -> None:
        self._connection, self._counters = connection, counters
        self.peer, self.form = connection.peer, connection.form

    @property
    def max_bytes(self) -> int:
        """The largest message that is taken in."""
        return self._connection.max_bytes

    @max_bytes.setter
    def max_bytes(self, size: int) -> None:
        self._connection.max_bytes = size

    async def send(self, message: bytes) -> None:
        """Send one message."""
        self._count(message, is_sent=True)
        await self._connection.send(message)

    async def receive(self) -> bytes:
        """The next message."""
        message = await self._connection.receive()
        self._count(message, is_sent=False)
        return message

    async def close(self, because: str = "") -> None:
        """Say goodbye."""
        await self._connection.close(because)

    def _count(self, message: bytes, *, is_sent: bool) -> None:
        self._counters.size_bytes += len(message)
        if len(message) > LOOKED_INTO_BYTES:
            self._counters.frames += 1
            return
        try:
            frames = decode(message, self.form)
        except ProtocolError:
            frames = []  # whoever sent it is told so by the hub
        self._counters.frames += len(frames)
        if is_sent:  # what a hub sends as Assign goes to a device
            self._counters.assigned += sum(isinstance(frame, Assign) for frame in frames)


class CountingTransport(WebSocketTransport):
    """WebSockets of which every message is counted."""

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Listener:
        """Take connections at a URL."""

        async def counted(connection: object) -> None:
            assert isinstance(connection, WebSocketConnection)
            await accepted(CountedConnection(connection, self._counters))

        return await super().listen(url, counted, max_bytes=max_bytes)


async def serve(folder: Path, url: str) -> None:
    """Be the hub until stdin ends."""
    counters = Counters()
    server = HubServer(folder, listen=(url,), settings=SETTINGS, transports={"ws": CountingTransport(counters)})
    async with server:
        enrolled = server.registry.devices()
        tokens = {
            name: server.registry.enrolment_token(at=server.now(), name=name)
            for name in PROFILES
            if name not in enrolled
        }
        _say({"url": server.urls[0], "token": server.client_token, "enrolment": tokens})
        while await asyncio.to_thread(sys.stdin.readline):
            _say(counters)


def _say(what: object) -> None:
    print(msgspec.json.encode(what).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
