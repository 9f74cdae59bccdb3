"""What a device's core is told, and what it asks for.

Every event says when it happened, `at`, by the device's own clock, which only has to run forwards. Commands are to be
carried out in their order, and what is remembered must be on the disk before what follows is done.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from orrery.fleet.messages import Assign, Frame, Held, Reject, Result, Welcome
from orrery.graph.task import EffectKind


class Connected(msgspec.Struct, frozen=True, gc=False):
    """The hub has let the device in; `sent_at` is when the Hello was sent that it answers."""

    at: float
    sent_at: float
    welcome: Welcome


class Disconnected(msgspec.Struct, frozen=True, gc=False):
    """The connection is gone. The session may go on later; leases run on."""

    at: float


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The hub has answered what was sent at `sent_at`. Its clock is `hub_ahead_s` ahead of ours; None: as was known."""

    at: float
    sent_at: float
    hub_ahead_s: float | None = None


class FrameCame(msgspec.Struct, frozen=True):
    """A frame from the hub. With an Assign comes the `refusal` with which the device's owner would answer, if any."""

    at: float
    frame: Frame
    refusal: Reject | None = None


class AttemptProgressed(msgspec.Struct, frozen=True, gc=False):
    """A performed attempt says how far it is."""

    at: float
    work: str
    fraction: float | None = None
    note: str = ""


class AttemptEnded(msgspec.Struct, frozen=True):
    """A performed attempt has ended, for whatever reason. Of the result, `fence` and the times are filled in here."""

    at: float
    result: Result


class DrainWanted(msgspec.Struct, frozen=True, gc=False):
    """The device is to leave: finish what runs, at most for `grace_s`, and take nothing new."""

    at: float
    because: str = ""
    grace_s: float = 30.0


class Ticked(msgspec.Struct, frozen=True, gc=False):
    """It is `at`: whatever is due by now is due."""

    at: float


Event = Connected | Disconnected | Answered | FrameCame | AttemptProgressed | AttemptEnded | DrainWanted | Ticked


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device remembers of a key, also when it dies.

    Args:
        key: of the task; the latest attempt at it is `work`.
        digest: of what was asked.
        since: when it was begun, or when it ended, in seconds since the epoch by the hub's clock.
        result: how it ended; None: it was begun.
    """

    key: str
    work: str
    digest: str
    effects: EffectKind
    fence: int = 0
    since: float = 0.0
    result: Result | None = None


class Send(msgspec.Struct, frozen=True):
    """Say this to the hub, now or when it can be reached."""

    frame: Frame


class Report(msgspec.Struct, frozen=True):
    """Report the whole state: the profile, the load, every blob, and these attempts."""

    held: tuple[Held, ...] = ()


class Remember(msgspec.Struct, frozen=True):
    """Write this down; it takes the place of what is remembered of its key."""

    record: Record


class Forget(msgspec.Struct, frozen=True, gc=False):
    """Nothing of this key need be remembered any more."""

    key: str


class Perform(msgspec.Struct, frozen=True):
    """Begin the attempt; its end is told by AttemptEnded under the same work."""

    assign: Assign


class Stop(msgspec.Struct, frozen=True, gc=False):
    """End what is performed under this work; AttemptEnded confirms it."""

    work: str
    because: str = ""


class Drop(msgspec.Struct, frozen=True, gc=False):
    """Nobody needs these blobs any more."""

    digests: tuple[str, ...] = ()


class Leave(msgspec.Struct, frozen=True, gc=False):
    """All is done: go, when the hub has heard what was sent."""

    because: str = ""


Command = Send | Report | Remember | Forget | Perform | Stop | Drop | Leave

Cause = Literal["", "cancelled", "lease", "timeout", "deadline", "drain"]
"""Why an attempt is being stopped; empty: it is not."""
