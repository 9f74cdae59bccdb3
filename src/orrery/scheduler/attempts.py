"""Attempts: how they start, and every way in which they end."""

from __future__ import annotations

import msgspec

from orrery.errors import Failure
from orrery.graph.ref import TaskId
from orrery.scheduler import events as ev
from orrery.scheduler.asking import ask
from orrery.scheduler.ending import cancelled, end, give_up
from orrery.scheduler.record import Record
from orrery.scheduler.retries import pause_s
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import State, Step, after
from orrery.scheduler.stopping import confirm_lingering, exceed, linger_all, release


def task_refused(run: RunRecord, event: ev.TaskRefused) -> ev.Event | None:
    """Fail a ready task that can never start."""
    record = run.records.get(event.task)
    if record is None or record.state is not State.READY:
        return None
    record.failure = event.failure
    end(run, record, Step.FAIL)
    return event


def task_started(run: RunRecord, event: ev.TaskStarted) -> ev.Event | None:
    """Note that an attempt was handed to its executor."""
    record = run.records.get(event.task)
    if record is None or event.attempt != record.attempt + 1:
        return None
    if record.state is not State.READY and not record.hedging:
        return None
    record.state = after(record.state, Step.START, task=event.task)
    record.attempt = event.attempt
    record.live = (*record.live, event.attempt)
    record.hedging = False
    run.in_flight[event.task] = record
    run.pools.acquire(record.demand)
    task = record.task
    if task.estimate.money or task.estimate.tokens:
        run.ledger.reserve(task.estimate)
    limits = task.limits
    if limits.timeout_s is not None:
        run.timers.set(event.at + limits.timeout_s, "timeout", event.task, event.attempt)
    if limits.hedge_after_s is not None and len(record.live) == 1:
        run.timers.set(event.at + limits.hedge_after_s, "hedge", event.task, event.attempt)
    return event


def task_succeeded(run: RunRecord, event: ev.TaskSucceeded) -> ev.Event | None:
    """Take a result; whatever else was tried for it is stopped."""
    record = attempt_ended(run, event.task, event.attempt, event.usage)
    if record is None:
        return None
    record.value = bytes(event.value)
    record.where = event.where
    if record.live:
        linger_all(run, record)
    end(run, record, Step.SUCCEED)
    return event


def task_failed(run: RunRecord, event: ev.TaskFailed) -> ev.Event | None:
    """Take a failure: repeat the attempt, or let the task fail."""
    record = attempt_ended(run, event.task, event.attempt, event.usage)
    if record is None:
        return None
    if not record.live:
        record.where = event.where
        if record.state is State.STOPPING:
            stopped(run, record)
        else:
            record.failed += 1
            retry_or_fail(run, record, event.failure)
    return event


def attempt_lost(run: RunRecord, event: ev.AttemptLost) -> ev.Event | None:
    """A worker vanished: repeat the attempt where its effects allow."""
    record = attempt_ended(run, event.task, event.attempt, None)
    if record is None:
        return None
    _left(run, record, event.because or "its worker vanished", nothing_done=event.nothing_done)
    return event


def task_stopped(run: RunRecord, event: ev.TaskStopped) -> ev.Event | None:
    """A stopped attempt has ended: go on with why it was stopped."""
    record = attempt_ended(run, event.task, event.attempt, event.usage)
    if record is None:
        return None
    _left(run, record, "its executor stopped it")  # without being asked to, where nobody was stopping it
    return event


def _left(run: RunRecord, record: Record, because: str, *, nothing_done: bool = False) -> None:
    """An attempt is gone without an answer: as was wanted, or lost."""
    if not record.live:
        if record.state is State.STOPPING:
            stopped(run, record)
        else:
            lost(run, record, because, nothing_done=nothing_done)


def attempt_ended(run: RunRecord, task: TaskId, attempt: int, usage: ev.Usage | None) -> Record | None:
    """Take a live attempt off its record and free what it held; None if it no longer counts."""
    record = run.records.get(task)
    if record is None or attempt not in record.live:
        confirm_lingering(run, task, attempt)
        return None
    record.live = tuple(a for a in record.live if a != attempt)
    record.hedging = False  # what was to be hedged is over; a hedge that is queued must not start
    release(run, record)
    if usage is not None:
        spend(run, usage)
    return record


def spend(run: RunRecord, usage: ev.Usage) -> None:
    """Count what an attempt consumed, and stop the run if that was too much."""
    run.ledger.spend(usage)
    over = run.ledger.exceeded()
    if over is not None and run.stopping is None:
        exceed(run, *over)


def retry_or_fail(run: RunRecord, record: Record, failure: Failure) -> None:
    """Schedule the next attempt, or let the task fail for good."""
    task = record.task
    pause = None
    if run.stopping is None and not run.cancelling:
        pause = pause_s(task.limits.retry, failure, failed=record.failed, seed=run.options.seed, task=task.id)
    if pause is None:
        record.failure = failure
        end(run, record, Step.FAIL)
        return
    record.state = after(record.state, Step.RETRY, task=task.id)
    run.in_flight.pop(task.id, None)
    record.because = str(failure)
    due = run.now + pause
    run.timers.set(due, "retry", task.id, record.attempt)
    run.decisions.append(ev.RetryScheduled(run.now, task.id, record.attempt, due, record.because))


def lost(run: RunRecord, record: Record, because: str, *, nothing_done: bool = False) -> None:
    """An attempt vanished: whether it had an effect is unknown, unless it is known that it never began."""
    run.in_flight.pop(record.task.id, None)
    record.because = because
    if nothing_done:
        record.state = after(record.state, Step.LOSE, task=record.task.id)
        run.ready.push(record)
        return
    record.crashes += 1
    if record.task.effects.kind == "once":
        question = f"{because} while {record.task.id!r} was in flight; whether it took effect is unknown"
        ask(run, record, question, Step.ASK)
    elif record.crashes > run.options.max_crashes:
        why = f"{because}; it has now been in flight at {record.crashes} crashes"
        give_up(run, record, Failure("WorkerLostError", why, code="worker-lost", severity="permanent"), Step.FAIL)
    else:
        record.state = after(record.state, Step.LOSE, task=record.task.id)
        run.ready.push(record)


def stopped(run: RunRecord, record: Record) -> None:
    """The attempts of a task that was being stopped have ended."""
    failure = record.stop or cancelled("it was stopped")
    record.stop = None
    if record.cancelling:
        give_up(run, record, failure, Step.CANCEL)
    elif failure.code == "timeout":
        record.failed += 1
        if record.task.effects.kind == "once":
            failure = msgspec.structs.replace(failure, severity="effect-unknown")
        retry_or_fail(run, record, failure)
    else:
        give_up(run, record, failure, Step.FAIL)
