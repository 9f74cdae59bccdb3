"""Dividing a box among weights so that every part is as square as can be.

Source: squarified treemaps (Bruls, Huizing and van Wijk, 2000).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    def touches(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


def treemap(weights: Mapping[str, int], box: Box) -> dict[str, Box]:
    """A part of the box for each weight above 0, in proportion to it; the largest first."""
    ahead = sorted(
        ((weight, name) for name, weight in weights.items() if weight > 0), key=lambda one: (-one[0], one[1])
    )
    scale = box.width * box.height / sum(weight for weight, _ in ahead) if ahead else 0.0
    areas = [(weight * scale, name) for weight, name in ahead]
    placed: dict[str, Box] = {}
    while areas:
        side = min(box.width, box.height)
        count = 1
        while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
            count += 1
        box = _lay(areas[:count], box, placed)
        areas = areas[count:]
    return placed


def _worst(row: list[tuple[float, str]], side: float) -> float:
    """The largest ratio of a long to a short side in a row laid along `side`."""
    total = sum(area for area, _ in row)
    largest, smallest = row[0][0], row[-1][0]
    return max(side**2 * largest / total**2, total**2 / (side**2 * smallest)) if side else float("inf")


def _lay(row: list[tuple[float, str]], box: Box, placed: dict[str, Box]) -> Box:
    """Lay a row along the shorter side and return what is left of the box."""
    total = sum(area for area, _ in row)
    along = 0.0
    if box.width >= box.height:
        thick = total / box.height if box.height else 0.0
        for area, name in row:
            placed[name] = Box(box.x, box.y + along, thick, area / thick if thick else 0.0)
            along += placed[name].height
        return Box(box.x + thick, box.y, max(0.0, box.width - thick), box.height)
    thick = total / box.width if box.width else 0.0
    for area, name in row:
        placed[name] = Box(box.x + along, box.y, area / thick if thick else 0.0, thick)
        along += placed[name].width
    return Box(box.x, box.y + thick, box.width, max(0.0, box.height - thick))
