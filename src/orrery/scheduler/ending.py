"""How tasks end: the last step of each, and the failures that are the scheduler's own."""

from __future__ import annotations

from orrery.errors import Failure
from orrery.scheduler import events as ev
from orrery.scheduler.record import Record
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import State, Step, after


def end(run: RunRecord, record: Record, step: Step) -> None:
    """Let a task end; what follows from it is found by `settle`."""
    task = record.task.id
    record.state = state = after(record.state, step, task=task)
    record.stop = None
    record.hedging = False
    run.in_flight.pop(task, None)
    run.open -= 1
    if state is State.FAILED:
        run.failed[task] = None
    run.settling.append(record)


def give_up(run: RunRecord, record: Record, failure: Failure, step: Step) -> None:
    """End a task without a result, by the scheduler's own decision."""
    record.failure = failure
    run.decisions.append(ev.TaskGaveUp(run.now, record.task.id, failure, cancelled=step is Step.CANCEL))
    end(run, record, step)


def cancelled(because: str) -> Failure:
    """What a task is left with that was ended on purpose."""
    return Failure("Cancelled", because, code="cancelled", severity="permanent")


def timed_out(record: Record, what: str) -> Failure:
    """What an attempt is left with that took longer than it may."""
    limit = record.task.limits.timeout_s
    return Failure("TimeoutError", f"{what} longer than its timeout of {limit:g} s", code="timeout")


def broken_condition(place: str, error: Exception) -> Failure:
    """What a task is left with whose condition cannot be computed."""
    return Failure("ExpressionError", f"{place}: {error}", code="expression", severity="permanent")
