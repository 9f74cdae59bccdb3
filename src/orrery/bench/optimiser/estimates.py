"""What the demo is thought to take, and took: it runs many times into one store, and is foreseen before each run.

The workflow is that of `orrery demo`, over a small repository made of a part of Orrery's own source. Before each run it
is foreseen twice: by what the runs before taught, and by nothing but what the workflow declares, which is the baseline.

Most of the demo's time is its watch over the machine, which takes as long as it says. So the part that computes is
shown by itself as well: from the start to when the last file is measured and compared, on as many processes as there
are processors.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import orrery
from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row
from orrery.cost import Calibration, Estimates, Learned, Platform, compare, learn, platform_of, predict

if TYPE_CHECKING:
    from orrery import Session
    from orrery.workflow.workflow import Workflow

DEMO = "orrery.apps.observatory.flow:observatory"
RUNS, QUICK_RUNS, LAST = 50, 5, 20
PART = "journal"
"""The package of Orrery whose source is looked at: some fifteen files, so that a run takes a little over a second."""
COMPUTES = ("rank", "find_duplicates", "order_packages")
TARGET = 20.0


class Foreseen(NamedTuple):
    """One run: held against what was learned before it, and against what the workflow declares."""

    learned: Calibration
    declared: Calibration
    learning_s: float
    predicting_s: float


def measure(options: Options) -> Section:
    """Estimate against actual over many runs of the demo."""
    with TemporaryDirectory(prefix="orrery-estimates-") as folder:
        runs = asyncio.run(_runs(Path(folder), QUICK_RUNS if options.quick else RUNS, options.tell))
    return Section("estimates", _rows(runs), _notes(runs), draw=lambda axes: _draw(axes, runs))


async def _runs(folder: Path, count: int, tell: Callable[[str], None]) -> list[Foreseen]:
    from orrery import Session
    from orrery.workflow.target import load_target

    workflow = load_target(DEMO)
    inputs = {"root": str(_repository(folder / "tree")), "folder": str(folder / "report")}
    learned, found = Learned(), []
    # The first run loads the HTTP client, which blocks the loop for longer than a second on a busy machine.
    async with Session(f"sqlite:///{folder}/runs.db", watch_s=60.0) as session:
        capacity = {name: executor.capacity for name, executor in session.driver.executors.items()}
        platform = platform_of(workflow.graph, capacity=capacity)
        for number in range(count):
            found.append(await _run(session, workflow, inputs, platform, learned))
            if number % 10 == 9:
                tell(f"estimates: {number + 1} of {count} runs")
    return found


async def _run(
    session: Session, workflow: Workflow, inputs: dict[str, Any], platform: Platform, learned: Learned
) -> Foreseen:
    graph, began = workflow.graph, time.perf_counter()
    learn(session.journal, learned)
    learnt = time.perf_counter()
    by_learning = predict(graph, Estimates(platform, learned, graph=graph, inputs=inputs))
    predicted = time.perf_counter()
    by_declaration = predict(graph, Estimates(platform, graph=graph, inputs=inputs))
    run = session.start(workflow, inputs)
    await run.wait()
    events = [event for _, event in session.journal.read(run.id)]
    return Foreseen(
        compare(graph, by_learning, events),
        compare(graph, by_declaration, events),
        learnt - began,
        predicted - learnt,
    )


def _repository(folder: Path) -> Path:
    """A small repository with one commit; a plain folder where there is no git, which the demo can do with too."""
    source = Path(orrery.__file__).parent
    shutil.copytree(source / PART, folder / PART, ignore=shutil.ignore_patterns("__pycache__"))
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")
    with suppress(OSError, subprocess.CalledProcessError):
        for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "Begin")):
            subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


# -- what came of it ---------------------------------------------------------------------------------------------------

_Figure = Callable[[Calibration], float]


def _total_error(one: Calibration) -> float:
    return one.seconds.error


def _computing_error(one: Calibration) -> float:
    """Of the time at which the last of the tasks that compute has ended."""
    rows = [row.ends_s for row in one.tasks if row.task in COMPUTES]
    expected, actual = (max(values) for values in zip(*((row.estimate.mid, row.actual) for row in rows), strict=True))
    return abs(expected - actual) / actual if actual else 0.0


def _kind_error(op: str) -> _Figure:
    return lambda one: next((kind.error for kind in one.kinds if kind.op == op), 0.0)


def _rows(runs: Sequence[Foreseen]) -> list[Row]:
    last, first = runs[-LAST:], runs[:3]
    total = _row(f"total time, median error of the last {len(last)} of {len(runs)} runs", last, _total_error)
    rows = [
        replace(total, target=f"<= {TARGET:g} %", ok=total.value <= TARGET),
        _row(f"total time, median error of the first {len(first)} runs", first, _total_error),
        _row("the part that computes", last, _computing_error),
        _row("the work of all tasks", last, lambda one: one.work_s.error),
    ]
    within = statistics.fmean(one.learned.seconds.is_covered for one in last)
    rows.append(Row("total times within the 10-90 band", 100 * within, "%"))
    kinds = [kind.op for kind in last[-1].learned.kinds[:6]]
    rows += [_row(f"an attempt at {op.rpartition(':')[2]}", last, _kind_error(op)) for op in kinds]
    rows.append(Row("learning from one more run", 1e3 * statistics.median(one.learning_s for one in last), "ms"))
    rows.append(Row("foreseeing the next", 1e3 * statistics.median(one.predicting_s for one in last), "ms"))
    return rows


def _row(case: str, runs: Sequence[Foreseen], figure: _Figure) -> Row:
    value = 100 * statistics.median(figure(one.learned) for one in runs)
    baseline = 100 * statistics.median(figure(one.declared) for one in runs)
    return Row(case, value, "%", baseline, value / baseline if baseline else None)


def _notes(runs: Sequence[Foreseen]) -> list[str]:
    actual = statistics.median(one.learned.seconds.actual for one in runs)
    watch = statistics.median(row.seconds.actual for one in runs for row in one.learned.tasks if row.op == _WATCH)
    return [
        f"a run takes {actual:.2f} s; beside its work it watches the machine for {watch:.2f} s of them",
        "the baseline knows what the workflow declares, and nothing else",
    ]


_WATCH = "metrics.sample"


def _draw(axes: Any, runs: Sequence[Foreseen]) -> None:
    numbers = range(1, len(runs) + 1)
    low = [one.learned.seconds.estimate.low for one in runs]
    high = [one.learned.seconds.estimate.high for one in runs]
    axes.fill_between(numbers, low, high, color="tab:blue", alpha=0.15, label="10th to 90th percentile")
    axes.plot(numbers, [one.learned.seconds.estimate.mid for one in runs], color="tab:blue", label="estimate, learned")
    axes.plot(numbers, [one.declared.seconds.estimate.mid for one in runs], "--", color="tab:gray", label="as declared")
    axes.plot(numbers, [one.learned.seconds.actual for one in runs], ".", color="tab:red", label="actual")
    axes.set_yscale("log")
    axes.set_xlabel("runs of the demo")
    axes.set_ylabel("seconds")
    axes.legend(frameon=False, fontsize=8)
