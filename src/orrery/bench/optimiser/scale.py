"""SCALE: effort by difficulty, on a simulated population of sub-tasks, against the same effort for all.

The population: problems of eight sub-tasks in a row, each with a true difficulty d from Beta(1.5, 2.5), most of them
easy.

The law: with t tokens of thought a sub-task is solved with probability 1 / (1 + exp(-12 (reach(t) - d))), where
reach(t) = 0.45 + 0.1 log2(1 + t / 512): twice the thought reaches a tenth further. It takes 300 + t tokens: all of the
budget is used. It is solved if a number that is drawn once for each sub-task lies below the probability; so whoever is
compared meets the same luck. The figures of the law are assumptions; what is shown is which way they decide.

Who says how hard a sub-task is: *calibrated* the truth, *noisy* the truth with a deviation of 0.15, *random* the truth
about another sub-task, the control. *Uniform* gives every sub-task as many tokens of thought as the other spends in the
mean, any number of them: a finer choice than the four tiers have. All allocations are made by the pass, on graphs.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row
from orrery.cost import Estimates, Model, Option, Platform
from orrery.graph import Effects, Estimate, Graph, Ref, Task, Template
from orrery.models.serving import Timing
from orrery.passes.allocate_effort import allocate_effort

BUDGETS = (0, 2048, 8192, 16384)
TIERS = tuple(Option(thinking_tokens=budget) for budget in BUDGETS)
PLAIN_TOKENS, STEEPNESS, NOISE, STEPS = 300, 12.0, 0.15, 8
JUDGES = ("calibrated", "noisy", "random")
EASY = 0.45 - math.log(4) / STEEPNESS
"""The difficulty up to which a plain call solves four of five: the threshold at which the bars are held."""
PUBLISHED = (
    "33-53 % fewer tokens than uniform scaling, and up to 13.75 points more on AIME25 (SCALE, with language models)"
)


def reach(thinking_tokens: float) -> float:
    """The difficulty that is solved every second time with so much thought."""
    return 0.45 + 0.1 * math.log2(1 + thinking_tokens / 512)


def chance(difficulty: float, thinking_tokens: float) -> float:
    """The probability that a sub-task is solved."""
    return 1 / (1 + math.exp(-STEEPNESS * (reach(thinking_tokens) - difficulty)))


def measure(options: Options) -> Section:
    """The curve of accuracy over tokens for three judges and for the same effort for all."""
    tasks = 160 if options.quick else 1_000
    seeds = options.seeds or (2 if options.quick else 5)
    thresholds = sorted([*(n / (4 if options.quick else 8) for n in range(5 if options.quick else 9)), EASY])
    worlds = [_World(tasks, options.seed * 1_000 + seed) for seed in range(seeds)]
    curves: dict[str, list[list[_Spent]]] = {}
    for judge in JUDGES:
        options.tell(f"scale: {judge} difficulty, {len(thresholds)} thresholds on {seeds} populations of {tasks:,}")
        curves[judge] = [[world.spent(judge, threshold) for threshold in thresholds] for world in worlds]
    options.tell("scale: the same effort for all")
    at = thresholds.index(EASY)
    rows = [_falls(curves)]
    for judge in JUDGES:
        mine = [line[at] for line in curves[judge]]
        rows.append(_held(judge, mine, [world.uniform(one.thought) for world, one in zip(worlds, mine, strict=True)]))
    calibrated = curves["calibrated"]
    rivals = [[world.uniform(one.thought) for one in line] for world, line in zip(worlds, calibrated, strict=True)]
    rows.append(_same_accuracy(worlds, calibrated, at))
    rows.append(_problems(calibrated, rivals, at))
    rows.append(_loses(thresholds, calibrated, rivals))
    rows.append(_pass_time(worlds[0], 1_000 if options.quick else 10_000))
    budgets = [0, *(2**n for n in range(7, 15))]
    uniform = [_mean([world.uniform(budget) for world in worlds]) for budget in budgets]
    drawn = {judge: [_mean(column) for column in zip(*lines, strict=True)] for judge, lines in curves.items()}
    notes = [
        f"{seeds} populations of {tasks:,} sub-tasks; bars at threshold {EASY:.2f}: below, a plain call solves 4 of 5",
        "a threshold well above that gives effort only to what stays too hard, and loses to the same effort for all",
        "the law is simulated: it says what a right difficulty is worth, not how right a guess by words would be",
    ]
    return Section("scale", rows, notes, draw=lambda axes: _draw(axes, drawn, uniform))


class _Spent(NamedTuple):
    """What an allocation came to, for each sub-task: tokens, of these thought, the share solved; of problems too."""

    tokens: float
    thought: float
    accuracy: float
    problems: float


class _World:
    """One population: the truth, the luck, and a graph for each judge with what it says."""

    def __init__(self, tasks: int, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - a simulation
        self.truth = [dice.betavariate(1.5, 2.5) for _ in range(tasks)]
        self.luck = [dice.random() for _ in range(tasks)]
        others = dice.sample(self.truth, tasks)
        said: Mapping[str, Sequence[float]] = {
            "calibrated": self.truth,
            "noisy": [min(1.0, max(0.0, dice.gauss(true, NOISE))) for true in self.truth],
            "random": others,
        }
        self.graphs = {judge: _graph(figures) for judge, figures in said.items()}
        timing = Timing(first_s=0.3, tokens_per_s=80.0, prefill_per_s=5000.0)
        self.costs = Estimates(Platform({"m": Model("m", 1.0, 0.1, 4.0, 0.8, timing)}, default_model="m"))

    def spent(self, judge: str, threshold: float) -> _Spent:
        """What the pass's allocation comes to."""
        return self._outcome(allocate_effort(self.graphs[judge], self.costs, threshold=threshold, tiers=TIERS).graph)

    def uniform(self, thinking_tokens: float) -> _Spent:
        """What the same effort for all comes to."""
        tiers = (Option(thinking_tokens=round(thinking_tokens)),)
        return self._outcome(allocate_effort(self.graphs["calibrated"], self.costs, tiers=tiers).graph)

    def _outcome(self, graph: Graph) -> _Spent:
        thought = [int(task.args.get("thinking_tokens") or 0) for task in graph]
        solved = [
            luck < chance(true, budget) for true, luck, budget in zip(self.truth, self.luck, thought, strict=True)
        ]
        whole = [all(solved[start : start + STEPS]) for start in range(0, len(solved), STEPS)]
        mean = statistics.fmean(thought)
        return _Spent(PLAIN_TOKENS + mean, mean, statistics.fmean(solved), statistics.fmean(whole))


