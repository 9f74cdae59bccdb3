"""Server: what it uses for one who listens to a run, beside one who asks for all of it every second."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from orrery.bench.dashboard import clients
from orrery.bench.dashboard.driver import Load
from orrery.bench.dashboard.processes import Dashboard, Process, Stage
from orrery.bench.dashboard.section import BAR_PERCENT, Section
from orrery.bench.report import Row
from orrery.errors import OutsideError

SETTLE_S = 2.0


def measure(stage: Stage, *, tasks: int, per_s: float, seconds: float, seed: int) -> Section:
    """The server's share of a core and the bytes it sends, with a stream and with polling."""
    load = Load(run="heard", store=stage.store, shape="layers", tasks=tasks, per_s=per_s, notes=2, seed=seed)
    with stage.dashboard() as dashboard, stage.driven(load) as driver:
        idle = _share(dashboard, seconds / 4)
        heard, heard_bytes = _used(dashboard, clients.listening, load.run, seconds)
        polled, polled_bytes = _used(dashboard, clients.polling, load.run, seconds)
        _still_runs(driver)
    of = f"{per_s:g} events/s"
    return Section(
        [
            Row(
                f"the server, one who listens, {of}; one who asks every second",
                100 * heard,
                "% of a core",
                100 * polled,
                heard / polled if polled else None,
                f"<= {BAR_PERCENT:g} %",
                100 * heard <= BAR_PERCENT,
            ),
            Row("bytes a second; of one who asks", heard_bytes, "B/s", polled_bytes, heard_bytes / polled_bytes),
            Row("the server, with nobody there", 100 * idle, "% of a core"),
        ]
    )


def _used(
    dashboard: Dashboard,
    client: Callable[[Dashboard, str], AbstractContextManager[clients.Tally]],
    run: str,
    seconds: float,
) -> tuple[float, float]:
    """The server's share of a core and the bytes a second, once the first answer has come."""
    with client(dashboard, run) as tally:
        tally.wait()
        time.sleep(min(SETTLE_S, seconds / 8))
        before = tally.bytes
        share = _share(dashboard, seconds)
        return share, (tally.bytes - before) / seconds


def _share(dashboard: Dashboard, seconds: float) -> float:
    cpu_s, began = dashboard.process.cpu_s(), time.monotonic()
    time.sleep(seconds)
    return (dashboard.process.cpu_s() - cpu_s) / (time.monotonic() - began)


def _still_runs(driver: Process) -> None:
    if not driver.runs:
        raise OutsideError("the run ended before it was measured")


__all__ = ["measure"]
