"""Profile: what a device says of itself, and what it is doing."""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.graph.task import Effects


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool that a device performs: its name, what it is for, the JSON Schema of its arguments, its effects."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    effects: Effects = Effects()


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """The capabilities of a device. Sent whole whenever they change, under a higher `version`.

    Args:
        version: counts the changes; a profile with a lower one is stale.
        os: "linux", "darwin", "windows", or what else Python's `platform` says, in lower case.
        arch: of the processor, such as "x86_64".
        host: the machine's own name.
        cpus: processors.
        memory_bytes: installed memory.
        gpus: a name each.
        skills: free words by which tasks find it, such as "gpu", "camera", "warehouse".
        tools: what it performs.
        slots: how many tasks at once.
        zone: devices of one zone move data between them cheaply.
        cost: of an hour, in the budget's currency.
        speed: of one processor, where 1 is that of the hub's machine.
        blobs: a URL at which other devices can fetch what it holds; empty: only through the hub.
    """

    version: int = 1
    os: str = ""
    arch: str = ""
    host: str = ""
    cpus: int = 1
    memory_bytes: int = 0
    gpus: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    tools: tuple[Offer, ...] = ()
    slots: int = 1
    zone: str = ""
    cost: float = 0.0
    speed: float = 1.0
    blobs: str = ""


class Load(msgspec.Struct, frozen=True, omit_defaults=True):
    """How busy a device is: the share of its processors in use, its free memory and disk."""

    cpu: float = 0.0
    memory_free_bytes: int = 0
    disk_free_bytes: int = 0

    def differs_from(self, other: Load) -> bool:
        """Whether it differs by as much as would change a choice."""

        def by(share: float, new: int, old: int) -> bool:
            return abs(new - old) > share * max(new, old)

        return (
            abs(self.cpu - other.cpu) > 0.05
            or by(0.1, self.memory_free_bytes, other.memory_free_bytes)
            or by(0.1, self.disk_free_bytes, other.disk_free_bytes)
        )


class DeviceView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device as its hub sees it, for people and planners.

    Args:
        state: "online", "shaky" (heard of irregularly), "draining", "away" (its leases still run), "gone".
        since: when it came into that state, seconds since the epoch by the hub's clock.
        running: what it works on, as `run/task`.
        latency_s: of a round trip, smoothed; None: not measured yet.
        trust: in [0, 1], from how its attempts ended.
        done: attempts that ended well; `failed`: those that did not.
        heard_at: when it was last heard of; None: never by this hub.
    """

    name: str
    state: str
    since: float
    profile: Profile
    load: Load = Load()
    running: tuple[str, ...] = ()
    latency_s: float | None = None
    trust: float = 1.0
    done: int = 0
    failed: int = 0
    held_bytes: int = 0
    heard_at: float | None = None
