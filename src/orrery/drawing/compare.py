"""Two graphs, before and after a change, in one picture: what is gone, what is new and what is changed is coloured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from orrery.drawing.svg import MARGIN, style, svg
from orrery.graph.diff import same
from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId

HEADING, LINE = 34, 18


def changes(before: Graph, after: Graph) -> dict[TaskId, str]:
    """What became of the tasks, by name: "gone", "new" or "changed"; tasks that stay as they are are left out."""
    found = {task.id: "gone" for task in before if task.id not in after}
    for task in after:
        if task.id not in before:
            found[task.id] = "new"
        elif not same(before[task.id], task) or before.incoming(task.id) != after.incoming(task.id):
            found[task.id] = "changed"
    return found


def compared(
    before: Graph, after: Graph, *, titles: tuple[str, str], notes: Sequence[str] = (), most: int = 150
) -> str:
    """Both graphs as one SVG document, one above the other.

    Args:
        titles: what stands above each.
        notes: lines below both, such as the reasons.
        most: boxes beyond which equal siblings are drawn as one.
    """
    states = changes(before, after)
    panels = [svg(graph, states=states, most=most) for graph in (before, after)]
    sizes = [_size(panel) for panel in panels]
    width = max(*(size[0] for size in sizes), *(len(line) * 6.6 + 2 * MARGIN for line in (*titles, *notes)))
    parts: list[str] = []
    y = 0.0
    for title, panel, size in zip(titles, panels, sizes, strict=True):
        parts.append(f'<text class="t" x="{MARGIN}" y="{y + 24:.0f}">{escape(title)}</text>')
        parts.append(panel.replace("<svg ", f'<svg x="0" y="{y + HEADING:.0f}" ', 1))
        y += HEADING + size[1]
    for note in notes:
        y += LINE
        parts.append(f'<text class="d" x="{MARGIN}" y="{y:.0f}">{escape(note)}</text>')
    height = y + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="A workflow before and after">'
        f'{style()}<rect class="page" width="{width:.0f}" height="{height:.0f}" rx="12"/>' + "".join(parts) + "</svg>\n"
    )


def _size(document: str) -> tuple[float, float]:
    found = re.search(r'width="(\d+)" height="(\d+)"', document)
    assert found is not None  # `svg` states its size
    return float(found[1]), float(found[2])


__all__ = ["changes", "compared"]
