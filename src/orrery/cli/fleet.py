"""The fleet that a request may spread over: the devices that its hub knows."""

from __future__ import annotations

from orrery.cli.screen import err, say
from orrery.cost import Device as Machine
from orrery.fleet.hubs import HubAddress
from orrery.fleet.profile import DeviceView
from orrery.planners.protocol import Device
from orrery.runtime.reach import as_machine, within_reach


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
    return {view.name: as_machine(view) for view in _within_reach(named)}


def _within_reach(named: HubAddress | None) -> tuple[DeviceView, ...]:
    found = within_reach(named)
    if found.unanswered is not None:
        say(err(), f"planned for this machine alone, since the hub that {found.said_by} names does not answer", "dim")
        say(err(), str(found.unanswered), "dim")
    return found.devices


def _device(view: DeviceView) -> Device:
    profile = view.profile
    return Device(view.name, profile.skills, profile.os, tuple(offer.name for offer in profile.tools))
