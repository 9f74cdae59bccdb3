"""Place: how far placements are from the proven best, what large graphs take, what wrong figures cost.

Everything is measured by one evaluator, the list-scheduling simulation of `routing.placement.schedule`. The optimum is
the solver's, over all placements in all orders, where it proves it; tests hold it against trying everything. Gaps are
percent above it. What is left unproven is counted, and in no mean.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from orrery.bench.optimiser import serving_mix
from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row
from orrery.bench.shapes import KINDS, Shape, random_shape
from orrery.cost import AS_WRITTEN, Cost, Device, Option, Platform, Spread
from orrery.graph import Graph, Ref, Task
from orrery.passes.place import EXACT_JOBS, place
from orrery.routing.placement import (
    Problem,
    as_they_come,
    exact,
    heft,
    least_loaded,
    lower_bound,
    round_robin,
    search,
    simulate,
    upward,
)
from orrery.routing.placement.reading import read

RIVALS: Mapping[str, Callable[[Problem], list[int] | None]] = {
    "HEFT": lambda problem: heft(problem, upward(problem)),
    "as they come": as_they_come,
    "least loaded": least_loaded,
    "round robin": round_robin,
}
TARGET = 5.0
LIMIT = 0.4
"""The solver's work for each graph of the bench; some of the larger ones stay unproven."""


class Case(NamedTuple):
    """A graph to place, and what it takes."""

    family: str
    size: int
    graph: Graph
    costs: Figures


@dataclass(frozen=True)
class Figures:
    """Costs by hand: seconds on each device and bytes of the result, by task."""

    platform: Platform
    seconds: Mapping[str, Mapping[str, float]]
    sizes: Mapping[str, float]

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """As `CostModel` has it."""
        row = self.seconds[task.id]
        seconds = row.get(option.device, min(row.values()))
        device = self.platform.devices.get(option.device)
        money = seconds * (device.money_per_s if device is not None else 0.0)
        size = Spread.exactly(self.sizes[task.id])
        return Cost(Spread.exactly(seconds), Spread.exactly(money), result_bytes=size, source="declared")


def measure(options: Options) -> Section:
    """Gaps on small graphs, money under deadlines, large graphs, wrong figures, and a mix of old and new hardware."""
    sizes = (6, 10) if options.quick else (8, 12, 16, 20, 24) if options.full else (8, 12, 16, 20)
    seeds = 1 if options.quick else 3
    rows: list[Row] = []
    curves: dict[str, list[tuple[int, float]]] = {}
    by_family: dict[str, list[float]] = {}
    for size in sizes:
        options.tell(f"place: {size} tasks")
        rows += _small(options.seed, size, seeds, curves, by_family)
    rows += [Row(f"search, {family}, all sizes: mean gap", _mean(gaps), "%") for family, gaps in by_family.items()]
    every = [gap for gaps in by_family.values() for gap in gaps]
    rows.append(_bounded(f"search, {len(every)} proven graphs: mean gap", _mean(every), curves["HEFT"]))
    options.tell("place: money under a deadline")
    rows += _deadlines(options.seed, 10 if options.quick else 14, seeds)
    options.tell("place: wrong figures")
    rows += _wrong(options.seed, seeds)
    for size in (1_000,) if options.quick else (1_000, 10_000, 100_000):
        options.tell(f"place: {size} tasks on 5 devices")
        rows += _large(options.seed, size)
    mix = serving_mix.measure()
    notes = [
        "optimum: CP-SAT over placements and orders, proven; all rivals by the same simulation",
        "families: " + ", ".join(FAMILIES),
        *mix.notes,
    ]
    return Section("place", [*rows, *mix.rows], notes, partial(_draw, curves))


# -- small graphs ------------------------------------------------------------------------------------------


