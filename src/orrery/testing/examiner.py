"""Examiner: a hub for one device, in a test's hands. It hears what the device says, and says what the test wants.

It listens at a WebSocket on loopback and speaks the form that the device asks for; `devices` has the tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from orrery.errors import ConnectionLostError, OrreryError
from orrery.fleet.codec import decode
from orrery.fleet.link import Link
from orrery.fleet.messages import AnyFrame, Assign, Frame, Hello, Welcome
from orrery.fleet.session import Session, SessionSettings
from orrery.fleet.transports.protocol import Connection
from orrery.fleet.transports.registry import transport_for
from orrery.graph import values
from orrery.graph.task import EffectKind

WITHIN_S = 20.0
"""How long a test waits for an answer before it fails."""
TOKEN = "enrol.conformance"  # noqa: S105 - opens nothing
KEY = "device.conformance"

F = TypeVar("F", bound=Frame)


class Call(msgspec.Struct, frozen=True):
    """A tool that the device offers, arguments for it, and the value that it answers with."""

    op: str
    args: dict[str, Any] = {}
    value: Any = None
    effects: EffectKind = "pure"


class Examiner:
    """A hub for one device, in the test's hands.

    Args:
        heartbeat_s: told to the device, as is `lease_s`.
    """

    def __init__(self, *, heartbeat_s: float = 5.0, lease_s: float = 30.0) -> None:
        self.heartbeat_s, self.lease_s = heartbeat_s, lease_s
        self.url = ""
        self.hellos: list[Hello] = []
        self.got: list[AnyFrame] = []
        """What the device said, in order, each frame once."""
        self.is_shut = False
        """Nobody is let in."""
        self.is_deaf = False
        """What arrives is lost on the way."""
        self.unheard = 0
        """Messages that were."""
        self.answered_pings = 0
        self.link: Link | None = None
        self._connection: Connection | None = None
        self._has_answered = False
        self._sessions = 0
        self._fence = 0
        self._news = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Examiner]:
        """Listen until the block ends."""
        transport = transport_for("ws://127.0.0.1:0")
        listener = await transport.listen("ws://127.0.0.1:0", self._accepted, max_bytes=4_000_000)
        self.url = listener.url
        try:
            yield self
        finally:
            await listener.close()

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something that the device does. Raises TimeoutError: it did not do `what`."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not true():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"the device did not {what}; it said: {self.got}") from None

    async def called(self, times: int = 1) -> Hello:
        """The Hello with which the device called for the n-th time, once the connection stands."""
        await self.until(lambda: len(self.hellos) >= times and self.link is not None, f"call for the {times}. time")
        await self.until(lambda: self._has_answered, "answer the Welcome")
        return self.hellos[times - 1]

    def said(self, kind: type[F], work: str = "") -> list[F]:
        """The frames of a kind that came, all or about one attempt."""
        frames: list[Any] = [frame for frame in self.got if isinstance(frame, kind)]
        return [frame for frame in frames if not work or frame.work == work]

    async def answer(self, kind: type[F], work: str = "", times: int = 1) -> F:
        """The n-th frame of a kind."""
        await self.until(lambda: len(self.said(kind, work)) >= times, f"say {kind.__name__} ({times}) about {work!r}")
        return self.said(kind, work)[times - 1]

    def post(self, frame: Frame) -> None:
        """Say something in the session."""
        assert self.link is not None
        self.link.post(frame)

    @property
    def form(self) -> str:
        """How frames are written on the present connection."""
        assert self._connection is not None
        return self._connection.form

    async def raw(self, message: bytes) -> None:
        """Send a message as it is, past the session."""
        assert self._connection is not None
        await self._connection.send(message)

    def write(self, plain: Any) -> bytes:
        """Plain data in the form of the connection."""
        return msgspec.json.encode(plain) if self.form == "json" else msgspec.msgpack.encode(plain)

    def assign(self, call: Call, *, task: str = "task", attempt: int = 1, fence: int | None = None) -> Assign:
        """Ask for an attempt; the fence is a higher one than ever before unless it is given. Returns: what was sent."""
        self._fence += 1
        key, args = f"run@1/{task}", values.encode(call.args)
        assign = Assign(
            work=f"{key}#{attempt}",
            key=key,
            run="run",
            task=task,
            attempt=attempt,
            op=call.op,
            args=args,
            digest=hashlib.sha256(call.op.encode() + b"\0" + args).hexdigest(),
            effects=call.effects,
            fence=self._fence if fence is None else fence,
        )
        self.post(assign)
        return assign

    def cut(self) -> None:
        """Break the connection."""
        assert self.link is not None
        self.link.end(ConnectionLostError("the examiner cuts the connection"))

    def forget(self) -> None:
        """Lose the session, as a hub that is started again does."""
        self.link = None

    async def _accepted(self, connection: Connection) -> None:
        if self.is_shut:
            return
        hello, *arrived = decode(await connection.receive(), connection.form)
        assert isinstance(hello, Hello), f"a connection begins with a Hello, not with {hello}"
        link, resumed = self.link, False
        if link is not None and hello.session == link.session.id:
            link.session.resume(hello.received, link.clock())
            resumed = True
        else:
            self._sessions += 1
            # It acknowledges nothing by itself: what a device sends is kept by the device, as on a slow way.
            session = Session(f"session-{self._sessions}", SessionSettings(ack_s=600.0, ack_frames=100_000))
            link = Link(session, on_frame=self._came, on_heard=self._heard, hub_clock=time.time)
        link.ping_s, link.silence_s = self.heartbeat_s, 3 * self.heartbeat_s
        welcome = Welcome(
            version=1,
            session=link.session.id,
            principal="examined",
            resumed=resumed,
            received=link.session.received,
            key=KEY if hello.token == TOKEN else "",
            epoch=1,
            now=time.time(),
            heartbeat_s=self.heartbeat_s,
            lease_s=self.lease_s,
        )
        self.hellos.append(hello)
        self._has_answered = False
        self.link, self._connection = link, connection
        try:
            self._news.set()
            await link.run(_Ear(self, connection), first=[welcome], arrived=arrived)
        except OrreryError:
            return  # the story goes on without it
        finally:
            self._news.set()

    def _came(self, frame: AnyFrame) -> None:
        self.got.append(frame)

    def _heard(self, latency_s: float | None) -> None:
        self._has_answered = True
        if latency_s is not None:
            self.answered_pings += 1
        self._news.set()


class _Ear:
    """A connection whose messages get lost while the examiner is deaf."""

    def __init__(self, examiner: Examiner, connection: Connection) -> None:
        self._examiner, self._connection = examiner, connection
        self.peer, self.form, self.max_bytes = connection.peer, connection.form, connection.max_bytes
        self.send, self.close = connection.send, connection.close

    async def receive(self) -> bytes:
        while True:
            message = await self._connection.receive()
            if not self._examiner.is_deaf:
                return message
            self._examiner.unheard += 1
            self._examiner._news.set()
