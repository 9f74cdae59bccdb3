"""Measure: `orrery bench fleet-drills`. Every drill on real processes, and hundreds of seeded fleets."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from orrery.bench.fleet_drills.drill import Drill
from orrery.bench.fleet_drills.drills import chosen
from orrery.bench.fleet_drills.stage import WITHIN_S, Outcome, play
from orrery.bench.report import Options, Report, Row, unjudged
from orrery.fleet.transports.registry import transport_for
from orrery.testing.fleet_world import FleetWorldError, run_fleet

SIMULATED = "simulated"
SEEDS, REAL = 300, 30
"""The least of each."""
AT_ONCE = 4
"""Drills at the same time: for most of theirs they wait for a lease to end."""


def measure(options: Options) -> Report:
    """A row for each drill, the sums, and the seeded fleets. Raises MissingExtraError without the extra "fleet"."""
    transport_for("ws://127.0.0.1")
    drills = [] if options.only == SIMULATED else chosen(options.only)
    if options.quick and not options.only:
        drills = list({drill.group: drill for drill in reversed(drills)}.values())[::-1]
    outcomes = asyncio.run(_played(drills, options))
    rows = [_row(outcome) for outcome in outcomes]
    if outcomes:
        rows += _sums(outcomes, judged=not options.only)
    notes = [f"{one.drill.name}: {'; '.join(one.broken)}" for one in outcomes if one.broken]
    if not options.only or options.only == SIMULATED:
        simulated, broken = _simulated(options)
        rows, notes = [*rows, *simulated], [*notes, *broken]
    return Report(
        "fleet-drills",
        unjudged(rows) if options.quick else rows,
        setting="each drill: a hub, two or three devices and a run, a process each; seconds from the fault to the end",
        notes=notes,
    )


async def _played(drills: list[Drill], options: Options) -> list[Outcome]:
    room = asyncio.Semaphore(min(AT_ONCE, options.jobs))

    async def one(drill: Drill) -> Outcome:
        async with room:
            with tempfile.TemporaryDirectory(prefix="orrery-drill-", ignore_cleanup_errors=True) as folder:
                outcome = await play(drill, Path(folder))
        verdict = "as promised" if not outcome.broken else "; ".join(outcome.broken)
        options.tell(f"{drill.name}: {outcome.seconds:.1f} s, {verdict}")
        return outcome

    return list(await asyncio.gather(*map(one, drills)))


def _row(outcome: Outcome) -> Row:
    return Row(outcome.drill.name, outcome.seconds, "s", target=f"<= {WITHIN_S:g}, as promised", ok=not outcome.broken)


def _sums(outcomes: list[Outcome], *, judged: bool) -> list[Row]:
    lost, doubled = sum(len(one.lost) for one in outcomes), sum(len(one.doubled) for one in outcomes)
    otherwise = sum(bool(one.otherwise) for one in outcomes)
    enough = f">= {REAL}" if judged else ""
    return [
        Row("real drills", len(outcomes), "drills", target=enough, ok=not judged or len(outcomes) >= REAL),
        Row("real: lost results", lost, "results", target="= 0", ok=not lost),
        Row("real: effects committed twice", doubled, "effects", target="= 0", ok=not doubled),
        Row("real: ended otherwise than promised", otherwise, "drills", target="= 0", ok=not otherwise),
        Row("real: the longest, from fault to end", max(one.seconds for one in outcomes), "s"),
    ]


def _simulated(options: Options) -> tuple[list[Row], list[str]]:
    """Live through seeded fleets, each with promises of its own that are checked while it lives."""
    count = options.seeds or (20 if options.quick else SEEDS)
    options.tell(f"{count} seeded fleets, from seed {options.seed} on")
    broken: list[str] = []
    faults: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    hours = 0.0
    for seed in range(options.seed, options.seed + count):
        try:
            report = run_fleet(seed)
        except FleetWorldError as error:
            broken.append(str(error))
            continue
        faults.update(report.faults)
        outcomes.update(report.outcomes)
        hours += report.virtual_s / 3600
    least = "" if options.seeds else f">= {SEEDS}"
    return [
        Row("seeded fleets", count, "fleets", target=least, ok=not least or count >= SEEDS),
        Row("seeded: a promise broken", len(broken), "fleets", target="= 0", ok=not broken),
        Row("seeded: faults", faults.total(), "faults"),
        Row("seeded: kinds of faults", len(faults), "kinds"),
        Row("seeded: tasks", outcomes.total(), "tasks"),
        Row("seeded: tasks that succeeded", outcomes["succeeded"], "tasks"),
        Row("seeded: lived through", hours, "hours"),
    ], broken[:10]


__all__ = ["measure"]
