"""The fleet that a request may spread over: the devices that its hub knows."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from orrery.cli.screen import err, say
from orrery.cost import Device as Machine
from orrery.errors import ConnectionLostError, HubRefusedError, MissingExtraError
from orrery.fleet.client import HubClient
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hubs import HubAddress, find_hub, nearby_hub
from orrery.fleet.profile import DeviceView
from orrery.planners.protocol import Device

PATIENCE_S = 3.0
"""How long the hub may take to answer before a request is planned."""


def devices_within_reach(named: HubAddress | None) -> tuple[Device, ...]:
    """The devices over which a plan may spread; none where there is no hub.

    Args:
        named: the hub that was asked for; None takes the one of the environment or of this folder. If that one does
            not answer, the request is planned for this machine.

    Raises HubRefusedError, ConnectionLostError: the hub that was asked for does not answer.
    """
    return tuple(_device(view) for view in _within_reach(named))


def machines_within_reach(named: HubAddress | None) -> dict[str, Machine]:
    """The same devices as a cost model sees them, by name: speed, slots, price, what they perform. Raises likewise."""
    return {view.name: _machine(view) for view in _within_reach(named)}


def _within_reach(named: HubAddress | None) -> list[DeviceView]:
    hub = named or (find_hub() if os.environ.get("ORRERY_HUB") or _runs_here() else None)
    if hub is None:
        return []
    try:
        views = asyncio.run(_views(hub))
    except (ConnectionLostError, HubRefusedError, MissingExtraError) as error:
        if named is not None:
            raise
        say(err(), f"planned for this machine alone, since the hub that {hub.said_by} names does not answer", "dim")
        say(err(), str(error), "dim")
        return []
    return [view for view in views if view.state in ("online", "shaky")]


def _runs_here() -> bool:
    """Whether the hub of this folder works now."""
    found = nearby_hub()
    if found is None or not Path(found.state).is_dir():
        return False
    with contextlib.closing(Registry(Path(found.state))) as registry:
        return registry.is_running()


async def _views(hub: HubAddress) -> tuple[DeviceView, ...]:
    async with HubClient(hub.url, hub.token, patience_s=PATIENCE_S) as client:
        return await client.devices()


def _device(view: DeviceView) -> Device:
    profile = view.profile
    return Device(view.name, profile.skills, profile.os, tuple(offer.name for offer in profile.tools))


def _machine(view: DeviceView) -> Machine:
    profile = view.profile
    return Machine(
        view.name,
        speed=profile.speed,
        slots=profile.slots,
        money_per_s=profile.cost / 3600,
        tags=profile.skills,
        latency_s=Machine("").latency_s if view.latency_s is None else view.latency_s,
        offers=tuple(offer.name for offer in profile.tools),
        os=profile.os,
        cpus=profile.cpus,
        memory_bytes=profile.memory_bytes,
    )
