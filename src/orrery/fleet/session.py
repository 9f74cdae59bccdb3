"""Session: one conversation over many connections, each frame of it once and in order.

Pure: time comes in as `at` (seconds of any clock that only goes forward), and frames to send come out. Each end has
one. Sequenced frames get numbers from 1 and are kept until the other end acknowledges them. The other end delivers
them in order, drops what it had already, and holds back what came too early. Acknowledgements wait a little, so that
one stands for many. What is not acknowledged for `resend_s` is sent again (a medium may lose messages), and again
after twice that, and so on; after a new connection, `resume` says what to send at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

import msgspec

from orrery.errors import ProtocolError
from orrery.fleet.codec import Unknown, encode
from orrery.fleet.messages import Accept, Ack, AnyFrame, Assign, Cancel, Frame, Result

Incoming = AnyFrame | Unknown


class SessionSettings(msgspec.Struct, frozen=True):
    """The limits of a session.

    Args:
        ack_s: how long an acknowledgement may wait; `ack_frames`: after so many frames it waits no longer.
        resend_s: how old an unacknowledged frame must be to be sent again.
        max_resend_s: up to where that doubles while nothing is acknowledged.
        resend_frames: the most that are sent again at a time; `resend_bytes` likewise.
        kept_frames: with so many unacknowledged frames it `is_full`; `kept_bytes` likewise.
        early_frames: how many that came too early are held back; more are dropped, and come again; `early_bytes`
            likewise.
    """

    ack_s: float = 0.05
    ack_frames: int = 64
    resend_s: float = 5.0
    max_resend_s: float = 60.0
    resend_frames: int = 64
    resend_bytes: int = 4_000_000
    kept_frames: int = 8192
    kept_bytes: int = 64_000_000
    early_frames: int = 1024
    early_bytes: int = 16_000_000


class _Kept:
    """A frame that was not acknowledged yet, and when it was sent: for the first and for the last time."""

    __slots__ = ("first_at", "frame", "last_at", "size")

    def __init__(self, frame: Frame, size: int, at: float) -> None:
        self.frame, self.size, self.first_at, self.last_at = frame, size, at, at


class Session:
    """One end of a conversation.

    Args:
        id: its name; empty until the hub has given it one.
    """

    __slots__ = (
        "_ack_due", "_early", "_early_bytes", "_kept", "_kept_bytes", "_owed", "_wait_s",
        "acknowledged", "answered_at", "id", "received", "sent", "settings",
    )  # fmt: skip

    def __init__(self, id: str = "", settings: SessionSettings | None = None) -> None:
        self.id = id
        self.settings = settings or SessionSettings()
        self.sent = 0
        """The number of the last frame that was stamped."""
        self.acknowledged = 0
        """Up to where the other end has them."""
        self.received = 0
        """Up to where the other end's frames were delivered here."""
        self.answered_at: float | None = None
        """When the latest of the acknowledged frames was sent for the first time: then, or later, we were heard."""
        self._kept: deque[_Kept] = deque()
        self._kept_bytes = 0
        self._early: dict[int, Incoming] = {}
        self._early_bytes = 0
        self._owed = 0
        self._ack_due: float | None = None
        self._wait_s = self.settings.resend_s

    @property
    def is_full(self) -> bool:
        """The other end acknowledges too slowly: wait before you stamp more."""
        return len(self._kept) >= self.settings.kept_frames or self._kept_bytes >= self.settings.kept_bytes

    def unacknowledged(self) -> Iterable[Frame]:
        """The frames that are kept, in order."""
        return (kept.frame for kept in self._kept)

    def stamp(self, frame: Frame, at: float) -> Frame:
        """The frame with its number, kept until it is acknowledged. Frames that need none pass as they are."""
        if not frame.sequenced:
            return frame
        self.sent += 1
        stamped = msgspec.structs.replace(frame, seq=self.sent)
        size = _size_bytes(stamped)
        self._kept.append(_Kept(stamped, size, at))
        self._kept_bytes += size
        return stamped

    def receive(self, frame: Incoming, at: float) -> list[Incoming]:
        """What is to be delivered now: each sequenced frame once and in order, the others as they come.

        Raises:
            ProtocolError: an acknowledgement of what was never sent; a number where none belongs, or none.
        """
        if type(frame) is Ack:
            self._acknowledge(frame.received)
            return []
        if not frame.sequenced:
            if frame.seq:
                raise ProtocolError(f"a frame of the type {type(frame).__name__.lower()!r} has no number")
            return [frame]
        seq = frame.seq
        if seq <= 0:
            raise ProtocolError(f"a frame of the type {type(frame).__name__.lower()!r} has a number from 1")
        if seq > self.received + 1:
            self._hold(frame)
            return []
        self._owe(at)
        if seq <= self.received:
            return []  # it has it already; what got lost was the acknowledgement
        self.received = seq
        if not self._early:
            return [frame]
        ready = [frame]
        while (following := self._early.pop(self.received + 1, None)) is not None:
            self.received += 1
            self._owed += 1
            self._early_bytes -= _size_bytes(following)
            ready.append(following)
        return ready

    def due(self) -> float | None:
        """When `tick` wants to be called; None: not before something happens."""
        resend = self._kept[0].last_at + self._wait_s if self._kept else None
        if self._ack_due is None:
            return resend
        return self._ack_due if resend is None else min(self._ack_due, resend)

    def owed(self) -> Ack | None:
        """The acknowledgement that is owed, due or not: it goes with whatever is sent now."""
        if self._ack_due is None:
            return None
        self._owed, self._ack_due = 0, None
        return Ack(received=self.received)

    def tick(self, at: float) -> list[Frame]:
        """What is due: an acknowledgement, and frames to send again."""
        frames: list[Frame] = []
        if self._ack_due is not None and self._ack_due <= at and (ack := self.owed()) is not None:
            frames.append(ack)
        if self._kept and self._kept[0].last_at + self._wait_s <= at:
            size_bytes = 0
            for kept in islice(self._kept, self.settings.resend_frames):
                if kept.last_at + self._wait_s > at or size_bytes > self.settings.resend_bytes:
                    break
                size_bytes += kept.size
                kept.last_at = at
                frames.append(kept.frame)
            self._wait_s = min(2 * self._wait_s, self.settings.max_resend_s)
        return frames

    def resume(self, received: int, at: float) -> list[Frame]:
        """What is to be sent on a new connection, now that the other end says how far it got.

        Raises:
            ProtocolError: the other end says it got what was never sent, or lacks what is not kept any more; the
                session cannot go on.
        """
        if received < self.acknowledged:
            raise ProtocolError(f"frames {received + 1} to {self.acknowledged} are wanted again, and are gone")
        self._acknowledge(received)
        self._wait_s = self.settings.resend_s
        for kept in self._kept:
            kept.last_at = at
        return [kept.frame for kept in self._kept]

    def _acknowledge(self, received: int) -> None:
        if received > self.sent:
            raise ProtocolError(f"frame {received} is acknowledged, and {self.sent} is the last that was sent")
        if received <= self.acknowledged:
            return
        self.acknowledged = received
        while self._kept and self._kept[0].frame.seq <= received:
            kept = self._kept.popleft()
            self._kept_bytes -= kept.size
            self.answered_at = kept.first_at
        self._wait_s = self.settings.resend_s

    def _hold(self, frame: Incoming) -> None:
        size = _size_bytes(frame)
        if frame.seq in self._early or frame.seq > self.received + self.settings.early_frames:
            return
        if self._early_bytes + size <= self.settings.early_bytes:
            self._early[frame.seq] = frame
            self._early_bytes += size

    def _owe(self, at: float) -> None:
        self._owed += 1
        if self._owed >= self.settings.ack_frames:
            self._ack_due = at
        elif self._ack_due is None:
            self._ack_due = at + self.settings.ack_s

    def __repr__(self) -> str:
        return f"<Session {self.id or '?'} sent {self.sent} ({len(self._kept)} open), received {self.received}>"


def _size_bytes(frame: Incoming | Frame) -> int:
    """About how much memory a frame takes."""
    if isinstance(frame, Unknown):
        return 400 + len(repr(frame.fields))
    if isinstance(frame, Assign):
        return 400 + len(frame.args)
    if isinstance(frame, Result) and frame.failure is None:
        return 400 + len(frame.value)
    if isinstance(frame, Accept | Cancel) and not frame.extra:
        return 400 + len(frame.because)
    return 400 + len(encode([frame], "msgpack"))
