"""Report: what a bench found, as JSON for scripts and as a table for people."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from orrery import __version__


def _quiet(_line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a bench is to measure.

    Args:
        seed: of everything random in it.
        quick: a small instance in a few seconds, to see that it works; its targets are not judged.
        full: also what takes a minute or more.
        seeds: how many worlds; None leaves it to the bench.
        jobs: processes at once, where more than one is of use.
        only: the part of a suite that is to be run; empty is all of it.
        planner: whose plans; "both" where there are two.
        minutes: how long what must not grow is watched.
        tell: told what is being measured, a line at a time.
    """

    seed: int = 1
    quick: bool = False
    full: bool = False
    seeds: int | None = None
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    only: str = ""
    planner: str = "both"
    minutes: float = 1.0
    tell: Callable[[str], None] = _quiet


@dataclass(frozen=True)
class Row:
    """One number, and what it is held against.

    Args:
        case: what was measured.
        value: the number; of several samples the median.
        unit: of `value` and `baseline`.
        baseline: the same for the simplest rival, measured in the same run.
        ratio: of the two; the median of the pairwise ratios where samples were taken in turns.
        target: the bar as text; empty where there is none.
        ok: whether the bar was met; true where there is none.
        published: a published figure with its source and setting.
        spread: half the distance between the quartiles, as a share of the median; shown in the table only.
    """

    case: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: str = ""
    ok: bool = True
    published: str | None = None
    spread: float | None = None

    def as_data(self) -> dict[str, Any]:
        """The row as plain data; `published` is left out where there is nothing."""
        data: dict[str, Any] = {
            "case": self.case,
            "value": _rounded(self.value),
            "unit": self.unit,
            "baseline": _rounded(self.baseline),
            "ratio": _rounded(self.ratio),
            "target": self.target,
            "ok": self.ok,
        }
        if self.published is not None:
            data["published"] = self.published
        return data


@dataclass(frozen=True)
class Report:
    """What a bench found.

    Args:
        bench: its name.
        rows: in reading order.
        setting: what a reader must know to compare: repetitions, sizes, seed.
        notes: lines below the table, such as how to reproduce a failure.
        draw: draws the bench's own picture to a path, in place of a bar for each row.
    """

    bench: str
    rows: Sequence[Row]
    setting: str = ""
    notes: Sequence[str] = ()
    draw: Callable[[Path], None] | None = None

    @property
    def ok(self) -> bool:
        """Whether every bar was met."""
        return all(row.ok for row in self.rows)

    def to_json(self) -> str:
        """One line: {"bench", "rows": [...], "ok"}."""
        data = {"bench": self.bench, "rows": [row.as_data() for row in self.rows], "ok": self.ok}
        return msgspec.json.encode(data).decode()

    def to_text(self) -> str:
        """A table for a terminal or a log."""
        head = ("case", "value", "", "spread", "baseline", "ratio", "target", "")
        cells = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
        lines = [f"{self.bench}: {machine()}", *([self.setting] if self.setting else []), ""]
        for line in cells:
            aligned = [
                cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            lines.append("  ".join(aligned).rstrip())
        published = [f"published, {row.case}: {row.published}" for row in self.rows if row.published]
        missed = sum(not row.ok for row in self.rows)
        verdict = f"{missed} of {len(self.rows)} rows missed" if missed else "every target met"
        return "\n".join([*lines, "", *published, *self.notes, *_busy(), verdict])


_NUMBERS = frozenset({1, 3, 4, 5})


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.case,
        readable(row.value),
        row.unit,
        "" if row.spread is None else f"±{row.spread:.0%}",
        "" if row.baseline is None else readable(row.baseline),
        "" if row.ratio is None else f"{readable(row.ratio)}x",
        row.target,
        ("ok" if row.ok else "MISSED") if row.target else "",
    )


def readable(number: float) -> str:
    """A number with three to four digits that matter, thousands separated."""
    if number == int(number) or abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}"


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.6g}")


def machine() -> str:
    """Where this was measured."""
    cores = os.cpu_count() or 1
    return (
        f"Orrery {__version__} on {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {cores} core{'s' if cores != 1 else ''}"
    )


def _busy() -> list[str]:
    """A warning, if others use this machine."""
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    if load <= cores + 0.5:
        return []
    return [f"The machine was busy (load {load:.1f} on {cores} cores), so times are longer than they need be."]


def spread(samples: Sequence[float]) -> float | None:
    """Half the distance between the quartiles as a share of the median; None for fewer than three samples."""
    if len(samples) < 3:
        return None
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return (high - low) / 2 / middle if middle else None


def unjudged(rows: Sequence[Row]) -> list[Row]:
    """The rows without their bars: a small instance is no measure of what a large one must reach."""
    return [replace(row, target="", ok=True) for row in rows]
