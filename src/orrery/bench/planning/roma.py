"""How long recursive trees take beside the shortest possible, and whether their budgets hold.

The contracts are scripted (see `trees`) and time is virtual, so the first rows say how the steps wait for each other,
and nothing of what Orrery itself costs: a row of its own measures that in real time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

from orrery.bench.planning import trees
from orrery.bench.planning.performed import PerformedRun
from orrery.bench.report import Options, Row
from orrery.graph import Graph, Ref
from orrery.planners.recursive.method import method_of
from orrery.planners.recursive.node import Node
from orrery.planners.recursive.steps import node_task
from orrery.scheduler.machine import Machine

TREES = 100
QUICK_TREES = 4
TARGET = 1.05
LIMITS = ((1, 12, 9_000), (2, 30, 40_000), (3, 60, 100_000), (6, 25, 50_000))
"""Depth, nodes and tokens that a planner without end is held to."""


def rows(options: Options) -> list[Row]:
    """Makespan over bound for scripted trees, and what a planner that never says atomic made of its budget."""
    count = QUICK_TREES if options.quick else TREES
    seeds = range(options.seed, options.seed + count)
    options.tell(f"recursive: {count} trees")
    runs = {seed: performed(seed) for seed in seeds}
    ratios = [run.makespan_s / trees.bound_s(seed) for seed, run in runs.items()]
    in_waves = [trees.bound_s(seed, waves=True) / trees.bound_s(seed) for seed in seeds]
    one_by_one = statistics.fmean(trees.total_s(seed) / trees.bound_s(seed) for seed in seeds)
    waves = statistics.fmean(in_waves)
    mean, worst = statistics.fmean(ratios), max(ratios)
    astray = sum(contexts_astray(run.machine) for run in runs.values())
    parents = sum(len(_parents(run.machine)) for run in runs.values())
    options.tell("recursive: budgets")
    kept = [over(endless(seed, *limits), *limits) for seed in seeds[: count // len(LIMITS)] for limits in LIMITS]
    options.tell("recursive: in real time")
    node_s = real_node_s(options.seed, repeats=1 if options.quick else 5)
    return [
        Row(f"recursive, {count} trees, worst", worst, "x the bound", None, None, f"<= {TARGET}", worst <= TARGET),
        Row(f"recursive, {count} trees, mean", mean, "x the bound", waves, mean / waves),
        Row("recursive, rival: one level of children after another, mean", waves, "x the bound"),
        Row("recursive, rival: one task after another, mean", one_by_one, "x the bound"),
        Row("recursive, a node in real time, its contracts taking none", node_s * 1000, "ms"),
        Row(
            f"recursive, endless planner, {len(kept)} trees, over a limit",
            sum(kept),
            "trees",
            target="= 0",
            ok=not any(kept),
        ),
        Row(
            f"recursive, {parents} parents, told more or less than their children's summaries",
            astray,
            "parents",
            target="= 0",
            ok=astray == 0,
        ),
    ]


def tree(goal: str, **options: Any) -> Graph:
    """The graph that a run of the recursive planner begins with."""
    method = method_of(options)
    root = Node("root", goal, goal, method.budget, method, redos=method.redos, is_root=True)
    return Graph([node_task(root)])


def performed(seed: int, *, capacity: Mapping[str, int] | None = None) -> PerformedRun:
    """The run of a scripted tree under a virtual clock."""
    graph = tree(f"{seed}:", **trees.SCRIPTED, max_depth=trees.MOST_DEPTH + 1, max_nodes=10_000)
    return PerformedRun(graph, lambda task: trees.seconds_of(seed, task.id), capacity=capacity)


def endless(seed: int, depth: int, nodes: int, tokens: int) -> Machine:
    """The end of a run whose planner never says atomic."""
    graph = tree(f"{seed}:", **trees.ENDLESS, max_depth=depth, max_nodes=nodes, max_tokens=tokens, max_parts=9)
    run = PerformedRun(graph, lambda task: trees.seconds_of(seed, task.id))
    return run.machine


def real_node_s(seed: int, repeats: int) -> float:
    """Seconds that Orrery itself takes for a node of a scripted tree, all its steps together, without a disk."""
    from orrery.runtime import run

    graph = tree(f"{seed}:", **trees.SCRIPTED, max_depth=trees.MOST_DEPTH + 1, max_nodes=10_000)
    samples: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = run(Graph(list(graph), outputs={"nodes": Ref("root", ("nodes",))}), "memory:")
        samples.append((time.perf_counter() - began) / result.outputs["nodes"])
    return statistics.median(samples)


def nodes_in(machine: Machine) -> list[str]:
    """The ids of the nodes of a tree."""
    return [task.id for task in machine.graph.tasks.values() if task.op.endswith(":node")]


def over(machine: Machine, depth: int, nodes: int, tokens: int) -> bool:
    """Whether a tree used more than it was given."""
    there = nodes_in(machine)
    outcome = _value(machine, "root")
    return (
        max(node.count("/") for node in there) > depth
        or len(there) > nodes
        or outcome["nodes"] != len(there)
        or machine.ledger.tokens > outcome["tokens"]
        or outcome["tokens"] > tokens
    )


def contexts_astray(machine: Machine) -> int:
    """How many parents were told anything but the summaries of their children."""
    return sum(
        [_value(machine, child)["summary"] for child in children]
        != [finding["summary"] for finding in machine.results.fill(machine.graph.tasks[step].args["findings"], _never)]
        for step, children in _parents(machine).items()
    )


def _parents(machine: Machine) -> dict[str, list[str]]:
    """Each step that puts answers together, with the children whose answers they are."""
    nodes = nodes_in(machine)
    found: dict[str, list[str]] = {}
    for task in machine.graph.tasks.values():
        if task.op.endswith(":aggregate"):
            node = task.id.rpartition("/")[0]
            found[task.id] = [child for child in nodes if child.rpartition("/")[0] == node]
    return found


def _value(machine: Machine, task: str) -> Any:
    return machine.results.look_up(Ref(task), _never)


def _never(blob: object) -> Any:
    raise AssertionError(f"a scripted tree has no large values, but {blob!r}")


__all__ = ["contexts_astray", "endless", "nodes_in", "over", "performed", "rows", "tree"]
