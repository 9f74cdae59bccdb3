"""Picture: for each category, how long its requests took in turn and at once, and how long they had to take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orrery.bench.fleet.score import Score, Total
from orrery.bench.fleet.suite import CATEGORIES

KINDS = {"in turn": "sequential_s", "at once": "makespan_s", "bound": "bound_s"}


def draw(scores: Sequence[Score], path: Path) -> None:
    """Draw the mean times of gold graphs, or where there are none, what share of the subtasks was done.

    Raises: MissingExtraError without the extra "charts"; ArgumentError if the path is neither .svg nor .png.
    """
    from orrery.tools import chart

    spans = []
    for category in CATEGORIES:
        part = Total([one for one in scores if one.exercise.category == category and one.planner == "gold"])
        if part.timed:
            spans += [chart.Span(f"{category}, {kind}", 0.0, part.mean_of(what), kind) for kind, what in KINDS.items()]
    if spans:
        chart.timeline(spans, path, title="orrery bench fleet: gold graphs on five devices", x_label="seconds, mean")
        return
    shares = {
        f"{planner}, {category}": Total(mine).subtasks
        for planner in dict.fromkeys(one.planner for one in scores)
        for category in CATEGORIES
        if (mine := [one for one in scores if (one.planner, one.exercise.category) == (planner, category)])
    }
    chart.bar(shares, path, title="orrery bench fleet", x_label="share of the subtasks that was done", horizontal=True)


__all__ = ["draw"]
