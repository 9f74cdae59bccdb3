"""Halo: many queries as one plan, on simulated servers.

Six kinds of work go through four replicas in virtual time, by the law of `models.serving` with the numbers that it has
when fitted to a measured server. Compared are

- *one at a time*: a query begins when the one before has ended; inside a query all that can is done at once;
- *sixteen at a time*: sixteen such engines beside each other;
- *row-parallel*: all queries at once on the same replicas, nothing merged; the servers' prefix caches do their work;
- *answer cache*: the same, equal calls made once, whenever they turn out to be equal: the simplest rival;
- *Halo*: one consolidated graph (`passes.batch`), its calls placed and ordered by what is known before it runs
  (`routing.replicas`), equal calls made once.

A model answers equal calls alike, so outputs can be compared, and it is known how many calls are distinct.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import Any, NamedTuple

from orrery.bench.optimiser.halo_best import best_s, instance
from orrery.bench.optimiser.halo_runs import Halo, Model, calls_of, halo, in_lanes, row_by_row
from orrery.bench.optimiser.halo_workloads import WORKLOADS, Workload, common, documents
from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row
from orrery.graph import Graph
from orrery.models.serving import Call, Timing, simulate
from orrery.passes.batch import consolidate
from orrery.routing.replicas import assign, model_calls

SERVER = Timing(0.02, 33.33, 8205, slots=128, slowdown=0.0108, cache_blocks=20_000)
"""As fitted to vLLM with Qwen3 32B on an RTX PRO 6000 (tests/models/serving/test_real_servers.py)."""

REPLICAS = 4
ENGINES = 16
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95)
PUBLISHED = (
    "Halo claims 18.6x for batches and 4.7x online in a first version of its paper, 3.6x and 2.6x in a later one, on "
    "GPUs and against other systems than these"
)


class Compared(NamedTuple):
    """A workload in every way of doing it; seconds in virtual time.

    Args:
        calls: of all queries, `distinct` of them different in model, prompt or parameters.
        alone_s: one query at a time; `engines_s`: sixteen.
        rows_s: row-parallel; `affine_s`: with prefix affinity; `cached_s`: with an answer cache.
        halo: one consolidated plan.
        same: whether every query got the same outputs by itself and from the plan.
    """

    name: str
    queries: int
    calls: int
    distinct: int
    alone_s: float
    engines_s: float
    rows_s: float
    affine_s: float
    cached_s: float
    halo: Halo
    same: bool

    @property
    def exact(self) -> bool:
        """Whether the plan made each distinct call once, and nothing came out differently."""
        return self.same and self.halo.ran.made == self.distinct


def compare(workload: Workload, timing: Timing = SERVER, *, brief: bool = False) -> Compared:
    """Do the work in every way.

    Args:
        brief: row-parallel and as a plan only; the others are not a number.
    """
    model = Model()
    found = row_by_row(workload, model)
    calls = calls_of(found, model)
    planned = halo(workload, model, timing, REPLICAS)

    def seconds(calls: Sequence[Call], balance: str = "least-loaded") -> float:
        return simulate(calls, timing, replicas=REPLICAS, balance=balance).seconds

    shared = [] if brief else calls_of(found, model, shared=True)
    return Compared(
        workload.name,
        len(workload.rows),
        len(calls),
        len(set(found.asked)),
        math.nan if brief else seconds(in_lanes(calls, found, 1)),
        math.nan if brief else seconds(in_lanes(calls, found, ENGINES)),
        seconds(calls),
        math.nan if brief else seconds(calls, "prefix-affinity"),
        math.nan if brief else min(seconds(shared, balance) for balance in ("least-loaded", "prefix-affinity")),
        planned,
        planned.outputs == found.outputs,
    )


def measure(options: Options) -> Section:
    """Six workloads, a curve over the share of common work, sizes from 1 to 20,000 queries, the optimiser itself."""
    queries = 60 if options.quick else 20_000 if options.full else 2_000
    optimiser = _optimiser_rows(options)  # first, while there is little else in memory for the collector to visit
    compared = []
    for make in WORKLOADS:
        options.tell(f"halo: {make.__name__}, {queries:,} queries")
        compared.append(compare(make(queries, options.seed)))
    options.tell("halo: the share of common work")
    curve = [compare(common(20 if options.quick else 200, options.seed, share)) for share in SHARES]
    sizes = []
    for size in (1, 20) if options.quick else (1, 10, 100, 1_000, 20_000):
        options.tell(f"halo: documents, {size:,} queries")
        sizes.append(compare(documents(size, options.seed), brief=True))
    options.tell("halo: a cache that is too small")
    tight = compare(documents(queries, options.seed), _with_cache(2_000))
    every = [*compared, *curve, *sizes, tight]
    rows = [row for one in compared for row in _rows(one)]
    rows[0] = replace(rows[0], published=PUBLISHED)
    rows += _curve_rows(curve)
    rows += [
        Row(f"documents, {one.queries:,} {'queries' if one.queries > 1 else 'query'}, against row-parallel",
            one.halo.ran.seconds, "s", one.rows_s, one.rows_s / one.halo.ran.seconds)
        for one in sizes
    ]  # fmt: skip
    rows.append(_against("documents, a tenth of the prefix cache, against an answer cache", tight, tight.cached_s))
    rows.append(
        Row(
            "calls made beyond the distinct ones, or outputs that differ",
            sum(not one.exact for one in every),
            f"of {len(every)} runs",
            target="none",
            ok=all(one.exact for one in every),
        )
    )
    rows += optimiser
    return Section("halo", rows, _notes(compared, tight), lambda axes: _draw(axes, curve))


def _with_cache(blocks: int) -> Timing:
    return Timing(
        SERVER.first_s,
        SERVER.tokens_per_s,
        SERVER.prefill_per_s,
        slots=SERVER.slots,
        slowdown=SERVER.slowdown,
        cache_blocks=blocks,
    )


def _rows(one: Compared) -> list[Row]:
    title = f"{one.name}, {1 - one.distinct / one.calls:.0%} of {one.calls:,} calls shared"
    return [
        _against(f"{title}, against one query at a time", one, one.alone_s),
        _against(f"{title}, against {ENGINES} at a time", one, one.engines_s, least=10),
        _against(f"{title}, against row-parallel", one, one.rows_s, least=2),
        _against(f"{title}, against an answer cache", one, one.cached_s),
    ]


def _against(case: str, one: Compared, baseline: float, *, least: float = 0.0) -> Row:
    ratio = baseline / one.halo.ran.seconds
    target = f">= {least:g}x" if least else ""
    return Row(case, one.halo.ran.seconds, "s", baseline, ratio, target, ratio >= least)


def _curve_rows(curve: Sequence[Compared]) -> list[Row]:
    rows = []
    for share, one in zip(SHARES, curve, strict=True):
        title = f"{share:.0%} common"
        least = 2 if share >= 0.5 else 0
        rows.append(_against(f"{title}, against one query at a time", one, one.alone_s, least=least))
        rows.append(_against(f"{title}, against {ENGINES} at a time", one, one.engines_s))
        least = 4 if share >= 0.9 else 0
        rows.append(_against(f"{title}, against row-parallel", one, one.rows_s, least=least))
    return rows


def _optimiser_rows(options: Options) -> list[Row]:
    """How long it takes, and how far it is from the best."""
    queries = 200 if options.quick else 10_000
    slowest, name, calls = 0.0, "", 0
    for make in WORKLOADS:
        options.tell(f"halo: the plan of {queries:,} queries, {make.__name__}")
        workload = make(queries, options.seed)
        graph = consolidate(workload.graph, workload.rows).graph
        taken, wanted = min((_planned_s(graph) for _ in range(3)), key=lambda one: one[0])
        if taken > slowest:
            slowest, name, calls = taken, workload.name, wanted
    options.tell("halo: small plans against all there are")
    sizes = [4, 5] * 5 if options.quick else [3, 4, 5] * 30 + [6] * 6 + [7] * 2 + [8]
    gaps, naive = [], []
    for seed, size in enumerate(sizes, start=1000 * options.seed):
        small, timing = instance(seed, size)
        best = best_s(small, timing, 2)
        gaps.append(assign(small, timing, replicas=2).seconds / best - 1)
        naive.append(simulate(small, timing, replicas=2, balance="prefix-affinity").seconds / best - 1)
    plans = f"optimiser, {len(gaps)} plans of {min(sizes)} to {max(sizes)} calls, above the best"
    return [
        Row(f"optimiser, {queries:,} queries, the slowest: {name}, {calls:,} calls", slowest, "s", target="<= 1 s",
            ok=slowest <= 1),
        Row(f"{plans}, mean", 100 * mean(gaps), "%", 100 * mean(naive)),
        Row(f"{plans}, worst", 100 * max(gaps), "%", 100 * max(naive), target="<= 5 %", ok=max(gaps) <= 0.05),
    ]  # fmt: skip


def _planned_s(graph: Graph) -> tuple[float, int]:
    """Processor seconds to place and order the calls of a graph, and how many there are."""
    start = time.process_time()
    wanted = list(model_calls(graph).values())
    assign(wanted, SERVER, replicas=REPLICAS)
    return time.process_time() - start, len(wanted)


def _notes(compared: Sequence[Compared], tight: Compared) -> list[str]:
    near = [one.cached_s / one.halo.ran.seconds for one in compared]
    affine = [one.affine_s / one.halo.ran.seconds for one in compared]
    small = tight.cached_s / tight.halo.ran.seconds
    later = [f"{one.name} ({one.halo.in_plan - one.distinct:,})" for one in compared if one.halo.in_plan > one.distinct]
    rival = (
        f"a simpler rival comes close: row-parallel with an answer cache takes {min(near):.2f} to {max(near):.2f} of "
        f"the plan's time, {small:.2f} with a small prefix cache; most of the gain is that equal calls are made once. "
        "Its balance sees how long answers will be, the plan only how long they may be"
    )
    half = (
        "where half of the work is common, merging cannot gain more than 2x against row-parallel, and gains less, as "
        "the prefix caches spare that half's reading already; the bar of 2x stands at one query at a time"
    )
    return [
        f"servers: {REPLICAS} simulated replicas by the law of a measured one, {SERVER}",
        rival,
        f"prefix affinity without an answer cache takes {min(affine):.1f} to {max(affine):.1f} of the plan's time",
        half,
        f"calls equal only at run time, made once by their key: {', '.join(later) or 'none'}",
        "small plans: the baseline is prefix affinity without a plan; processor time, best of 3, of the optimiser",
    ]


def _draw(axes: Any, curve: Sequence[Compared]) -> None:
    """How many times faster, over the share of common work."""
    shares = [100 * share for share in SHARES]
    for label, baseline in (
        (f"against {ENGINES} queries at a time", [one.engines_s for one in curve]),
        ("against row-parallel", [one.rows_s for one in curve]),
        ("against an answer cache", [one.cached_s for one in curve]),
    ):
        axes.plot(shares, [s / one.halo.ran.seconds for s, one in zip(baseline, curve, strict=True)], "o-", label=label)
    axes.plot(shares, [1 / (1 - share) for share in SHARES], "--", color="grey", label="1 / (1 - share)")
    axes.set_yscale("log")
    axes.set_yticks([1, 2, 5, 10, 20, 50], ["1x", "2x", "5x", "10x", "20x", "50x"])
    axes.set_xlabel("work that all queries have in common, %")
    axes.set_title("Halo: many queries as one plan, times faster")
    axes.legend(frameon=False, fontsize=8)
