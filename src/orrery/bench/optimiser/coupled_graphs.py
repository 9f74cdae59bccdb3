"""Random graphs with couplings, in six families: what the shapes of a graph are compared on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from orrery.graph.edge import Edge
from orrery.graph.graph import Graph
from orrery.graph.task import Effects, Estimate, Task
from orrery.passes.choose_topology.law import Law

Pairs = list[tuple[int, int]]
Drawn = tuple[int, Pairs, Pairs]
"""How many tasks, hard edges, and soft ones; an edge leads from a lower number to a higher one."""


def chain(chance: random.Random) -> Drawn:
    """A row of steps, some of which need the step before and the rest go better after it."""
    size = chance.randint(3, 40)
    hard = [(n, n + 1) for n in range(size - 1) if chance.random() < 0.6]
    return size, hard, [(n, n + 1) for n in range(size - 1)]


def fan(chance: random.Random) -> Drawn:
    """One task, many that need it, one that needs them all; neighbours among the many are coupled."""
    wide = chance.randint(3, 40)
    hard = [pair for n in range(1, wide + 1) for pair in ((0, n), (n, wide + 1))]
    near = [(n, m) for n in range(1, wide + 1) for m in range(n + 1, min(wide + 1, n + 4))]
    return wide + 2, hard, [pair for pair in near if chance.random() < 0.4]


def layered(chance: random.Random) -> Drawn:
    """Layers, each needing some of the one before; neighbours within a layer are coupled."""
    layers, wide = chance.randint(3, 8), chance.randint(2, 8)
    hard = [
        ((layer - 1) * wide + source, layer * wide + n)
        for layer in range(1, layers)
        for n in range(wide)
        for source in chance.sample(range(wide), chance.randint(1, min(3, wide)))
    ]
    row = [(layer * wide + n, layer * wide + n + 1) for layer in range(layers) for n in range(wide - 1)]
    return layers * wide, hard, [pair for pair in row if chance.random() < 0.5]


def scattered(chance: random.Random) -> Drawn:
    """Every task after up to three recent ones, hard or soft by chance."""
    size = chance.randint(10, 80)
    hard: Pairs = []
    soft: Pairs = []
    for n in range(1, size):
        for source in sorted({chance.randrange(max(0, n - 20), n) for _ in range(chance.randint(0, 3))}):
            (soft if chance.random() < 0.4 else hard).append((source, n))
    return size, hard, soft


def series_parallel(chance: random.Random) -> Drawn:
    """Grown from one edge by putting tasks into it and beside it; tasks that stand near each other are coupled."""
    size, edges = 2, [(0, 1)]
    wanted = chance.randint(12, 60)
    while size < wanted:
        at = chance.randrange(len(edges))
        source, target = edges[at]
        if chance.random() < 0.5:
            edges[at] = (source, size)
        else:
            edges.append((source, size))
        edges.append((size, target))
        size += 1
    order = _in_order(size, edges)
    hard = sorted({(order[source], order[target]) for source, target in edges})
    return size, hard, [(chance.randrange(max(0, n - 8), n), n) for n in range(1, size) if chance.random() < 0.5]


def teams(chance: random.Random) -> Drawn:
    """Teams of tasks that are coupled among themselves, and now and then across."""
    count, size = chance.randint(2, 6), chance.randint(3, 10)
    hard: Pairs = []
    soft: Pairs = []
    for first in range(0, count * size, size):
        for n in range(1, size):
            for source in sorted({first + chance.randrange(n) for _ in range(2)}):
                (soft if chance.random() < 0.8 else hard).append((source, first + n))
    for n in range(1, count * size):
        if chance.random() < 0.1:
            soft.append((chance.randrange(n), n))
    return count * size, hard, soft


FAMILIES: Mapping[str, Callable[[random.Random], Drawn]] = {
    "chain": chain,
    "fan": fan,
    "layered": layered,
    "scattered": scattered,
    "series-parallel": series_parallel,
    "teams": teams,
}
COUPLINGS: Mapping[str, tuple[float, float]] = {"weak": (0.0, 0.35), "mixed": (0.0, 1.0), "strong": (0.6, 1.0)}
"""Between what their weights lie."""


class Instance(NamedTuple):
    """A graph and what it runs on.

    Args:
        family, coupling: of which kind it is.
    """

    graph: Graph
    workers: int
    law: Law
    family: str
    coupling: str


def instance(seed: int) -> Instance:
    """A graph by its number: families and couplings in turn; size, seconds, workers and prices by chance."""
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    family = list(FAMILIES)[seed % len(FAMILIES)]
    coupling = list(COUPLINGS)[seed // len(FAMILIES) % len(COUPLINGS)]
    size, hard, soft = FAMILIES[family](chance)
    scale = chance.choice((0.3, 1.0, 5.0, 20.0))
    low, high = COUPLINGS[coupling]
    tasks = [
        Task(f"t{n}", "work", effects=Effects("pure"), estimate=Estimate(scale * chance.lognormvariate(0, 0.8)))
        for n in range(size)
    ]
    pairs = dict.fromkeys(hard)
    edges = [Edge(f"t{source}", f"t{target}") for source, target in pairs]
    edges += [
        Edge(f"t{source}", f"t{target}", hard=False, weight=chance.uniform(low, high))
        for source, target in dict.fromkeys(soft)
        if (source, target) not in pairs
    ]
    law = Law(handover_s=chance.choice((0.0, 0.25, 1.0, 3.0)), lead_s=chance.choice((0.3, 1.0, 3.0)))
    return Instance(Graph(tasks, edges), chance.choice((1, 2, 3, 4, 6, 8, 12, 16)), law, family, coupling)


def _in_order(size: int, edges: Pairs) -> list[int]:
    """For each task its place in a topological order."""
    waits = [0] * size
    for _, target in set(edges):
        waits[target] += 1
    ready, place = [0], [0] * size
    for at in range(size):
        task = ready.pop(0)
        place[task] = at
        for source, target in sorted(set(edges)):
            if source == task:
                waits[target] -= 1
                if not waits[target]:
                    ready.append(target)
    return place
