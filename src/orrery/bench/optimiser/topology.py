"""How good is the shape that a graph is given, and what does it cost to find it?

Every graph is run in all four shapes by a simulator (`coupled_runs`), several times with other luck. The regret of a
rule is by how much the shape that it chose takes longer, on average over the luck, than the best of the four.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from orrery.bench.optimiser.coupled_graphs import FAMILIES, Instance, instance
from orrery.bench.optimiser.coupled_runs import luck, simulate
from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row
from orrery.graph.graph import Graph
from orrery.graph.query import levels, width, width_at_least
from orrery.passes.choose_topology import shapes
from orrery.passes.choose_topology.choose import LARGE, choose
from orrery.passes.choose_topology.coupled import Coupled, coupled
from orrery.passes.choose_topology.estimate import as_written, hybrid
from orrery.passes.choose_topology.law import Law
from orrery.passes.choose_topology.shapes import SHAPES, Plan, Shape, couplings
from orrery.testing.graphs import random_graph

DRAWS = 5
"""How often each shape of a graph is run."""
SIGMA = 0.3
"""How uncertain durations are: the deviation of the logarithm of what a task takes against its estimate."""
ALWAYS = "always "
Taken = Shape | Literal["as chosen"]


class Judged(NamedTuple):
    """One graph: what each shape took on average, and what each rule chose."""

    given: Instance
    seconds: Mapping[Taken, float]
    chosen: Mapping[str, Taken]

    def regret(self, rule: str) -> float:
        """By how much the rule's choice takes longer than the best shape, as a share."""
        best = min(self.seconds.values())
        return self.seconds[self.chosen[rule]] / best - 1.0 if best else 0.0


def measure(options: Options) -> Section:
    """The regret of rules, the error of widths, and the time that a choice takes."""
    graphs = 36 if options.quick else 1_200
    first = options.seed * 1_000_000
    judged = []
    for seed in range(first, first + graphs):
        if seed % 200 == 0:
            options.tell(f"graph {seed - first} of {graphs}")
        judged.append(judge(instance(seed), seed))
    rows = [*_regrets(judged), *_wrong_estimates(first, 12 if options.quick else 300)]
    options.tell("widths and times")
    rows += _widths(30 if options.quick else 400)
    rows += _times(5_000 if options.quick else 100_000)
    picked = Counter(each.chosen["rule"] for each in judged)
    best = Counter(min(SHAPES, key=lambda shape: (each.seconds[shape], SHAPES.index(shape))) for each in judged)
    notes = [
        f"{graphs} graphs of {len(FAMILIES)} families, {DRAWS} runs of each shape, durations {SIGMA:.0%} off",
        f"chosen {_counts(picked)}; best {_counts(best)} (of equals the first)",
        "the published rule is reconstructed; thresholds: 0.5 (width), 0.6 (coupling), 5 (tasks)",
    ]
    return Section("topology", rows, notes, lambda axes: _draw(axes, judged))


def judge(given: Instance, seed: int, *, wrong: float = 1.0) -> Judged:
    """Run a graph in all shapes, and ask every rule.

    Args:
        seed: of the luck.
        wrong: estimates that the rule sees are off by up to this factor, either way.
    """
    graph = coupled(given.graph, lambda task: task.estimate.seconds)
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    seen = graph
    if wrong != 1.0:
        off = {task.id: wrong ** chance.uniform(-1, 1) for task in given.graph}
        seen = coupled(given.graph, lambda task: task.estimate.seconds * off[task.id])
    workers = min(given.workers, len(given.graph))
    choice = choose(seen, workers, given.law)
    plans: dict[Shape, Plan] = {
        "parallel": shapes.parallel(graph),
        "sequential": shapes.sequential(graph),
        "hierarchical": shapes.hierarchical(graph, workers),
        "hybrid": _hybrid(graph, workers, given.law),
    }
    lucks = [luck(graph, seed * DRAWS + draw, sigma=SIGMA) for draw in range(DRAWS)]

    def taken(plan: Plan) -> float:
        return statistics.fmean(simulate(graph, plan, workers, given.law, each).seconds for each in lucks)

    seconds: dict[Taken, float] = {shape: taken(plan) for shape, plan in plans.items()}
    chosen: Taken = choice.plan.shape
    if wrong != 1.0:  # whose hybrid, or chain, is another than that of who knows better
        assert seen.names == graph.names  # the numbers do not depend on seconds
        chosen = "as chosen"
        seconds[chosen] = taken(choice.plan)
    rules: dict[str, Taken] = {
        "rule": chosen,
        "published": published(graph, width(given.graph)[0]),
        "random": chance.choice(SHAPES),
        **{ALWAYS + shape: shape for shape in SHAPES},
    }
    return Judged(given, seconds, rules)


def _hybrid(graph: Coupled, workers: int, law: Law) -> Plan:
    """The hybrid as the pass makes it: that of the graph as it is written where this takes less."""
    plan, takes = hybrid(graph, workers, law)
    if as_written(graph, workers, law).seconds <= takes.seconds:
        return Plan("hybrid", shapes.everything(graph))
    return plan


def published(graph: Coupled, wide: int) -> Shape:
    """What the rule of AdaptOrch (arXiv 2602.16873) would choose, reconstructed from its description."""
    tasks = len(graph.names)
    if not graph.source:
        return "parallel"
    if wide == 1:
        return "sequential"
    free = couplings(graph)
    coupling = statistics.fmean(graph.weight[edge] for edge, _ in free) if free else 0.0
    if coupling > 0.6 and tasks > 5:
        return "hierarchical"
    if wide / tasks > 0.5 and coupling <= 0.6:
        return "parallel"
    return "hybrid"


