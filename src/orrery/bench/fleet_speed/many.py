"""Many: what a hub needs for a thousand devices that are connected, ping, and are given work one after the other."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from pathlib import Path

import msgspec

from orrery.bench.fleet_speed.asking import Crowd, attempt
from orrery.bench.fleet_speed.processes import Fleet, Program, fleet
from orrery.bench.report import Row
from orrery.fleet.client import HubClient

BAR_MB, BAR_CORES = 300.0, 1.0
CROWDS = 2
"""Processes that the devices are spread over."""
COMING_S = 300.0
"""How long they may take to come."""


class Size(msgspec.Struct, frozen=True):
    """How many devices, how many attempts a second for them all, and for how long."""

    devices: int
    per_s: float
    seconds: float


async def rows(root: Path, size: Size) -> list[Row]:
    """The hub's memory and processor time, and how long the devices took to come."""
    async with fleet(root) as (there, client):
        idle_mb = there.hub.used().rss_mb
        names = [f"device-{number:04}" for number in range(size.devices)]
        tokens = await asyncio.to_thread(there.enrol, names)
        coming_s = await _come(there, client, names, tokens)
        hub = there.hub
        quiet = await _watched(hub, asyncio.sleep(size.seconds))
        turns = itertools.cycle(names)
        count = int(size.per_s * size.seconds)
        pinned = Crowd(client, lambda: attempt(on=next(turns)))
        busy = await _watched(hub, pinned.at_pace(count, size.per_s))
        answered = await Crowd(client).at_pace(count, size.per_s)
        each_ms = statistics.median(answered.each_s) * 1e3
    most_mb = max(quiet.rss_mb, busy.rss_mb)
    many = f"{size.devices:,} devices"
    return [
        Row(f"{many}: the hub's memory; without devices", most_mb, "MB", idle_mb, most_mb / idle_mb, *_bar_mb(most_mb)),
        Row(
            f"{many}, {size.per_s:g} attempts/s round-robin: the hub; heartbeats alone",
            busy.cores,
            "cores",
            quiet.cores,
            busy.cores / quiet.cores if quiet.cores else None,
            f"<= {BAR_CORES:g} core",
            busy.cores <= BAR_CORES,
        ),
        Row(f"{many}: until all are enrolled and online", coming_s, "s"),
        Row(f"{many}: p50 where the hub chooses, {size.per_s:g}/s", each_ms, "ms"),
    ]


def _bar_mb(most_mb: float) -> tuple[str, bool]:
    return f"< {BAR_MB:g} MB", most_mb < BAR_MB


async def _come(there: Fleet, client: HubClient, names: list[str], tokens: dict[str, str]) -> float:
    """Start the crowds; the seconds until the hub sees all online."""
    began = time.perf_counter()
    for number in range(CROWDS):
        name = f"crowd-{number}"
        arguments = ("-m", "orrery.bench.fleet_speed.crowd", there.url, str(there.root / name))
        crowd = there.programs[name] = Program(arguments, there.root / f"{name}.err", cwd=there.root)
        crowd.say(json.dumps({one: tokens[one] for one in names[number::CROWDS]}))
    await there.online(client, names, within_s=COMING_S)
    return time.perf_counter() - began


class _Watched(msgspec.Struct, frozen=True):
    cores: float
    rss_mb: float


async def _watched(hub: Program, doing: object) -> _Watched:
    """What a hub uses while something goes on."""
    before, began = hub.own_cpu_s(), time.perf_counter()
    task = asyncio.ensure_future(doing)  # type: ignore[call-overload]
    most_mb = hub.used().rss_mb
    while not task.done():
        await asyncio.wait((task,), timeout=0.5)
        most_mb = max(most_mb, hub.used().rss_mb)
    await task
    return _Watched((hub.own_cpu_s() - before) / (time.perf_counter() - began), most_mb)
