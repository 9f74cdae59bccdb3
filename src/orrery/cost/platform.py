"""Platform: what there is to run on, as a compiler knows its target machine."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from orrery.models.serving import Timing


class Model(msgspec.Struct, frozen=True):
    """A model that may answer.

    Args:
        name: as a task's `model` names it.
        input_per_mtok, cached_per_mtok, output_per_mtok: US dollars for a million tokens; None: unknown.
        quality: the share of tasks of middling difficulty that it solves, in [0, 1]; None: unknown.
        timing: how fast it is and whether it keeps prefixes; None: unknown.
        slots: how many calls it works on at once; None: as its timing says.
        replica_of: the name of a model whose replica this one is: they answer alike, and a call may go to any of them.
        thinking: how many tokens it may be let think, the choices that there are; empty: nobody knows of any.
    """

    name: str
    input_per_mtok: float | None = None
    cached_per_mtok: float | None = None
    output_per_mtok: float | None = None
    quality: float | None = None
    timing: Timing | None = None
    slots: int | None = None
    replica_of: str = ""
    thinking: tuple[int, ...] = ()

    @property
    def calls_at_once(self) -> int | None:
        """How many calls it works on at once: its slots, else those of its timing; None: no limit that is known."""
        return self.slots if self.slots is not None or self.timing is None else self.timing.slots


class Device(msgspec.Struct, frozen=True):
    """A machine that may perform.

    Args:
        name: as a task's place names it.
        speed: how fast, against the machine on which estimates were taken.
        slots: attempts at once.
        money_per_s: US dollars for a second of one slot.
        tags: what it has, such as "gpu"; a task's place may require them.
        bytes_per_s, latency_s: of its link to every other device.
        offers: the operations that it performs; empty: nobody knows, so any.
        os, cpus, memory_bytes: as a task's place may require them; "" and 0 where nobody knows.
        holds: what lies on it already, named as in a task's `effects.reads`, in bytes: elsewhere it is fetched first.
    """

    name: str
    speed: float = 1.0
    slots: int = 1
    money_per_s: float = 0.0
    tags: tuple[str, ...] = ()
    bytes_per_s: float = 125e6
    latency_s: float = 0.0005
    offers: tuple[str, ...] = ()
    os: str = ""
    cpus: int = 0
    memory_bytes: int = 0
    holds: Mapping[str, float] = {}


class Platform(msgspec.Struct, frozen=True):
    """What there is to run on.

    Args:
        models: those that may answer, by name; empty: a task's own model, and no choice.
        devices: those that may perform, by name; empty: this machine, and no choice.
        capacity: slots of each executor, amount of each resource; what is not named has no limit.
        default_model: who answers a task that names no model.
    """

    models: Mapping[str, Model] = {}
    devices: Mapping[str, Device] = {}
    capacity: Mapping[str, int] = {}
    default_model: str = ""
