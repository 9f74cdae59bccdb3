"""Place: which devices of a fleet may run a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from orrery.errors import ArgumentError
from orrery.graph.ref import Ref

FLEET = "fleet"
"""The executor of tasks that have a place."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where in a fleet a task may run. Every requirement but `prefer` is hard; with none, any device will do.

    Where there is no fleet the task runs on this machine, and the place says nothing.

    Args:
        on: names of devices, one of which it must be; empty means any. A reference stands for a name or a list of them.
        skills: what the device must say of itself, such as "gpu" or "camera".
        os: "linux", "darwin" or "windows".
        cpus: the fewest processors.
        memory_bytes: the least memory.
        beside: a reference to an earlier task, on whose device this one must run, since it left something there.
        apart: references to earlier tasks, on whose devices it must not run; once it is `settled`, the devices' names.
        prefer: the name of the device that it runs on if that one is there, fits and has room soon; else on another.
    """

    on: tuple[Any, ...] = ()
    skills: tuple[str, ...] = ()
    os: str = ""
    cpus: int = 0
    memory_bytes: int = 0
    beside: Any = None
    apart: tuple[Any, ...] = ()
    prefer: str = ""

    def said(self) -> dict[str, Any]:
        """What it requires and prefers, by name; what it leaves open is left out."""
        usual = Place()
        return {
            name: value for name in self.__struct_fields__ if (value := getattr(self, name)) != getattr(usual, name)
        }

    def required(self) -> dict[str, Any]:
        """What of it is hard, by name."""
        said = self.said()
        said.pop("prefer", None)
        return said

    def shown(self) -> str:
        """The place in a few words: "on web1 or web2", "on a device with gpu", "beside build", "prefers big"."""
        if not self.prefer:
            return self._shown_required()
        wish = f"prefers {self.prefer}"
        return f"{self._shown_required()}, {wish}" if self.required() else wish

    def _shown_required(self) -> str:
        if self.on:
            return f"on {' or '.join(map(_shown, self.on))}"
        if self.beside is not None:
            return f"beside {self.beside.task}"
        needs = [*self.skills, *([self.os] if self.os else []), *([f"{self.cpus} cpus"] if self.cpus else [])]
        if self.memory_bytes:
            needs.append(f"{self.memory_bytes / 1e9:g} GB")
        return f"on a device with {', '.join(needs)}" if needs else "on any device"

    def settled(self, look_up: Callable[[Any], Any], device_of: Callable[[str], str]) -> Place:
        """The place with names where references were; `beside` stays where that task ran on no device.

        Args:
            look_up: the value of a reference or template.
            device_of: where a task ran; empty for one that ran on no device.

        Raises:
            ArgumentError: a reference stands for no name, or it is to be on one device and beside a task on another.
        """
        on: list[str] = []
        for name in self.on:
            found = name if isinstance(name, str) else look_up(name)
            for one in found if isinstance(found, list | tuple) else (found,):
                if not (isinstance(one, str) and one):
                    raise ArgumentError(f"a device's name is wanted where it is to run, not {one!r:.60}")
                on.append(one)
        beside, there = self.beside, "" if self.beside is None else device_of(self.beside.task)
        if there:
            if on and there not in on:
                raise ArgumentError(
                    f"it is to run on {' or '.join(on)}, and beside {beside.task!r}, which ran on {there}"
                )
            on, beside = [there], None
        apart = tuple(dict.fromkeys(where for ref in self.apart if (where := device_of(ref.task))))
        return msgspec.structs.replace(self, on=tuple(dict.fromkeys(on)), beside=beside, apart=apart)


def _shown(name: Any) -> str:
    if isinstance(name, Ref):
        return "{" + ".".join(map(str, (name.task.lstrip("@"), *name.path))) + "}"
    return name if isinstance(name, str) else "{...}"
