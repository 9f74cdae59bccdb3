"""Tasks that wait for a person, and edits that somebody is thinking about."""

from __future__ import annotations

from orrery.errors import Failure
from orrery.graph.resolve import as_text
from orrery.scheduler import events as ev
from orrery.scheduler.ending import end
from orrery.scheduler.record import Record
from orrery.scheduler.results import blob_is_too_large
from orrery.scheduler.run_record import Hold, RunRecord
from orrery.scheduler.states import State, Step, after

PERSON = "person"
"""The executor of tasks that wait for a person's answer."""


def ask(run: RunRecord, record: Record, question: str, step: Step) -> None:
    """Let a task wait for a person's word."""
    record.state = after(record.state, step, task=record.task.id)
    record.because = question
    if record.task.limits.timeout_s is not None:
        run.timers.set(run.now + record.task.limits.timeout_s, "timeout", record.task.id, question_number(record))
    run.decisions.append(ev.PersonAsked(run.now, record.task.id, question))


def task_answered(run: RunRecord, event: ev.TaskAnswered) -> ev.Event | None:
    """Take a person's answer."""
    record = run.records.get(event.task)
    if record is None or record.state is not State.ASKING:
        return None
    if event.verdict == "approve":
        record.value = bytes(event.value)
        end(run, record, Step.SUCCEED)
    elif event.verdict == "rerun" and record.task.executor != PERSON:
        record.state = after(record.state, Step.RERUN, task=event.task)
        run.ready.push(record)
    elif event.verdict == "deny":
        who = f" by {event.by}" if event.by else ""
        why = f": {event.because}" if event.because else ""
        record.failure = Failure("Denied", f"it was denied{who}{why}", code="denied", severity="permanent")
        end(run, record, Step.FAIL)
    else:
        return None
    return event


def edit_opened(run: RunRecord, event: ev.EditOpened) -> ev.Event | None:
    """Hold back the tasks that an edit depends on."""
    if event.edit in run.edits:
        return None
    held = tuple(run.records[task] for task in dict.fromkeys(event.tasks) if task in run.records)
    run.edits[event.edit] = Hold(held, event.until)
    for record in held:
        record.held += 1
    run.timers.set(event.until, "hold", event.edit)
    return event


def edit_closed(run: RunRecord, event: ev.EditClosed) -> ev.Event | None:
    """Let go of the tasks that an edit held back."""
    if event.edit not in run.edits:
        return None
    release_edit(run, event.edit)
    return event


def release_edit(run: RunRecord, edit: str) -> None:
    """Put what an edit held back into the queue again, unless another edit holds it too."""
    hold = run.edits.pop(edit, None)
    for record in hold.records if hold is not None else ():
        record.held -= 1
        if record.held == 0 and record.state is State.READY:
            run.ready.push(record)  # its first entry may have been discarded while it was held


def question_number(record: Record) -> int:
    """What tells the timer of one question from that of an earlier one about the same task; no attempt has it."""
    return -1 - record.crashes


def question_of(run: RunRecord, record: Record) -> str:
    """What a person is asked by a task whose executor is `PERSON`. Raises ExpressionError, LookupError."""
    question = run.results.fill(record.task.args.get("question"), blob_is_too_large)
    return as_text(question) if question is not None else record.task.label or record.task.id
