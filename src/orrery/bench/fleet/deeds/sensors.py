"""Sensors: what a device measures. The values lie in a file, and an exposure takes its time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from orrery.bench.fleet.deeds.pace import pause
from orrery.errors import Failure
from orrery.runtime.context import Context


def sample(path: str, wait_s: float = 0.5, *, ctx: Context) -> list[float]:
    """The values that a sensor gives, one a line in its file."""
    pause(wait_s)
    return [float(line) for line in (ctx.folder / path).read_text(encoding="utf-8").split()]


def mean(values: list[float], wait_s: float = 0.1) -> float:
    """The mean, to three digits."""
    pause(wait_s)
    return round(statistics.fmean(values), 3)


def summed_up(values: Sequence[float], wait_s: float = 0.2) -> dict[str, float]:
    """The mean, to three digits, and the highest value."""
    pause(wait_s)
    return {"mean": round(statistics.fmean(values), 3), "most": max(values)}


def brightness(picture: bytes, wait_s: float = 0.3) -> float:
    """The mean of the pixels of a PGM picture, to two digits."""
    pause(wait_s)
    return round(statistics.fmean(picture.split(b"\n", 3)[3]), 2)


def below(values: Mapping[str, float], least: float) -> list[str]:
    """The names of those that are below a number, sorted."""
    return sorted(name for name, value in values.items() if value < least)


def furthest(values: Mapping[str, Sequence[float]], wait_s: float = 0.2) -> dict[str, Any]:
    """The name and the mean of the one whose mean is furthest from the median of all means."""
    pause(wait_s)
    means = {name: round(statistics.fmean(mine), 3) for name, mine in values.items()}
    middle = statistics.median(means.values())
    name = max(means, key=lambda one: abs(means[one] - middle))
    return {"name": name, "mean": means[name]}


def calibrated(
    raw: Mapping[str, Sequence[float]], gains: Sequence[Sequence[Any]], wait_s: float = 0.3
) -> dict[str, list[float]]:
    """Readings times the gain of their host."""
    pause(wait_s)
    gain = {str(host): float(number) for host, number in gains}
    return {host: [value * gain[host] for value in values] for host, values in raw.items()}


def lights(frames: Mapping[str, Any], wait_s: float = 0.2) -> dict[str, Any]:
    """The light of each frame; "none" where there is no frame."""
    pause(wait_s)
    return {host: "none" if isinstance(frame, Failure) else frame["light"] for host, frame in frames.items()}
