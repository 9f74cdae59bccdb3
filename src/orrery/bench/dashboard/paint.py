"""Paint: how long a person waits from the address of a run to its graph."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orrery.bench.dashboard import browser, clients
from orrery.bench.dashboard.driver import Load, Shape
from orrery.bench.dashboard.processes import Dashboard, Stage
from orrery.bench.dashboard.section import Section
from orrery.bench.report import Row, spread

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BAR_S = 1.5


def measure(
    stage: Stage, chromium: Browser, shapes: Sequence[Shape], *, tasks: int, repeats: int, seed: int
) -> Section:
    """First paint of a run that has ended, by a server that was just started and by one that knows it.

    The baseline is a plain client that fetches the same rows from the same kind of server, and draws nothing.
    """
    rows = []
    for shape in shapes:
        run = f"ended-{shape}"
        stage.finished(Load(run=run, store=stage.store, shape=shape, tasks=tasks, seed=seed))
        cold, warm, fetched_cold, fetched_warm = [], [], [], []
        for _ in range(repeats):
            with stage.dashboard() as dashboard:
                fetched_cold.append(_fetch(dashboard, run))
                fetched_warm.append(_fetch(dashboard, run))
            with stage.dashboard() as dashboard:
                cold.append(_paint(chromium, dashboard, run))
                warm.append(_paint(chromium, dashboard, run))
        for name, painted, fetched in (("just started", cold, fetched_cold), ("warm", warm, fetched_warm)):
            seconds, baseline = statistics.median(painted), statistics.median(fetched)
            rows.append(
                Row(
                    f"first paint, {shape}, server {name}; fetching the rows alone",
                    seconds,
                    "s",
                    baseline,
                    seconds / baseline,
                    f"<= {BAR_S:g} s",
                    seconds <= BAR_S,
                    spread=spread(painted),
                )
            )
    return Section(rows)


def _fetch(dashboard: Dashboard, run: str) -> float:
    began = time.perf_counter()
    clients.rows(dashboard, run)
    return time.perf_counter() - began


def _paint(chromium: Browser, dashboard: Dashboard, run: str) -> float:
    with browser.window(chromium, dashboard) as window:
        return window.show(run)


__all__ = ["measure"]