# -- rows -------------------------------------------------------------------------------------------------


def _regrets(judged: list[Judged]) -> list[Row]:
    def mean(rule: str, among: list[Judged] = judged) -> float:
        return 100 * statistics.fmean(each.regret(rule) for each in among)

    rule = mean("rule")
    rows = [
        Row(
            "mean regret to the best of four",
            rule,
            "%",
            baseline=mean(ALWAYS + "hybrid"),
            target="<= 5 %, beside always hybrid",
            ok=rule <= 5,
        )
    ]
    rows += [
        Row(f"mean regret, {other}", rule, "%", baseline=mean(other))
        for other in (ALWAYS + "parallel", ALWAYS + "sequential", ALWAYS + "hierarchical", "random", "published")
    ]
    ordered = sorted(each.regret("rule") for each in judged)
    rows.append(Row("regret, 95 of 100 graphs below", 100 * ordered[math.ceil(0.95 * len(ordered)) - 1], "%"))
    rows += [
        Row(f"mean regret, {family}", mean("rule", among), "%", baseline=mean(ALWAYS + "hybrid", among))
        for family in FAMILIES
        if (among := [each for each in judged if each.given.family == family])
    ]
    with_edges = [each for each in judged if each.given.graph.edges]
    says_parallel = 100 * statistics.fmean(each.chosen["published"] == "parallel" for each in with_edges)
    rows.append(
        Row(
            "published rule says parallel though there are edges",
            says_parallel,
            "%",
            published="9 to 20 % (on other graphs)",
        )
    )
    return rows


def _wrong_estimates(first: int, count: int) -> list[Row]:
    judged = [judge(instance(seed), seed, wrong=10.0) for seed in range(first, first + count)]
    wrong = 100 * statistics.fmean(each.regret("rule") for each in judged)
    parallel = 100 * statistics.fmean(each.regret(ALWAYS + "parallel") for each in judged)
    return [Row("mean regret, estimates off by 0.1 to 10", wrong, "%", baseline=parallel)]


def _widths(count: int) -> list[Row]:
    fast, level = [], []
    for seed in range(count):
        chance = random.Random(seed)  # noqa: S311 (not a secret)
        graph = random_graph(
            seed,
            tasks=chance.choice((20, 60, 200, 600)),
            dependencies=chance.choice((0.7, 1.0, 1.5, 2.0, 3.0)),
            soft=chance.choice((0.0, 0.3)),
        )
        true = width(graph)[0]
        fast.append(1 - width_at_least(graph)[0] / true)
        level.append(1 - max(map(len, levels(graph))) / true)
    wrong = [100 * statistics.fmean(error > 0 for error in errors) for errors in (fast, level)]
    mean = [100 * statistics.fmean(errors) for errors in (fast, level)]
    return [
        Row("linear-time width is wrong (baseline: largest level)", wrong[0], "%", baseline=wrong[1]),
        Row("linear-time width falls short by", mean[0], "%", baseline=mean[1]),
    ]


def _times(tasks: int) -> list[Row]:
    """How long the choice takes on a large graph; both kinds: one that reads effects, and one that is free of them."""
    graph = random_graph(3, tasks=tasks, soft=0.3)
    rule = _median_seconds(lambda: choose(coupled(graph, lambda task: task.estimate.seconds), 8, Law()))
    exact = _median_seconds(lambda: width(graph)[0], times=1)
    return [
        Row(
            f"the rule on {tasks:,} tasks, processor time (baseline: the true width)",
            rule,
            "s",
            baseline=exact,
            ratio=exact / rule,
            target="< 1 s",
            ok=rule < 1,
        ),
        _bounded(min(tasks, LARGE)),
    ]


def _bounded(tasks: int) -> Row:
    graph: Graph = random_graph(3, tasks=tasks, soft=0.3)
    rule = _median_seconds(lambda: choose(coupled(graph, lambda task: task.estimate.seconds), 8, Law()))
    return Row(f"the rule on {tasks:,} tasks, all four shapes estimated", rule, "s")


def _median_seconds(work: Callable[[], object], times: int = 5) -> float:
    """Of the processor: a decision waits for nothing, so what else the machine does is left out."""
    taken = []
    for _ in range(times):
        gc.collect()
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def _counts(counter: Counter[Any]) -> str:
    return ", ".join(f"{shape} {counter[shape]}" for shape in SHAPES if counter[shape])


def _draw(axes: Any, judged: list[Judged]) -> None:
    """Every rule's regret, sorted: how many graphs it serves how well."""
    count = len(judged)
    for rule in ("rule", "published", "random", *(ALWAYS + shape for shape in SHAPES)):
        ordered = sorted(100 * each.regret(rule) for each in judged)
        is_own = rule == "rule"
        axes.plot(
            [100 * (n + 1) / count for n in range(count)],
            ordered,
            label=rule,
            linewidth=2.5 if is_own else 1.0,
            zorder=2 + is_own,
        )
    axes.set(xlabel="graphs, best served first (%)", ylabel="slower than the best shape (%)", ylim=(0, 100))
    axes.set_title("Regret of the shape that is chosen")
    axes.legend(fontsize="small", loc="upper left")
