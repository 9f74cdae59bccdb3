"""The frames of the fleet's protocol, version 1. docs/reference/fleet-protocol.md tells how they go together.

One protocol serves both legs: a hub is to a *client* (a run that wants work done) what a device is to the hub. Two
kinds of frames: *sequenced* ones carry a `seq`, arrive once and in order, and survive the loss of a connection
(`session` sees to that); the others have seq 0 and belong to the connection on which they came.

`work` names one attempt at one task in the whole fleet; `key` is the same for all attempts at it. `fence` is the
fencing token of a lease: it grows with every placement, and what comes under an older one is refused. Absolute
times are seconds since the epoch by the *hub's* clock, which `Welcome` and `Ping` make known.

Fields that a receiver does not know are kept in `extra` and passed on.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from orrery.errors import Failure
from orrery.fleet.profile import DeviceView, Load, Profile
from orrery.graph.place import Place
from orrery.graph.task import EffectKind
from orrery.graph.values import Blob

VERSIONS = (1,)
"""The versions that this code speaks, best first."""
FEATURES: tuple[str, ...] = ("artifacts",)
"""What it can do besides; each end uses only what both can."""
DEFAULT_MAX_FRAME_BYTES = 4_000_000
"""The largest message that is taken in; larger values go by digest."""

ANYWHERE = "*"
"""As `Assign.seen_on`: any device may have accepted it."""

Role = Literal["device", "client"]
Effect = Literal["none", "done", "unknown"]
"""What an attempt did to the world: nothing, all that it was to do, or nobody knows."""


class Frame(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type", tag=str.lower):
    """What one end says to the other."""

    sequenced: ClassVar[bool] = False
    seq: int = 0
    extra: dict[str, Any] = {}


# -- the connection -------------------------------------------------------------------------------------------


class Hello(Frame, frozen=True):
    """The first frame of a connection, from who dialled.

    Args:
        token: who speaks, proved: a device's key, an enrolment token, or a client's token. Read from no other frame.
        name: that a device wishes to be enrolled under; later the token alone says who it is.
        session: the session to go on with; empty begins one.
        received: the last sequenced frame that arrived in that session.
    """

    token: str
    role: Role = "device"
    versions: tuple[int, ...] = VERSIONS
    features: tuple[str, ...] = FEATURES
    name: str = ""
    session: str = ""
    received: int = 0
    profile: Profile | None = None


class Welcome(Frame, frozen=True):
    """The answer to a Hello that is accepted.

    Args:
        principal: who the hub takes the other end for.
        resumed: the session goes on; otherwise it is a new one and what was under way is reported by `State`.
        received: the last sequenced frame that arrived here in that session.
        key: on enrolment, and never again: the token to use from now on.
        epoch: grows with every start of the hub.
        now: the hub's clock.
        heartbeat_s: how often a quiet device pings.
        lease_s: how long after it was last heard of its leases run.
        ticket_secret: to a device: with which tickets for its blobs are checked, in hexadecimal.
    """

    version: int
    session: str
    principal: str
    resumed: bool = False
    received: int = 0
    features: tuple[str, ...] = ()
    key: str = ""
    epoch: int = 0
    now: float = 0.0
    heartbeat_s: float = 5.0
    lease_s: float = 30.0
    max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES
    ticket_secret: str = ""


class Ack(Frame, frozen=True):
    """All sequenced frames up to `received` have arrived."""

    received: int


class Ping(Frame, frozen=True):
    """Are you there? Answered by the same with `answer` set, and with the hub's clock in `at` where the hub answers."""

    id: int
    answer: bool = False
    at: float = 0.0


class Error(Frame, frozen=True):
    """Something was wrong with the connection or with a frame; the connection ends unless `retryable`.

    Args:
        error: the code: "token", "name", "version", "revoked", "replaced", "malformed", "too-large", "too-slow",
            "unknown-type", "not-yours", "cut" or "internal".
        about: the `seq` of the frame, or the `work`, that it is about.
    """

    error: str
    message: str = ""
    retryable: bool = False
    retry_after_s: float | None = None
    about: str = ""


# -- work -----------------------------------------------------------------------------------------------------


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the bytes of a digest can be had: a device's own address with a ticket for it; no URL: through the hub."""

    digest: str
    device: str = ""
    url: str = ""
    ticket: str = ""


class Assign(Frame, frozen=True):
    """Do this. From a client: place it and have it done.

    Args:
        args: the arguments, encoded as `orrery.graph.values` writes them; plain data in a session of JSON.
        digest: SHA-256 of op and args: what is answered from a journal must have been asked alike.
        effects: what it does to the world, which decides what may be done when its fate is unknown.
        place: where it may run; a hub has made sure of it.
        rank: the longest remaining path in seconds; the highest goes first.
        seconds: what it is expected to take.
        timeout_s: the longest it may run on the device.
        deadline: when it must have ended, queue and all, by the hub's clock.
        sources: where the blobs among the arguments can be had.
        seen_on: the device that accepted it before the hub or the client lost its memory; `ANYWHERE`: some device may
            have, and the client was not told.
        known_only: what became of it is to be told, and it is not to be begun: where nobody knows, it is lost.
    """

    sequenced: ClassVar[bool] = True
    work: str
    key: str
    run: str
    task: str
    attempt: int
    op: str
    args: bytes = b"\x80"
    digest: str = ""
    effects: EffectKind = "keyed"
    fence: int = 0
    place: Place = Place()
    rank: float = 0.0
    seconds: float = 1.0
    timeout_s: float | None = None
    deadline: float | None = None
    sources: tuple[Source, ...] = ()
    seen_on: str = ""
    known_only: bool = False


