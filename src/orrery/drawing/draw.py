"""Graphs as pictures in text: Mermaid, DOT, SVG, and a drawing for the terminal. Pure functions to strings.

Graphs with more tasks than `most` are drawn with equal siblings, and then whole levels, as one box each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from orrery.drawing.compare import changes, compared
from orrery.drawing.svg import svg
from orrery.drawing.view import NO_STATE, STATES, Box, View, shortened, view, with_twins
from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId

__all__ = ["changes", "compared", "dot", "mermaid", "svg", "terminal"]

# -- Mermaid and DOT --------------------------------------------------------------------------------------


def mermaid(graph: Graph, *, most: int = 80) -> str:
    """The graph as a Mermaid flowchart, as GitHub and many wikis draw it."""
    shown = view(graph, most=most)
    short = {key: f"n{number}" for number, key in enumerate(shown.boxes)}
    lines = ["flowchart LR"]
    for key, box in shown.boxes.items():
        text = f"<b>{_for_mermaid(box.title)}</b><br/>{_for_mermaid(box.detail())}"
        lines.append(f'    {short[key]}["{text}"]')
    for arrow in shown.arrows:
        shaft = "-->" if arrow.hard else "-.->"
        label = f'|"{_for_mermaid(arrow.label)}"|' if arrow.label else ""
        lines.append(f"    {short[arrow.source]} {shaft}{label} {short[arrow.target]}")
    return "\n".join(lines) + "\n"


def _for_mermaid(text: str) -> str:
    # Everything but letters, digits and a few marks as an entity: its own escapes differ from version to version.
    return "".join(c if c.isalnum() or c in " _-./:*" else f"#{ord(c)};" for c in text)


def dot(graph: Graph, *, most: int = 400) -> str:
    """The graph in Graphviz's language."""
    shown = view(graph, most=most)
    lines = [
        "digraph orrery {",
        "    rankdir=LR",
        '    node [shape=box, style="rounded", fontname="Helvetica", fontsize=11]',
        '    edge [fontname="Helvetica", fontsize=9, arrowsize=0.7]',
    ]
    for key, box in shown.boxes.items():
        text = f"{box.title}\n{box.detail()}"
        lines.append(f"    {_quoted(key)} [label={_quoted(text)}]")
    for arrow in shown.arrows:
        marks = ["style=dashed"] * (not arrow.hard) + [f"label={_quoted(arrow.label)}"] * bool(arrow.label)
        lines.append(
            f"    {_quoted(arrow.source)} -> {_quoted(arrow.target)}" + (f" [{', '.join(marks)}]" if marks else "")
        )
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# -- terminal ---------------------------------------------------------------------------------------------


