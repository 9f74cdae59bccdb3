"""Timing in turns: the rival and ours one after the other, so that a machine that slows down slows both."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from orrery.bench.report import spread

Measured = Callable[[], Awaitable[float]]
"""Does the work once and returns the seconds it took; what it prepares is not counted."""


@dataclass(frozen=True)
class Pairs:
    """Samples taken in turns, in seconds."""

    baseline: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours over the baseline taken just before."""
        return tuple(b / a for a, b in zip(self.baseline, self.ours, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the pairwise ratios."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float | None:
        """Of the pairwise ratios."""
        return spread(self.ratios)


async def in_turns(baseline: Measured, ours: Measured, *, repeats: int) -> Pairs:
    """Measure both, `repeats` times in turns, after one round that does not count.

    Garbage is collected before each measurement and the collector left on during it, for both.
    """
    samples: tuple[list[float], list[float]] = ([], [])
    for repeat in range(-1, repeats):
        for measured, kept in zip((baseline, ours), samples, strict=True):
            gc.collect()
            seconds = await measured()
            if repeat >= 0:
                kept.append(seconds)
    return Pairs(tuple(samples[0]), tuple(samples[1]))
