"""Frames: how smoothly the graph moves while it is dragged, zoomed and searched, and events arrive."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orrery.bench.dashboard import browser
from orrery.bench.dashboard.driver import Load, Shape
from orrery.bench.dashboard.processes import Dashboard, Process, Stage
from orrery.bench.dashboard.section import BAR_PERCENT, Curve, Section
from orrery.bench.report import Row
from orrery.errors import OutsideError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BAR_PER_S = 30.0
SLOW_MS = 1000 / BAR_PER_S
SETTLE_S = 2.0
"""From the first paint to the first frame that counts."""


def measure(
    stage: Stage, chromium: Browser, shapes: Sequence[Shape], *, tasks: int, per_s: float, seconds: float, seed: int
) -> Section:
    """Frames a second of graphs in use: with events arriving, and, as the baseline, with none."""
    rows: list[Row] = []
    curves: list[Curve] = []
    for shape in shapes:
        load = Load(run=f"used-{shape}", store=stage.store, shape=shape, tasks=tasks, per_s=per_s, notes=2, seed=seed)
        with stage.dashboard() as dashboard, browser.window(chromium, dashboard) as window:
            with stage.driven(load) as driver:
                live, share = _use(window, dashboard, driver, load, seconds)
            still, _ = _use(window, dashboard, None, load, seconds / 2)
        rows += _rows(shape, load.per_s, live, still, share)
        curves.append(Curve(shape, _each_second(live), "frames a second", "seconds", BAR_PER_S))
    return Section(rows, curves)


def _use(
    window: browser.Window, dashboard: Dashboard, driver: Process | None, load: Load, seconds: float
) -> tuple[browser.Frames, float]:
    """Use the graph for a while; its frames, and the server's share of a core."""
    window.leave()
    window.show(load.run)
    names = [f"t{number}" for number in range(0, load.tasks, max(1, load.tasks // 7))]
    if load.shape == "for-each":
        names = [f"each/{name[1:]}" for name in names]
    hand = browser.Hand(window, load.run, names)
    time.sleep(SETTLE_S)
    before, began = dashboard.process.cpu_s(), time.monotonic()
    window.count_frames()
    hand.use(seconds)
    frames = window.frames()
    share = (dashboard.process.cpu_s() - before) / (time.monotonic() - began)
    if driver is not None and not driver.runs:
        raise OutsideError(f"the run {load.run} ended before its page was used for {seconds:g} s")
    return frames, share


def _rows(shape: str, per_s: float, live: browser.Frames, still: browser.Frames, share: float) -> list[Row]:
    pace, still_pace = _typical(live.deltas), _typical(still.deltas)
    low, still_low = _low(live.deltas), _low(still.deltas)
    slow, still_slow = _slow_share(live.deltas), _slow_share(still.deltas)
    bar = f">= {BAR_PER_S:g}"
    where = f"{shape}, {per_s:g} events/s"
    return [
        Row(f"{where}: frames, median; no events", pace, "/s", still_pace, pace / still_pace, bar, pace >= BAR_PER_S),
        Row(
            f"{where}: frames, 5th percentile; no events", low, "/s", still_low, low / still_low, bar, low >= BAR_PER_S
        ),
        Row(f"{where}: frames of more than {SLOW_MS:.0f} ms; no events", slow, "%", still_slow),
        Row(f"{where}: the longest frame; no events", max(live.deltas), "ms", max(still.deltas)),
        Row(f"{where}: in tasks of more than 50 ms; no events", _long_share(live), "%", _long_share(still)),
        Row(
            f"{where}: the server, while the page is used",
            100 * share,
            "% of a core",
            target=f"<= {BAR_PERCENT:g} %",
            ok=100 * share <= BAR_PERCENT,
        ),
    ]


def _typical(deltas: Sequence[float]) -> float:
    return 1000 / statistics.median(deltas)


def _low(deltas: Sequence[float]) -> float:
    """The rate that 19 of 20 frames keep."""
    return 1000 / statistics.quantiles(deltas, n=20, method="inclusive")[-1]


def _slow_share(deltas: Sequence[float]) -> float:
    return 100 * sum(delta > SLOW_MS * 1.02 for delta in deltas) / len(deltas)


def _long_share(frames: browser.Frames) -> float:
    return 100 * sum(frames.long) / sum(frames.deltas)


def _each_second(frames: browser.Frames) -> list[tuple[float, float]]:
    """Frames in each whole second."""
    first = frames.at[0]
    seconds = [int((at - first) / 1000) for at in frames.at]
    return [(float(second), float(seconds.count(second))) for second in range(max(seconds))]


__all__ = ["measure"]
