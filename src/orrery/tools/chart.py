"""Charts to PNG or SVG, by the path's suffix. Needs the extra `charts` (matplotlib).

Drawn without pyplot, so there is no window and no figure kept alive. The same data gives the same SVG,
byte for byte: no date is written, and identifiers come from a fixed seed.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from orrery.errors import ArgumentError, MissingExtraError
from orrery.tools.context import ToolContext
from orrery.tools.disk import replacing, resolved
from orrery.tools.tool import tool

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = ("#3366cc", "#e07b39", "#2a9d6f", "#a54fc4", "#c9a227", "#d1495b", "#3aa6b9", "#6b7280")
_INK, _FAINT, _GRID = "#1f2430", "#6b7280", "#e3e6eb"
_DPI = 144
_MOST_BARS, _MOST_SPANS = 1_000, 5_000

# matplotlib's settings are global and it is not safe to draw from two threads.
_drawing = threading.Lock()

Number = int | float
Inches = Annotated[tuple[float, float], "width and height in inches"]


@dataclass(frozen=True)
class Span:
    """One bar of a timeline: what, from when, to when, and the group that gives its colour."""

    label: str
    start: float
    end: float
    group: str = ""


@tool(name="chart.bar", effects="idempotent", writes=("file:{path}",))
def bar(
    values: dict[str, float],
    path: Path,
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    horizontal: bool | None = None,
    size: Inches = (8.0, 4.5),
    ctx: ToolContext | None = None,
) -> str:
    """A bar for each named value; returns the path.

    Args:
        values: labels to heights, drawn in this order.
        horizontal: lying bars; by default where the labels are many or long.
    """
    _finite("values", values.values())
    if len(values) > _MOST_BARS:
        raise ArgumentError(f"{len(values)} bars cannot be told apart; at most {_MOST_BARS} are drawn")
    labels = list(values)
    lying = horizontal if horizontal is not None else len(labels) > 12 or any(len(label) > 14 for label in labels)
    if lying:
        size = (size[0], max(size[1], 1.0 + 0.26 * len(labels)))
    frame = _Frame(path, title, x_label, y_label, size)
    with _axes(frame, ctx, has_data=bool(values)) as axes:
        places = range(len(labels))
        if lying:
            bars = axes.barh(places, list(values.values()), color=PALETTE[0], height=0.7)
            axes.set_yticks(places, labels)
            axes.invert_yaxis()
            axes.grid(visible=True, axis="x", color=_GRID)
        else:
            bars = axes.bar(places, list(values.values()), color=PALETTE[0], width=0.7)
            axes.set_xticks(places, labels)
            axes.grid(visible=True, axis="y", color=_GRID)
        if len(labels) <= 40:
            axes.bar_label(bars, fmt=_shown, padding=3, color=_FAINT, fontsize=8)
            axes.margins(x=0.12 if lying else None, y=0.01 if lying else 0.12)
    return str(path)


@tool(name="chart.line", effects="idempotent", writes=("file:{path}",))
def line(
    series: dict[str, list[float | None]],
    path: Path,
    *,
    x: list[float] | None = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    size: Inches = (8.0, 4.5),
    ctx: ToolContext | None = None,
) -> str:
    """A line for each named series; returns the path.

    Args:
        series: names to heights; None leaves a gap.
        x: where the heights stand, the same for all; 0, 1, 2, ... by default.
    """
    for name, heights in series.items():
        _finite(f"series {name!r}", (height for height in heights if height is not None))
        if x is not None and len(heights) != len(x):
            raise ArgumentError(f"series {name!r} has {len(heights)} heights, but x has {len(x)} places")
    if x is not None:
        _finite("x", x)
    frame = _Frame(path, title, x_label, y_label, size)
    with _axes(frame, ctx, has_data=any(series.values())) as axes:
        for position, (name, heights) in enumerate(series.items()):
            places = x if x is not None else range(len(heights))
            marker = "o" if len(heights) == 1 else ""
            known = [math.nan if height is None else height for height in heights]
            colour = PALETTE[position % len(PALETTE)]
            axes.plot(places, known, label=name, color=colour, linewidth=1.8, marker=marker)
        axes.grid(visible=True, color=_GRID)
        axes.margins(x=0.01)
        if len(series) > 1 or any(series):
            axes.legend(frameon=False, labelcolor=_INK, fontsize=9)
    return str(path)


@tool(name="chart.histogram", effects="idempotent", writes=("file:{path}",))
def histogram(
    values: list[float],
    path: Path,
    *,
    bins: int | None = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "count",
    size: Inches = (8.0, 4.5),
    ctx: ToolContext | None = None,
) -> str:
    """How often values fall into each of a number of equal intervals; returns the path.

    Args:
        bins: how many intervals; by default chosen from the data (Freedman and Diaconis, or Sturges).
    """
    _finite("values", values)
    if bins is not None and not 1 <= bins <= _MOST_BARS:
        raise ArgumentError(f"bins must lie in 1..{_MOST_BARS}, not {bins}")
    frame = _Frame(path, title, x_label, y_label, size)
    with _axes(frame, ctx, has_data=bool(values)) as axes:
        if values:
            chosen = bins if bins is not None else min(_bin_count(values), 200)
            axes.hist(values, bins=chosen, color=PALETTE[0], edgecolor="white", linewidth=0.6)
        axes.grid(visible=True, axis="y", color=_GRID)
    return str(path)


@tool(name="chart.timeline", effects="idempotent", writes=("file:{path}",))
def timeline(
    spans: list[Span],
    path: Path,
    *,
    title: str = "",
    x_label: str = "seconds",
    size: Inches = (9.0, 4.5),
    ctx: ToolContext | None = None,
) -> str:
    """What ran when, one row per label, as in a Gantt chart; returns the path.

    Args:
        spans: label, start, end and, for the colour, a group. Times are drawn from the earliest start.
    """
    _finite("spans", (moment for span in spans for moment in (span.start, span.end)))
    for span in spans:
        if span.end < span.start:
            raise ArgumentError(f"span {span.label!r} ends at {span.end}, before it starts at {span.start}")
    if len(spans) > _MOST_SPANS:
        raise ArgumentError(f"{len(spans)} spans cannot be told apart; at most {_MOST_SPANS} are drawn")
    rows = {label: row for row, label in enumerate(dict.fromkeys(span.label for span in spans))}
    groups = {group: position for position, group in enumerate(dict.fromkeys(span.group for span in spans))}
    zero = min((span.start for span in spans), default=0.0)
    size = (size[0], max(2.0, min(60.0, 1.2 + 0.24 * len(rows))))
    frame = _Frame(path, title, x_label, "", size)
    with _axes(frame, ctx, has_data=bool(spans)) as axes:
        for group, position in groups.items():
            mine = [span for span in spans if span.group == group]
            axes.barh(
                [rows[span.label] for span in mine],
                [span.end - span.start for span in mine],
                left=[span.start - zero for span in mine],
                height=0.72,
                color=PALETTE[position % len(PALETTE)],
                label=group,
            )
        axes.set_yticks(list(rows.values()) if len(rows) <= 120 else [], list(rows) if len(rows) <= 120 else [])
        legend_room = 1.0 if any(groups) else 0.0
        axes.set_ylim(len(rows) - 0.4, -0.6 - legend_room)
        axes.grid(visible=True, axis="x", color=_GRID)
        axes.set_xlim(left=0)
        if any(groups):
            axes.legend(frameon=False, labelcolor=_INK, fontsize=8, loc="upper right", ncols=min(6, len(groups)))
    return str(path)


def _bin_count(values: Sequence[float]) -> int:
    import numpy

    return max(1, len(numpy.histogram_bin_edges(values, bins="auto")) - 1)


class _Frame(NamedTuple):
    """What stands around a chart, and where it goes."""

    path: Path
    title: str
    x_label: str
    y_label: str
    size: tuple[float, float]


@contextmanager
def _axes(frame: _Frame, ctx: ToolContext | None, *, has_data: bool) -> Iterator[Axes]:
    """Axes in our style; after the block the chart is the file, whole or not at all."""
    suffix = frame.path.suffix.lower()
    if suffix not in (".png", ".svg"):
        raise ArgumentError(f"a chart is a .png or a .svg file, so {str(frame.path)!r} cannot be one")
    if not all(0.5 <= side <= 100 for side in frame.size):
        raise ArgumentError(f"a chart measures 0.5 to 100 inches each way, not {frame.size[0]:g} x {frame.size[1]:g}")
    matplotlib = _matplotlib()
    with _drawing, matplotlib.rc_context({"svg.hashsalt": "orrery"}):
        figure = matplotlib.figure.Figure(figsize=frame.size, layout="constrained", facecolor="white")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
        axes = figure.add_subplot()
        yield axes
        if not has_data:
            axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color=_FAINT)
            axes.set_xticks([])
            axes.set_yticks([])
        axes.set_title(frame.title, loc="left", color=_INK, fontsize=12, fontweight="bold", pad=10)
        axes.set_xlabel(frame.x_label, color=_FAINT, fontsize=9)
        axes.set_ylabel(frame.y_label, color=_FAINT, fontsize=9)
        axes.tick_params(colors=_FAINT, labelsize=8, length=0)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(_GRID)
        # Labels are data: a dollar sign in one must not begin a formula.
        for text in figure.findobj(matplotlib.text.Text):
            text.set_parse_math(False)
        metadata = {"Date": None, "Creator": "orrery"} if suffix == ".svg" else {"Software": "orrery"}
        with replacing(resolved(frame.path, ctx)) as temporary:
            figure.savefig(temporary, format=suffix[1:], dpi=_DPI, metadata=metadata)


def _shown(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def _finite(what: str, numbers: Any) -> None:
    for number in numbers:
        if not math.isfinite(number):
            raise ArgumentError(f"{what} holds {number}, which cannot be drawn")


def _matplotlib() -> Any:
    try:
        import matplotlib.figure
        import matplotlib.text
    except ImportError as error:
        raise MissingExtraError("charts", needed_for="the chart tools") from error
    return matplotlib
