"""A graph as a self-contained SVG: rounded boxes from left to right, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from orrery.drawing.layout import Layout, layered
from orrery.drawing.view import NO_STATE, STATES, Arrow, Box, View, printable, shortened, view
from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId

COLUMN, ROW, BOX, HEIGHT, MARGIN = 258, 68, 174, 46, 28
TITLE_CHARS, DETAIL_CHARS, LABEL_CHARS = 20, 26, 13
PORT, PORTS = 7.0, 30.0  # between the ends of arrows on one side of a box, and for all of them

_COLOURS: Mapping[str, tuple[str, str]] = {  # state → on light, on dark
    "none": ("#94a3b8", "#64748b"),
    "waiting": ("#94a3b8", "#64748b"),
    "ready": ("#0ea5e9", "#38bdf8"),
    "running": ("#2563eb", "#60a5fa"),
    "retrying": ("#d97706", "#fbbf24"),
    "asking": ("#9333ea", "#c084fc"),
    "succeeded": ("#16a34a", "#4ade80"),
    "failed": ("#dc2626", "#f87171"),
    "skipped": ("#a8a29e", "#78716c"),
}
Point = tuple[float, float]
_FONT = "font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"


def svg(graph: Graph, *, states: Mapping[TaskId, str] | None = None, most: int = 150) -> str:
    """The graph as an SVG document.

    Args:
        states: task → state; boxes take its colour, and a legend names those that occur.
        most: boxes beyond which equal siblings, and then whole levels, are drawn as one.
    """
    shown = view(graph, most=most)
    layout = layered(list(shown.boxes), [(arrow.source, arrow.target) for arrow in shown.arrows])
    used = _used_states(shown, states)
    columns, rows = layout.size
    width = max(columns * COLUMN - (COLUMN - BOX), sum(_legend_width(name) for name in used), BOX) + 2 * MARGIN
    body = max(rows - 1, 0) * ROW + HEIGHT
    height = body + 2 * MARGIN + (26 if used else 0)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label={quoteattr(f"Workflow of {len(graph)} tasks")}>'
    )
    paths = _paths(shown, layout)
    parts = [
        opening,
        style(),
        _markers(),
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}" rx="12"/>',
        *(_arrow(arrow, path) for arrow, path in paths),
        *(_label(arrow, path) for arrow, path in paths if arrow.label),
        *(_box(box, layout.at[key], states) for key, box in shown.boxes.items()),
    ]
    if used:
        parts.append(_legend(used, MARGIN + body + 28))
    return "\n".join([*parts, "</svg>"]) + "\n"


def style() -> str:
    """The colours of every drawing, on light and on dark pages."""
    light = [f".s-{name} .bar,.s-{name}.dot{{fill:{colour}}}" for name, (colour, _) in _COLOURS.items()]
    dark = [f".s-{name} .bar,.s-{name}.dot{{fill:{colour}}}" for name, (_, colour) in _COLOURS.items()]
    return (
        f"<style>text{{{_FONT}}}.page{{fill:#fbfcfe}}.card{{fill:#fff;stroke:#d5dce6}}.deck{{fill:#f1f4f9;stroke:#d5dce6}}"
        ".t{font-size:13px;font-weight:600;fill:#0f172a}.d{font-size:11px;fill:#64748b}.l{font-size:10px;fill:#64748b}"
        ".e{fill:none;stroke:#a3afc0;stroke-width:1.5}.e.soft{stroke-dasharray:4 4}.e.fail{stroke:#e08585}"
        ".pill{fill:#fbfcfe}.a{fill:#a3afc0}.a.fail{fill:#e08585}.s-failed .card{stroke:#f0a5a5;fill:#fff7f7}"
        ".s-running .card{stroke:#93b4f5;fill:#f6f9ff}.s-skipped .card{stroke-dasharray:4 3}.s-skipped .t{fill:#78716c}"
        + "".join(light)
        + "@media (prefers-color-scheme:dark){.page{fill:#0d1420}.card{fill:#172132;stroke:#2c3a50}"
        ".deck{fill:#121b29;stroke:#2c3a50}.t{fill:#e8eef7}.d,.l{fill:#93a3ba}.e{stroke:#51627c}.e.fail{stroke:#a85757}"
        ".pill{fill:#0d1420}.a{fill:#51627c}.a.fail{fill:#a85757}.s-failed .card{stroke:#8f3d3d;fill:#2a1a20}"
        ".s-running .card{stroke:#3d62a8;fill:#16243f}.s-skipped .t{fill:#a8a29e}" + "".join(dark) + "}</style>"
    )


def _markers() -> str:
    return (
        "<defs>"
        + "".join(
            f'<marker id="arrow{name}" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="6.5" markerHeight="6.5" '
            f'orient="auto"><path class="a{kind}" d="M0 .6 7.5 4 0 7.4 1.8 4z"/></marker>'
            for name, kind in (("", ""), ("-fail", " fail"))
        )
        + "</defs>"
    )


def _corner(at: Point) -> Point:
    return MARGIN + at[0] * COLUMN, MARGIN + at[1] * ROW


def _box(box: Box, at: tuple[float, float], states: Mapping[TaskId, str] | None) -> str:
    x, y = _corner(at)
    state = box.state(states)
    colour = STATES.get(state, NO_STATE)[0]
    tip = f"{box.title}: {box.detail()}" + (f", {printable(state)}" if state else "")
    deck = f'<rect class="deck" x="5" y="5" width="{BOX}" height="{HEIGHT}" rx="9"/>' if box.count > 1 else ""
    return (
        f'<g class="s-{colour}" transform="translate({x:.1f} {y:.1f})"><title>{escape(tip)}</title>{deck}'
        f'<rect class="card" width="{BOX}" height="{HEIGHT}" rx="9"/>'
        f'<rect class="bar" x="8" y="10" width="3.5" height="{HEIGHT - 20}" rx="1.75"/>'
        f'<text class="t" x="20" y="20">{escape(shortened(box.title, TITLE_CHARS))}</text>'
        f'<text class="d" x="20" y="36">{escape(_detail(box))}</text></g>'
    )


def _detail(box: Box) -> str:
    whole = box.detail(" · ")
    room = max(DETAIL_CHARS - (len(whole) - len(box.op)), 4)
    return whole.replace(box.op, shortened(box.op, room), 1)


def _paths(shown: View, layout: Layout) -> list[tuple[Arrow, list[Point]]]:
    """Every arrow with its corners: out of its source, level past each column between, into its target."""
    middles: list[list[Point]] = []
    for arrow in shown.arrows:
        bends = [_corner(bend) for bend in layout.bends.get((arrow.source, arrow.target), ())]
        middles.append([point for x, y in bends for point in ((x, y + HEIGHT / 2), (x + BOX, y + HEIGHT / 2))])
    centre = {key: y + HEIGHT / 2 for key, y in ((key, _corner(at)[1]) for key, at in layout.at.items())}
    numbered = list(enumerate(shown.arrows))
    leaves = _ports(numbered, lambda a: a.source, lambda n, a: middles[n][0][1] if middles[n] else centre[a.target])
    enters = _ports(numbered, lambda a: a.target, lambda n, a: middles[n][-1][1] if middles[n] else centre[a.source])
    return [
        (
            arrow,
            [
                (_corner(layout.at[arrow.source])[0] + BOX, centre[arrow.source] + leaves[n]),
                *middles[n],
                (_corner(layout.at[arrow.target])[0] - 2, centre[arrow.target] + enters[n]),
            ],
        )
        for n, arrow in numbered
    ]


def _ports(
    arrows: Sequence[tuple[int, Arrow]], end: Callable[[Arrow], str], towards: Callable[[int, Arrow], float]
) -> dict[int, float]:
    """How far from the middle of a box's side each arrow ends, so that arrows neither meet nor cross there."""
    sides: dict[str, list[tuple[float, int]]] = {}
    for n, arrow in arrows:
        sides.setdefault(end(arrow), []).append((towards(n, arrow), n))
    offsets: dict[int, float] = {}
    for side in sides.values():
        side.sort()
        step = min(PORT, PORTS / len(side))
        for place, (_, n) in enumerate(side):
            offsets[n] = (place - (len(side) - 1) / 2) * step
    return offsets