def terminal(graph: Graph, *, width: int, states: Mapping[TaskId, str] | None = None) -> str:
    """The graph as lanes from top to bottom, one line a task, in the manner of `git log --graph`.

    A lane leads to one task; where a line of `├─╮` leaves a task, its result is needed in several places,
    and soft edges are dotted. Equal siblings are one line ("240 times"). A graph with more lanes than fit is
    listed with the names of what each task waits for.

    Args:
        width: columns of the terminal.
        states: task → state, for the glyph before each task.
    """
    shown = with_twins(graph)
    rows = _lanes(shown, most=min(max(4, width // 4), (width - 1) // 2))
    listed = not rows
    rows = rows or [("●", key) for key in shown.boxes]
    lanes = max((len(lane) for lane, _ in rows), default=0)
    before: dict[str, list[str]] = {}
    for arrow in shown.arrows:
        if arrow.label or listed:
            title = shown.boxes[arrow.source].title
            before.setdefault(arrow.target, []).append(f"{title} ({arrow.label})" if arrow.label else title)
    titles = min(max((len(box.title) for box in shown.boxes.values()), default=0), max(12, width // 3))
    lines = []
    for lane, key in rows:
        if key is None:
            lines.append(lane.rstrip()[:width])
            continue
        box = shown.boxes[key]
        glyph = STATES.get(box.state(states), NO_STATE)[1]
        text = f"{shortened(box.title, titles):<{titles}}  {box.detail()}{_progress(box, states)}"
        if key in before:
            text += f"  ← {', '.join(before[key])}"
        line = f"{lane.replace('●', glyph):<{lanes}} {text}".rstrip()
        lines.append(line if len(line) <= width else line[: max(width - 1, 0)] + "…")
    return "\n".join(lines) + "\n" if lines else ""


def _progress(box: Box, states: Mapping[TaskId, str] | None) -> str:
    if not states:
        return ""
    if box.count == 1:
        state = box.state(states)
        return f"  {state}" if state else ""
    counts: dict[str, int] = {}
    for task in box.tasks:
        if task in states:
            counts[states[task]] = counts.get(states[task], 0) + 1
    shown = ", ".join(f"{counts[state]} {state}" for state in dict.fromkeys((*STATES, *counts)) if state in counts)
    return f"  {shown}" if shown else ""


_JOINTS = {
    (True, True, False, False): "│", (False, False, True, True): "─", (True, True, True, True): "┼",
    (True, True, False, True): "├", (True, True, True, False): "┤", (False, True, True, True): "┬",
    (True, False, True, True): "┴", (False, True, True, False): "╮", (False, True, False, True): "╭",
    (True, False, True, False): "╯", (True, False, False, True): "╰",
}  # fmt: skip
"""(up, down, left, right) → the sign that joins them."""


def _lanes(shown: View, *, most: int) -> list[tuple[str, str | None]]:
    """Lines of lanes: those with a task and its key, and between them those on which lanes part and meet.

    Nothing, if there would be more than `most` lanes side by side.
    """
    after: dict[str, list[str]] = {key: [] for key in shown.boxes}
    soft: dict[str, bool] = dict.fromkeys(shown.boxes, True)  # boxes into which only soft arrows lead
    place = {key: n for n, key in enumerate(shown.boxes)}
    for arrow in shown.arrows:
        after[arrow.source].append(arrow.target)
        soft[arrow.target] = soft[arrow.target] and not arrow.hard
    lanes: list[str | None] = []  # the box to which each lane leads
    rows: list[tuple[str, str | None]] = []
    for key in shown.boxes:
        column = lanes.index(key) if key in lanes else _free(lanes, 0)
        lanes[column] = key
        if len(lanes) > most:
            return []
        signs = [_lane(lane, soft) if n != column else "●" for n, lane in enumerate(lanes)]
        rows.append((" ".join(signs), key))
        passing = [lane is not None for lane in lanes]
        lanes[column] = None
        ends: dict[int, None] = {}
        for target in sorted(after[key], key=place.__getitem__):
            end = lanes.index(target) if target in lanes else _free(lanes, column)
            lanes[end] = target
            ends[end] = None
        if ends and list(ends) != [column]:
            rows.append((_joint(lanes, passing, column, ends, soft), None))
        while lanes and lanes[-1] is None:
            lanes.pop()
    return rows


def _free(lanes: list[str | None], near: int) -> int:
    """A lane that leads nowhere: `near` itself, the next to the right, or a new one."""
    for column in chain(range(near, len(lanes)), range(near)):
        if lanes[column] is None:
            return column
    lanes.append(None)
    return len(lanes) - 1


def _lane(lane: str | None, soft: Mapping[str, bool]) -> str:
    return " " if lane is None else "┊" if soft[lane] else "│"


def _joint(
    lanes: Sequence[str | None],
    passing: Sequence[bool],
    column: int,
    ends: Mapping[int, None],
    soft: Mapping[str, bool],
) -> str:
    joined = {column, *ends}
    first, last = min(joined), max(joined)
    signs: list[str] = []
    for n, lane in enumerate(lanes):
        if n in joined:
            up = n < len(passing) and passing[n]
            signs.append(_JOINTS[up, lane is not None, n > first, n < last])
        else:
            signs.append("─" if lane is None and first < n < last else _lane(lane, soft))
        signs.append("─" if first <= n < last else " ")
    return "".join(signs)
