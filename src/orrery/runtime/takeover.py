"""Takeover: a run whose driver is gone is folded from its log, and driven on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orrery.errors import RunEndedError
from orrery.journal.protocol import Lease
from orrery.runtime.driver import Driver
from orrery.runtime.history import History, fold
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.workflow.code import look_beside

Watch = Callable[[ev.AnyEvent, Machine], None]


def take_over(driver: Driver, run: str, *, watch: Watch | None = None) -> tuple[History, asyncio.Future[None]]:
    """Go on with a run: its history, and a future that is done when it has ended.

    Args:
        watch: called with every event of its log and the machine after it.

    Raises:
        UnknownRunError: the store has no such run.
        RunLockedError: a living process drives it.
        RunEndedError: it has ended; there is nothing to go on with.
        CorruptionError, ReplayDivergedError: its log is damaged, or was written by code that decides otherwise.
    """
    lease = driver.journal.acquire(run, driver.now())
    try:
        history = _resumed(driver, lease, watch)
    except BaseException:
        driver.journal.release(lease)
        raise
    if history.folder:
        look_beside(history.target, history.folder)
    # Whatever became due while nobody drove the run is due now.
    return history, driver.drive(history.machine, lease, history.folder, [ev.TimeReached(driver.now())])


def _resumed(driver: Driver, lease: Lease, watch: Watch | None) -> History:
    history = fold(driver.journal, lease.run, watch=watch)
    machine = history.machine
    if machine.state != "running":
        raise RunEndedError(f"run {lease.run!r} has ended ({machine.state}); there is nothing left to resume")
    _catch_up_with(driver, machine.now)
    resumed = machine.handle(ev.RunResumed(driver.now(), lease.epoch, driver.outliving))
    assert resumed is not None
    events = [resumed, *machine.decisions]
    machine.decisions.clear()
    commit = driver.journal.append([(lease, events)])
    if commit is not None:
        commit.result()
    machine.seq += len(events)
    return history


def _catch_up_with(driver: Driver, at: float) -> None:
    """Move the driver's clock on to `at` if it is behind: a run's time never goes back.

    The run may have been written under a clock that was ahead. Pauses and timeouts count from its last
    event, so a clock that is an hour behind that would make each of them an hour longer.
    """
    clock = driver.now
    behind_s = at - clock()
    if behind_s > 0:
        driver.now = lambda: clock() + behind_s
