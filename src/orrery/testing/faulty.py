"""Bad networks: `Faulty` wraps a transport and loses, repeats, reorders, cuts; `fault_proxy` does it to real sockets.

    transport = Faulty(MemoryTransport(), seed=4, faults=Faults(drop=0.1, duplicate=0.1, reorder=0.2))

Chance comes from the seed: the n-th connection meets the same fate with each of its messages, whenever they come. The
switches `cut`, `half_open` and `heal` act at once on all connections that were dialled or taken through it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from orrery.errors import ConnectionLostError, OrreryError
from orrery.fleet.transports.protocol import Accepted, Connection, Listener, Transport

ROOM_MESSAGES = 32
"""How many messages may be on the way in one direction before the sender waits."""
CLOSE_S = 0.5
"""How long a goodbye waits for what is on its way."""


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to messages; each figure but the times is the probability for one message in one direction.

    Args:
        drop: it vanishes.
        duplicate: it arrives twice.
        reorder: it is held back for `held_s`, and others overtake it.
        cut: the connection ends instead.
        delay_s: how long every message is on its way.
        held_s: how much longer one that others overtake.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    cut: float = 0.0
    delay_s: float = 0.0
    held_s: float = 0.01


class Faulty:
    """A transport that does to another's connections what bad networks do.

    Args:
        transport: which really carries the messages.
        seed: of what happens by chance.
        faults: what may happen by chance; none by default.
    """

    def __init__(self, transport: Transport, *, seed: int = 0, faults: Faults | None = None) -> None:
        self._transport, self._seed, self.faults = transport, seed, faults or Faults()
        self._connections: list[FaultyConnection] = []
        self._number = 0
        self._refuses = False
        self._passes = asyncio.Event()
        self._passes.set()

    @property
    def connections(self) -> tuple[FaultyConnection, ...]:
        """Those that are open, oldest first."""
        return tuple(self._connections)

    def cut(self, *, refuse: bool = False) -> None:
        """End every connection, without a goodbye of this end; with `refuse`, let nobody dial until it is healed."""
        self._refuses = self._refuses or refuse
        for connection in self.connections:
            connection.cut()

    def half_open(self) -> None:
        """From now on nothing arrives in either direction, and nobody is told; who dials waits."""
        self._passes.clear()
        for connection in self.connections:
            connection.half_open()

    def heal(self) -> None:
        """Let everything pass again; what was lost stays lost."""
        self._refuses = False
        self._passes.set()
        for connection in self.connections:
            connection.heal()

    async def dial(self, url: str, *, max_bytes: int) -> Connection:
        await self._passes.wait()
        if self._refuses:
            raise ConnectionLostError(f"{url} cannot be reached: the network is cut")
        return self._bad(await self._transport.dial(url, max_bytes=max_bytes))

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Listener:
        async def take(connection: Connection) -> None:
            bad = self._bad(connection)
            try:
                await accepted(bad)
            finally:
                await bad.close()

        return await self._transport.listen(url, take, max_bytes=max_bytes)

    def _bad(self, connection: Connection) -> FaultyConnection:
        self._number += 1
        bad = FaultyConnection(connection, self.faults, f"{self._seed}/{self._number}", self._connections.remove)
        self._connections.append(bad)
        if not self._passes.is_set():
            bad.half_open()
        return bad


class FaultyConnection:
    """One end of a connection on which things happen."""

    def __init__(self, inner: Connection, faults: Faults, seed: str, over: Callable[[FaultyConnection], None]) -> None:
        self.peer, self.form = inner.peer, inner.form
        self._inner, self._over = inner, over
        self._arrived: deque[bytes] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._ended: OrreryError | None = None
        self._hidden: OrreryError | None = None
        self._there = _Way(inner.send, self._end, self.cut, faults, random.Random(f"{seed}/there"))  # noqa: S311
        self._back = _Way(self._keep, self._end, self.cut, faults, random.Random(f"{seed}/back"))  # noqa: S311
        self._pumping = asyncio.ensure_future(self._pump())
        self._releasing: asyncio.Task[None] | None = None

    @property
    def max_bytes(self) -> int:
        """The largest message that is taken in."""
        return self._inner.max_bytes

    @max_bytes.setter
    def max_bytes(self, size: int) -> None:
        self._inner.max_bytes = size

    async def send(self, message: bytes) -> None:
        if self._ended is None:
            await self._there.put(message)
        if self._ended is not None:
            raise ConnectionLostError(str(self._ended))

    async def receive(self) -> bytes:
        while not self._arrived:
            if self._ended is not None:
                raise type(self._ended)(*self._ended.args)
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._arrived.popleft()

    async def close(self, because: str = "") -> None:
        if self._ended is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._there.flush()
        self._end(ConnectionLostError(f"the connection was closed: {because}" if because else "it was closed"))
        self._arrived.clear()
        if not self._there.vanishes:  # otherwise the other end is not told before it is healed
            self._release(because)
        if self._releasing is not None:
            await asyncio.wait([self._releasing])

    def cut(self) -> None:
        """End it, here and at the other end."""
        self._end(ConnectionLostError("the connection was cut"))
        self._release("")

    def half_open(self) -> None:
        """Let nothing through, and tell nobody."""
        self._there.vanishes = self._back.vanishes = True

    def heal(self) -> None:
        """Let messages through again; if one end has gone meanwhile, the other hears of it now."""
        self._there.vanishes = self._back.vanishes = False
        if self._hidden is not None:
            self._end(self._hidden)
        if self._ended is not None:
            self._release("")

    async def _keep(self, message: bytes) -> None:
        while len(self._arrived) >= ROOM_MESSAGES:
            self._room.clear()
            await self._room.wait()
        self._arrived.append(message)
        self._news.set()

    async def _pump(self) -> None:
        try:
            while True:
                await self._back.put(await self._inner.receive())
        except OrreryError as error:
            self._hidden = error
            if not self._back.vanishes:
                await self._back.flush()
                self._end(error)
                self._release("")

    def _end(self, because: OrreryError) -> None:
        if self._ended is None:
            self._ended = because
            self._there.stop()
            self._back.stop()
            self._news.set()

    def _release(self, because: str) -> None:
        if self._releasing is None:
            self._releasing = asyncio.ensure_future(self._let_go(because))

    async def _let_go(self, because: str) -> None:
        self._pumping.cancel()
        await asyncio.wait([self._pumping])
        await self._inner.close(because)
        self._over(self)


class _Way:
    """One direction: a heap of what is on its way, by when it is due."""

    def __init__(
        self,
        deliver: Callable[[bytes], Awaitable[None]],
        failed: Callable[[OrreryError], None],
        cut: Callable[[], None],
        faults: Faults,
        chance: random.Random,
    ) -> None:
        self.vanishes = False
        self._deliver, self._failed, self._cut = deliver, failed, cut
        self._faults, self._chance = faults, chance
        self._loop = asyncio.get_running_loop()
        self._on_way: list[tuple[float, int, bytes]] = []
        self._number = 0
        self._last_due = 0.0
        self._changed = asyncio.Event()
        self._moved = asyncio.Event()
        self._carrying = asyncio.ensure_future(self._carry())

    async def put(self, message: bytes) -> None:
        """Send a message on its way, or whatever happens to it. Waits while the way is full."""
        faults, (drop, twice, late, cut) = self._faults, (self._chance.random() for _ in range(4))
        if cut < faults.cut:
            self._cut()
            return
        if self.vanishes or drop < faults.drop:
            return
        while len(self._on_way) >= ROOM_MESSAGES:
            self._moved.clear()
            await self._moved.wait()
        due = max(self._last_due, self._loop.time() + faults.delay_s)
        if late < faults.reorder:
            self._start(due + faults.held_s, message)
        else:
            self._last_due = due
            self._start(due, message)
        if twice < faults.duplicate:
            self._start(due + faults.held_s, message)

    async def flush(self) -> None:
        """Wait until everything has arrived."""
        while self._on_way and not self._carrying.done() and not self.vanishes:
            self._moved.clear()
            await self._moved.wait()

    def stop(self) -> None:
        """Lose what is on its way."""
        self._on_way.clear()
        self._moved.set()
        if self._carrying is not asyncio.current_task():
            self._carrying.cancel()

    def _start(self, due: float, message: bytes) -> None:
        self._number += 1
        heapq.heappush(self._on_way, (due, self._number, message))
        self._changed.set()

    async def _carry(self) -> None:
        while True:
            self._changed.clear()
            if not self._on_way:
                await self._changed.wait()
                continue
            due, number, message = self._on_way[0]
            wait_s = due - self._loop.time()
            if wait_s > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait_s)
                continue
            try:
                if not self.vanishes:
                    await self._deliver(message)
            except OrreryError as error:
                self._failed(error)
                return
            finally:
                if self._on_way and self._on_way[0][1] == number:
                    heapq.heappop(self._on_way)
                    self._moved.set()
