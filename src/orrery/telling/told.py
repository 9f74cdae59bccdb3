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
            return f"answered{f' by {by}' if by else ''}: {verdict} {short(decode(value), 80)}{why}"
        case ev.GraphPatched(patch=patch):
            by = f" by {patch.by}" if patch.by else ""
            return f"the graph was patched{by}: {len(patch.edits)} edits"
    return type(event).__name__


def plain_event(seq: int, event: ev.Event) -> dict[str, Any]:
    """An event as JSON data: its number, its type, its time and what it says; patches are left out."""
    found: dict[str, Any] = {"seq": seq, "type": type(event).__name__, "at": event.at}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in ("at", "patch", "result"):
            continue
        found[name] = plain(decode(value) if isinstance(value, msgspec.Raw) else value)
    return found
