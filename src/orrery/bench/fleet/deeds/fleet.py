"""Fleet: what is said of the fleet itself, and a sign of life from one slot of a device."""

from __future__ import annotations

import time

from orrery.fleet.client import HubClient
from orrery.fleet.hubs import find_hub


def ready(wait_s: float, number: int) -> int:
    """The number, after a moment; and what most deeds need is imported now."""
    from orrery.bench.fleet.deeds import building, compute, files, forms, logs, rollout, sensors, tables, watching, web

    time.sleep(wait_s)
    return number if all((building, compute, files, forms, logs, rollout, sensors, tables, watching, web)) else -1


async def online() -> dict[str, list[str]]:
    """The devices that are online, with their skills; nothing is assigned to any for that."""
    address = find_hub()
    if address is None:
        raise RuntimeError("there is no hub here")
    async with HubClient(address.url, address.token) as client:
        return {view.name: sorted(view.profile.skills) for view in await client.devices() if view.state == "online"}
