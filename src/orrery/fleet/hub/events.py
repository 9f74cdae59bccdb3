"""What a hub's core is told. Every event has `at`, seconds by the hub's clock; the core itself asks none.

Devices and clients go by their principals, which the server knows from their tokens and never from a frame.
"""

from __future__ import annotations

import msgspec

from orrery.fleet.messages import AnyFrame
from orrery.fleet.profile import Profile


class DeviceCame(msgspec.Struct, frozen=True, gc=False):
    """A device is connected; unless its session was `resumed`, its whole State is the first thing it says."""

    at: float
    device: str
    profile: Profile | None = None
    resumed: bool = False


class DeviceWent(msgspec.Struct, frozen=True, gc=False):
    """The connection of a device is gone; `clean`: the device said goodbye and will not go on with the session."""

    at: float
    device: str
    because: str = ""
    clean: bool = False


class DeviceHeard(msgspec.Struct, frozen=True, gc=False):
    """Something came from a device, which renews its leases; `latency_s` of a round trip, if one was measured."""

    at: float
    device: str
    latency_s: float | None = None


class DeviceSaid(msgspec.Struct, frozen=True):
    """A frame from a device. It counts as being heard of, too."""

    at: float
    device: str
    frame: AnyFrame


class ClientCame(msgspec.Struct, frozen=True, gc=False):
    """A client is connected; unless its session was `resumed`, it asks anew for what it still wants."""

    at: float
    client: str
    resumed: bool = False


class ClientWent(msgspec.Struct, frozen=True, gc=False):
    """The connection of a client is gone. Its attempts go on."""

    at: float
    client: str


class ClientSaid(msgspec.Struct, frozen=True):
    """A frame from a client."""

    at: float
    client: str
    frame: AnyFrame


class DrainWanted(msgspec.Struct, frozen=True, gc=False):
    """A device is to finish what it has and take nothing new; `undo`: it may take new work again."""

    at: float
    device: str
    because: str = ""
    undo: bool = False


class Revoked(msgspec.Struct, frozen=True, gc=False):
    """A device is not trusted any more: cut it off and forget it."""

    at: float
    device: str


class Ticked(msgspec.Struct, frozen=True, gc=False):
    """It is `at`: whatever is due by now is due."""

    at: float


Event = (
    DeviceCame
    | DeviceWent
    | DeviceHeard
    | DeviceSaid
    | ClientCame
    | ClientWent
    | ClientSaid
    | DrainWanted
    | Revoked
    | Ticked
)
