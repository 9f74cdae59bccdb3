"""Slowdown: how much longer a run takes while somebody looks at it.

The run keeps one processor at work, so that whatever is taken from it shows. It goes on all the while; turns in which
somebody looks lie between turns in which nobody does, and each is compared with its two neighbours, so that whatever
else the machine does falls on both. How far a turn came is read from the run's own log.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from orrery.bench.dashboard import browser, clients
from orrery.bench.dashboard.driver import Load
from orrery.bench.dashboard.processes import Dashboard, Process, Stage
from orrery.bench.dashboard.section import EVENTS_A_SECOND, Section
from orrery.bench.report import Row
from orrery.errors import OutsideError
from orrery.journal.sqlite import SqliteJournal

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BAR_PERCENT = 5.0
TASK_S = 0.0038
"""Seconds of work in each task: with what a task costs besides, some 500 events a second."""
SETTLE_S = 0.5
"""From the coming or going of whoever looks to the turn that counts."""
STILL_S = 10.0
"""How long a run may be without an event."""
AT_ONCE = 4
"""Tasks under way at once: the run writes of them together, and few make small steps."""

Looking = Callable[[str], AbstractContextManager[object]]
"""Looks at a run while the block lasts; ready once it is entered."""


@dataclass
class Found:
    """Seconds for an event while nobody looks, between two turns of somebody; and processor time of the run for one."""

    alone: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    alone_cpu: list[float] = field(default_factory=list)
    watched_cpu: list[float] = field(default_factory=list)

    def percent(self) -> list[float]:
        """How much longer an event takes in each turn that is watched than in its neighbours."""
        return [100 * (ours / alone - 1) for alone, ours in zip(self.alone, self.watched, strict=True)]


def measure(stage: Stage, chromium: Browser | None, *, tasks: int, turns: int, turn_s: float, seed: int) -> Section:
    """How much slower a run is for one who listens to it, and, where there is a browser, for a page that is open."""
    load = Load(run="busy", store=stage.store, shape="layers", tasks=tasks, busy_s=TASK_S, at_once=AT_ONCE, seed=seed)
    with stage.dashboard() as dashboard:
        heard = _in_turns(stage, load, _listener(dashboard), turns, turn_s)
        rows = _rows("one who listens", heard)
        if chromium is not None:
            with browser.window(chromium, dashboard) as window:
                shown = _in_turns(stage, load, _shower(window), turns, turn_s)
            rows += _rows("a page in a browser on the same machine", shown)
    return Section(rows)


def _listener(dashboard: Dashboard) -> Looking:
    tallies: dict[str, clients.Tally] = {}

    @contextmanager
    def listen(run: str) -> Iterator[None]:
        tally = tallies.setdefault(run, clients.Tally())
        before = tally.answers
        with clients.listening(dashboard, run, tally):
            tally.wait(more_than=before)
            yield

    return listen


def _shower(window: browser.Window) -> Looking:
    @contextmanager
    def show(run: str) -> Iterator[None]:
        window.show(run)
        yield
        window.leave()

    return show


def _in_turns(stage: Stage, load: Load, looking: Looking, turns: int, turn_s: float) -> Found:
    """Let runs go on, one after the other, until so many turns were watched."""
    found = Found()
    with closing(SqliteJournal(stage.root / "runs.db")) as journal:
        while len(found.watched) < turns:
            part = msgspec.structs.replace(load, run=f"{load.run}-{next(stage.numbers)}")

            def head(run: str = part.run) -> int:
                return journal.head(run)

            with stage.driven(part) as driver:
                _one_run(driver, head, part, looking, found, turns=turns, turn_s=turn_s)
    return found


def _one_run(
    driver: Process, head: Callable[[], int], load: Load, looking: Looking, found: Found, *, turns: int, turn_s: float
) -> None:
    """Take turns while the run is not near its end."""
    nobody: AbstractContextManager[object] = nullcontext()
    with looking(load.run):  # so that the server knows what was before
        pass
    before, enough = _turn(driver, head, nobody, turn_s), 2 * load.tasks - _two_turns(turn_s)
    while len(found.watched) < turns and head() < enough:
        ours = _turn(driver, head, looking(load.run), turn_s)
        after = _turn(driver, head, nobody, turn_s)
        if not driver.runs:
            raise OutsideError(f"the run {load.run} ended while it was measured")
        found.watched.append(ours.seconds)
        found.alone.append((before.seconds + after.seconds) / 2)
        found.watched_cpu.append(ours.cpu_s)
        found.alone_cpu.append((before.cpu_s + after.cpu_s) / 2)
        before = after


def _two_turns(turn_s: float) -> float:
    """More events than a run makes while somebody looks for a turn, and nobody for another."""
    return 1.5 * EVENTS_A_SECOND * (2 * (SETTLE_S + turn_s) + 1)


class _Turn(NamedTuple):
    """For one event: seconds, and processor time of the run."""

    seconds: float
    cpu_s: float


def _turn(driver: Process, head: Callable[[], int], somebody: AbstractContextManager[object], seconds: float) -> _Turn:
    with somebody:
        time.sleep(SETTLE_S)
        first, began = _moved(head)
        cpu_s = driver.cpu_s()
        time.sleep(seconds)
        last, ended = _moved(head)
        used = driver.cpu_s() - cpu_s
    return _Turn((ended - began) / (last - first), used / (last - first))


def _moved(head: Callable[[], int]) -> tuple[int, float]:
    """The number of the last event as soon as there is another one, and when that was. Raises OutsideError."""
    first, until = head(), time.monotonic() + STILL_S
    while (now := head()) == first:
        if time.monotonic() > until:
            raise OutsideError(f"the run made no event for {STILL_S:g} s")
        time.sleep(0.001)
    return now, time.monotonic()


def _rows(who: str, found: Found) -> list[Row]:
    """The slowdown is judged by the clock; processor time says how much of it the run itself does more."""
    percent = statistics.median(found.percent())
    alone, watched = statistics.median(found.alone), statistics.median(found.watched)
    alone_cpu, watched_cpu = statistics.median(found.alone_cpu), statistics.median(found.watched_cpu)
    quartiles = statistics.quantiles(found.percent(), n=4, method="inclusive") if len(found.watched) > 1 else [percent]
    return [
        Row(
            f"slowdown of a run by {who} (quartiles {quartiles[0]:.1f} and {quartiles[-1]:.1f})",
            percent,
            "%",
            target=f"<= {BAR_PERCENT:g} %",
            ok=percent <= BAR_PERCENT,
        ),
        Row(f"seconds for an event, with {who}; nobody", 1e3 * watched, "ms", 1e3 * alone, watched / alone),
        Row(
            f"the run's processor time for an event, with {who}; nobody",
            1e3 * watched_cpu,
            "ms",
            1e3 * alone_cpu,
            watched_cpu / alone_cpu,
        ),
    ]


__all__ = ["measure"]
