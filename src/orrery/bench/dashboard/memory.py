"""Memory: whether a page that is left open on a run grows, and what its server uses meanwhile."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from orrery.bench.dashboard import browser
from orrery.bench.dashboard.driver import Load
from orrery.bench.dashboard.processes import Stage
from orrery.bench.dashboard.section import BAR_PERCENT, Curve, Section
from orrery.bench.report import Row
from orrery.errors import OutsideError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BAR_MB_A_MINUTE, BAR_TIMES = 0.5, 1.1
JUDGED_MIN = 10.0
"""How long a page must be watched before its growth is judged. Rows say more when their tasks have ended, which a short
run packs into a short time; the page that was just opened has these as well, and is the measure of any run."""
SAMPLES = 60
SETTLE_S = 10.0


def measure(stage: Stage, chromium: Browser, *, tasks: int, per_s: float, minutes: float, seed: int) -> Section:
    """How the heap of a page grows while a run goes on, and the share of a core that the server takes for it.

    The baseline is a page that is opened at the end: what one that was left open holds beyond that was not given back.
    """
    seconds, settle_s = 60 * minutes, min(SETTLE_S, 60 * minutes)
    notes = max(0, math.ceil((seconds + 2 * settle_s + 30) * per_s / tasks) - 2)
    load = Load(run="watched", store=stage.store, shape="layers", tasks=tasks, per_s=per_s, notes=notes, seed=seed)
    every_s = max(seconds / SAMPLES, 1.0)
    found: list[tuple[float, browser.Memory]] = []
    with stage.dashboard() as dashboard, stage.driven(load) as driver:
        with browser.window(chromium, dashboard) as window:
            window.show(load.run)
            time.sleep(settle_s)
            cpu_s, began = dashboard.process.cpu_s(), time.monotonic()
            while (past_s := time.monotonic() - began) <= seconds:
                found.append((past_s / 60, window.memory()))
                time.sleep(max(0.0, began + len(found) * every_s - time.monotonic()))
            share = (dashboard.process.cpu_s() - cpu_s) / (time.monotonic() - began)
            with browser.window(chromium, dashboard) as another:
                another.show(load.run)
                time.sleep(settle_s)
                old, fresh = window.memory().heap_mb, another.memory().heap_mb
        if not driver.runs:
            raise OutsideError(f"the run ended before {minutes:g} minutes had passed")
    heap = [(at, memory.heap_mb) for at, memory in found]
    process = [memory.process_mb for _, memory in found]
    over = f"{minutes:g} min of {per_s:g} events/s"
    grows, judged = slope(heap), minutes >= JUDGED_MIN
    return Section(
        [
            Row(
                f"heap of a page that was open for {over}; of one just opened",
                old,
                "MB",
                fresh,
                old / fresh,
                f"<= {BAR_TIMES:g}x",
                old / fresh <= BAR_TIMES,
            ),
            Row(
                f"growth of the heap in {over}",
                grows,
                "MB/min",
                target=f"<= {BAR_MB_A_MINUTE:g}" if judged else "",
                ok=grows <= BAR_MB_A_MINUTE or not judged,
            ),
            Row("the heap at the end; at the start", heap[-1][1], "MB", heap[0][1], heap[-1][1] / heap[0][1]),
            Row("the page's process at the end; at the start", process[-1], "MB", process[0], process[-1] / process[0]),
            Row(
                f"the server, with a page open, {over}",
                100 * share,
                "% of a core",
                target=f"<= {BAR_PERCENT:g} %",
                ok=100 * share <= BAR_PERCENT,
            ),
        ],
        [Curve("heap", heap, "MB after garbage was collected", "minutes")],
    )


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much is gained for each step along: the median over all pairs, which single outliers do not move."""
    return statistics.median(
        (later[1] - sooner[1]) / (later[0] - sooner[0]) for sooner, later in combinations(points, 2)
    )


__all__ = ["measure", "slope"]