class Accept(Frame, frozen=True):
    """It will be done. From a hub: by `device`, chosen `because`; without one, it waits for a device."""

    sequenced: ClassVar[bool] = True
    work: str
    fence: int = 0
    device: str = ""
    because: str = ""


class Reject(Frame, frozen=True):
    """It will not be done by me, and nothing of it was.

    Args:
        reason: "full", "draining", "not-offered", "not-allowed", "arguments", "no-device", "fenced", "deadline",
            "lease" (it was given back, for want of contact).
        retry_after_s: when to ask again; None: never.
    """

    sequenced: ClassVar[bool] = True
    work: str
    reason: str
    fence: int = 0
    message: str = ""
    retry_after_s: float | None = None


class Progress(Frame, frozen=True):
    """How far a running attempt is."""

    sequenced: ClassVar[bool] = True
    work: str
    fence: int = 0
    fraction: float | None = None
    note: str = ""


class Result(Frame, frozen=True):
    """The end of an attempt.

    Args:
        status: "lost": it vanished (its process died, its device is gone); `effect` says what is known of it.
        value: of one that succeeded, encoded as `orrery.graph.values` writes it; plain data in a session of JSON.
        device: which performed it.
        began_at: when it began, by the hub's clock; `ended_at` likewise.
        blobs: those in the value; the device holds them.
        remembered: the device had done it before, and answers from its journal.
        grows: the value is the event of a task that returned more work.
    """

    sequenced: ClassVar[bool] = True
    work: str
    status: Literal["succeeded", "failed", "stopped", "lost"]
    fence: int = 0
    value: bytes = b"\xc0"
    failure: Failure | None = None
    effect: Effect = "done"
    device: str = ""
    began_at: float | None = None
    ended_at: float | None = None
    money: float = 0.0
    tokens: int = 0
    cpu_s: float = 0.0
    blobs: tuple[Blob, ...] = ()
    remembered: bool = False
    grows: bool = False


class Cancel(Frame, frozen=True):
    """Stop an attempt; its Result says how it ended. With `forget`, its result was kept and may be dropped."""

    sequenced: ClassVar[bool] = True
    work: str
    fence: int = 0
    because: str = ""
    forget: bool = False


class Credit(Frame, frozen=True):
    """How much may be sent: tasks that may be held at once (`slots`), or a stream's bytes up to an offset."""

    slots: int | None = None
    stream: str = ""
    upto: int = 0


# -- state ----------------------------------------------------------------------------------------------------


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attempt that a device knows: "queued", "running", "done" (its result is kept) or "broken" (effect unknown)."""

    work: str
    key: str
    digest: str
    phase: Literal["queued", "running", "done", "broken"]
    fence: int = 0


class State(Frame, frozen=True):
    """Reported state. A device's: what it is, does and holds. A hub's, to a client that asked: its devices.

    Args:
        asks: the other end's state is wanted, now and whenever it changes until the connection ends.
        whole: `held` and `holds` are everything, not news only.
        held: attempts.
        holds: blobs; `dropped` digests are not there any more.
    """

    sequenced: ClassVar[bool] = True
    asks: bool = False
    whole: bool = False
    profile: Profile | None = None
    load: Load | None = None
    held: tuple[Held, ...] = ()
    holds: tuple[Blob, ...] = ()
    dropped: tuple[str, ...] = ()
    devices: tuple[DeviceView, ...] = ()


class Desired(Frame, frozen=True):
    """What a device is to be like; the latest counts. None leaves a matter to the device.

    Args:
        slots: how many tasks at once.
        accepting: whether it takes new work.
        drop: digests that nobody needs any more.
    """

    sequenced: ClassVar[bool] = True
    version: int = 1
    slots: int | None = None
    accepting: bool | None = None
    drop: tuple[str, ...] = ()


class Drain(Frame, frozen=True):
    """From a hub: finish what you have, take nothing new. From a device: that is what I do, then I leave."""

    sequenced: ClassVar[bool] = True
    because: str = ""
    deadline: float | None = None


# -- bytes ----------------------------------------------------------------------------------------------------


class Artifact(Frame, frozen=True):
    """One step of moving a blob; any connection may carry it, and it goes on from any offset.

    The receiver sends "open" with the digest and the `offset` from which it wants bytes, and lets the sender go on by
    Credit(stream, upto). The sender sends "chunk"s, then "close" with the size. Either may send "stop" with a reason.
    The digest of the whole is checked by the receiver.
    """

    step: Literal["open", "chunk", "close", "stop"]
    stream: str
    digest: str = ""
    offset: int = 0
    size_bytes: int = 0
    media: str = ""
    data: bytes = b""
    ticket: str = ""
    error: str = ""


AnyFrame = (
    Hello
    | Welcome
    | Ack
    | Ping
    | Error
    | Assign
    | Accept
    | Reject
    | Progress
    | Result
    | Cancel
    | Credit
    | State
    | Desired
    | Drain
    | Artifact
)