def _small(
    seed: int, size: int, seeds: int, curves: dict[str, list[tuple[int, float]]], by_family: dict[str, list[float]]
) -> list[Row]:
    gaps: dict[str, list[float]] = {name: [] for name in ("search", *RIVALS)}
    placed = equal = unproven = 0
    took: list[float] = []
    for case in cases(seed, size, seeds):
        problem = read(case.graph, case.costs).problem
        found = search(problem)
        assert found is not None
        begun = time.process_time()
        best = exact(problem, found, limit=LIMIT)
        took.append(time.process_time() - begun)
        if not best.proven:
            unproven += 1
            continue
        optimum = best.schedule.makespan
        gap = 100 * (found.makespan / optimum - 1)
        gaps["search"].append(gap)
        by_family.setdefault(case.family, []).append(gap)
        for name, rule in RIVALS.items():
            on = rule(problem)
            assert on is not None
            gaps[name].append(100 * (simulate(problem, on).makespan / optimum - 1))
        if size <= EXACT_JOBS:
            after = place(case.graph, case.costs).graph
            if after is not case.graph:
                placed += 1
                equal += comes_to(after, case.costs) <= optimum * (1 + 1e-4)
    for name, values in gaps.items():
        if values:
            curves.setdefault(name, []).append((size, _mean(values)))
    proven = len(gaps["search"])
    label = f"{size} tasks, {proven} of {proven + unproven} proven"
    rows = [_bounded(f"search, {label}: mean gap", _mean(gaps["search"]), [(size, _mean(gaps["HEFT"]))])]
    rows += [Row(f"rival: {name}, {size} tasks: mean gap", _mean(gaps[name]), "%") for name in RIVALS]
    rows.append(Row(f"search, {size} tasks: worst gap", max(gaps["search"], default=0.0), "%"))
    rows.append(Row(f"solver, {size} tasks: median processor time", statistics.median(took), "s"))
    if size <= EXACT_JOBS:
        target = "every graph it placed comes to the optimum"
        what = f"the pass, {size} tasks: placed graphs at the optimum, of {placed}"
        rows.append(Row(what, equal, "graphs", float(placed), target=target, ok=equal == placed > 0))
    return rows


def _bounded(case: str, gap: float, baseline: Sequence[tuple[int, float]]) -> Row:
    plain = _mean([value for _, value in baseline])
    return Row(case, gap, "%", plain, gap / plain if plain else None, f"<= {TARGET:g} %", gap <= TARGET)


def comes_to(graph: Graph, costs: Figures) -> float:
    """Seconds of a graph whose tasks are all placed, soft edges included, as the scheduler orders it."""
    problem = read(graph, costs).problem
    return simulate(problem, [problem.candidates[group][0] for group in problem.group_of]).makespan


# -- money, wrong figures, size ----------------------------------------------------------------------------


def _deadlines(seed: int, size: int, seeds: int) -> list[Row]:
    ours, dear, late = [], [], 0
    for case in cases(seed + 1, size, seeds):
        problem = read(case.graph, case.costs).problem
        fastest = search(problem)
        assert fastest is not None
        for factor in (1.2, 2.0):
            deadline_s = fastest.makespan * factor
            found = search(problem, deadline_s)
            assert found is not None
            late += found.makespan > deadline_s
            best = exact(problem, found, deadline_s, limit=LIMIT)
            if best.proven:
                ours.append(100 * (found.money / best.schedule.money - 1))
                dear.append(100 * (fastest.money / best.schedule.money - 1))
    gap = _mean(ours)
    name = f"money within a deadline, {size} tasks, {len(ours)} proven: mean gap; baseline: the fastest"
    target = f"<= {TARGET:g} %, none late"
    return [Row(name, gap, "%", _mean(dear), gap / _mean(dear), target, gap <= TARGET and not late)]


def _wrong(seed: int, seeds: int) -> list[Row]:
    """Placed by figures that are wrong by up to ten either way, run with the right ones."""
    wrong: list[float] = []
    usual: list[float] = []
    for case in cases(seed + 2, 30, seeds):
        chance = random.Random(f"wrong {seed} {len(wrong)}")  # noqa: S311 (not a secret)
        skewed = {
            task: {name: value * 10 ** chance.uniform(-1, 1) for name, value in row.items()}
            for task, row in case.costs.seconds.items()
        }
        problem = read(case.graph, case.costs).problem
        misled = read(case.graph, Figures(case.costs.platform, skewed, case.costs.sizes)).problem
        best, found, plain = search(problem), search(misled), as_they_come(misled)
        assert best is not None
        assert found is not None
        assert plain is not None
        wrong.append(simulate(problem, found.on).makespan / best.makespan)
        usual.append(simulate(problem, plain).makespan / best.makespan)
    name = "figures wrong by up to x0.1-x10: time against right ones; baseline: as they come, by as wrong ones"
    return [Row(name, _mean(wrong), "x", _mean(usual), _mean(wrong) / _mean(usual))]


