"""World: whole runs in seeded worlds that crash, answer twice, lose results and jump their clocks.

After every turn of the scheduler its invariants are checked, and at every crash the promises P1 to P4; see
`orrery.testing.world`. A seed that fails is printed with the command that reproduces it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from orrery.bench.report import Options, Report, Row
from orrery.testing.world import WorldError, run_world

SEEDS = 1_000
QUICK_SEEDS = 25
SECONDS_PER_1000 = 60.0
CHUNK = 50
SHOWN = 20


@dataclass
class Tally:
    """What happened in some worlds."""

    worlds: int = 0
    tasks: int = 0
    events: int = 0
    crashes: int = 0
    edits: int = 0
    faults: int = 0
    virtual_s: float = 0.0
    failures: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        self.worlds += other.worlds
        self.tasks += other.tasks
        self.events += other.events
        self.crashes += other.crashes
        self.edits += other.edits
        self.faults += other.faults
        self.virtual_s += other.virtual_s
        self.failures += other.failures


def measure(options: Options) -> Report:
    """How many of the worlds broke a promise, and how long it took to live through them."""
    count = options.seeds or (QUICK_SEEDS if options.quick else SEEDS)
    began = time.perf_counter()
    tally = Tally()
    for part in _lived(range(options.seed, options.seed + count), options.jobs):
        tally.add(part)
        options.tell(f"world: {tally.worlds:,} of {count:,} seeds, {len(tally.failures)} failed")
    return report(tally, time.perf_counter() - began, options)


def report(tally: Tally, seconds: float, options: Options) -> Report:
    """What is said of the worlds that were lived through in so many seconds."""
    count, failed = tally.worlds, len(tally.failures)
    pace = seconds / count * 1_000
    rows = [
        Row("worlds with a broken promise", failed, f"of {count:,}", target="= 0", ok=failed == 0),
        Row(
            "time",
            seconds,
            "s",
            target="" if options.quick else "<= 60 s for 1,000",
            ok=options.quick or pace <= SECONDS_PER_1000,
        ),
        Row("worlds", count / seconds, "a second"),
        Row("tasks", tally.tasks, "tasks"),
        Row("events, each followed by a check", tally.events, "events"),
        Row("crashes", tally.crashes, "crashes"),
        Row("edits while running", tally.edits, "patches"),
        Row("faults", tally.faults, "faults"),
        Row("time in the worlds", tally.virtual_s / 3600, "hours"),
    ]
    notes = [what for _, what in tally.failures[:SHOWN]]
    if failed > SHOWN:
        notes.append(f"and {failed - SHOWN} more: {', '.join(str(seed) for seed, _ in tally.failures[SHOWN:])}")
    setting = f"seeds {options.seed} to {options.seed + count - 1}, {options.jobs} at a time"
    return Report("world", rows, setting, notes)


def _lived(seeds: Sequence[int], jobs: int) -> Iterator[Tally]:
    """The worlds of all seeds, a chunk at a time and in order."""
    chunks = [seeds[first : first + CHUNK] for first in range(0, len(seeds), CHUNK)]
    if jobs == 1 or len(chunks) == 1:
        yield from map(live, chunks)
        return
    # Fresh processes, because this one may have threads, which a fork does not take along.
    with ProcessPoolExecutor(min(jobs, len(chunks)), mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(live, chunks)


def live(seeds: Sequence[int]) -> Tally:
    """Live through the worlds of some seeds."""
    tally = Tally()
    for seed in seeds:
        tally.worlds += 1
        try:
            report = run_world(seed)
        except WorldError as error:
            tally.failures.append((seed, str(error)))
            continue
        tally.tasks += report.tasks
        tally.events += report.events
        tally.crashes += report.crashes
        tally.edits += report.edits
        tally.faults += sum(report.faults.values())
        tally.virtual_s += report.virtual_s
    return tally
