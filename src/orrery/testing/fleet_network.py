"""A network under virtual time: wires that delay, lose, repeat, reorder and break, and ends of sessions on them.

The ends use the real `Session`; what `Link` and `Dialler` do with timers and sockets is done here with an agenda.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import cast

from orrery.fleet.codec import decode, encode
from orrery.fleet.messages import Frame, Ping
from orrery.fleet.session import Incoming, Session, SessionSettings

PING_S = 5.0
SILENCE_S = 15.0
TICK_S = 2.5
"""How often an end looks whether something is due, besides when it must."""


class Agenda:
    """What will happen, in the order of its time; ties in the order of planning."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.happened = 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._planned = 0

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after so many seconds."""
        self._planned += 1
        heappush(self._heap, (self.now + max(0.0, seconds), self._planned, act))

    def step(self) -> bool:
        """Let the next thing happen. False: there is none."""
        if not self._heap:
            return False
        at, _, act = heappop(self._heap)
        self.now = max(self.now, at)
        self.happened += 1
        act()
        return True


class Network:
    """How messages travel.

    Args:
        trouble: how much goes wrong, from 0 to 1.
        form: how frames are written on the way; None: they are handed over as they are.
    """

    def __init__(self, agenda: Agenda, chance: random.Random, trouble: float, form: str | None) -> None:
        self.agenda, self.chance, self.trouble, self.form = agenda, chance, trouble, form
        self.delay_s = chance.choice((0.001, 0.02, 0.2))
        self.messages = self.lost = self.repeated = 0

    def carry(self, frames: Sequence[Frame], arrive: Callable[[Sequence[Incoming]], None]) -> None:
        """Take a message to the other end: late, twice, after later ones, or never."""
        chance, trouble = self.chance, self.trouble
        self.messages += 1
        message = encode(frames, self.form) if self.form else b""
        for _ in range(2 if chance.random() < trouble * 0.1 else 1):
            if chance.random() < trouble * 0.1:
                self.lost += 1
                continue
            delay_s = self.delay_s * chance.uniform(0.5, 1.5)
            if chance.random() < trouble * 0.1:
                delay_s += chance.uniform(0, 2)  # others overtake it
            self.agenda.later(delay_s, lambda: arrive(self._read(message, frames)))

    def _read(self, message: bytes, frames: Sequence[Frame]) -> list[Incoming]:
        return decode(message, self.form) if self.form else cast("list[Incoming]", list(frames))


class Wire:
    """One connection between two ends. It breaks for both, and each may notice that much later or never."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.is_open = True
        self.is_deaf = False
        self.down: list[Callable[[], None]] = []

    def send(self, frames: Sequence[Frame], arrive: Callable[[Sequence[Incoming]], None]) -> None:
        """Send a message; on a broken wire it is gone, and so it is on one that breaks while it travels."""
        if self.is_open and not self.is_deaf and frames:
            self.network.carry(frames, lambda got: arrive(got) if self.is_open and not self.is_deaf else None)

    def cut(self) -> None:
        """Break it, and let both ends know soon."""
        if self.is_open:
            self.is_open = False
            agenda, chance = self.network.agenda, self.network.chance
            for notice in self.down:
                agenda.later(chance.uniform(0, 0.2), notice)

    def go_deaf(self, seconds: float) -> None:
        """Carry nothing for a while, though both ends think it stands; then it breaks."""
        self.is_deaf = True
        self.network.agenda.later(seconds, self.cut)


