"""The charts of what was found. Each is a function from findings to SVG that follows the theme of its page."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, Literal

from orrery.apps.observatory.findings import COMPLEXITY_STEPS, FileShape
from orrery.apps.observatory.history import History
from orrery.apps.observatory.imports import Imports
from orrery.apps.observatory.svg import Scale, chart, el, fit, heat, label, line, points, steps
from orrery.apps.observatory.treemap import Box, treemap

HUES = ("sky", "brass", "leaf", "plum", "clay", "sand")


def orbits(imports: Imports) -> str:
    """The packages as planets: those that import nothing circle closest, the size is their code."""
    size, middle = 400.0, 200.0
    packages = imports["packages"]
    levels = sorted({package["level"] for package in packages})
    radius = Scale(max(1, len(levels)), 34, 184)
    most = max((package["lines"] for package in packages), default=1)
    parts = [el("circle", cls="orbit", cx=middle, cy=middle, r=radius(n + 1)) for n in range(len(levels))]
    parts.append(el("circle", cls="c-brass wash", cx=middle, cy=middle, r=24.0))
    parts.append(el("circle", cls="c-brass fill", cx=middle, cy=middle, r=11.0))
    planets: list[tuple[str, int, Box]] = []
    for number, level in enumerate(levels):
        ring = sorted((p for p in packages if p["level"] == level), key=lambda p: p["name"])
        for place, package in enumerate(ring):
            # The golden angle from ring to ring keeps neighbours apart without any search.
            angle = math.radians(137.508 * number + 360 * place / len(ring) - 30)
            x, y = middle + radius(number + 1) * math.cos(angle), middle + radius(number + 1) * math.sin(angle)
            r = 4.0 + 12.0 * math.sqrt(package["lines"] / most)
            tip = f"{package['name']}: {package['lines']:,} lines in {package['files']} files, level {level}"
            parts.append(el("circle", cls=f"c-{HUES[number % len(HUES)]} fill", cx=x, cy=y, r=r, tip=tip))
            planets.append((package["name"].rpartition(".")[2], package["lines"], Box(x - r, y - r, 2 * r, 2 * r)))
    taken = [box for _, _, box in planets]
    for name, _, box in sorted(planets, key=lambda planet: -planet[1])[:9]:
        wide = 6.2 * len(name)
        spot = Box(box.x + box.width / 2 - wide / 2, box.y + box.height + 2, wide, 12)
        if not any(spot.touches(other) for other in taken):
            taken.append(spot)
            parts.append(label(spot.x + wide / 2, spot.y + 10, name, "small mid"))
    return chart(size, size, parts, title="The packages as planets, by who imports whom")


def hotspot_chart(files: Sequence[FileShape], *, has_history: bool) -> str:
    """Every file by how often it changes (without history: its size) and how complex it is; the hottest are named."""
    width, height, left, bottom = 470.0, 360.0, 34.0, 318.0
    key: Literal["commits", "lines"] = "commits" if has_history else "lines"
    spread, most = _most(one[key] for one in files), _most(one["complexity"] for one in files)
    across, up = Scale(spread * 1.06, left, width - 20, 0.7), Scale(most * 1.1, bottom, 14, 0.7)
    widest, hottest = _most(one["lines"] for one in files), _most(one["heat"] for one in files)
    parts = [line(left, up(n), width, up(n), "grid") + label(left - 8, up(n) + 4, f"{n:g}", "end") for n in steps(most)]
    ticks = [n for n in steps(spread, 5) if n == int(n) and across(n) < width - 8]
    parts += [label(across(n), bottom + 18, f"{n:,.0f}", "mid") for n in ticks]
    parts += [line(left, bottom, width, bottom, "axis"), label(width, bottom + 36, f"{key} →", "end")]
    parts.append(label(left, 6, "↑ complexity"))
    bubbles: list[Box] = []
    for one in files:
        x, y, r = across(one[key]), up(one["complexity"]), 2.0 + 10 * math.sqrt(one["lines"] / widest)
        bubbles.append(Box(x - r, y - r, 2 * r, 2 * r))
    for one, box in reversed(list(zip(files, bubbles, strict=True))):  # the hottest come first, so they are drawn last
        tip = f"{one['path']}: complexity {one['complexity']}, {one['lines']:,} lines, {one['commits']} commits"
        share, r = math.sqrt(one["heat"] / hottest), box.width / 2
        style = f"{heat(share)};fill-opacity:{0.5 + 0.4 * share:.2f};stroke:var(--panel);stroke-width:1"
        parts.append(el("circle", cx=box.x + r, cy=box.y + r, r=r, style=style, tip=tip))
    names = [PurePosixPath(one["path"]).name for one in files[:8]]
    return chart(width, height, [*parts, *_names(names, bubbles, left, width)], title="Files by change and complexity")


def _names(names: Sequence[str], bubbles: Sequence[Box], left: float, right: float) -> Iterator[str]:
    """Names beside the first bubbles: left, right or above, wherever there is room; else none."""
    taken = list(bubbles[: len(names)])
    for name, bubble in zip(names, bubbles, strict=False):
        wide, y = 6.6 * len(name), bubble.y + bubble.height / 2 - 7
        for spot in (
            Box(bubble.x - wide - 5, y, wide, 14),
            Box(bubble.x + bubble.width + 5, y, wide, 14),
            Box(bubble.x + bubble.width / 2 - wide / 2, bubble.y - 18, wide, 14),
        ):
            if left < spot.x and spot.x + wide < right and not any(spot.touches(other) for other in taken):
                taken.append(spot)
                yield label(spot.x, spot.y + 11, name, "strong small")
                break


def _most(numbers: Iterable[int]) -> int:
    return max(1, *numbers, 1)


def tree_chart(files: Sequence[FileShape]) -> str:
    """Every file as a tile: its area is its lines, its warmth what is hard to maintain in it."""
    width, height, head = 470.0, 470.0, 14.0
    folders: dict[str, list[FileShape]] = defaultdict(list)
    for one in files:
        if one["lines"]:
            folders["/".join(PurePosixPath(one["path"]).parts[:-1][:3]) or "."].append(one)
    parts: list[str] = []
    # By rank, not by value: the index of most files lies close together.
    measured = sorted((one["maintainability"] for one in files if one["maintainability"]), reverse=True)
    sizes = {folder: sum(one["lines"] for one in inside) for folder, inside in folders.items()}
    for folder, box in treemap(sizes, Box(0, 0, width, height)).items():
        shown = fit(folder, box.width - 8, char=6.2) if box.height > 3 * head else ""
        top = head if shown else 0.0
        inner = Box(box.x + 1.5, box.y + 1.5 + top, max(0.1, box.width - 3), max(0.1, box.height - 3 - top))
        by_path = {one["path"]: one for one in folders[folder]}
        for path, tile in treemap({path: one["lines"] for path, one in by_path.items()}, inner).items():
            one = by_path[path]
            share = (measured.index(one["maintainability"]) / len(measured)) ** 2.2 if one["maintainability"] else 0.0
            tip = f"{path}: {one['lines']:,} lines, complexity {one['complexity']}, "
            tip += f"maintainability {one['maintainability']:g}"
            x, y, wide, tall = tile
            style = heat(share)
            parts.append(el("rect", cls="tile", style=style, tip=tip, x=x, y=y, width=wide, height=tall, rx=2))
        if shown:
            parts.append(label(box.x + 3, box.y + 12, shown, "small"))
    return chart(width, height, parts, title="Files by their size and maintainability")


def complexity_chart(classes: Sequence[int]) -> str:
    """How many functions there are of each complexity."""
    width, height, bottom = 470.0, 190.0, 150.0
    names = [str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(COMPLEXITY_STEPS)]
    names.append(f"{COMPLEXITY_STEPS[-1]}+")
    up = Scale(max([*classes, 1]), bottom, 22)
    step = width / len(names)
    parts = [line(0, bottom, width, bottom, "axis")]
    for position, (name, count) in enumerate(zip(names, classes, strict=True)):
        x = position * step + step * 0.14
        style = heat(0.12 + 0.88 * position / (len(names) - 1))
        if count:
            tall = max(2.0, bottom - up(count))
            parts.append(el("rect", x=x, y=bottom - tall, width=step * 0.72, height=tall, rx=4, style=style))
        parts.append(label((position + 0.5) * step, (up(count) if count else bottom) - 7, f"{count:,}", "strong mid"))
        parts.append(label((position + 0.5) * step, bottom + 19, name, "mid"))
    parts.append(label(width / 2, bottom + 38, "paths through a function", "mid small"))
    return chart(width, height, parts, title="Functions by cyclomatic complexity")


def matrix(imports: Imports) -> str:
    """Who imports whom: rows import columns, the lowest first; what stands right of the diagonal is part of a loop."""
    names = [package["name"] for package in imports["packages"]]
    count = max(1, len(names))
    left = 22 + 6.3 * max((len(name) for name in names), default=1)
    cell = min(26.0, (470 - left - 4) / count)
    top = 30.0
    most = max((number for _, _, number in imports["counts"]), default=1)
    parts: list[str] = []
    for row, name in enumerate(names):
        y = top + row * cell
        parts.append(label(left - 8, y + cell / 2 + 4, f"{name}  {row + 1}", "end small"))
        if cell > 15 or row % 2 == 0:
            parts.append(label(left + (row + 0.5) * cell, top - 8, str(row + 1), "mid small"))
        for column in range(count):
            style = "fill:var(--grid)" if column != row else "fill:var(--faint)"
            parts.append(
                el("rect", x=left + column * cell, y=y, width=cell - 1.5, height=cell - 1.5, rx=3, style=style)
            )
    for row, column, number in imports["counts"]:
        hue, share = ("clay" if column > row else "sky"), 0.25 + 0.75 * math.sqrt(number / most)
        x, y = left + column * cell, top + row * cell
        tip = f"{names[row]} imports {names[column]}, {number} times"
        style = f"fill-opacity:{share:.2f}"
        parts.append(
            el("rect", cls=f"c-{hue} fill", x=x, y=y, width=cell - 1.5, height=cell - 1.5, rx=3, style=style, tip=tip)
        )
    return chart(left + count * cell + 4, top + count * cell + 4, parts, title="Imports between packages")


def history_chart(history: History) -> str:
    """Lines added and removed, and commits, in every day or hour of the history."""
    width, height, middle, left = 470.0, 210.0, 128.0, 40.0
    periods = history["periods"]
    most = max((max(one["added"], one["removed"]) for one in periods), default=1) or 1
    up, down = Scale(most, middle, 22, 0.6), Scale(most, middle, height - 44, 0.6)
    step = (width - left) / max(1, len(periods))
    wide = min(42.0, max(0.8, step * 0.72))
    parts = [
        line(left, up(n), width, up(n), "grid") + label(left - 8, up(n) + 4, _short(n), "end small")
        for n in steps(most, 3)
    ]
    for position, one in enumerate(periods):
        x = left + (position + 0.5) * step - wide / 2
        tip = f"{one['begins']}: {one['commits']} commits, {one['added']:,} lines added, {one['removed']:,} removed"
        rx = min(3.0, wide / 3)
        bars = [(up(one["added"]), middle - up(one["added"]), "leaf"), (middle, down(one["removed"]) - middle, "clay")]
        parts += [
            el("rect", cls=f"c-{hue} fill", x=x, y=y, width=wide, height=tall, rx=rx, tip=tip)
            for y, tall, hue in bars
            if tall > 0
        ]
        if one["commits"] and step > 16:
            parts.append(label(x + wide / 2, up(one["added"]) - 6, str(one["commits"]), "mid small"))
    parts.append(line(left, middle, width, middle, "axis"))
    every = max(1, math.ceil(len(periods) / 5))
    parts += [
        label(
            left + (position + 0.5) * step,
            height - 20,
            one["begins"][5:] if history["by_the_hour"] else one["begins"],
            "mid small",
        )
        for position, one in enumerate(periods)
        if position % every == 0
    ]
    return chart(width, height, parts, title="Commits over time")


def machine_chart(samples: Sequence[Mapping[str, Any]]) -> str:
    """The use of processor and memory while the run went on."""
    width, height, left, bottom = 470.0, 190.0, 38.0, 160.0
    # A sample that came right after the one before it was late: in so short a time nothing can be said.
    samples = [b for a, b in pairwise([{"at": -1.0}, *samples]) if b["at"] - a["at"] > 0.03]
    last = max((float(one["at"]) for one in samples), default=1.0)
    across, up = Scale(last, left, width - 58), Scale(100, bottom, 12)
    parts = [
        line(left, up(n), width - 58, up(n), "grid") + label(left - 8, up(n) + 4, f"{n:g} %", "end small")
        for n in (0, 25, 50, 75, 100)
    ]
    parts += [label(across(n), bottom + 18, f"{n:g} s", "mid small") for n in steps(last, 6)]
    for key, hue, name in (("memory_percent", "plum", "memory"), ("cpu_percent", "sky", "processor")):
        places = [(across(float(one["at"])), up(float(one[key]))) for one in samples]
        if len(places) == 1:
            places.insert(0, (left, places[0][1]))
        if not places:
            continue
        outline = [(places[0][0], bottom), *places, (places[-1][0], bottom)]
        parts.append(el("polygon", cls=f"c-{hue} wash", points=points(outline)))
        parts.append(el("polyline", cls=f"c-{hue} stroke line", points=points(places)))
        parts.append(label(places[-1][0] + 7, places[-1][1] + 4, name, f"c-{hue} small", style="fill:var(--c)"))
    return chart(width, height, parts, title="Processor and memory during the run")


def _short(count: float) -> str:
    return f"{count / 1000:g}k" if count >= 1000 else f"{count:g}"
