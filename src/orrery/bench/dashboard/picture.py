"""Picture: the frames of each second while the page was used, and its heap while it was left open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orrery.bench.dashboard.section import Curve
from orrery.errors import MissingExtraError


def draw(curves: Sequence[Curve], path: Path) -> None:
    """One panel for each unit, from zero on. Raises MissingExtraError."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("charts", needed_for="plots") from error
    units = list(dict.fromkeys(curve.unit for curve in curves))
    figure = Figure(figsize=(6.4 * len(units), 4.0), layout="constrained")
    for place, unit in enumerate(units, 1):
        axes = figure.add_subplot(1, len(units), place)
        for curve in (one for one in curves if one.unit == unit):
            axes.plot(*zip(*curve.points, strict=True), label=curve.name)
            if curve.bar is not None:
                axes.axhline(curve.bar, color="#6b7280", linewidth=0.8, linestyle="--")
        axes.set_title(unit, fontsize=10, loc="left")
        axes.set_xlabel(next(curve.along for curve in curves if curve.unit == unit))
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=120)


__all__ = ["draw"]
