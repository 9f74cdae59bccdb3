"""choose_topology: give a graph the shape in which it is expected to end soonest."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from orrery.cost import CostModel, Platform
from orrery.graph.graph import Graph
from orrery.graph.query import width, width_at_least
from orrery.graph.task import Task
from orrery.passes.choose_topology import shapes
from orrery.passes.choose_topology.coupled import Coupled, coupled
from orrery.passes.choose_topology.estimate import Expected, as_written, expected, hybrid
from orrery.passes.choose_topology.law import Law
from orrery.passes.choose_topology.shapes import Plan, Shape, couplings
from orrery.passes.rewritten import Note, Rewritten

MARGIN = 0.1
"""Another shape is taken in place of hybrid only if it is expected to take that much less: estimates are no better."""
LARGE = 20_000
"""Above so many tasks parallel and hierarchical are not estimated; see `choose`."""
EXACT = 2_000
"""Up to so many tasks the width that is told is the true one."""

_LAW = Law()


class Choice(NamedTuple):
    """The shape that was chosen, and what the others would take.

    Args:
        shape: by its name. A hybrid that keeps no coupling is called parallel, and a graph in which every task follows
            another anyway sequential.
        plan: which couplings are kept, and what is chained.
        takes: what that is expected to take.
        written: what the graph would take as it is; None of a large one.
        others: what the other shapes would take, those that were estimated.
    """

    shape: Shape
    plan: Plan
    takes: Expected
    written: Expected | None
    others: dict[Shape, Expected]


def choose_topology(graph: Graph, costs: CostModel, *, law: Law = _LAW, workers: int | None = None) -> Rewritten:
    """The graph in the shape in which it is expected to end soonest: only soft edges go, or come.

    Hard edges stay in every shape, and so do soft ones that order effects which meet (`effects.conflict`), by
    themselves or as part of a path, or that make a reference soft. A graph without others is left as it is. Takes time
    proportional to tasks and edges, and a sort; below `EXACT` tasks, where the true width is told, more.

    Args:
        law: what coupling, handing over and leading cost.
        workers: how many tasks run at once; None: as the platform says.

    Source: Topology routing as in AdaptOrch (arXiv 2602.16873), with another rule: theirs has thresholds over width,
        depth and coupling, and takes no account of workers, durations or what would be lost; this one estimates what
        each shape takes and compares.
    """
    numbers = coupled(graph, lambda task: _seconds(task, costs))
    if not any(numbers.free):
        return Rewritten(graph, _nothing_to_choose(numbers))
    at_once = max(1, min(workers if workers is not None else _workers(graph, costs.platform), len(graph)))
    choice = choose(numbers, at_once, law)
    patch = shapes.patch(numbers, choice.plan)
    made = Note(
        "made" if patch.edits else "rejected",
        tuple(patch.touched()),
        _because(graph, numbers, choice, at_once),
        saves_s=_saved(choice, choice.takes),
    )
    return Rewritten(graph.apply(patch) if patch.edits else graph, (made, *_rejected(numbers, choice)))


def choose(graph: Coupled, workers: int, law: Law) -> Choice:
    """The shape for a graph on so many workers.

    Hybrid, in which every coupling has been weighed for itself, unless another shape is expected to take less by
    `MARGIN`. A hybrid that would take longer than the graph as it is written is that. Of `LARGE` graphs only hybrid
    and sequential are looked at: hybrid comes close to parallel and hierarchical wherever these are good, so that
    little is lost (`orrery bench optimiser`, section topology).
    """
    plan, takes = hybrid(graph, workers, law)
    written = as_written(graph, workers, law) if len(graph.names) <= LARGE else None
    if written is not None and written.seconds <= takes.seconds:
        plan, takes = Plan("hybrid", shapes.everything(graph)), written
    plans: dict[Shape, Plan] = {"hybrid": plan}
    found: dict[Shape, Expected] = {"hybrid": takes}
    others = [shapes.sequential(graph)]
    if len(graph.names) <= LARGE:
        others = [shapes.parallel(graph), *others, shapes.hierarchical(graph, workers)]
    for other in others:
        plans[other.shape], found[other.shape] = other, expected(graph, other, workers, law)
    best = min(found, key=lambda shape: (found[shape].seconds, shapes.SHAPES.index(shape)))
    if found[best].seconds > takes.seconds * (1.0 - MARGIN):
        best = "hybrid"
    name: Shape = best
    if best == "hybrid" and plan.kept == shapes.fixed(graph):
        name = "parallel"
    elif best == "hybrid" and _is_chain(graph):
        name = "sequential"
    rest = {shape: takes for shape, takes in found.items() if shape not in (best, name)}
    return Choice(name, plans[best], found[best], written, rest)


def _workers(graph: Graph, platform: Platform) -> int:
    """How many of the graph's tasks can run at once: the slots of the executors that it uses, or no limit."""
    slots = 0
    for executor in dict.fromkeys(task.executor for task in graph):
        if executor == "fleet" and platform.devices:
            slots += sum(device.slots for device in platform.devices.values())
        elif executor in platform.capacity:
            slots += platform.capacity[executor]
        else:
            return len(graph)
    return slots


