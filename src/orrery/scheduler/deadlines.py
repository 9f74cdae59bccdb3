"""Deadlines: what happens when time has passed."""

from __future__ import annotations

from orrery.errors import Failure
from orrery.graph.ref import TaskId
from orrery.scheduler import events as ev
from orrery.scheduler.asking import question_number, release_edit
from orrery.scheduler.attempts import attempt_ended, stopped
from orrery.scheduler.ending import give_up, timed_out
from orrery.scheduler.record import Record
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import ENDED, State, Step, after
from orrery.scheduler.stopping import cancel, confirm_lingering, exceed, stop_all
from orrery.scheduler.triggers import settle


def time_reached(run: RunRecord, event: ev.TimeReached) -> ev.Event | None:
    """Act on everything that is due by now."""
    anything = False
    while (entry := run.timers.pop_due(event.at)) is not None:
        due, kind, subject, attempt = entry
        anything = True
        if kind == "hold":
            if subject in run.edits and due >= run.edits[subject].until:  # not one opened again since
                release_edit(run, subject)
        elif kind == "wall":
            if run.stopping is None and not run.cancelling:
                exceed(run, "wall", due - run.started_at, run.options.budget.wall_s or 0.0)
        else:
            _act_on(run, kind, subject, attempt)
        if run.settling:
            settle(run)
    return event if anything else None


def _act_on(run: RunRecord, kind: str, task: TaskId, attempt: int) -> None:
    record = run.records.get(task)
    if kind == "grace":
        _grace_over(run, record, task, attempt)
        return
    if record is None or record.state in ENDED:
        return
    match kind:
        case "retry" if record.state is State.RETRYING and record.attempt == attempt:
            record.state = after(record.state, Step.WAKE, task=task)
            run.ready.push(record)
        case "hedge" if record.state is State.RUNNING and record.live == (attempt,):
            record.hedging = True
            run.ready.push(record)
        case "timeout" if record.state is State.ASKING and attempt == question_number(record):
            give_up(run, record, timed_out(record, "nobody answered"), Step.FAIL)
        case "timeout" if record.state is State.RUNNING and attempt in record.live:
            if len(record.live) == 1:
                stop_all(run, record, timed_out(record, "the attempt ran"), cancelling=False)
            else:
                record.live = tuple(a for a in record.live if a != attempt)
                run.lingering[(task, attempt)] = record
                cancel(run, record, attempt)
        case "deadline" if record.order == attempt:
            _deadline_passed(run, record)
        case _:
            pass


def _deadline_passed(run: RunRecord, record: Record) -> None:
    limit = record.task.limits.deadline_s
    if limit is None or record.ready_at is None or run.now < record.ready_at + limit:
        return  # it was replaced since
    why = f"it was not done {limit:g} s after it became ready"
    failure = Failure("DeadlineExceeded", why, code="deadline", severity="permanent")
    if record.state is State.RUNNING:
        stop_all(run, record, failure, cancelling=False)
    elif record.state is State.STOPPING and not record.cancelling:
        record.stop = failure
    elif record.state in (State.READY, State.RETRYING, State.ASKING):
        give_up(run, record, failure, Step.FAIL)


def _grace_over(run: RunRecord, record: Record | None, task: TaskId, attempt: int) -> None:
    """A cancelled attempt did not confirm in time: it is given up, and its late answer will not count."""
    confirm_lingering(run, task, attempt)
    if record is not None and record.state is State.STOPPING and attempt in record.live:
        attempt_ended(run, task, attempt, None)
        if not record.live:
            stopped(run, record)