def _large(seed: int, size: int) -> list[Row]:
    case = instance("layers", size, 5, seed, slots=4)
    begun = time.process_time()
    made = place(case.graph, case.costs)
    took = time.process_time() - begun
    problem = read(case.graph, case.costs).problem
    ours, bound = comes_to(made.graph, case.costs), lower_bound(problem)
    on = as_they_come(problem)
    assert on is not None
    plain = simulate(problem, on).makespan
    return [
        Row(f"{size:,} tasks, 5 devices: the pass, processor time", took, "s", target="<= 15 s", ok=took <= 15),
        Row(f"{size:,} tasks, 5 devices: time, baseline as they come", ours, "s", plain, ours / plain),
        Row(f"{size:,} tasks, 5 devices: above the bound that nothing beats", 100 * (ours / bound - 1), "%"),
    ]


# -- instances ---------------------------------------------------------------------------------------------


def _fork_join(tasks: int, _chance: random.Random) -> Shape:
    """One before, one after, all others beside each other."""
    return [(), *((0,) for _ in range(tasks - 2)), tuple(range(1, tasks - 1))]


def _chains(tasks: int, _chance: random.Random) -> Shape:
    """Three chains beside each other."""
    return [(task - 3,) if task >= 3 else () for task in range(tasks)]


FAMILIES: Mapping[str, Callable[[int, random.Random], Shape]] = {
    **{kind: partial(random_shape, kind) for kind in KINDS},
    "fork-join": _fork_join,
    "chains": _chains,
}


def cases(seed: int, size: int, seeds: int) -> list[Case]:
    """Graphs of every family; 3 or 4 devices, of one slot or two, that move data slowly or fast."""
    return [
        instance(family, size, 3 + number % 2, f"{seed} {number}", slots=1 + number % 3 // 2)
        for family in FAMILIES
        for number in range(seeds)
    ]


def instance(family: str, size: int, devices: int, seed: object, *, slots: int = 1) -> Case:
    """A graph of a family with figures; the same for the same seed, everywhere.

    Devices differ in speed by up to eight, and each task suits some better than others; a result takes about as long to
    move as a task takes to run, over links that differ by a hundred. A faster device costs more than it is faster.
    """
    chance = random.Random(f"place {family} {size} {devices} {seed}")  # noqa: S311 (not a secret)
    shape = FAMILIES[family](size, chance)
    speeds = [chance.choice([0.5, 1.0, 2.0, 4.0]) for _ in range(devices)]
    some = [
        Device(f"d{n}", speed, slots, speed**1.5 / 3600, bytes_per_s=chance.choice([1e6, 1e7, 1e8]), latency_s=0.01)
        for n, speed in enumerate(speeds)
    ]
    tasks, seconds, sizes = [], {}, {}
    for position, needs in enumerate(shape):
        name = f"t{position}"
        tasks.append(Task(name, "work", {f"x{n}": Ref(f"t{need}") for n, need in enumerate(needs)}, "fleet"))
        work = chance.lognormvariate(0, 1)
        seconds[name] = {each.name: work / each.speed * chance.uniform(0.7, 1.4) for each in some}
        sizes[name] = 1e6 * chance.lognormvariate(0, 1)
    figures = Figures(Platform(devices={each.name: each for each in some}), seconds, sizes)
    return Case(family, size, Graph(tasks), figures)


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan


def _draw(curves: Mapping[str, Sequence[tuple[int, float]]], axes: Any) -> None:
    for name, points in curves.items():
        sizes, gaps = zip(*points, strict=True)
        width = 2.5 if name == "search" else 1.2
        axes.plot(sizes, [max(gap, 0.1) for gap in gaps], marker="o", label=name, linewidth=width)
    axes.axhline(TARGET, color="grey", linestyle=":", linewidth=1)
    axes.set_yscale("log")
    axes.set_xlabel("tasks")
    axes.set_ylabel("% above the proven optimum (mean)")
    axes.legend(fontsize=8)
