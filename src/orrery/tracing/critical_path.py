"""The critical path as it really was: the chain of attempts that a run waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from orrery.graph.ref import TaskId
from orrery.scheduler.machine import Machine
from orrery.tracing.attempts import Attempt

SLACK_S = 1e-3
"""By how much a task may seem to begin before what it waited for ended: a worker's clock follows the driver's."""


def critical_path(machine: Machine, attempts: Iterable[Attempt]) -> list[Attempt]:
    """The chain of attempts that decided when the run was done, first one first.

    From the attempt that ended last, step to the attempt whose end it waited for: an earlier one of the same
    task, or the last to end among those it depends on; a grown task waits for its children, a child for what
    its parent waited for.
    """
    by_task: dict[TaskId, list[Attempt]] = {}
    last: Attempt | None = None
    for attempt in attempts:
        by_task.setdefault(attempt.task, []).append(attempt)
        if attempt.outcome != "grown" and (last is None or attempt.ended_at > last.ended_at):
            last = attempt
    path: list[Attempt] = []
    while last is not None:
        path.append(last)
        last = _waited_for(machine, by_task, last)
    return path[::-1]


def _waited_for(machine: Machine, by_task: Mapping[TaskId, list[Attempt]], attempt: Attempt) -> Attempt | None:
    candidates = [other for other in by_task[attempt.task] if other.number < attempt.number]
    seen: set[TaskId] = {attempt.task}
    ahead = list(_sources(machine, attempt.task))
    while ahead:
        task = ahead.pop()
        if task in seen:
            continue
        seen.add(task)
        own = [other for other in by_task.get(task, ()) if other.outcome != "grown"]
        if own:
            candidates += own
        else:  # it never ran itself: it was skipped, answered by a person, or is the sum of its children
            ahead += machine.graph.incoming.get(task, ())
    earlier = [other for other in candidates if other.ended_at <= attempt.began_at + SLACK_S]
    return max(earlier, key=lambda other: other.ended_at, default=None)


def _sources(machine: Machine, task: TaskId) -> Iterator[TaskId]:
    """What a task waits for; for a child also what its parent waited for, siblings aside."""
    current: TaskId | None = task
    inside: TaskId | None = None
    while current is not None:
        for source in machine.graph.incoming.get(current, ()):
            record = machine.records.get(source)
            if inside is None or record is None or record.parent != current:
                yield source
        record = machine.records.get(current)
        inside, current = current, record.parent if record is not None else None
