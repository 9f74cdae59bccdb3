"""Link: one end of a session, whatever connections carry it.

Frames posted in one turn of the event loop go out in one message, and the acknowledgement that is owed goes with
them. A connection has two tasks, one that reads and one that writes, and one timer: nothing is made or armed for a
frame. A connection on which nothing arrives for `silence_s` is taken for lost, whatever its medium says of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from orrery.errors import ConnectionLostError, HubRefusedError, MessageTooLargeError, OrreryError, ProtocolError
from orrery.fleet.codec import MAX_FRAMES, Unknown, decode, encode
from orrery.fleet.messages import (
    DEFAULT_MAX_FRAME_BYTES,
    AnyFrame,
    Artifact,
    Assign,
    Error,
    Frame,
    Hello,
    Ping,
    Result,
    Welcome,
)
from orrery.fleet.session import Incoming, Session
from orrery.fleet.transports.protocol import Connection

BATCH_BYTES = 256_000
"""Several frames go in one message up to here; a large message holds up the small ones behind it."""
LAST_WORD_S = 1.0
"""How long the last frame of a connection and its closing may take."""
_MOST_GROWTH = 6
"""In JSON one byte of text can become six, as in \\u0000."""
_NUMBER_BYTES = 32
_CARRIES: Mapping[type[Frame], str] = {Assign: "args", Result: "value", Artifact: "data"}
"""Which frames can be large, and by which field."""
REFUSALS = ("token", "name", "revoked", "replaced", "version")
"""Errors after which dialling again would change nothing."""


class Link:
    """One end of a session.

    Args:
        session: what the link carries.
        on_frame: is given every frame that is to be delivered. It must not wait, and what it raises ends `run`.
        on_heard: is told of every message that came in; with the seconds of a round trip if it answers a Ping.
        clock: seconds that only go forward.
        hub_clock: on a hub's side: its clock, which answered Pings make known.
        ping_s: a Ping goes out when nothing of ours was answered for so long.
        silence_s: the connection is lost when nothing arrived for so long.
        max_bytes: the largest message that the other end takes in.
    """

    def __init__(
        self,
        session: Session,
        *,
        on_frame: Callable[[AnyFrame], None],
        on_heard: Callable[[float | None], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        hub_clock: Callable[[], float] | None = None,
        ping_s: float = 5.0,
        silence_s: float = 15.0,
        max_bytes: int = DEFAULT_MAX_FRAME_BYTES,
    ) -> None:
        self.session = session
        self.clock = clock
        self.ping_s, self.silence_s, self.max_bytes = ping_s, silence_s, max_bytes
        self.answered_at: float | None = None
        """When we sent what was answered last (by our own clock): the other end has heard us then, or later."""
        self.on_pong: Callable[[Ping, float], None] | None = None
        """Is given every answered Ping, and when it was sent."""
        self._on_frame, self._on_heard, self._hub_clock = on_frame, on_heard, hub_clock
        self._line: _Line | None = None
        self._form = "json"  # until it is known: nothing is larger in another
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def is_up(self) -> bool:
        """Whether a connection carries it at present."""
        return self._line is not None

    @property
    def backlog(self) -> int:
        """How many frames wait to go out on the present connection."""
        return 0 if self._line is None else len(self._line.outbox)

    def post(self, frame: Frame) -> None:
        """Send a frame when possible; what needs no number is dropped where there is no connection.

        Raises:
            MessageTooLargeError: the other end would not take it in. It was not posted.
        """
        name = _CARRIES.get(type(frame))
        if name is not None and _MOST_GROWTH * len(getattr(frame, name)) > self.max_bytes:
            size = len(encode([frame], self._form)) + _NUMBER_BYTES
            if size > self.max_bytes:
                raise MessageTooLargeError(
                    f"{size} bytes do not fit into a message of {self.max_bytes}; send what is large as a blob"
                )
        stamped = self.session.stamp(frame, self.clock())
        if self._line is not None:
            self._line.put(stamped)

    async def room(self) -> None:
        """Wait while more frames wait to be sent or acknowledged than is good."""
        while self.session.is_full or (self._line is not None and len(self._line.outbox) >= MAX_FRAMES):
            await self._changed()

    async def settled(self) -> None:
        """Wait until the other end has acknowledged everything that was posted."""
        while self.session.acknowledged < self.session.sent:
            await self._changed()

    def end(self, because: OrreryError, last: Frame | None = None) -> None:
        """End the present connection: `run` raises `because`. `last` is said to the other end before."""
        if self._line is not None:
            self._line.end(because, last)

    async def run(
        self, connection: Connection, *, first: Sequence[Frame] = (), arrived: Sequence[Incoming] = ()
    ) -> None:
        """Carry frames both ways until the connection ends, and close it. A later call takes an earlier one's place.

        Args:
            connection: an open one, whose ends have agreed on the session.
            first: goes before all else, such as a Welcome. What is unacknowledged is sent again after it.
            arrived: frames that came with the ones by which the session was agreed on.

        Raises:
            ConnectionLostError: it is over, and why.
            ProtocolError: the other end sent what it must not; it has been told.
            HubRefusedError: the other end will not have us again.
        """
        self.end(ConnectionLostError("another connection took the place of this one"))
        self._form = connection.form
        line = self._line = _Line(self, connection)
        line.outbox.extend(first)
        there = {frame.seq for frame in first if frame.seq}
        line.outbox.extend(frame for frame in self.session.unacknowledged() if frame.seq not in there)
        try:
            await line.run(arrived)
        finally:
            if self._line is line:
                self._line = None
            self.wake()

    # -- what a line tells its link -------------------------------------------------------------------------------

    def deliver(self, frames: Sequence[Incoming]) -> None:
        """Take in the frames of one message."""
        now, session = self.clock(), self.session
        line, acknowledged, latency_s = self._line, session.acknowledged, None
        for frame in frames:
            match frame:
                case Ping(answer=True):
                    if line is not None and (sent_at := line.pings.pop(frame.id, None)) is not None:
                        latency_s = now - sent_at
                        self._answered(sent_at)
                        if self.on_pong is not None:
                            self.on_pong(frame, sent_at)
                case Ping():
                    if line is not None:
                        at = self._hub_clock() if self._hub_clock is not None else 0.0
                        line.put(Ping(id=frame.id, answer=True, at=at))
                case Hello() | Welcome():
                    raise ProtocolError("a Hello and a Welcome come at the beginning of a connection only")
                case _:
                    for ready in session.receive(frame, now):
                        self._hand_over(ready)
        if session.acknowledged > acknowledged:
            if session.answered_at is not None:
                self._answered(session.answered_at)
            self.wake()
        if self._on_heard is not None:
            self._on_heard(latency_s)

    def _hand_over(self, frame: Incoming) -> None:
        if isinstance(frame, Unknown):
            message = f"a frame of the type {frame.kind[:40]!r} is not known here"
            self.post(Error(error="unknown-type", message=message, retryable=True, about=str(frame.seq or "")))
            return
        self._on_frame(frame)
        if isinstance(frame, Error) and not frame.retryable:
            self.end(said(frame))

    def _answered(self, sent_at: float) -> None:
        self.answered_at = sent_at if self.answered_at is None else max(sent_at, self.answered_at)

    def wake(self) -> None:
        """Let those who wait look again."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    async def _changed(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future


