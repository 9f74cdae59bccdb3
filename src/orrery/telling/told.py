"""Events as people read them, a line each, and as JSON data."""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.graph.values import decode
from orrery.scheduler import events as ev
from orrery.telling.plain import plain, short, span


def told(event: ev.Event) -> str:
    """What happened, in a line without its time."""
    match event:
        case ev.TaskStarted(attempt=attempt):
            return f"started, attempt {attempt}"
        case ev.TaskSucceeded(attempt=attempt, value=value, began_at=began, where=where):
            took = f" after {span(max(0.0, event.at - began))}" if began is not None else ""
            on = f" on {where}" if where else ""
            return f"succeeded{on}{took}, attempt {attempt}: {short(decode(value), 80)}"
        case ev.TaskFailed(attempt=attempt, failure=failure, where=where):
            return f"attempt {attempt} failed{f' on {where}' if where else ''}: {failure} ({failure.severity})"
        case ev.RetryScheduled(due=due):
            return f"will be tried again in {span(max(0.0, due - event.at))}"
        case ev.TaskProgressed(fraction=fraction, note=note):
            share = f"{fraction:.0%}" if fraction is not None else ""
            return " ".join(filter(None, ("progress", share, note)))
        case ev.TaskExpanded(patch=patch):
            return f"grew: {len(patch.edits)} edits"
        case ev.TaskStopped(attempt=attempt):
            return f"attempt {attempt} was stopped"
        case ev.AttemptLost(attempt=attempt, because=because):
            return f"attempt {attempt} was lost: {because or 'its worker vanished'}"
        case ev.TaskSkipped(because=because):
            return f"skipped: {because}"
        case ev.TaskGaveUp(failure=failure, cancelled=cancelled):
            return f"{'cancelled' if cancelled else 'given up'}: {failure}"
        case ev.TaskRefused(failure=failure):
            return f"refused: {failure}"
        case ev.PersonAsked(question=question):
            return f"a person was asked: {question}"
        case ev.TaskAnswered(verdict=verdict, value=value, by=by, because=because):
            why = f", because {because}" if because else ""
            return f"answered{_by(by)}: {verdict} {short(decode(value), 80)}{why}"
        case ev.GraphPatched(patch=patch):
            return f"the graph was patched{_by(patch.by)}: {len(patch.edits)} edits"
        case ev.PatchRejected(patch=patch, problems=problems):
            return f"a patch{_by(patch.by)} was refused: {'; '.join(problem.message for problem in problems)}"
    return _told_of_run(event)


def _told_of_run(event: ev.Event) -> str:
    """What happened to a run as a whole."""
    match event:
        case ev.RunStarted(target=target):
            return f"the run began{f': {target}' if target else ''}"
        case ev.RunResumed():
            return "the run was taken over by another process; what was in flight is lost"
        case ev.RunPaused(by=by):
            return f"the run was paused{_by(by)}: nothing new starts"
        case ev.RunContinued(by=by):
            return f"the run was continued{_by(by)}"
        case ev.RunCancelRequested(by=by, because=because):
            return f"the run is to end{f', says {by}' if by else ''}{f', because {because}' if because else ''}"
        case ev.EditOpened(edit=edit, tasks=tasks):
            return f"a change is thought about ({edit}){f', which holds {len(tasks)} tasks' if tasks else ''}"
        case ev.EditClosed(edit=edit):
            return f"a change is no longer thought about ({edit})"
        case ev.TimeReached():
            return "a time was reached at which something was due"
        case ev.BudgetExceeded(limit=limit, spent=spent, allowed=allowed):
            return f"the budget is used up: {limit} {spent:g} of {allowed:g}"
        case ev.RunEnded(state=state, failure=failure):
            return f"the run ended: {state}{f', {failure}' if failure is not None else ''}"
    return type(event).__name__


def _by(name: str) -> str:
    return f" by {name}" if name else ""


def plain_event(seq: int, event: ev.Event) -> dict[str, Any]:
    """An event as JSON data: its number, its type, its time and what it says; patches are left out."""
    found: dict[str, Any] = {"seq": seq, "type": type(event).__name__, "at": event.at}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in ("at", "patch", "result"):
            continue
        found[name] = plain(decode(value) if isinstance(value, msgspec.Raw) else value)
    return found