def _seconds(task: Task, costs: CostModel) -> float:
    cost = costs.estimate(task)
    return cost.seconds.mid * cost.executions


def _is_chain(graph: Coupled) -> bool:
    """Whether every task follows another, which is so if each follows the one before it in a topological order."""
    return all(
        one in graph.source[graph.into[other] : graph.into[other + 1]]
        for one, other in pairwise(range(len(graph.names)))
    )


def _nothing_to_choose(graph: Coupled) -> tuple[Note, ...]:
    """Why none of its soft edges may go; of a graph that has none there is nothing to say."""
    if not graph.bound:
        return ()
    why = "every soft edge orders effects that meet, so there is nothing to choose"
    return (Note("rejected", (), f"as written: {why}"),)


def _because(graph: Graph, numbers: Coupled, choice: Choice, workers: int) -> str:
    free = couplings(numbers)
    kept = sum(choice.plan.kept[edge] for edge, _ in free)
    weights = sum(numbers.weight[edge] for edge, _ in free)
    wide = ""
    if len(graph) <= EXACT:
        wide = f", {width(graph)[0]} wide"
    elif len(graph) <= LARGE:
        wide = f", at least {width_at_least(graph)[0]} wide"
    bound = f"; {numbers.bound} more soft edges stay, as effects meet there" if numbers.bound else ""
    as_it_is = f" ({_time(choice.written.seconds)} as written)" if choice.written is not None else ""
    groups = f", {len(choice.plan.chains)} groups" if choice.shape == "hierarchical" else ""
    return (
        f"{choice.shape}: {_time(choice.takes.seconds)} expected on {workers} worker{'s' if workers != 1 else ''}"
        f"{as_it_is}; {kept} of {len(free)} couplings kept, whose weight is "
        f"{weights / len(free):.2f} on average{groups}; {len(graph)} tasks{wide}, longest path "
        f"{_time(numbers.path_s)} of {_time(numbers.work_s)} of work{bound}"
    )


def _rejected(graph: Coupled, choice: Choice) -> list[Note]:
    notes = []
    for shape, takes in choice.others.items():
        redone = f", {_time(takes.rework_s)} of work done again" if takes.rework_s else ""
        close = "" if takes.seconds > choice.takes.seconds else ", too close to be sure of"
        because = f"{shape}: {_time(takes.seconds)} expected{redone}{close}"
        notes.append(Note("rejected", (), because, saves_s=_saved(choice, takes)))
    if len(graph.names) > LARGE:
        notes.append(Note("rejected", (), f"parallel, hierarchical: not estimated for more than {LARGE:,} tasks"))
    return notes


def _saved(choice: Choice, takes: Expected) -> float | None:
    return None if choice.written is None else choice.written.seconds - takes.seconds


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 or not seconds else f"{seconds:.3g} s"