class End:
    """One end of a session, over all its wires: what a link is elsewhere.

    Args:
        clock: this end's own, which may differ from the world's.
        on_frames: is given what is to be delivered of one message.
        on_answered: is told that what was sent at a time was answered, and the other end's clock.
        on_down: is told that the wire is gone.
    """

    def __init__(
        self,
        agenda: Agenda,
        session: Session,
        *,
        clock: Callable[[], float],
        on_frames: Callable[[list[Incoming], float | None], None],
        on_down: Callable[[], None],
        on_answered: Callable[[float, float], None] | None = None,
        answers_at: Callable[[], float] | None = None,
    ) -> None:
        self.agenda, self.session, self.clock = agenda, session, clock
        self.on_frames, self.on_down, self.on_answered, self.answers_at = on_frames, on_down, on_answered, answers_at
        self.wire: Wire | None = None
        self.other: End | None = None
        self.heard_at = 0.0
        self._pings: dict[int, float] = {}
        self._ping_id = 0
        self._pinged_at = 0.0
        self._outbox: list[Frame] = []
        self._due = 0.0

    def attach(self, wire: Wire, other: End | None) -> None:
        """Go on over this wire; the `other` end may become known later."""
        self.wire, self.other = wire, other
        self.heard_at = self._pinged_at = self.clock()
        self._outbox.clear()
        wire.down.append(lambda: self._went(wire))
        self._ping()
        self.agenda.later(TICK_S, lambda: self._tick(wire))

    def detach(self) -> None:
        """This end is no more: nothing arrives here, and nothing is noticed."""
        if self.wire is not None:
            wire, self.wire = self.wire, None
            wire.cut()

    def post(self, frame: Frame) -> None:
        """Send a frame, now or when there is a wire again."""
        stamped = self.session.stamp(frame, self.clock())
        if self.wire is not None:
            self.put(stamped)

    def put(self, *frames: Frame) -> None:
        """Send frames as they are, with what else is sent at this instant."""
        if not self._outbox:
            wire = self.wire
            self.agenda.later(0.0, lambda: self._flush(wire))
        self._outbox.extend(frames)

    def _flush(self, wire: Wire | None) -> None:
        frames, self._outbox = self._outbox, []
        if wire is not None and self.wire is wire:
            ack = self.session.owed()
            wire.send([*frames, ack] if ack is not None else frames, partial(self._arrive, wire))

    def _arrive(self, wire: Wire, frames: Sequence[Incoming]) -> None:
        if self.other is not None:
            self.other._arrived(wire, frames)

    def _arrived(self, wire: Wire, frames: Sequence[Incoming]) -> None:
        if self.wire is not wire:
            return
        now, session = self.clock(), self.session
        self.heard_at = now
        ready: list[Incoming] = []
        latency_s: float | None = None
        for frame in frames:
            if isinstance(frame, Ping):
                if not frame.answer:
                    at = self.answers_at() if self.answers_at is not None else 0.0
                    self.put(Ping(id=frame.id, answer=True, at=at))
                elif (sent_at := self._pings.pop(frame.id, None)) is not None:
                    latency_s = now - sent_at
                    if self.on_answered is not None:
                        self.on_answered(sent_at, frame.at)
            else:
                ready += session.receive(frame, now)
        if session.answered_at is not None and self.on_answered is not None:
            self.on_answered(session.answered_at, 0.0)
        self.on_frames(ready, latency_s)
        due = session.due()
        if due is not None and self.wire is wire and not (now < self._due <= due):
            self._due = due
            self.agenda.later(due - now, lambda: self._resend(wire))

    def _resend(self, wire: Wire) -> None:
        if self.wire is wire and (frames := self.session.tick(self.clock())):
            self.put(*frames)

    def _ping(self) -> None:
        self._ping_id += 1
        self._pings = {id: at for id, at in self._pings.items() if id > self._ping_id - 8}
        self._pings[self._ping_id] = self._pinged_at = self.clock()
        self.put(Ping(id=self._ping_id))

    def _tick(self, wire: Wire) -> None:
        if self.wire is not wire:
            return
        now = self.clock()
        if now >= self.heard_at + SILENCE_S:
            self.wire = None
            wire.cut()
            self.on_down()
            return
        if now >= self._pinged_at + PING_S:
            self._ping()
        self._resend(wire)
        self.agenda.later(TICK_S, lambda: self._tick(wire))

    def _went(self, wire: Wire) -> None:
        if self.wire is wire:
            self.wire = None
            self.on_down()


def new_session(id: str = "") -> Session:
    """A session that sends again sooner than usual, since the world loses more than usual."""
    return Session(id, SessionSettings(resend_s=2.0, max_resend_s=8.0))
