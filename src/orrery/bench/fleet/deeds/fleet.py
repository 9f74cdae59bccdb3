"""Fleet: what is said of the fleet itself, and a sign of life from one slot of a device."""

from __future__ import annotations

from importlib import import_module

from orrery.bench.fleet.deeds.pace import pause
from orrery.fleet.client import HubClient
from orrery.fleet.hubs import find_hub

SUBJECTS = (
    "auditing",
    "building",
    "compute",
    "files",
    "forms",
    "logs",
    "reporting",
    "rollout",
    "sensors",
    "tables",
    "watching",
    "web",
)
"""The modules of deeds that a worker should have."""


def ready(wait_s: float, number: int) -> int:
    """The number, after a moment; and what most deeds need is imported now."""
    for subject in SUBJECTS:
        import_module(f"orrery.bench.fleet.deeds.{subject}")
    pause(wait_s)
    return number


async def online() -> dict[str, list[str]]:
    """The devices that are online, with their skills; nothing is assigned to any for that."""
    address = find_hub()
    if address is None:
        raise RuntimeError("there is no hub here")
    async with HubClient(address.url, address.token) as client:
        return {view.name: sorted(view.profile.skills) for view in await client.devices() if view.state == "online"}
