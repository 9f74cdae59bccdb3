"""What a hub's core asks for. To be carried out in this order."""

from __future__ import annotations

import msgspec

from orrery.fleet.messages import Frame


class ToDevice(msgspec.Struct, frozen=True):
    """Say this to a device, now or when its session goes on."""

    device: str
    frame: Frame


class ToClient(msgspec.Struct, frozen=True):
    """Say this to a client, now or when its session goes on."""

    client: str
    frame: Frame


class Cut(msgspec.Struct, frozen=True, gc=False):
    """End the connection of a device, if it has one, and its session: what was said in it is not said again."""

    principal: str
    because: str


class Noted(msgspec.Struct, frozen=True, gc=False):
    """For the audit: what happened to whom.

    Args:
        kind: "device-came", "device-went", "device-gone", "drain-wanted", "draining", "drained", "revoked",
            "moved", "lost", "no-device", "untrue".
    """

    kind: str
    principal: str
    detail: str = ""


Command = ToDevice | ToClient | Cut | Noted
