"""The sections of the optimiser's bench, one after the other, as one table and one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Final

from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Report, unjudged
from orrery.errors import MissingExtraError, UnknownNameError

SECTIONS: Final = {
    "passes": "random graphs before and after every pipeline",
    "topology": "AdaptOrch: the shape that is chosen against all four",
    "oneflow": "OneFlow: a chain of calls as one conversation",
    "scale": "SCALE: effort by difficulty",
    "halo": "Halo: many queries as one plan",
    "place": "tasks to devices, against the exact optimum",
    "healing": "Self-Healing Router: 19 scenarios, every set of dead tools",
    "estimates": "what the demo is thought to take, and took",
    "rows": "20,000 rows through four steps; killed and resumed",
}
"""The module of each section in this package, and what it asks."""


def measure(options: Options) -> Report:
    """Every section, or the one that `only` names. Raises UnknownNameError."""
    if options.only and options.only not in SECTIONS:
        raise UnknownNameError("section", options.only, SECTIONS)
    found: list[Section] = []
    for name in [options.only] if options.only else SECTIONS:
        options.tell(f"{name}: {SECTIONS[name]}")
        found.append(import_module(f"orrery.bench.optimiser.{name}").measure(options))
    rows = [replace(row, case=f"{section.name}: {row.case}") for section in found for row in section.rows]
    notes = [f"{section.name}: {note}" for section in found for note in section.notes]
    return Report(
        "optimiser",
        unjudged(rows) if options.quick else rows,
        f"seed {options.seed}; every section states its own setting",
        notes,
        draw=(lambda path: _draw(found, path)) if any(section.draw for section in found) else None,
    )


def _draw(sections: Sequence[Section], path: Path) -> None:
    """One panel for each section that has a plot."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("charts", needed_for="plots") from error
    panels = [(section, section.draw) for section in sections if section.draw is not None]
    columns = min(2, len(panels))
    figure = Figure(figsize=(6.4 * columns, 4.2 * ceil(len(panels) / columns)), layout="constrained")
    for place, (section, draw) in enumerate(panels, 1):
        axes = figure.add_subplot(ceil(len(panels) / columns), columns, place)
        draw(axes)
        title = axes.get_title() or axes.get_title(loc="left") or SECTIONS[section.name]
        axes.set_title("")
        axes.set_title(title, fontsize=10, loc="left")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=120)


__all__ = ["SECTIONS", "measure"]
