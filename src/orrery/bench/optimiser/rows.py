"""Rows: 20,000 rows through four steps on simulated workers; memory, speed, sharing, a SIGKILL half-way, replicas.

The workers are an executor with slots whose attempts only take time: log-normal latencies, seeded for each step of each
row, so that every rival meets the same ones. What is measured of Orrery is the whole of it, the journal on the disk
included. The rivals pay for nothing but the latencies: their time is computed in virtual time, which favours them; the
one against which the bar is held is also run for real on a part of the rows, to show that the computation is right.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Any

import msgspec

from orrery.bench.optimiser.rows_process import (
    EXECUTED,
    MEDIAN_S,
    STEPS,
    TABLE,
    Ended,
    Mark,
    Setting,
    Workers,
    latency_s,
    workflow,
)
from orrery.bench.optimiser.rows_replicas import replica_rows
from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row
from orrery.errors import OutsideError
from orrery.graph import Effects
from orrery.journal import open_journal
from orrery.runtime import Session
from orrery.runtime.batch.plan import batch_of, batch_options
from orrery.scheduler.events import GraphPatched, RunOptions, TaskSucceeded

SLOTS = 32
RUN = "rows"
EARLY_ROWS = 5_000
FAST = 0.05
"""By which latencies are scaled where it is not the speed that is asked for."""


def measure(options: Options) -> Section:
    """Memory, speed against two ways of going stage by stage, a SIGKILL, shared work, and two replicas of a model."""
    rows, shared_rows, real_rows = (400, 200, 96) if options.quick else (20_000, 5_000, 1_024)
    seed = options.seed
    with tempfile.TemporaryDirectory(prefix="orrery-rows-") as place:
        options.tell(f"rows: {rows:,} rows at full length")
        marks, ended = _whole(Path(place, "whole"), rows, seed)
        options.tell("rows: killed half-way, and resumed")
        crash = _killed(Path(place, "killed"), rows, seed)
        options.tell("rows: half of the rows are there twice")
        executed = asyncio.run(_shared(Path(place, "shared"), shared_rows, seed))
    options.tell("rows: two replicas of a model")
    replicas = replica_rows(options)
    options.tell("rows: stage by stage")
    stages, batches = whole_stages(rows, seed), micro_batches(rows, seed)
    real_per_s = asyncio.run(_really(micro_batches_for_real, real_rows, seed))
    ours = rows / ended.seconds
    early = next((mark.rss_mb for mark in marks if mark.rows >= EARLY_ROWS * rows / 20_000), marks[-1].rss_mb)
    late = marks[-1].rss_mb
    distinct = (shared_rows + 1) // 2 * STEPS
    found = [
        Row(
            "rows a second, against micro-batches",
            ours,
            "rows/s",
            rows / batches[-1],
            ours * batches[-1] / rows,
            ">= 2x micro-batches",
            ok=ended.succeeded == rows and ours * batches[-1] / rows >= 2,
        ),
        Row(
            "rows a second, against whole-table stages",
            ours,
            "rows/s",
            rows / stages[-1],
            ours * stages[-1] / rows,
        ),
        Row(
            "a tenth of the rows have ended",
            _reached(marks, rows / 10),
            "s",
            stages[rows // 10],
            stages[rows // 10] / _reached(marks, rows / 10),
        ),
        Row("micro-batches, for real", real_per_s, "rows/s", rows / batches[-1], real_per_s * batches[-1] / rows),
        Row(
            f"memory at the end, against after {EARLY_ROWS * rows // 20_000:,} rows",
            late,
            "MB",
            early,
            late / early,
            "<= 1.1x",
            ok=late <= 1.1 * early,
        ),
        Row("finished when it was killed", crash.finished_rows, "rows"),
        Row("finished rows that ran again", crash.rows_again, "rows", target="= 0", ok=crash.rows_again == 0),
        Row("finished tasks that ran again", crash.tasks_again, "tasks", target="= 0", ok=crash.tasks_again == 0),
        Row(
            "tasks begun, all told",
            crash.executed,
            "tasks",
            rows * STEPS,
            crash.executed / (rows * STEPS),
            f"<= {SLOTS} more",
            ok=rows * STEPS <= crash.executed <= rows * STEPS + SLOTS and crash.succeeded == rows,
        ),
        Row("from SIGKILL to the first row that ends", crash.recovery_s, "s"),
        Row(
            "tasks executed where every row is there twice",
            executed,
            "tasks",
            shared_rows * STEPS,
            shared_rows * STEPS / executed,
            "= distinct",
            ok=executed == distinct,
        ),
        *replicas,
    ]
    notes = [
        f"{SLOTS} slots; latencies log-normal, median {MEDIAN_S * 1e3:g} ms, sigma 1; {STEPS} steps; SQLite on a disk",
        "micro-batches: as many rows as slots pass each step together, as engines of batch inference do",
        "the bar is held against micro-batches; whole-table stages keep the slots as busy with so many more rows than",
        "slots, but no row ends before most of the work is done, and every value between two steps is held",
        "rivals in virtual time, with no cost but the latencies; Orrery in real time, with its journal",
        "two replicas: real HTTP servers on this machine, by a stated law; taking turns, every other row goes to each",
    ]
    draw = _drawing(marks, stages, batches)
    return Section("rows", found, notes, draw)


# -- rivals -----------------------------------------------------------------------------------------------


def whole_stages(rows: int, seed: int) -> list[float]:
    """When each row has ended, in order, if every row passes a step before any passes the next."""
    now = 0.0
    ended: list[float] = []
    for step in range(STEPS):
        free = [now] * SLOTS
        heapify(free)
        ended = []
        for row in range(rows):
            at = heappop(free) + latency_s(seed, row, step)
            heappush(free, at)
            ended.append(at)
        now = max(ended)
    return sorted(ended)


def micro_batches(rows: int, seed: int) -> list[float]:
    """When each row has ended, in order, if as many rows as there are slots pass each step together."""
    now = 0.0
    ended: list[float] = []
    for first in range(0, rows, SLOTS):
        some = range(first, min(first + SLOTS, rows))
        for step in range(STEPS):
            now += max(latency_s(seed, row, step) for row in some)
        ended += [now] * len(some)
    return ended


async def micro_batches_for_real(rows: int, seed: int) -> None:
    """The same on this machine's clock."""
    for first in range(0, rows, SLOTS):
        some = range(first, min(first + SLOTS, rows))
        for step in range(STEPS):
            async with asyncio.TaskGroup() as group:
                for row in some:
                    group.create_task(asyncio.sleep(latency_s(seed, row, step)))


