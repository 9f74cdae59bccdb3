"""Replay: how fast a run is read back from its store, and whether a run is the same in every environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from orrery.bench.report import Options, Report, Row, spread, unjudged
from orrery.bench.shapes import layered, workflow
from orrery.bench.virtual import RUN, simulate
from orrery.errors import InternalError, OutsideError
from orrery.journal.sqlite import SqliteJournal
from orrery.runtime.history import fold
from orrery.scheduler.events import Event

EVENTS_A_SECOND = 50_000
RECOVERY_S = 2.0
REPEATS = 5
ENVIRONMENTS: Sequence[Mapping[str, str]] = (
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu"},
    {"PYTHONHASHSEED": "4294967295", "LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns"},
    {"PYTHONHASHSEED": "random", "LC_ALL": "de_DE.UTF-8", "TZ": "Pacific/Apia"},
)


def measure(options: Options) -> Report:
    """Events a second, seconds to recover, and how many different runs one seed made."""
    large, small = (1_000, 200) if options.quick else (50_000, 5_000)
    options.tell(f"replay: a run of {2 * large:,} events")
    events, folding, reading = _read_back(large, options)
    pace = events / min(folding)
    rows = [
        Row(
            f"read, verify and fold {events:,} events",
            pace,
            "events/s",
            events / min(reading),
            min(reading) / min(folding),
            f">= {EVENTS_A_SECOND:,}",
            pace >= EVENTS_A_SECOND,
            spread=spread(folding),
        )
    ]
    options.tell(f"replay: recovery of a run of {2 * small:,} events")
    events, folding, _ = _read_back(small, options)
    recovery = min(folding)
    rows.append(
        Row(
            f"open, read and fold a run of {events:,} events",
            recovery,
            "s",
            target="<= 2 s",
            ok=recovery <= RECOVERY_S,
            spread=spread(folding),
        )
    )
    if options.quick:
        rows = unjudged(rows)
    options.tell("replay: the same seed in other environments")
    digests = [_digest(environment, options) for environment in ENVIRONMENTS]
    different = len(set(digests))
    rows.append(
        Row(
            f"different runs of one seed, {len(digests)} environments",
            different,
            "runs",
            target="= 1",
            ok=different == 1,
        )
    )
    setting = f"fastest of {_repeats(options)}, SQLite, seed {options.seed}; baseline: reading without folding"
    return Report("replay", rows, setting)


def _repeats(options: Options) -> int:
    return 3 if options.quick else REPEATS


def _read_back(tasks: int, options: Options) -> tuple[int, list[float], list[float]]:
    """Record a run; how many events it has, and the seconds to open and fold it and to open and read it."""
    with tempfile.TemporaryDirectory(prefix="orrery-replay-") as folder:
        path = Path(folder) / "runs.db"
        graph = workflow(layered(tasks, options.seed), "work")
        _record(path, simulate(graph, capacity={"inline": 64}))
        folding, reading = [], []
        for _ in range(_repeats(options)):
            began = time.perf_counter()
            journal = SqliteJournal(path)
            count = sum(1 for _ in journal.read(RUN))
            reading.append(time.perf_counter() - began)
            journal.close()
            began = time.perf_counter()
            journal = SqliteJournal(path)
            history = fold(journal, RUN)
            folding.append(time.perf_counter() - began)
            journal.close()
            if history.machine.state != "succeeded" or history.seq != count:
                raise InternalError(f"a run of {count} events was read back as {history.machine!r}")
    return count, folding, reading


def _record(path: Path, turns: Iterable[Sequence[Event]]) -> None:
    journal = SqliteJournal(path)
    lease = journal.create(RUN, 0.0)
    for events in turns:
        if events:
            journal.append([(lease, events)])
    journal.close()


def _digest(environment: Mapping[str, str], options: Options) -> str:
    """The digest of a seeded run, made by a fresh process."""
    command = [sys.executable, "-m", "orrery.bench.digest", str(options.seed), "100" if options.quick else "2000"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OutsideError(f"the process that makes the run failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout
