"""How attempts are stopped: one that took too long, those of a cancelled run, those over budget."""

from __future__ import annotations

from orrery.errors import Failure
from orrery.graph.ref import TaskId
from orrery.scheduler import events as ev
from orrery.scheduler.commands import CancelTask
from orrery.scheduler.ending import cancelled, give_up
from orrery.scheduler.record import Record
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import ENDED, State, Step, after


def stop_all(run: RunRecord, record: Record, failure: Failure, *, cancelling: bool) -> None:
    """Ask that every attempt of a task ends; what follows is decided when they have."""
    record.state = after(record.state, Step.STOP, task=record.task.id)
    record.stop, record.cancelling, record.hedging = failure, cancelling, False
    for attempt in record.live:
        cancel(run, record, attempt)


def cancel(run: RunRecord, record: Record, attempt: int) -> None:
    """Ask the executor to end an attempt, and set the time by which it must have."""
    task = record.task
    run.cancels.append(CancelTask(run.run, task.id, task.executor, attempt))
    run.timers.set(run.now + run.options.grace_s, "grace", task.id, attempt)


def linger_all(run: RunRecord, record: Record) -> None:
    """The task is decided; its other attempts are asked to end and hold their slots until they have."""
    for attempt in record.live:
        run.lingering[(record.task.id, attempt)] = record
        cancel(run, record, attempt)
    record.live = ()


def confirm_lingering(run: RunRecord, task: TaskId, attempt: int) -> None:
    """Free what an attempt held that did not count any more."""
    record = run.lingering.pop((task, attempt), None)
    if record is not None:
        release(run, record)


def release(run: RunRecord, record: Record) -> None:
    """Give back what an attempt held of the pools and the budget."""
    run.pools.release(record.demand)
    estimate = record.task.estimate
    if estimate.money or estimate.tokens:
        run.ledger.settle(estimate)


def end_everything(run: RunRecord, because: str, *, spare_running: bool = False) -> None:
    """Cancel all that has not ended; attempts in flight are stopped, or left to finish."""
    for record in run.records.values():
        if record.state is State.RUNNING:
            if not spare_running:
                stop_all(run, record, cancelled(because), cancelling=True)
        elif record.state is State.STOPPING:
            record.cancelling = True
            record.stop = cancelled(because)
        elif record.state not in ENDED and record.state is not State.GROWN:
            give_up(run, record, cancelled(because), Step.CANCEL)


def exceed(run: RunRecord, limit: str, spent: float, allowed: float) -> None:
    """Note that a limit of the budget is reached: nothing new starts; over wall time, all is stopped."""
    run.decisions.append(ev.BudgetExceeded(run.now, limit, spent, allowed))
    why = f"the budget of {allowed:g} {_UNITS[limit]} is used up ({spent:g})"
    run.stopping = Failure("BudgetExceeded", why, code="budget", severity="permanent")
    end_everything(run, why, spare_running=limit != "wall")


_UNITS = {"money": "in money", "tokens": "tokens", "wall": "s of wall time"}
