"""Section: what one part of the bench found, and the curves that are drawn of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orrery.bench.report import Row

TASKS, EVENTS_A_SECOND = 10_000, 500
"""What the bars are for."""
BAR_PERCENT = 15.0
"""Of a core that the server may take."""


@dataclass(frozen=True)
class Curve:
    """A line to be drawn: points, what they are of, what their heights measure, and what they lie along.

    Args:
        bar: a height to be compared with.
    """

    name: str
    points: Sequence[tuple[float, float]]
    unit: str
    along: str
    bar: float | None = None


@dataclass(frozen=True)
class Section:
    """Rows in reading order, curves, and lines below the table."""

    rows: Sequence[Row]
    curves: Sequence[Curve] = ()
    notes: Sequence[str] = ()
