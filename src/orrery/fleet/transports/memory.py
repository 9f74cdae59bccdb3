"""Connections inside one event loop: `memory:NAME`. For tests, and for a hub and its devices in one process."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable

from orrery.errors import ConnectionLostError, MessageTooLargeError, TransportUrlError
from orrery.fleet.transports.address import check
from orrery.fleet.transports.bell import Bell
from orrery.fleet.transports.protocol import Accepted, Connection, Listener

ROOM_BYTES = 1_000_000
ROOM_MESSAGES = 256

_listeners: dict[str, MemoryListener] = {}
_numbers = itertools.count(1)


class _Lane:
    """One direction: a queue with an end. A message of any size goes into an empty one."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._size_bytes = 0
        self._closed: str | None = None
        self._bell = Bell()

    async def put(self, message: bytes) -> None:
        await self._until(lambda: self._has_room(len(message)))
        if self._closed is not None:
            raise ConnectionLostError(self._closed)
        self._messages.append(message)
        self._size_bytes += len(message)
        self._bell.ring()

    async def take(self) -> bytes:
        await self._until(lambda: bool(self._messages))
        if not self._messages:
            raise ConnectionLostError(self._closed)
        message = self._messages.popleft()
        self._size_bytes -= len(message)
        self._bell.ring()
        return message

    def end(self, because: str, *, drop: bool) -> None:
        """No more goes in; what is in it may still be taken, unless it is to be dropped."""
        if self._closed is None:
            self._closed = because
        if drop:
            self._messages.clear()
        self._bell.ring()

    def _has_room(self, size_bytes: int) -> bool:
        if not self._messages:
            return True
        return self._size_bytes + size_bytes <= ROOM_BYTES and len(self._messages) < ROOM_MESSAGES

    async def _until(self, ready: Callable[[], bool]) -> None:
        while self._closed is None and not ready():
            await self._bell.rung()


class MemoryConnection:
    """One end of a pair of lanes."""

    def __init__(self, peer: str, form: str, incoming: _Lane, outgoing: _Lane, max_bytes: int) -> None:
        self.peer, self.form, self.max_bytes = peer, form, max_bytes
        self._incoming, self._outgoing = incoming, outgoing

    async def send(self, message: bytes) -> None:
        await self._outgoing.put(message)

    async def receive(self) -> bytes:
        message = await self._incoming.take()
        if len(message) > self.max_bytes:
            await self.close("a message was too large")
            raise MessageTooLargeError(
                f"{self.peer} sent a message of {len(message)} bytes; {self.max_bytes} are taken in"
            )
        return message

    async def close(self, because: str = "") -> None:
        reason = f"the connection was closed: {because}" if because else "the connection was closed"
        self._outgoing.end(reason, drop=False)
        self._incoming.end(reason, drop=True)


class MemoryListener:
    """What is found under a name."""

    def __init__(self, name: str, accepted: Accepted, max_bytes: int) -> None:
        self.url = f"memory:{name}"
        self.loop = asyncio.get_running_loop()
        self._name, self._accepted, self._max_bytes = name, accepted, max_bytes
        self._tasks: dict[asyncio.Task[None], MemoryConnection] = {}

    def take(self, form: str, max_bytes: int) -> MemoryConnection:
        """A new connection: its far end, for who dialled."""
        up, down = _Lane(), _Lane()
        number = next(_numbers)
        near = MemoryConnection(f"{self.url} dialler {number}", form, up, down, self._max_bytes)
        task = self.loop.create_task(self._serve(near))
        self._tasks[task] = near
        task.add_done_callback(self._tasks.pop)
        return MemoryConnection(f"{self.url} listener", form, down, up, max_bytes)

    async def close(self) -> None:
        if _listeners.get(self._name) is self:
            del _listeners[self._name]
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for connection in list(self._tasks.values()):
            await connection.close("the listener closes")
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, connection: MemoryConnection) -> None:
        try:
            await self._accepted(connection)
        except ConnectionLostError:
            return  # the usual end
        finally:
            await connection.close()


class MemoryTransport:
    """Dials and listens at `memory:NAME`.

    Args:
        form: how frames are written on what is dialled.
    """

    def __init__(self, form: str = "msgpack") -> None:
        self._form = form

    async def dial(self, url: str, *, max_bytes: int) -> Connection:
        name = _name(url)
        listener = _listeners.get(name)
        if listener is None:
            raise ConnectionLostError(f"nobody listens at memory:{name} in this process")
        if listener.loop is not asyncio.get_running_loop():
            raise TransportUrlError(f"memory:{name} is in another event loop; use ws://127.0.0.1 between them")
        return listener.take(self._form, max_bytes)

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Listener:
        name = _name(url) or f"listener-{next(_numbers)}"
        there = _listeners.get(name)
        if there is not None and not there.loop.is_closed():
            raise TransportUrlError(f"somebody listens at memory:{name} already; choose another name")
        _listeners[name] = MemoryListener(name, accepted, max_bytes)
        return _listeners[name]


def _name(url: str) -> str:
    if check(url) != "memory":
        raise TransportUrlError(f"the URL {url!r} does not begin with 'memory:'")
    return url.partition(":")[2].strip("/")
