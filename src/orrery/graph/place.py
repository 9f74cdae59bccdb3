"""Place: which devices of a fleet may run a task."""

from __future__ import annotations

import msgspec

from orrery.graph.ref import TaskId


class Place(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where in a fleet a task may run. Every requirement is hard; with none, any device will do.

    Where there is no fleet, the task runs on this machine and the place says nothing.

    Args:
        on: names of devices, one of which it must be; empty means any.
        skills: what the device must say of itself, such as "gpu" or "camera".
        os: "linux", "darwin" or "windows".
        cpus: the fewest processors.
        memory_bytes: the least memory.
        beside: an earlier task, on whose device this one must run, since it left something there.
        apart: earlier tasks, on whose devices it must not run.
    """

    on: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    os: str = ""
    cpus: int = 0
    memory_bytes: int = 0
    beside: TaskId = ""
    apart: tuple[TaskId, ...] = ()
