"""Judge: whether a run's log, those who did its work, and what it left in the world are as promised."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from orrery.bench.fleet_drills.drill import SUBJECT, Drill
from orrery.bench.fleet_drills.driver import RUN
from orrery.bench.fleet_drills.witness import Execution
from orrery.graph.values import decode
from orrery.journal.stores import open_journal
from orrery.runtime.history import fold
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine

CLOCK_S = 0.05
"""How much later the log may say that something was than it really was known."""


def broken_promises(
    drill: Drill, store: str, sink: Path, executions: Sequence[Execution]
) -> tuple[list[str], list[str], list[str]]:
    """What was not as promised: lost results, doubled effects, and the rest."""
    events: list[ev.AnyEvent] = []
    journal = open_journal(store, "process")
    try:
        machine = fold(journal, RUN, watch=lambda event, _machine: events.append(event)).machine
    finally:
        journal.close()
    effects = [json.loads(line) for line in sink.read_text(encoding="utf-8").splitlines()]
    return (
        [*_lost(events, executions)],
        [*_doubled(machine, events, effects)],
        [*_otherwise(drill, machine, events, executions)],
    )


def _lost(events: Sequence[ev.AnyEvent], executions: Sequence[Execution]) -> Iterator[str]:
    """What was done counts, and is not done again once it was reported."""
    succeeded = {event.task: event for event in events if isinstance(event, ev.TaskSucceeded)}
    for task in dict.fromkeys(one.task for one in executions):
        values = [one.value for one in executions if one.task == task and one.value]
        event = succeeded.get(task)
        if event is None:
            if values:
                yield f"{task} was done, and the run does not know"
            continue
        if decode(event.value) not in values:
            yield f"the run has {decode(event.value)!r} of {task}, which nobody returned"
        for one in executions:
            if one.task == task and one.began_at > event.at + CLOCK_S:
                yield f"{task} was done again on {one.device} after its result was in the log"


def _doubled(machine: Machine, events: Sequence[ev.AnyEvent], effects: Sequence[dict[str, object]]) -> Iterator[str]:
    """How often each task changed the world, against what its kind allows."""
    words = Counter(event.task for event in events if isinstance(event, ev.TaskAnswered) and event.verdict == "rerun")
    done = Counter(str(effect["task"]) for effect in effects)
    keys = {task: {effect["key"] for effect in effects if effect["task"] == task} for task in done}
    for task, record in machine.records.items():
        kind, succeeded = record.task.effects.kind, record.state.value == "succeeded"
        if kind == "once" and done[task] > 1 + words[task]:
            yield f"{task} may happen once, and happened {done[task]} times"
        if kind == "keyed" and done[task] > 1:
            yield f"{task} was booked {done[task]} times, under the keys {sorted(map(str, keys[task]))}"
        if kind != "pure" and succeeded and not done[task]:
            yield f"{task} succeeded, and nothing came of it"
        if kind == "pure" and done[task]:
            yield f"{task} is pure, and changed something"


def _otherwise(
    drill: Drill, machine: Machine, events: Sequence[ev.AnyEvent], executions: Sequence[Execution]
) -> Iterator[str]:
    promise = drill.promise
    if machine.state != promise.state:
        yield f"the run {machine.state} ({machine.failure}) where it was to be {promise.state}"
    questions = {event.task: event.question for event in events if isinstance(event, ev.PersonAsked)}
    if promise.asks != (SUBJECT in questions):
        yield f"a person was {'not ' if promise.asks else ''}asked about {SUBJECT}: {questions.get(SUBJECT, '')}"
    said = f"{machine.failure}; {machine.records[SUBJECT].failure}; {questions.get(SUBJECT, '')}"
    for word in promise.says:
        if word not in said:
            yield f"{word!r} is not named in {said!r}"
    least, most = promise.times
    for task in machine.records:
        of_it = [one for one in executions if one.task == task]
        if task == SUBJECT and not least <= len(of_it) <= most:
            yield f"{SUBJECT} was performed {len(of_it)} times, on {[one.device for one in of_it]}"
        if task != SUBJECT and len(of_it) > 1:
            yield f"{task}, which nothing happened to, was performed {len(of_it)} times"
        if len({one.key for one in of_it}) > 1:
            yield f"{task} was performed under several keys"
        if machine.records[task].task.effects.kind != "pure":
            for earlier, later in pairwise(of_it):
                if earlier.gone_at is None or earlier.gone_at > later.began_at:
                    yield f"{task} ran on {earlier.device} and {later.device} at the same time"


__all__ = ["broken_promises"]