def _arrow(arrow: Arrow, corners: Sequence[Point]) -> str:
    d = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}"
    for number, ((ax, ay), (bx, by)) in enumerate(pairwise(corners)):
        if number % 2:  # past a column
            d += f"H{bx:.1f}"
        else:
            middle = (ax + bx) / 2 if bx - ax < COLUMN else ax + COLUMN / 2
            d += f"C{middle:.1f} {ay:.1f} {bx - (middle - ax):.1f} {by:.1f} {bx:.1f} {by:.1f}"
    kind = "e" + ("" if arrow.hard else " soft") + (" fail" if _is_failure(arrow) else "")
    return f'<path class="{kind}" d="{d}" marker-end="url(#arrow{"-fail" if _is_failure(arrow) else ""})"/>'


def _is_failure(arrow: Arrow) -> bool:
    return arrow.label == "on failure"


def _label(arrow: Arrow, corners: Sequence[Point]) -> str:
    (ax, ay), (bx, by) = corners[-2:]
    text = arrow.label if len(arrow.label) <= LABEL_CHARS else arrow.label[: LABEL_CHARS - 1] + "…"
    x, y, half = (ax + bx) / 2, (ay + by) / 2, len(text) * 2.6 + 4
    return (
        f"<g><title>{escape(arrow.label)}</title>"
        f'<rect class="pill" x="{x - half:.1f}" y="{y - 7:.1f}" width="{2 * half:.1f}" height="14" rx="7"/>'
        f'<text class="l" x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle">{escape(text)}</text></g>'
    )


def _used_states(shown: View, states: Mapping[TaskId, str] | None) -> list[str]:
    found = {box.state(states) for box in shown.boxes.values()}
    return [state for state in STATES if state in found]


def _legend_width(name: str) -> float:
    return len(name) * 6.2 + 30


def _legend(used: Sequence[str], y: float) -> str:
    parts = []
    x = float(MARGIN)
    for name in used:
        parts.append(
            f'<circle class="s-{STATES[name][0]} dot" cx="{x + 4:.1f}" cy="{y - 4:.1f}" r="4"/>'
            f'<text class="d" x="{x + 14:.1f}" y="{y:.1f}">{escape(name)}</text>'
        )
        x += _legend_width(name)
    return "".join(parts)
