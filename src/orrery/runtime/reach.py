"""Reach: the devices of a fleet within reach of a folder, as its hub knows them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from orrery.cost import Device
from orrery.errors import ConnectionLostError, HubRefusedError, MissingExtraError, OrreryError
from orrery.fleet.client import HubClient
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hubs import HubAddress, find_hub, nearby_hub
from orrery.fleet.profile import DeviceView

PATIENCE_S = 3.0
"""How long the hub may take to answer."""


class Reach(NamedTuple):
    """Devices that can be given work; where a hub does not answer, why, and who named it."""

    devices: tuple[DeviceView, ...] = ()
    unanswered: OrreryError | None = None
    said_by: str = ""


def within_reach(named: HubAddress | None) -> Reach:
    """The devices over which work may spread; none where there is no hub.

    Args:
        named: the hub that was asked for; None takes the one of the environment or of this folder, and if that one
            does not answer, there are no devices.

    Raises HubRefusedError, ConnectionLostError: the hub that was asked for does not answer.
    """
    hub = named or (find_hub() if os.environ.get("ORRERY_HUB") or _runs_here() else None)
    if hub is None:
        return Reach()
    try:
        views = asyncio.run(views_of(hub))
    except (ConnectionLostError, HubRefusedError, MissingExtraError) as error:
        if named is not None:
            raise
        return Reach(unanswered=error, said_by=hub.said_by)
    return Reach(tuple(view for view in views if view.state in ("online", "shaky")))


async def views_of(hub: HubAddress, *, patience_s: float = PATIENCE_S) -> tuple[DeviceView, ...]:
    """Every device as a hub sees it now. Raises HubRefusedError, ConnectionLostError, MissingExtraError."""
    async with HubClient(hub.url, hub.token, patience_s=patience_s) as client:
        return await client.devices()


def as_machine(view: DeviceView) -> Device:
    """A device as a cost model sees it: speed, slots, price, what it performs."""
    profile = view.profile
    return Device(
        view.name,
        speed=profile.speed,
        slots=profile.slots,
        money_per_s=profile.cost / 3600,
        tags=profile.skills,
        latency_s=Device("").latency_s if view.latency_s is None else view.latency_s,
        offers=tuple(offer.name for offer in profile.tools),
        os=profile.os,
        cpus=profile.cpus,
        memory_bytes=profile.memory_bytes,
    )


def _runs_here() -> bool:
    """Whether the hub of this folder works now."""
    found = nearby_hub()
    if found is None or not Path(found.state).is_dir():
        return False
    with contextlib.closing(Registry(Path(found.state))) as registry:
        return registry.is_running()


__all__ = ["Reach", "as_machine", "views_of", "within_reach"]
