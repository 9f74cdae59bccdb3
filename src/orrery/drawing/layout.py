"""Where the tasks of a graph stand when it is drawn: layers from left to right, few crossings, no overlap.

The method of Sugiyama, Tagawa and Toda (1981): tasks stand in the layer of their longest path; an edge over
several layers passes through an invisible point in each; sweeps put every point near the middle of its
neighbours; then each layer is spread so that its points keep their distance. Near linear in tasks and
points, and the same for the same graph.

Where we differ: an edge over more than `LONGEST_EDGE` layers gets points only beside its two ends. Otherwise a
chain of 2,000 tasks with edges from the first to all others would have two million.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Arc = tuple[str, str]
LONGEST_EDGE = 24
SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions, with one unit between layers (x) and between neighbours in a layer (y).

    Args:
        at: node → (x, y).
        bends: arc → the points between its ends, in its direction.
        size: (layers, the largest y plus one).
    """

    at: Mapping[str, tuple[float, float]]
    bends: Mapping[Arc, tuple[tuple[float, float], ...]]
    size: tuple[int, float]


def layered(nodes: Sequence[str], arcs: Iterable[Arc]) -> Layout:
    """A layout of a graph without cycles.

    Args:
        nodes: in a topological order.
        arcs: pairs of nodes.
    """
    arcs = list(dict.fromkeys(arcs))
    number = {node: n for n, node in enumerate(nodes)}
    before: list[list[int]] = [[] for _ in nodes]
    after: list[list[int]] = [[] for _ in nodes]
    for source, target in arcs:
        before[number[target]].append(number[source])
        after[number[source]].append(number[target])
    layer = _layers(before, after)
    chains = _with_points(arcs, number, layer, before, after)
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for point, row in enumerate(layer):
        rows[row].append(point)
    _order(rows, before, after)
    y = _spread(rows, before, after, real=len(nodes))
    top = min(y, default=0.0)
    place = [(float(layer[point]), y[point] - top) for point in range(len(layer))]
    return Layout(
        at={node: place[n] for n, node in enumerate(nodes)},
        bends={arc: tuple(place[point] for point in chain) for arc, chain in chains.items() if chain},
        size=(len(rows), max((position for _, position in place), default=-1.0) + 1),
    )


def _layers(before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> list[int]:
    """The layer of each node: its longest path from a start; one with no input stands beside its first reader."""
    layer: list[int] = []
    for sources in before:
        layer.append(max((layer[source] + 1 for source in sources), default=0))
    for node, sources in enumerate(before):
        if not sources and after[node]:
            layer[node] = min(layer[target] for target in after[node]) - 1
    return layer


def _with_points(
    arcs: Sequence[Arc],
    number: Mapping[str, int],
    layer: list[int],
    before: list[list[int]],
    after: list[list[int]],
) -> dict[Arc, list[int]]:
    """Replace every arc over several layers by a chain of points; returns the chains."""
    chains: dict[Arc, list[int]] = {}
    for neighbours in (*before, *after):
        neighbours.clear()
    for arc in arcs:
        source, target = number[arc[0]], number[arc[1]]
        first, last = layer[source] + 1, layer[target]
        steps = range(first, last) if last - first <= LONGEST_EDGE else sorted({first, last - 1})
        chain: list[int] = []
        previous = source
        for row in steps:
            point = len(layer)
            layer.append(row)
            before.append([])
            after.append([])
            chain.append(point)
            _join(previous, point, before, after, layer)
            previous = point
        _join(previous, target, before, after, layer)
        chains[arc] = chain
    return chains


def _join(source: int, target: int, before: list[list[int]], after: list[list[int]], layer: list[int]) -> None:
    if layer[target] == layer[source] + 1:  # the two ends of a very long edge do not pull at each other
        before[target].append(source)
        after[source].append(target)


def _order(rows: list[list[int]], before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> None:
    """Reorder each row by the mean place of its neighbours, forwards and back; keep the best of all sweeps."""
    rank = [0] * len(before)
    for row in rows:
        for place, point in enumerate(row):
            rank[point] = place
    best, fewest = [row[:] for row in rows], _crossings(rows, after, rank)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        forwards = sweep % 2 == 0
        neighbours = before if forwards else after
        for row in rows if forwards else reversed(rows):
            row.sort(key=lambda point: _mean([rank[other] for other in neighbours[point]], rank[point]))
            for place, point in enumerate(row):
                rank[point] = place
        crossings = _crossings(rows, after, rank)
        if crossings < fewest:
            best, fewest = [row[:] for row in rows], crossings
    rows[:] = best


def _mean(places: Sequence[int], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _crossings(rows: Sequence[Sequence[int]], after: Sequence[Sequence[int]], rank: Sequence[int]) -> int:
    """How many pairs of arcs cross, counted as inversions with a Fenwick tree (Barth, Mutzel and Jünger, 2004)."""
    total = 0
    for row, onward in pairwise(rows):
        tree = [0] * (len(onward) + 1)
        seen = 0
        for point in row:
            targets = sorted(rank[target] for target in after[point])
            for target in targets:
                at, not_after = target + 1, 0
                while at:
                    not_after += tree[at]
                    at &= at - 1
                total += seen - not_after
            for target in targets:
                at = target + 1
                while at < len(tree):
                    tree[at] += 1
                    at += at & -at
            seen += len(targets)
    return total


def _spread(
    rows: Sequence[Sequence[int]], before: Sequence[Sequence[int]], after: Sequence[Sequence[int]], *, real: int
) -> list[float]:
    """The y of every point: near the middle of its neighbours, one unit from the next in its row (points half)."""
    y = [0.0] * len(before)
    for row in rows:
        position = 0.0
        for place, point in enumerate(row):
            if place:
                position += _gap(row[place - 1], point, real)
            y[point] = position
    middle = max((y[row[-1]] for row in rows), default=0.0) / 2
    for row in rows:  # begin with every row centred
        shift = middle - y[row[-1]] / 2
        for point in row:
            y[point] += shift
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        for row in rows if forwards else reversed(rows):
            wanted = [_wanted(point, y, before[point], after[point], forwards) for point in row]
            for point, position in zip(row, _apart(row, wanted, real), strict=True):
                y[point] = position
    return y


def _gap(a: int, b: int, real: int) -> float:
    return 1.0 if a < real and b < real else 0.75 if a < real or b < real else 0.35


def _wanted(point: int, y: Sequence[float], before: Sequence[int], after: Sequence[int], forwards: bool) -> float:
    pulls = (before or after) if forwards else (after or before)
    if not pulls:
        return y[point]
    places = sorted(y[other] for other in pulls)
    half = len(places) // 2
    return places[half] if len(places) % 2 else (places[half - 1] + places[half]) / 2


def _apart(row: Sequence[int], wanted: Sequence[float], real: int) -> list[float]:
    """The positions nearest to the wanted ones (least squares) that keep order and distance.

    Source: pool adjacent violators (isotonic regression), after taking the distances out.
    """
    offset: list[float] = []
    total = 0.0
    for place, point in enumerate(row):
        if place:
            total += _gap(row[place - 1], point, real)
        offset.append(total)
    blocks: list[tuple[float, int]] = []  # (sum, count)
    for goal, before in zip(wanted, offset, strict=True):
        pull, count = goal - before, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > pull / count:
            earlier, members = blocks.pop()
            pull, count = pull + earlier, count + members
        blocks.append((pull, count))
    level = [pull / count for pull, count in blocks for _ in range(count)]
    return [position + before for position, before in zip(level, offset, strict=True)]
