"""The devices of a fleet, as planners and models are told of them."""

from __future__ import annotations

from collections.abc import Sequence

from orrery.planners.protocol import Device, Goal

MOST_TOOLS = 40
"""That are named of each device."""


def names_of(goal: Goal) -> tuple[str, ...]:
    """The names of the devices over which a goal's plan may spread."""
    return tuple(device.name for device in goal.devices)


def listed_devices(devices: Sequence[Device]) -> str:
    """What a model is told of devices, one on each line, and how a step is done on one; empty where there are none."""
    if not devices:
        return ""
    lines = "\n".join(map(_line, devices))
    return f"""

A step is done on this machine, or on a device: `8. shell.run(command=["uptime"]) on "{devices[0].name}"`.
`on $item` with `each` does it on each of several, `on "any"` wherever it fits best. Files lie where they were written:
a file of one device is read there, and its content given to a step elsewhere by a reference. The devices:

{lines}"""


def _line(device: Device) -> str:
    about = [device.os, *device.skills]
    tools = ", ".join(device.tools[:MOST_TOOLS]) + (", ..." if len(device.tools) > MOST_TOOLS else "")
    return f"{device.name} ({', '.join(filter(None, about)) or 'nothing known'}): {tools or 'no tools'}"
