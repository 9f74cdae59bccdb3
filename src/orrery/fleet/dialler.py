"""Dialler: the end of a session that keeps up a connection to a hub, over whatever happens to it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

import msgspec

from orrery.errors import ConnectionLostError, HubRefusedError, MessageTooLargeError, ProtocolError
from orrery.fleet.codec import decode, encode
from orrery.fleet.link import Link, said
from orrery.fleet.messages import (
    DEFAULT_MAX_FRAME_BYTES,
    VERSIONS,
    AnyFrame,
    Error,
    Frame,
    Hello,
    Ping,
    Welcome,
)
from orrery.fleet.session import Incoming, Session
from orrery.fleet.transports.protocol import Connection, Transport
from orrery.fleet.transports.registry import transport_for

HANDSHAKE_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 30.0
"""Between two attempts to reach a hub; it doubles, and each pause is spread between half of itself and the whole."""
SHARE_OF_LEASE = 0.1
"""No pause is longer than this share of a lease that still runs: over a connection that breaks again and again, a
device that waited longer and longer would lose its work, though the hub could be reached all the time."""


class Dialler:
    """Keeps a session up to a hub: dials, says Hello, takes the Welcome, carries frames, and dials again.

    What was posted before a Welcome that does not resume the session is gone: post what still matters when
    `on_welcome` is told of it.

    Args:
        url: of the hub.
        hello: makes the Hello; session and received are filled in.
        on_welcome: is told of every Welcome, before anything else is delivered.
        on_frame: is given every frame. It must not wait.
        on_down: is told why there is no connection, each time that one ends or an attempt fails.
        on_heard: as a Link's.
        max_bytes: the largest message that is taken in.
        transport: that dials; None: the one for the URL.
        chance: spreads the pauses between attempts.
    """

    def __init__(
        self,
        url: str,
        hello: Callable[[], Hello],
        *,
        on_welcome: Callable[[Welcome], None],
        on_frame: Callable[[AnyFrame], None],
        on_down: Callable[[str], None] | None = None,
        on_heard: Callable[[float | None], None] | None = None,
        max_bytes: int = DEFAULT_MAX_FRAME_BYTES,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self._url, self._hello, self._max_bytes = url, hello, max_bytes
        self._on_welcome, self._on_down = on_welcome, on_down
        self._transport, self._clock = transport, clock
        self._chance = chance or random.Random()  # noqa: S311 - pauses are no secret
        self.link = Link(Session(), on_frame=on_frame, on_heard=on_heard, clock=clock)
        self.link.on_pong = self._learn_clock
        self._offset_s: float | None = None
        self._doubt_s = 0.0
        self._learned_at = 0.0
        self._welcomed_at: float | None = None
        self._lease_s = 0.0
        self._retry_after_s = 0.0
        self._doubted: tuple[str, int, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def post(self, frame: Frame) -> None:
        """As a Link's."""
        self.link.post(frame)

    async def room(self) -> None:
        """As a Link's."""
        await self.link.room()

    async def settled(self) -> None:
        """As a Link's. Bound it: a hub that is away acknowledges nothing."""
        await self.link.settled()

    @property
    def is_up(self) -> bool:
        """Whether the hub has welcomed the present connection."""
        return self.link.is_up

    @property
    def answered_at(self) -> float | None:
        """When we sent what the hub answered last, by our own clock: it has heard of us then, or later."""
        return self.link.answered_at

    def hub_now(self) -> float | None:
        """The hub's clock, as far as it is known; None before the first Welcome."""
        return None if self._offset_s is None else self._clock() + self._offset_s

    async def run(self) -> None:
        """Stay connected until `close`.

        Raises:
            HubRefusedError: the hub will not have us.
            TransportUrlError, MissingExtraError: this URL can never be dialled.
        """
        if self._closed:
            return
        self._task = asyncio.create_task(self._keep_up())
        try:
            await asyncio.wait((self._task,))
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if not self._task.cancelled():
            self._task.result()

    async def close(self) -> None:
        """Leave, whatever is going on. What was not acknowledged is given up: wait for `settled` where it matters."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _keep_up(self) -> None:
        transport = self._transport or transport_for(self._url)
        pause_s = FIRST_PAUSE_S
        while True:
            self._welcomed_at, self._retry_after_s = None, 0.0
            try:
                await self._once(transport)
            except (ConnectionLostError, ProtocolError, MessageTooLargeError) as error:
                because = str(error)
                if not isinstance(error, ConnectionLostError):
                    self._doubt_session()
            except TimeoutError:
                because = f"the hub did not answer within {HANDSHAKE_S:g} s"
            if self._welcomed_at is not None and self._clock() - self._welcomed_at > pause_s:
                pause_s = FIRST_PAUSE_S
            if self._on_down is not None:
                self._on_down(because)
            pause_s = min(pause_s, self._longest_pause_s())
            await asyncio.sleep(max(self._retry_after_s, pause_s * self._chance.uniform(0.5, 1.0)))
            pause_s *= 2

    def _longest_pause_s(self) -> float:
        answered_at = self.answered_at
        lease_runs = answered_at is not None and self._clock() < answered_at + self._lease_s
        return max(FIRST_PAUSE_S, SHARE_OF_LEASE * self._lease_s) if lease_runs else LONGEST_PAUSE_S

    def _doubt_session(self) -> None:
        """One end said what the other does not take. Said again, and again, it would hold up the session for ever."""
        session = self.link.session
        got = (session.id, session.received, session.acknowledged)
        if self._welcomed_at is None or got == self._doubted:
            self.link.session = Session()
        self._doubted = got

    async def _once(self, transport: Transport) -> None:
        """One connection, from dialling to its end. Always raises."""
        async with asyncio.timeout(HANDSHAKE_S):
            connection = await transport.dial(self._url, max_bytes=self._max_bytes)
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                arrived = await self._shake_hands(connection)
        except BaseException:
            await connection.close("no handshake")
            raise
        await self.link.run(connection, arrived=arrived)

    async def _shake_hands(self, connection: Connection) -> Sequence[Incoming]:
        session = self.link.session
        hello = msgspec.structs.replace(self._hello(), session=session.id, received=session.received)
        sent_at = self._clock()
        await connection.send(encode([hello], connection.form))
        welcome, *arrived = decode(await connection.receive(), connection.form)
        if isinstance(welcome, Error):
            self._retry_after_s = welcome.retry_after_s or 0.0
            raise said(welcome)
        if not isinstance(welcome, Welcome):
            raise ProtocolError("a hub answers a Hello by a Welcome")
        if welcome.version not in VERSIONS:
            raise HubRefusedError(f"the hub speaks version {welcome.version} of the protocol; this is {VERSIONS[0]}")
        if welcome.resumed:
            session.resume(welcome.received, self._clock())
        else:
            self.link.session = Session(welcome.session)
            self.link.wake()
        self.link.answered_at, self._welcomed_at = sent_at, self._clock()
        self._lease_s = welcome.lease_s
        self.link.max_bytes = welcome.max_frame_bytes
        self.link.ping_s, self.link.silence_s = welcome.heartbeat_s, 3 * welcome.heartbeat_s
        self._learn(welcome.now, sent_at)
        self._on_welcome(welcome)
        return arrived

    def _learn_clock(self, pong: Ping, sent_at: float) -> None:
        self._learn(pong.at, sent_at)

    def _learn(self, hub_at: float, sent_at: float) -> None:
        """The hub's clock showed `hub_at` somewhere between `sent_at` and now; the shortest such time is the best."""
        now = self._clock()
        doubt_s = (now - sent_at) / 2
        aged_s = (now - self._learned_at) * 1e-3  # clocks drift apart
        if hub_at and (self._offset_s is None or doubt_s <= self._doubt_s + aged_s):
            self._offset_s, self._doubt_s, self._learned_at = hub_at - (sent_at + now) / 2, doubt_s, now
