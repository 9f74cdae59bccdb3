"""Sensors: what a device measures. The values lie in a file, and an exposure takes its time."""

from __future__ import annotations

import statistics
import time

from orrery.runtime.context import Context


def sample(path: str, wait_s: float = 0.5, *, ctx: Context) -> list[float]:
    """The values that a sensor gives, one a line in its file."""
    time.sleep(wait_s)
    return [float(line) for line in (ctx.folder / path).read_text(encoding="utf-8").split()]


def mean(values: list[float], wait_s: float = 0.1) -> float:
    """The mean, to three digits."""
    time.sleep(wait_s)
    return round(statistics.fmean(values), 3)
