"""Metrics of this machine: processor, memory, disk, processes. Needs the extra `metrics` (psutil)."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any, TypedDict

from orrery.errors import ArgumentError, LimitReachedError, MissingExtraError
from orrery.tools.context import ToolContext
from orrery.tools.disk import disk_errors, resolved
from orrery.tools.tool import tool

MAX_SAMPLES = 100_000


class Memory(TypedDict):
    """Main memory; `available_bytes` is what programs can have without swapping."""

    total_bytes: int
    available_bytes: int
    used_percent: float


class Disk(TypedDict):
    """The file system that holds a path."""

    path: str
    total_bytes: int
    free_bytes: int
    used_percent: float


class Snapshot(TypedDict):
    """The machine at one moment. `at` is in seconds since the epoch; `load` is the mean over 1, 5, 15 minutes."""

    at: float
    cpu_percent: float
    cpu_count: int
    load: list[float]
    memory: Memory
    disk: Disk
    uptime_s: float
    processes: int


class Sample(TypedDict):
    """The machine's use at one moment, `at` seconds after the first sample began."""

    at: float
    cpu_percent: float
    memory_percent: float
    read_bytes_per_s: float
    written_bytes_per_s: float
    received_bytes_per_s: float
    sent_bytes_per_s: float


@tool(name="metrics.snapshot", effects="idempotent", reads=("host:metrics",))
async def snapshot(*, over_s: float = 0.1, path: Path = Path(), ctx: ToolContext | None = None) -> Snapshot:
    """Processor use, load, memory, disk, uptime and number of processes, now.

    Args:
        over_s: how long the processor's use is measured.
        path: whose file system is looked at.
    """
    psutil = _psutil()
    place = resolved(path, ctx)
    before = psutil.cpu_times()
    await asyncio.sleep(_positive("over_s", over_s))
    memory = psutil.virtual_memory()
    with disk_errors("look at", place):
        disk = psutil.disk_usage(str(place))
    return {
        "at": time.time(),
        "cpu_percent": _busy_percent(before, psutil.cpu_times()),
        "cpu_count": psutil.cpu_count() or 1,
        "load": list(os.getloadavg()),
        "memory": {
            "total_bytes": memory.total,
            "available_bytes": memory.available,
            "used_percent": memory.percent,
        },
        "disk": {
            "path": str(path),
            "total_bytes": disk.total,
            "free_bytes": disk.free,
            "used_percent": disk.percent,
        },
        "uptime_s": time.time() - psutil.boot_time(),
        "processes": len(psutil.pids()),
    }


@tool(name="metrics.sample", effects="idempotent", reads=("host:metrics",))
async def sample(seconds: float, *, interval_s: float = 1.0, ctx: ToolContext | None = None) -> list[Sample]:
    """The machine's use over a time, one sample per interval; each is the mean since the one before.

    Args:
        seconds: how long; at least one sample is taken.
        interval_s: between two samples.
    """
    count = max(1, round(_positive("seconds", seconds) / _positive("interval_s", interval_s)))
    if count > MAX_SAMPLES:
        raise LimitReachedError(f"{count} samples are asked for, more than {MAX_SAMPLES}; raise interval_s")
    begun = time.monotonic()
    samples: list[Sample] = []
    before = _counters()
    for number in range(1, count + 1):
        # Against the beginning, so that late wake-ups do not add up.
        await asyncio.sleep(max(0.0, begun + number * interval_s - time.monotonic()))
        now = _counters()
        samples.append(_between(before, now, begun))
        before = now
        if ctx is not None:
            ctx.progress(number / count)
    return samples


def _counters() -> dict[str, Any]:
    psutil = _psutil()
    disk, net = psutil.disk_io_counters(), psutil.net_io_counters()
    return {
        "at": time.monotonic(),
        "cpu": psutil.cpu_times(),
        "memory_percent": psutil.virtual_memory().percent,
        # A container may have no disk or network of its own to count.
        "read": disk.read_bytes if disk else 0,
        "written": disk.write_bytes if disk else 0,
        "received": net.bytes_recv if net else 0,
        "sent": net.bytes_sent if net else 0,
    }


def _between(before: dict[str, Any], now: dict[str, Any], begun: float) -> Sample:
    seconds = max(now["at"] - before["at"], 1e-9)

    def rate(name: str) -> float:
        return float(max(0, now[name] - before[name]) / seconds)

    return {
        "at": now["at"] - begun,
        "cpu_percent": _busy_percent(before["cpu"], now["cpu"]),
        "memory_percent": now["memory_percent"],
        "read_bytes_per_s": rate("read"),
        "written_bytes_per_s": rate("written"),
        "received_bytes_per_s": rate("received"),
        "sent_bytes_per_s": rate("sent"),
    }


def _busy_percent(before: Any, now: Any) -> float:
    """The share of processor time that was not idle between two readings of `cpu_times`, over all cores."""

    def idle(times: Any) -> float:
        return float(times.idle + getattr(times, "iowait", 0.0))

    def total(times: Any) -> float:
        # Linux counts guest time a second time inside user time.
        return float(sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0))

    spent = total(now) - total(before)
    if spent <= 0:
        return 0.0
    return round(min(100.0, max(0.0, 100.0 * (1 - (idle(now) - idle(before)) / spent))), 1)


def _positive(name: str, number: float) -> float:
    if not 0 < number < float("inf"):
        raise ArgumentError(f"{name} must be a positive number of seconds, not {number}")
    return number


def _psutil() -> Any:
    try:
        import psutil
    except ImportError as error:
        raise MissingExtraError("metrics", needed_for="the metrics tools") from error
    return psutil
