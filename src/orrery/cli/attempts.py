"""Attempts: when each try at a task began and ended, read off the events of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from orrery.graph.ref import TaskId
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine

Outcome = str
"""How an attempt ended: "succeeded", "failed", "grown", "stopped", "lost", or "running" of one that has not."""


class Attempt(NamedTuple):
    """One try at a task; times in seconds since the epoch.

    Args:
        queued_at: when it was handed to its executor.
        began_at: when the executor really began.
    """

    task: TaskId
    number: int
    queued_at: float
    began_at: float
    ended_at: float
    outcome: Outcome

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return max(0.0, self.ended_at - self.began_at)


_OUTCOMES: dict[type[ev.Event], Outcome] = {
    ev.TaskSucceeded: "succeeded",
    ev.TaskFailed: "failed",
    ev.TaskExpanded: "grown",
    ev.TaskStopped: "stopped",
    ev.AttemptLost: "lost",
}


class Attempts:
    """Turns the events of a run into its attempts. Remembers only those that are open."""

    def __init__(self) -> None:
        self.open: dict[tuple[TaskId, int], float] = {}

    def take(self, event: ev.Event) -> Attempt | None:
        """The attempt that ended with this event."""
        if isinstance(event, ev.TaskStarted):
            self.open[event.task, event.attempt] = event.at
            return None
        outcome = _OUTCOMES.get(type(event))
        if outcome is None:
            return None
        ended: Any = event
        task, number = ended.task, ended.attempt
        queued = self.open.pop((task, number), None)
        if queued is None:
            return None
        began = getattr(event, "began_at", None)
        return Attempt(task, number, queued, max(queued, began or queued), max(event.at, queued), outcome)

    def abandon(self, at: float, outcome: Outcome = "lost") -> Iterator[Attempt]:
        """Close whatever is open: their driver ended, or the log does."""
        for (task, number), queued in self.open.items():
            yield Attempt(task, number, queued, queued, max(at, queued), outcome)
        self.open.clear()


def attempts_of(events: Iterable[ev.Event]) -> list[Attempt]:
    """Every attempt of a run, in the order in which they began."""
    reader = Attempts()
    found: list[Attempt] = []
    at = 0.0
    for event in events:
        if isinstance(event, ev.RunResumed):
            found.extend(reader.abandon(at))
        elif (attempt := reader.take(event)) is not None:
            found.append(attempt)
        at = event.at
    found.extend(reader.abandon(at, "running"))
    found.sort(key=lambda attempt: (attempt.queued_at, attempt.task, attempt.number))
    return found


class Parallelism(NamedTuple):
    """How much of a run went on at once.

    Args:
        wall_s: from the first attempt's beginning to the last one's end.
        work_s: the time of all attempts one after the other.
        most: how many ran at once at most.
    """

    wall_s: float
    work_s: float
    most: int

    @property
    def speed_up(self) -> float:
        """How many times faster than one after the other; 1 for a run that did nothing."""
        return self.work_s / self.wall_s if self.wall_s > 0 else 1.0


def parallelism(attempts: Iterable[Attempt]) -> Parallelism:
    """What ran at once, in a run of these attempts."""
    changes: list[tuple[float, int]] = []
    work_s = 0.0
    for attempt in attempts:
        changes += ((attempt.began_at, 1), (attempt.ended_at, -1))
        work_s += attempt.seconds
    changes.sort()
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    wall_s = changes[-1][0] - changes[0][0] if changes else 0.0
    return Parallelism(wall_s, work_s, most)


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
    earlier = [other for other in candidates if other.ended_at <= attempt.began_at + 1e-3]
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
