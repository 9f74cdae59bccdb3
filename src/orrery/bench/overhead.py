"""Overhead: what a task costs over the asyncio program that does the same work.

The rival is what one would write by hand: an asyncio task per node, which awaits the tasks it depends on
and then the function. Ours is a session that is open already, from `start` to the result, so that the
check of the graph and every write to the journal are counted. Both results are compared each time.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from orrery.bench.footprint import footprint
from orrery.bench.report import Options, Report, Row, spread, unjudged
from orrery.bench.rivals import Store, compare
from orrery.bench.shapes import Shape, chain, fan_out, layered, workflow
from orrery.bench.timing import Pairs
from orrery.bench.work import STEP

TARGETS: dict[Store, float] = {"memory": 3.0, "durable": 6.0}
CHAIN_S = 0.050
FLAT = 0.25
RSS_MB = 500
REPEATS = 7


def measure(options: Options) -> Report:
    """Cost per task by shape and store; how it grows; memory."""
    rows = asyncio.run(_timed(options))
    rows.extend(_memory(options))
    repeats = 2 if options.quick else REPEATS
    setting = (
        f"median of {repeats} runs in turns with the baseline, seed {options.seed}; "
        "durable survives the death of the process, full a power cut too"
    )
    return Report("overhead", unjudged(rows) if options.quick else rows, setting)


async def _timed(options: Options) -> list[Row]:
    cut = 50 if options.quick else 1
    repeats = 2 if options.quick else REPEATS
    shapes: dict[str, Shape] = {
        f"fan-out of {10_000 // cut:,}": fan_out(10_000 // cut),
        f"chain of {1_000 // cut:,}": chain(1_000 // cut),
        f"layers, {10_000 // cut:,}": layered(10_000 // cut, options.seed),
    }
    rows: list[Row] = []
    stores: tuple[Store, ...] = ("memory", "durable", "full")
    for store in stores:
        for name, shape in shapes.items():
            options.tell(f"overhead: {store}, {name}")
            # Each commit of a chain is a flush: once is enough to know what it costs.
            pairs = await compare(shape, store, repeats=repeats if store != "full" else min(repeats, 3))
            rows.append(_cost_row(f"{store}, {name}", len(shape), pairs, TARGETS.get(store)))
            if store == "memory" and name.startswith("chain"):
                whole = statistics.median(pairs.ours)
                rows.append(
                    Row(
                        f"{store}, {name}, in all",
                        whole * 1e3,
                        "ms",
                        statistics.median(pairs.baseline) * 1e3,
                        pairs.ratio,
                        "<= 50 ms",
                        whole <= CHAIN_S,
                        spread=spread(pairs.ours),
                    )
                )
    rows.extend(_building(name, shape) for name, shape in shapes.items())
    rows.extend(await _growth(options))
    return rows


def _cost_row(case: str, tasks: int, pairs: Pairs, most: float | None) -> Row:
    return Row(
        case,
        statistics.median(pairs.ours) / tasks * 1e6,
        "µs a task",
        statistics.median(pairs.baseline) / tasks * 1e6,
        pairs.ratio,
        "" if most is None else f"<= {most:g}x",
        most is None or pairs.ratio <= most,
        spread=pairs.spread,
    )


def _building(name: str, shape: Shape) -> Row:
    """What making the Graph costs, which is not part of a run."""
    samples = []
    for _ in range(3):
        began = time.perf_counter()
        workflow(shape, STEP)
        samples.append((time.perf_counter() - began) / len(shape) * 1e6)
    return Row(f"making the graph, {name}", statistics.median(samples), "µs a task", spread=spread(samples))


async def _growth(options: Options) -> list[Row]:
    """The cost per task at 10^3, 10^4 and 10^5 tasks, and by how much it differs from that at 10^3."""
    sizes = (100, 200) if options.quick else (1_000, 10_000, 100_000)
    costs: list[tuple[float, float]] = []
    rows: list[Row] = []
    for size in sizes:
        options.tell(f"overhead: growth, {size:,} tasks")
        repeats = max(3, REPEATS * min(sizes) // size)
        pairs = await compare(layered(size, options.seed), "memory", repeats=repeats)
        rows.append(_cost_row(f"memory, layers, {size:,}", size, pairs, None))
        # Sizes are not measured in turns, so what else the machine does must not decide: the fastest of each.
        costs.append((min(pairs.ours) / size, min(pairs.baseline) / size))
    furthest, baseline = (
        max((cost / first for cost in column), key=lambda growth: abs(growth - 1))
        for first, *column in zip(*costs, strict=True)
    )
    rows.append(
        Row(
            f"cost per task, fastest, {sizes[0]:,} to {sizes[-1]:,}",
            furthest,
            "x that of the fewest",
            baseline,
            target="0.75 to 1.25",
            ok=abs(furthest - 1) <= FLAT,
        )
    )
    return rows


def _memory(options: Options) -> list[Row]:
    """Peak memory of fresh processes."""
    tasks = 1_000 if options.quick else 100_000
    options.tell(f"overhead: memory of {tasks:,} durable tasks")
    durable = footprint(tasks, "durable", options.seed)
    rows = [
        Row(
            f"durable, {tasks:,} tasks, peak memory",
            durable.peak_mb,
            "MB",
            target=f"< {RSS_MB} MB",
            ok=durable.peak_mb < RSS_MB,
        ),
        Row(f"durable, {tasks:,} tasks, graph and run", durable.seconds, "s"),
    ]
    if options.full:
        options.tell("overhead: 1,000,000 tasks")
        million = footprint(1_000_000, "memory", options.seed)
        rows.append(Row("memory, 1,000,000 tasks, graph and run", million.seconds, "s", target="runs"))
        rows.append(Row("memory, 1,000,000 tasks, peak memory", million.peak_mb, "MB"))
    return rows
