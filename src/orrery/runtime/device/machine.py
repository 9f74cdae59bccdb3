"""What this machine is, and how busy it is, by the standard library alone."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from orrery.errors import OrreryError
from orrery.fleet.profile import Load, Offer, Profile
from orrery.runtime.device.rules import DeviceRules
from orrery.tools import tools as registered

_NEEDS = {"chart": "matplotlib", "data": "duckdb", "http": "httpx2", "metrics": "psutil", "model": "pydantic_ai"}
"""The library without which the tools of a built-in set are there and cannot be called."""
_GPU_FILES = Path("/proc/driver/nvidia/gpus")


def profile_of_this_machine(
    rules: DeviceRules,
    *,
    skills: tuple[str, ...] = (),
    slots: int = 0,
    zone: str = "",
    cost: float = 0.0,
    speed: float = 1.0,
) -> Profile:
    """What a device on this machine offers.

    Args:
        rules: of its owner; tools that they never allow are not offered.
        slots: tasks at once; 0: one per processor.
    """
    return Profile(
        version=int(time.time()),  # grows from start to start
        os=platform.system().lower(),
        arch=platform.machine(),
        host=platform.node(),
        cpus=processors(),
        memory_bytes=memory_bytes(),
        gpus=_gpus(),
        skills=skills,
        tools=offers(rules),
        slots=slots or processors(),
        zone=zone,
        cost=cost,
        speed=speed,
    )


def offers(rules: DeviceRules) -> tuple[Offer, ...]:
    """The installed tools that the rules allow, with the schemas of their arguments, and the functions, by patterns."""
    found = [Offer(pattern, "functions that the device's owner has allowed") for pattern in rules.functions()]
    for name in registered.names():
        needed = _NEEDS.get(name.partition(".")[0])
        if not rules.considers(name) or (needed is not None and find_spec(needed) is None):
            continue
        try:
            tool = registered.get(name)
            if rules.offers(tool):
                found.append(Offer(name, tool.description, tool.parameters, tool.effects))
        except OrreryError:  # it cannot be loaded here, so it is not offered; `orrery tools` says why
            continue
    return tuple(found)


def load_of_this_machine(folder: Path) -> Load:
    """How busy it is: the share of its processors over the last minute; free memory, and disk where `folder` is."""
    cpu = 0.0
    if hasattr(os, "getloadavg"):
        with suppress(OSError):
            cpu = min(1.0, os.getloadavg()[0] / processors())
    disk = 0
    with suppress(OSError):
        disk = shutil.disk_usage(folder).free
    return Load(round(cpu, 3), _free_memory_bytes(), disk)


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def memory_bytes() -> int:
    """Installed memory; 0 where the standard library cannot tell."""
    if sys.platform == "win32":
        return _windows_memory()[0]
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 0


def _free_memory_bytes() -> int:
    if sys.platform == "win32":
        return _windows_memory()[1]
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 0


def _windows_memory() -> tuple[int, int]:
    """All memory and what of it is free, by the one call that Windows has for it."""
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong) for name in ("all", "free", "page", "page_free", "room", "room_free", "extended")
        ]

    status = Status()
    status.length = ctypes.sizeof(Status)
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        return 0, 0
    return int(status.all), int(status.free)


def _gpus() -> tuple[str, ...]:
    """The names of NVIDIA's cards, as their driver shows them on Linux; others are not looked for: name a skill."""
    found: list[str] = []
    with suppress(OSError):
        for card in sorted(_GPU_FILES.iterdir()):
            lines = (card / "information").read_text(encoding="utf-8", errors="replace").splitlines()
            found += [line.removeprefix("Model:").strip() for line in lines if line.startswith("Model:")]
    return tuple(found)
