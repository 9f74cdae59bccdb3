"""Devices as JSON data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orrery.fleet.hub.registry import Enrolled
from orrery.fleet.profile import DeviceView


def plain_devices(enrolled: Mapping[str, Enrolled], views: Iterable[DeviceView]) -> Iterator[dict[str, Any]]:
    """The devices of a hub as JSON data, by name: what they are doing, and how well."""
    known = {view.name: view for view in views}
    for name in sorted({*known, *enrolled}):
        view, device = known.get(name), enrolled.get(name)
        found: dict[str, Any] = {"name": name, "state": view.state if view is not None else "offline"}
        if device is not None:
            found["state"] = "revoked" if device.revoked_at is not None else found["state"]
            found |= {"enrolled_at": device.enrolled_at, "revoked_at": device.revoked_at, "draining": device.draining}
        if view is None:
            found["skills"] = list(device.skills) if device is not None else []
        else:
            found |= {
                "since": view.since,
                "skills": list(view.profile.skills),
                "tools": [tool.name for tool in view.profile.tools],
                "os": view.profile.os,
                "arch": view.profile.arch,
                "host": view.profile.host,
                "cpus": view.profile.cpus,
                "memory_bytes": view.profile.memory_bytes,
                "gpus": list(view.profile.gpus),
                "zone": view.profile.zone,
                "slots": view.profile.slots,
                "running": list(view.running),
                "load": {"cpu": view.load.cpu, "memory_free_bytes": view.load.memory_free_bytes},
                "latency_s": view.latency_s,
                "trust": view.trust,
                "done": view.done,
                "failed": view.failed,
                "held_bytes": view.held_bytes,
                "heard_at": view.heard_at,
            }
        yield found