class _Line:
    """One connection of a link, while it lasts."""

    def __init__(self, link: Link, connection: Connection) -> None:
        self.outbox: list[Frame] = []
        self.pings: dict[int, float] = {}
        self._link, self._connection = link, connection
        self._loop = asyncio.get_running_loop()
        self._began_at = self._heard_at = link.clock()
        self._pinged_at: float | None = None
        self._ping_id = 0
        self._sending = False
        self._more: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._last: Frame | None = None

    def put(self, frame: Frame) -> None:
        """Send a frame with all that is put in this turn of the loop."""
        self.outbox.append(frame)
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def end(self, because: OrreryError, last: Frame | None = None) -> None:
        """Make `run` end."""
        if not self._over.done():
            self._last = last
            self._over.set_exception(because)

    async def run(self, arrived: Sequence[Incoming]) -> None:
        """Carry frames until it ends; always raises."""
        reading = self._loop.create_task(self._read(arrived))
        writing = self._loop.create_task(self._write())
        self._tick()
        closing = ""
        try:
            await asyncio.wait((self._over, reading, writing), return_when=asyncio.FIRST_COMPLETED)
            for ended in (self._over, reading, writing):
                if ended.done():
                    await ended
        except (ProtocolError, MessageTooLargeError) as error:
            closing = str(error)
            if not self._over.done():  # it was found here, so the other end does not know
                code = "malformed" if isinstance(error, ProtocolError) else "too-large"
                self._last = Error(error=code, message=closing)
            raise
        except OrreryError as error:
            closing = str(error)
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            if self._over.done():
                self._over.exception()  # it was raised, or another reason was
            await self._close(closing)

    async def _close(self, because: str) -> None:
        try:
            async with asyncio.timeout(LAST_WORD_S):
                if self._last is not None:
                    await self._connection.send(encode([self._last], self._connection.form))
        except (OrreryError, TimeoutError):
            because = because or "its end could not be said"
        await self._connection.close(because)

    async def _read(self, arrived: Sequence[Incoming]) -> None:
        link, connection = self._link, self._connection
        if arrived:
            self._deliver(arrived)
        while True:
            self._deliver(decode(await connection.receive(), connection.form))
            if link._line is not self:
                return

    def _deliver(self, frames: Sequence[Incoming]) -> None:
        self._heard_at = self._link.clock()
        self._link.deliver(frames)
        due = self._link.session.due()
        if due is None or self._sending:
            return
        if due <= self._heard_at:
            self._tick()
        elif self._timer is not None and due < self._timer_at:
            self._arm(due)

    async def _write(self) -> None:
        link, connection = self._link, self._connection
        while True:
            while not self.outbox:
                self._more = self._loop.create_future()
                await self._more
            frames, self.outbox = self.outbox, []
            if (ack := link.session.owed()) is not None:
                frames.append(ack)
            self._sending = True
            for message in messages(frames, connection.form, link.max_bytes):
                await connection.send(message)
            self._sending = False
            if len(frames) >= MAX_FRAMES:
                link.wake()

    def _tick(self) -> None:
        """What is due by the clock."""
        link, now = self._link, self._link.clock()
        if now >= self._heard_at + link.silence_s:
            self.end(ConnectionLostError(f"nothing was heard for {now - self._heard_at:.1f} s"))
            return
        if now >= self._ping_due():
            self._ping_id += 1
            self._pinged_at = now
            if len(self.pings) > 16:
                self.pings.clear()
            self.pings[self._ping_id] = now
            self.put(Ping(id=self._ping_id))
        if not self._sending and not self.outbox:  # nothing is late on our side: what is unanswered got lost
            for frame in link.session.tick(now):
                self.put(frame)
        # Looking once in a resend time is enough, so that posting a frame needs to arm nothing.
        due = min(self._ping_due(), self._heard_at + link.silence_s, now + link.session.settings.resend_s)
        if not self._sending and not self.outbox and (session_due := link.session.due()) is not None:
            due = min(due, session_due)
        self._arm(max(due, now + 0.001))

    def _ping_due(self) -> float:
        if self._pinged_at is None:
            return self._began_at  # the first goes at once: it measures the way and the clock
        return max(self._pinged_at, self._link.answered_at or self._pinged_at) + self._link.ping_s

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_later(max(0.0, due - self._link.clock()), self._tick)


def messages(frames: Sequence[Frame], form: str, max_bytes: int) -> Iterator[bytes]:
    """The fewest messages that hold the frames in order, halved until each is small enough."""
    for begin in range(0, len(frames), MAX_FRAMES):
        part = frames[begin : begin + MAX_FRAMES]
        message = encode(part, form)
        if len(part) > 1 and len(message) > min(BATCH_BYTES, max_bytes):
            yield from messages(part[: len(part) // 2], form, max_bytes)
            yield from messages(part[len(part) // 2 :], form, max_bytes)
        else:
            yield message


def said(error: Error) -> OrreryError:
    """What an Error by which the other end closes the connection amounts to here."""
    text = f"the other end says: {error.message or error.error} [{error.error}]"
    if error.error in REFUSALS:
        return HubRefusedError(text)
    return ProtocolError(text) if error.error in ("malformed", "too-large") else ConnectionLostError(text)