async def _really(perform: Callable[[int, int], Any], rows: int, seed: int) -> float:
    began = time.perf_counter()
    await perform(rows, seed)
    return rows / (time.perf_counter() - began)


# -- ours -------------------------------------------------------------------------------------------------


def _whole(folder: Path, rows: int, seed: int) -> tuple[list[Mark], Ended]:
    _write_table(folder, range(rows))
    process = _begin(folder, 1.0, seed)
    marks, ended = _follow(process)
    if ended is None:
        raise OutsideError(f"the process that ran {rows:,} rows ended with status {process.returncode}")
    return marks, ended


class _Crash(msgspec.Struct):
    """What came of a batch that was killed."""

    finished_rows: int
    rows_again: int
    tasks_again: int
    executed: int
    succeeded: int
    recovery_s: float


def _killed(folder: Path, rows: int, seed: int) -> _Crash:
    _write_table(folder, range(rows))
    marks, ended = _follow(_begin(folder, FAST, seed, die_after=rows * STEPS // 2))
    if ended is not None:
        raise OutsideError("the process that was to be killed half-way ended by itself")
    durable = _durable(folder)
    before = _executed(folder)
    process = _begin(folder, FAST, seed)
    marks, ended = _follow(process)
    if ended is None:
        raise OutsideError(f"the process that resumed the batch ended with status {process.returncode}")
    again = _executed(folder)[len(before) :]
    finished = {row for row in range(rows) if all((row, step) in durable for step in range(STEPS))}
    return _Crash(
        len(finished),
        len({row for row, _ in again if row in finished}),
        sum(task in durable for task in again),
        len(before) + len(again),
        ended.succeeded,
        _reached(marks, len(finished) + 1),
    )


def _durable(folder: Path) -> set[tuple[int, int]]:
    """The tasks of rows whose success is in the log: (row, step), as in the table."""
    journal = open_journal(f"sqlite:///{folder}/runs.db")
    found: set[tuple[int, int]] = set()
    try:
        for run in journal.runs():
            if not run.run.startswith(f"{RUN}/"):
                continue
            work: dict[str, tuple[int, int]] = {}
            for _, event in journal.read(run.run) if run.events else ():
                if isinstance(event, GraphPatched):
                    for edit in event.patch.edits:
                        task = getattr(edit, "task", None)
                        if task is not None and not isinstance(task, str):
                            work[task.id] = (task.args["row"], task.args["step"])
                elif isinstance(event, TaskSucceeded):
                    found.add(work[event.task])
    finally:
        journal.close()
    return found


def _executed(folder: Path) -> list[tuple[int, int]]:
    """Every attempt that was begun, in order: (row, step)."""
    lines = (folder / EXECUTED).read_text().splitlines()
    return [(int(row), int(step)) for row, step in (line.split() for line in lines)]


async def _shared(folder: Path, rows: int, seed: int) -> int:
    """How many tasks are executed where every row is there twice, anywhere in the table."""
    twice = [row // 2 for row in range(rows)]
    random.Random(seed).shuffle(twice)  # noqa: S311 (not a secret)
    _write_table(folder, twice)
    workers = Workers(SLOTS, seed, scale=FAST)
    async with Session(f"sqlite:///{folder}/runs.db", executors={"workers": workers}) as session:
        batch = batch_of(workflow(effects=Effects("pure")), Path(TABLE), folder=folder)
        result = await session.start(batch, run=RUN, folder=folder, options=batch_options(RunOptions())).wait()
    if result.state != "succeeded":
        raise OutsideError(f"a batch without faults {result.state}: {result.error}")
    return workers.started


def _write_table(folder: Path, rows: Sequence[int]) -> None:
    folder.mkdir()
    (folder / TABLE).write_text("row\n" + "".join(f"{row}\n" for row in rows))


def _begin(folder: Path, scale: float, seed: int, die_after: int = 0) -> subprocess.Popen[str]:
    setting = msgspec.json.encode(Setting(str(folder), RUN, SLOTS, seed, scale, die_after)).decode()
    command = [sys.executable, "-m", "orrery.bench.optimiser.rows_process", setting]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _follow(process: subprocess.Popen[str]) -> tuple[list[Mark], Ended | None]:
    """What a process tells until it has ended; None in place of how it ended if it was killed before."""
    marks: list[Mark] = []
    with process:
        for line in process.stdout or ():
            if '"type"' in line:
                return marks, msgspec.json.decode(line, type=Ended)
            marks.append(msgspec.json.decode(line, type=Mark))
    return marks, None


def _reached(marks: Sequence[Mark], rows: float) -> float:
    """After how many seconds so many rows had ended."""
    return next((mark.seconds for mark in marks if mark.rows >= rows), marks[-1].seconds)


def _drawing(marks: Sequence[Mark], stages: Sequence[float], batches: Sequence[float]) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        axes.plot([mark.seconds for mark in marks], [mark.rows for mark in marks], label="Orrery, with its journal")
        counts = range(1, len(stages) + 1)
        axes.plot([0.0, *stages], [0, *counts], label="whole-table stages", linestyle="--")
        axes.plot([0.0, *batches], [0, *counts], label=f"micro-batches of {SLOTS}", linestyle=":")
        axes.set_xlabel("seconds")
        axes.set_ylabel("rows that have ended")
        axes.legend(frameon=False, fontsize=8)

    return draw
