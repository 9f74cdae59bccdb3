"""Crash: a run is killed at every append to its journal and resumed; then its file is cut and flipped.

What must hold at each point: the same final state and outputs as without a crash; a task whose success was
durable never runs again (P1); a task runs at most once more for each crash at which it was in flight, always
under the same key (P2). What must hold of a damaged file: it is refused, or read as the run that was written
or a beginning of it; never as something else (P5).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from orrery.bench.crash_points import Findings, Size, Verdict
from orrery.bench.report import Options, Report, Row
from orrery.bench.shapes import chain, workflow
from orrery.bench.virtual import RUN, simulate
from orrery.errors import OutsideError
from orrery.journal.sqlite import SqliteJournal
from orrery.scheduler.events import Event
from orrery.testing.damage import DamageReport, Specimen

POINTS = 500
BIT_FLIPS = 20_000
SHOWN = 10


def measure(options: Options) -> Report:
    """Violations at each point of the sweep, and after each damage."""
    size = Size(links=4, width=3, stride=6, jobs=options.jobs) if options.quick else Size(jobs=options.jobs)
    options.tell("crash: SIGKILL before and after every append")
    began = time.perf_counter()
    findings = swept(size)
    seconds = time.perf_counter() - began
    verdicts = findings.verdicts
    reached = sum(verdict.deaths > 0 for verdict in verdicts)
    broken = [verdict for verdict in verdicts if verdict.violations]
    crashes = sum(verdict.deaths for verdict in verdicts)
    recoveries = [verdict.recovery_s for verdict in verdicts]
    enough = options.quick or reached >= POINTS
    rows = [
        Row(
            "points, before and after appends",
            reached,
            "points",
            target="" if options.quick else f">= {POINTS}",
            ok=enough,
        ),
        Row("crashes in all", crashes, "SIGKILLs"),
        Row("points with a broken promise", len(broken), "points", target="= 0", ok=not broken),
        Row("tasks executed again", sum(v.repeated for v in verdicts) / crashes, "a crash"),
        Row("open, fold, finish; median", statistics.median(recoveries) * 1e3, "ms"),
        Row("the whole sweep", seconds, "s"),
    ]
    notes = [_worded(verdict) for verdict in broken[:SHOWN]]
    damaged, worst = _damaged(options)
    setting = f"a workflow of {findings.tasks} tasks and {findings.appends} appends, SQLite, {options.jobs} at a time"
    return Report("crash", [*rows, *damaged], f"{setting}, seed {options.seed}", [*notes, *worst[:SHOWN]])


def swept(size: Size) -> Findings:
    """Try every point, from a fresh process that may fork. Raises OutsideError if it dies."""
    command = [sys.executable, "-m", "orrery.bench.crash_points", msgspec.json.encode(size).decode()]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise OutsideError(f"the process that tries the points ended with status {done.returncode}")
    return msgspec.json.decode(done.stdout, type=Findings)


def _worded(verdict: Verdict) -> str:
    where = ", then ".join(f"{crash.side} append {crash.append}" for crash in verdict.crashes)
    return f"killed {where}: {'; '.join(verdict.violations)}"


def _damaged(options: Options) -> tuple[list[Row], list[str]]:
    """Cut a small store at every byte, and flip bits of it."""
    step, flips = (997, 20) if options.quick else (1, BIT_FLIPS)
    with tempfile.TemporaryDirectory(prefix="orrery-damage-", dir=_memory()) as folder:
        specimen = small_store(Path(folder))
        size_bytes = sum(map(len, specimen.files.values()))
        options.tell(f"crash: a store of {size_bytes:,} bytes, cut at every {f'{step}th' if step > 1 else 'byte'}")
        cut = specimen.truncations(step=step)
        options.tell(f"crash: {flips:,} bits flipped")
        flipped = specimen.bit_flips(flips, seed=options.seed)
    return [*_damage_rows("cut", cut), *_damage_rows("bit flipped", flipped)], [*cut.broken, *flipped.broken]


def _damage_rows(how: str, report: DamageReport) -> list[Row]:
    return [
        Row(f"{how}: cases", report.cases, "stores"),
        Row(f"{how}: read as what was never written", len(report.broken), "stores", target="= 0", ok=not report.broken),
        Row(f"{how}: refused", report.refused, "stores"),
        Row(f"{how}: a beginning of the run", report.beginning, "stores"),
        Row(f"{how}: the whole run", report.whole, "stores"),
    ]


def small_store(folder: Path) -> Specimen:
    """A store with one short run, half in the database and half in the write-ahead log, as a kill leaves it."""
    turns = [events for events in simulate(workflow(chain(6), "work")) if events]
    path = folder / "runs.db"
    half = len(turns) // 2
    journal = SqliteJournal(path)
    lease = journal.create(RUN, 0.0)
    for events in turns[:half]:
        journal.append([(lease, events)])
    journal.close()
    journal = SqliteJournal(path)
    lease = journal.acquire(RUN, 1.0)
    for events in turns[half:]:
        journal.append([(lease, events)])
    written: list[Event] = [event for events in turns for event in events]
    specimen = Specimen(
        [path, Path(f"{path}-wal")],
        scratch=folder,
        open_copy=lambda copy: SqliteJournal(copy / path.name),
        run=RUN,
        written=written,
    )
    journal.close()
    return specimen


def _memory() -> str | None:
    """A folder in memory where there is one: forty thousand small stores are then a matter of seconds."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a fresh folder is made in it
