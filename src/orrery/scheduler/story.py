"""Story: why a task is here, waits, runs or failed, in a sentence that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable

from orrery.errors import suggestion
from orrery.graph.ref import TaskId
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.states import ENDED, State

MOST_NAMES = 4


def story(machine: Machine, task: TaskId) -> str:
    """One sentence about the present state of a task and its cause."""
    record = machine.records.get(task)
    if record is None:
        return f"There is no task {task!r} in run {machine.run}; {suggestion(task, machine.records)}."
    said = f"{task} {_origin(record)}{_state(machine, record)}".rstrip()
    return said if said.endswith((".", "?", "!", "…")) else f"{said}."  # a question, or an error's words, may end it


def _origin(record: Record) -> str:
    return f"was added by {record.parent} and " if record.parent else ""


def _state(machine: Machine, record: Record) -> str:
    attempt = f"attempt {record.attempt}"
    match record.state:
        case State.WAITING:
            return f"waits for {_waits_for(machine, record)}"
        case State.READY:
            return f"is ready since {_since(machine, record)} and waits for {_queue_reason(machine, record)}"
        case State.RUNNING:
            extra = f" (hedged: attempts {', '.join(map(str, record.live))})" if len(record.live) > 1 else ""
            lost = f" after {record.because}" if record.crashes else ""
            return f"runs, {attempt}{extra}{lost}"
        case State.RETRYING:
            return f"failed in {attempt} ({record.because}) and waits for the next one"
        case State.STOPPING:
            return f"is being stopped in {attempt}: {record.stop}"
        case State.GROWN:
            left = sum(machine.records[c].state not in ENDED for c in machine.graph.incoming[record.task.id])
            return f"grew into more tasks and waits for {left} of them"
        case State.ASKING:
            return f"waits for a person: {record.because}"
        case State.SUCCEEDED:
            tries = f" after {record.failed} failed" if record.failed else ""
            return f"succeeded in {attempt}{tries}" if record.attempt else "succeeded"
        case State.FAILED:
            what = f"failed in {attempt}" if record.attempt else "failed without being started"
            return f"{what}: {record.failure}"
        case State.SKIPPED:
            return f"was skipped because {record.because}"
        case State.CANCELLED:
            return f"was cancelled: {record.failure.message if record.failure else 'the run ended'}"


def _waits_for(machine: Machine, record: Record) -> str:
    open_sources = [
        source for source in machine.graph.incoming[record.task.id] if machine.records[source].state not in ENDED
    ]
    names = _listed(f"{source} ({machine.records[source].state.value})" for source in open_sources)
    if record.task.join is not None:
        return f"{record.needs} more of {names}"
    return names


def _queue_reason(machine: Machine, record: Record) -> str:
    if record.held:
        return "an edit that is being thought about"
    if machine.paused:
        return "the run to be continued"
    if not machine.pools.fits(record.demand):
        short = [name for name, amount in record.demand if machine.pools.free.get(name, amount) < amount]
        return f"a free slot of {_listed(short)}"
    if not machine.ledger.affords(record.task.estimate):
        return "running attempts to leave enough of the budget"
    return "its turn"


def _since(machine: Machine, record: Record) -> str:
    waited = machine.now - (record.ready_at if record.ready_at is not None else machine.now)
    return f"{waited:.3g} s"


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return ", ".join(known[:MOST_NAMES]) + more
