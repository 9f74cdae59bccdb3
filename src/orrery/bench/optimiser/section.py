"""Section: what the bench of the optimiser found of one system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orrery.bench.report import Row


@dataclass(frozen=True)
class Section:
    """One system's part of the report.

    Args:
        name: as `--only` takes it, such as "topology".
        rows: what was measured.
        notes: lines below the table.
        draw: draws its plot into a matplotlib `Axes`; None where there is nothing to look at.
    """

    name: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    draw: Callable[[Any], None] | None = None
