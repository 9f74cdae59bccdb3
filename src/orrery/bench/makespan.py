"""Makespan: how far the scheduler's order is from the best possible, under a virtual clock.

The graphs are random, the estimates exact, and nothing costs time but the tasks. The optimum is not known
(finding it is NP-hard), so schedules are held against a bound that none can beat: part of what lies above 1
is the bound's fault. Two simpler orders show what the priorities are worth.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orrery.bench.bounds import first_come, in_waves, lower_bound
from orrery.bench.report import Options, Report, Row
from orrery.bench.shapes import KINDS, Shape, random_shape, workflow
from orrery.bench.virtual import makespan
from orrery.graph import Graph

GRAPHS = 400
WORKERS = 4
TARGET = 1.02


class Problem(NamedTuple):
    """A graph to schedule, with the bound that no schedule beats."""

    kind: str
    shape: Shape
    seconds: Sequence[float]
    graph: Graph
    bound: float


def measure(options: Options) -> Report:
    """Makespan over the lower bound: mean, 95th percentile and worst, by kind, and beside simpler orders."""
    graphs = 12 if options.quick else GRAPHS
    problems = [problem(options.seed, number) for number in range(graphs)]
    options.tell(f"makespan: {graphs} graphs")
    ours = [makespan(each.graph, workers=WORKERS) / each.bound for each in problems]
    simple = {
        "first come, first served": _ratios(problems, first_come),
        "level by level, longest first": _ratios(problems, in_waves),
    }
    fifo = statistics.fmean(simple["first come, first served"])
    mean = statistics.fmean(ours)
    case = f"{WORKERS} workers, {graphs} graphs"
    rows = [
        Row(f"{case}, mean", mean, "x the bound", fifo, mean / fifo, f"<= {TARGET}", mean <= TARGET),
        Row(f"{case}, 95th percentile", _percentile(ours, 0.95), "x the bound"),
        Row(f"{case}, worst", max(ours), "x the bound"),
    ]
    for kind in KINDS:
        some = statistics.fmean(ratio for each, ratio in zip(problems, ours, strict=True) if each.kind == kind)
        rows.append(Row(f"{WORKERS} workers, {kind}, mean", some, "x the bound"))
    for name, ratios in simple.items():
        rows.append(Row(f"rival: {name}, mean", statistics.fmean(ratios), "x the bound"))
    free = max(
        makespan(each.graph, workers=None) / lower_bound(each.shape, each.seconds, len(each.shape)) for each in problems
    )
    rows.append(Row("unlimited workers, worst", free, "x the bound", target="= 1", ok=abs(free - 1) < 1e-9))
    setting = f"20 to 200 tasks, durations log-normal, seed {options.seed}; baseline: first come, first served"
    return Report("makespan", rows, setting)


def problem(seed: int, number: int) -> Problem:
    """The graph of that number; the same for the same seed, everywhere."""
    chance = random.Random(f"makespan {seed} {number}")  # noqa: S311 (not a secret)
    kind = KINDS[number % len(KINDS)]
    shape = random_shape(kind, chance.randint(20, 200), chance)
    seconds = [round(chance.lognormvariate(0, 1), 3) + 0.001 for _ in shape]
    return Problem(kind, shape, seconds, workflow(shape, "work", seconds), lower_bound(shape, seconds, WORKERS))


def _ratios(problems: Sequence[Problem], order: Callable[[Shape, Sequence[float], int], float]) -> list[float]:
    return [order(each.shape, each.seconds, WORKERS) / each.bound for each in problems]


def _percentile(samples: Sequence[float], share: float) -> float:
    return sorted(samples)[min(len(samples) - 1, round(share * len(samples)))]
