"""Outcome: whether a failure is dealt with, and how a run has ended."""

from __future__ import annotations

from orrery.errors import Failure
from orrery.graph.ref import TaskId
from orrery.graph.task import refs_in
from orrery.scheduler import events as ev
from orrery.scheduler.record import Record
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import State


def conclude_run(run: RunRecord) -> None:
    """End the run, nothing in it being open any more."""
    if run.edits or run.in_flight:
        return
    unhandled = [task for task in run.failed if not is_handled(run, run.records[task])]
    outputs = run.graph.outputs
    dangling = {name: why for name, value in outputs.items() if (why := run.leads_nowhere(value))}
    good = [name for name, value in outputs.items() if run.is_available(value) and name not in dangling]
    if run.cancelling:
        run.state = "cancelled"
    elif run.stopping is None and not unhandled and len(good) == len(outputs):
        run.state = "succeeded"
    else:
        real = [name for name in good if any(True for _ in refs_in(outputs[name]))]
        run.state = "partial" if real else "failed"
        run.failure = run.stopping or _first_failure(run, unhandled, dangling)
    run.decisions.append(ev.RunEnded(run.now, run.state, run.failure))


def _first_failure(run: RunRecord, unhandled: list[TaskId], dangling: dict[str, str]) -> Failure:
    if unhandled:
        first = run.records[unhandled[0]]
        return first.failure or Failure("Failure", f"task {unhandled[0]!r} failed", severity="permanent")
    for name, why in dangling.items():
        return Failure("NoOutput", f"output {name!r}: {why}", code="no-output", severity="permanent")
    return Failure(
        "NoOutput", "an output was not produced: its task did not run", code="no-output", severity="permanent"
    )


def is_handled(run: RunRecord, record: Record) -> bool:
    """Whether the graph says what happens when this task fails, so that its failure is not the run's."""
    return record.parent is not None or has_handler(run, record)  # a child is its parent's to judge


def has_handler(run: RunRecord, record: Record) -> bool:
    """Whether another task is there for this one's failure: on failure, by reading it, or by needing only k of n."""
    task = record.task.id
    for target in run.graph.outgoing[task]:
        if target == record.parent:
            continue
        edge = run.graph.incoming[target][task]
        if edge.on == "failure" and edge.hard:
            return True
        reader = run.records[target]
        if edge.on == "completion" and any(ref.task == task for ref in reader.task.refs()):
            return True
        if reader.task.join is not None and reader.state not in (State.WAITING, State.SKIPPED, State.CANCELLED):
            return True
    return False
