"""Cut: the proof that no way is left. Which dead tools block every way, and whose return would open one.

`Proof.opening` is the smallest set of dead tools whose return would open a way: the cheapest way where a dead tool
costs 1 and a living one nothing, found by the search of `orrery.routing.tool_graph.way`.

`Proof.cut` is the smallest set of dead tools that blocks every way by itself: as long as these stay dead there is
none, whatever becomes of all others. Three methods, the first that applies:

* "max-flow": where no tool needs more than one thing, ways are paths, and the smallest cut is as large as the largest
  set of ways that share no dead tool (Menger, 1927; found by augmenting paths, Ford and Fulkerson, 1956). Exact.
* "search": sets of growing size are tried, as long as `TRIED` and `LOOKS` allow. Exact.
* "greedy": the first dead tools of all ways, and the last ones, are cuts; of each, tools are given back in the order of
  their names as long as no way opens and the same limits allow. The smaller one blocks every way, but a still smaller
  set may do so too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from math import comb, inf
from typing import Literal

import msgspec

from orrery.routing.tool_graph.tools import Artefact, ToolGraph
from orrery.routing.tool_graph.way import cheapest, is_open

Method = Literal["max-flow", "search", "greedy", "none"]
TRIED, LOOKS = 2_000, 50_000
"""So many sets does the search for the smallest cut try, and at so many tools does it look in all."""


class Proof(msgspec.Struct, frozen=True):
    """Why there is no way.

    Args:
        cut: dead tools; as long as all of them are, there is no way, whatever becomes of the others.
        method: how it was found; "greedy" alone does not prove that no smaller one exists.
        opening: the fewest dead tools whose return would open a way; empty if not even all would.
        opening_is_least: it is proven that no fewer would do.
        missing: what is wanted, or needed for it, and no tool gives even if all are well.
    """

    cut: tuple[str, ...] = ()
    method: Method = "none"
    opening: tuple[str, ...] = ()
    opening_is_least: bool = True
    missing: tuple[Artefact, ...] = ()

    def __str__(self) -> str:
        if self.missing:
            return f"no tool gives {_listed(self.missing)}, even if all are well"
        least = "the fewest" if self.opening_is_least else "a set"
        one = len(self.cut) == 1
        return (
            f"every way leads through {'' if one else 'one of '}{_listed(self.cut)}, "
            f"and {'that is' if one else 'all are'} dead; "
            f"{least} whose return would open one: {_listed(self.opening)}"
        )


def prove(
    graph: ToolGraph, alive: Collection[str], have: Collection[Artefact], want: Collection[Artefact]
) -> Proof | None:
    """The proof that the living tools do not lead from what there is to what is wanted; None if they do.

    Args:
        alive: the tools that can be used; all others are dead.
    """
    living = set(alive)
    if is_open(graph, living, have, want):
        return None
    if not is_open(graph, graph.names, have, want):
        return Proof(missing=_missing(graph, have, want))
    weights = {name: 0.0 if name in living else 1.0 for name in graph.names}
    way = cheapest(graph, weights, have, want)
    assert way is not None
    opening = tuple(sorted(name for name in way.steps if name not in living))
    dead = [name for name in _relevant(graph, want) if name not in living]
    cut, method = _cut(graph, living, dead, have, want)
    return Proof(cut, method, opening, way.exact)


def _cut(
    graph: ToolGraph, living: set[str], dead: Sequence[str], have: Collection[Artefact], want: Collection[Artefact]
) -> tuple[tuple[str, ...], Method]:
    if graph.is_simple:
        cuts = [_by_flow(graph, living, have, one) for one in sorted(set(want) - set(have))]
        return min((cut for cut in cuts if cut is not None), key=lambda cut: (len(cut), cut)), "max-flow"

    def blocks(chosen: Collection[str]) -> bool:
        kept = set(chosen)
        return not is_open(graph, [name for name in graph.names if name not in kept], have, want)

    left = min(TRIED, LOOKS // len(graph.names))
    least = list(dead)
    # On every way, the first dead tool has all that it needs from living ones, and from the last one on all live: so
    # the tools that could be the first, or the last, are cuts already.
    there = _closure(graph, living, have)
    first = [name for name in dead if there.issuperset(graph[name].needs.values())]
    last = [name for name in _relevant(graph, want, through=living) if name not in living]
    for cut in sorted((first, last), key=len):
        for name in cut.copy():
            fewer = [other for other in cut if other != name]
            left -= 1
            if left >= 0 and blocks(fewer):
                cut.remove(name)
        least = min(least, cut, key=len)
    for size in range(1, len(least)):
        left -= comb(len(dead), size)
        if left < 0:
            return tuple(sorted(least)), "greedy"
        for chosen in combinations(dead, size):
            if blocks(chosen):
                return chosen, "search"
    return tuple(sorted(least)), "search" if left >= 0 else "greedy"


def _closure(graph: ToolGraph, living: Collection[str], have: Collection[Artefact]) -> set[Artefact]:
    """All that living tools can give."""
    there = set(have)
    had = {graph.number[one] for one in there if one in graph.number}
    missing = [len(set(needs) - had) for needs in graph.needs]
    ready = [step for step, lacking in enumerate(missing) if not lacking and graph.names[step] in living]
    while ready:
        for given in graph.gives[ready.pop()]:
            if graph.artefacts[given] not in there:
                there.add(graph.artefacts[given])
                for taker in graph.takers[given]:
                    missing[taker] -= 1
                    if missing[taker] == 0 and graph.names[taker] in living:
                        ready.append(taker)
    return there


def _relevant(graph: ToolGraph, want: Collection[Artefact], *, through: Collection[str] | None = None) -> list[str]:
    """The tools that could be part of any way, by name.

    Args:
        through: only those from which these tools lead to what is wanted.
    """
    seen: set[int] = set()
    open_ = [graph.number[artefact] for artefact in sorted(set(want)) if artefact in graph.number]
    reached = set(open_)
    while open_:
        for step in graph.makers[open_.pop()]:
            if step not in seen:
                seen.add(step)
                if through is not None and graph.names[step] not in through:
                    continue
                more = [need for need in graph.needs[step] if need not in reached]
                reached.update(more)
                open_.extend(more)
    return [graph.names[step] for step in sorted(seen)]


def _missing(graph: ToolGraph, have: Collection[Artefact], want: Collection[Artefact]) -> tuple[Artefact, ...]:
    """What nothing gives, among all that is wanted or needed by a tool that could help."""
    there = {*have, *(graph.artefacts[number] for number, makers in enumerate(graph.makers) if makers)}
    needed = {need for name in _relevant(graph, want) for need in graph[name].needs.values()}
    lacking = sorted(({*want} | needed) - there)
    return tuple(lacking or sorted(set(want) - set(have)))  # tools that wait for each other: nothing begins


def _by_flow(graph: ToolGraph, living: set[str], have: Collection[Artefact], want: Artefact) -> tuple[str, ...] | None:
    """The smallest set of dead tools on every path to one thing; None if a path of living tools leads there.

    A tool is split into an entrance and an exit with a capacity between: 1 if it is dead, unlimited if it lives. Nodes:
    artefacts "a", entrances "i", exits "o"; the source leads to what is there and into tools that need nothing.
    """
    source, sink = ("s", -1), ("a", graph.number[want])
    room: dict[tuple[str, int], dict[tuple[str, int], float]] = {}

    def join(one: tuple[str, int], other: tuple[str, int], capacity: float) -> None:
        room.setdefault(one, {})[other] = capacity
        room.setdefault(other, {}).setdefault(one, 0.0)

    for artefact in sorted(set(have)):
        if artefact in graph.number:
            join(source, ("a", graph.number[artefact]), inf)
    for step, name in enumerate(graph.names):
        join(("i", step), ("o", step), inf if name in living else 1.0)
        for need in graph.needs[step]:
            join(("a", need), ("i", step), inf)
        if not graph.needs[step]:
            join(source, ("i", step), inf)
        for given in graph.gives[step]:
            join(("o", step), ("a", given), inf)
    while True:
        came = _reached(room, source)
        if sink not in came:
            return tuple(
                name for step, name in enumerate(graph.names) if ("i", step) in came and ("o", step) not in came
            )
        path = [sink]
        while path[-1] != source:
            path.append(came[path[-1]])
        pairs = list(zip(path[1:], path[:-1], strict=True))
        if min(room[one][other] for one, other in pairs) == inf:
            return None
        for one, other in pairs:
            room[one][other] -= 1.0
            room[other][one] += 1.0


def _reached(
    room: Mapping[tuple[str, int], Mapping[tuple[str, int], float]], source: tuple[str, int]
) -> dict[tuple[str, int], tuple[str, int]]:
    """The nodes that can be reached through what is left of the capacities, and from where each was."""
    came = {source: source}
    queue = deque([source])
    while queue:
        node = queue.popleft()
        for other, capacity in room.get(node, {}).items():
            if capacity > 0 and other not in came:
                came[other] = node
                queue.append(other)
    return came


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(names[:most]) or "nothing"
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


__all__ = ["TRIED", "Method", "Proof", "prove"]
