"""The four shapes: which couplings a graph keeps, and which tasks follow each other in a chain.

    parallel       every coupling dropped; each task starts as soon as its data are there
    sequential     one chain; each task has seen all before it
    hierarchical   groups of what is strongly coupled, each a chain under a lead, side by side
    hybrid         couplings kept where waiting costs less than doing it again would, dropped elsewhere

Fixed edges stay in each. Hybrid is made by `estimate.hybrid`, as what waiting costs is only known there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

from orrery.graph.edge import Edge
from orrery.graph.patch import Edit, Link, Patch, Unlink
from orrery.passes.choose_topology.coupled import Coupled

Shape = Literal["parallel", "sequential", "hierarchical", "hybrid"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
STRONG = 0.5
"""From this weight on a coupling holds a group together."""


class Plan(NamedTuple):
    """A graph in a shape.

    Args:
        shape: which.
        kept: for each edge whether it is kept.
        chains: tasks that run one after the other, each a list in order.
        led: whether each chain has a lead.
    """

    shape: Shape
    kept: bytearray
    chains: Sequence[list[int]] = ()
    led: bool = False

    def previous(self, tasks: int) -> list[int]:
        """For each of so many tasks the one before it in its chain; -1 for none."""
        before = [-1] * tasks
        for chain in self.chains:
            for one, other in pairwise(chain):
                before[other] = one
        return before


def parallel(graph: Coupled) -> Plan:
    """Every coupling dropped."""
    return Plan("parallel", fixed(graph))


def sequential(graph: Coupled) -> Plan:
    """All tasks in one chain, the longest path first."""
    return Plan("sequential", everything(graph), [graph.order])


def hierarchical(graph: Coupled, workers: int) -> Plan:
    """Groups along strong couplings, strongest first, none with more work than its share.

    A group runs one task after the other, so one that held more than a worker's share of all the work would be waited
    for. Couplings inside a group are kept by its chain; of those between groups the strong ones are.

    Args:
        workers: how many there are.
    """
    group, work = list(range(len(graph.names))), list(graph.seconds)
    most = max(graph.work_s / workers, max(graph.seconds, default=0.0))

    def root(task: int) -> int:
        while group[task] != task:
            group[task] = task = group[group[task]]
        return task

    kept = fixed(graph)
    ties = [(-graph.weight[edge], edge, target) for edge, target in couplings(graph)]
    strong = sorted(tie for tie in ties if -tie[0] >= STRONG)
    for _, edge, target in strong:
        kept[edge] = True
        one, other = root(graph.source[edge]), root(target)
        if one != other and work[one] + work[other] <= most:
            group[other] = one
            work[one] += work[other]
    if not strong:
        return Plan("hierarchical", kept, led=True)
    for _, edge, target in ties:
        kept[edge] = kept[edge] or root(graph.source[edge]) == root(target)
    members: dict[int, list[int]] = {}
    for task in graph.order:
        members.setdefault(root(task), []).append(task)
    return Plan("hierarchical", kept, [each for each in members.values() if len(each) > 1], led=True)


def couplings(graph: Coupled) -> list[tuple[int, int]]:
    """The edges that are free to go, each with its target."""
    found: list[tuple[int, int]] = []
    for target, free in enumerate(graph.free):
        if free:
            edges = range(graph.into[target], graph.into[target + 1])
            found.extend((edge, target) for edge in edges if graph.weight[edge] >= 0)
    return found


def fixed(graph: Coupled) -> bytearray:
    """Only the fixed edges kept."""
    return bytearray([weight < 0 for weight in graph.weight])


def everything(graph: Coupled) -> bytearray:
    """Every edge kept, as the graph is written."""
    return bytearray(b"\1") * len(graph.source)


def patch(graph: Coupled, plan: Plan) -> Patch:
    """The edits that give a graph the shape: couplings unlinked, and soft edges of no weight along the chains.

    An edge of a chain is made only where there is none yet: over a reference, or over a hard edge, it would make soft
    what is hard.
    """
    names = graph.names
    edits: list[Edit] = [
        Unlink(names[graph.source[edge]], names[target]) for edge, target in couplings(graph) if not plan.kept[edge]
    ]
    for chain in plan.chains:
        for one, other in pairwise(chain):
            edges = range(graph.into[other], graph.into[other + 1])
            if not any(graph.source[edge] == one and plan.kept[edge] for edge in edges):
                edits.append(Link(Edge(names[one], names[other], hard=False, weight=0.0)))
    return Patch(tuple(edits))