def _graph(difficulties: Sequence[float]) -> Graph:
    """Problems of eight sub-tasks, each of which reads the answer before."""
    tasks: list[Task] = []
    for number, difficulty in enumerate(difficulties):
        parts: list[str | Ref] = [f"Sub-task {number}. "]
        if number % STEPS:
            parts.append(Ref(f"t{number - 1}"))
        effects = Effects("idempotent", reads=("model:",))
        estimate = Estimate(difficulty=difficulty)
        tasks.append(Task(f"t{number}", "model.ask", {"prompt": Template(parts)}, effects=effects, estimate=estimate))
    return Graph(tasks)


def _mean(found: Sequence[_Spent]) -> _Spent:
    return _Spent(*(statistics.fmean(column) for column in zip(*found, strict=True)))


def _falls(curves: Mapping[str, Sequence[Sequence[_Spent]]]) -> Row:
    lines = [line for lines in curves.values() for line in lines]
    rises = sum(b.tokens > a.tokens for line in lines for a, b in pairwise(line))
    steps = sum(len(line) - 1 for line in lines)
    return Row("steps of the threshold at which tokens rise", rises, f"of {steps}", target="none", ok=rises == 0)


def _held(judge: str, mine: Sequence[_Spent], rivals: Sequence[_Spent]) -> Row:
    """Accuracy at the threshold of the bars against the same effort for all; a bar is held by two standard errors."""
    gains = [one.accuracy - rival.accuracy for one, rival in zip(mine, rivals, strict=True)]
    gain, error = statistics.fmean(gains), statistics.stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else 0.0
    own, other = _mean(mine), _mean(rivals)
    target, ok = "", True
    if judge == "calibrated":
        target, ok = "better than uniform", gain > 2 * error
    elif judge == "random":
        target, ok = "not better", gain <= 2 * error
    case = f"{judge}: solved at {own.tokens:,.0f} tokens; baseline uniform, {other.tokens:,.0f}"
    return Row(case, 100 * own.accuracy, "%", 100 * other.accuracy, own.accuracy / other.accuracy, target, ok)


def _same_accuracy(worlds: Sequence[_World], lines: Sequence[Sequence[_Spent]], at: int) -> Row:
    mine = _mean([line[at] for line in lines])
    low, high = 0.0, float(BUDGETS[-1]) * 4
    for _ in range(12):
        middle = (low + high) / 2
        if _mean([world.uniform(middle) for world in worlds]).accuracy < mine.accuracy:
            low = middle
        else:
            high = middle
    needed = PLAIN_TOKENS + high
    case = "calibrated: tokens for what it solves; baseline uniform"
    return Row(case, mine.tokens, "tokens", needed, mine.tokens / needed, "fewer", mine.tokens < needed, PUBLISHED)


def _problems(lines: Sequence[Sequence[_Spent]], rivals: Sequence[Sequence[_Spent]], at: int) -> Row:
    mine, other = (_mean([line[at] for line in found]).problems for found in (lines, rivals))
    case = f"calibrated: problems with all {STEPS} solved; baseline uniform"
    return Row(case, 100 * mine, "%", 100 * other, mine / other if other else None)


def _loses(thresholds: Sequence[float], lines: Sequence[Sequence[_Spent]], rivals: Sequence[Sequence[_Spent]]) -> Row:
    """The first threshold at which even a right difficulty does worse than the same effort for all."""
    means = [
        (_mean([line[n] for line in lines]).accuracy, _mean([rival[n] for rival in rivals]).accuracy)
        for n in range(len(thresholds))
    ]
    worse = [threshold for threshold, (mine, other) in zip(thresholds, means, strict=True) if mine < other]
    return Row("calibrated: loses to uniform from this threshold on", min(worse, default=1.0), "difficulty")


def _pass_time(world: _World, tasks: int) -> Row:
    graph = _graph([world.truth[n % len(world.truth)] for n in range(tasks)])
    began = time.process_time()
    allocate_effort(graph, world.costs, tiers=TIERS)
    return Row(f"the pass over {tasks:,} calls", time.process_time() - began, "CPU s")


def _draw(axes: Any, curves: Mapping[str, Sequence[_Spent]], uniform: Sequence[_Spent]) -> None:
    pick: Callable[[_Spent], tuple[float, float]] = lambda spent: (spent.tokens, 100 * spent.accuracy)  # noqa: E731
    axes.plot(*zip(*map(pick, uniform), strict=True), "--", color="black", label="uniform")
    for judge, colour in (("calibrated", "tab:blue"), ("noisy", "tab:green"), ("random", "tab:red")):
        axes.plot(*zip(*map(pick, curves[judge]), strict=True), "o-", markersize=3, color=colour, label=judge)
    axes.set(xlabel="tokens for a sub-task", ylabel="solved, %", title="SCALE: effort by difficulty")
    axes.legend()
