"""Attempts: when each try at a task began and ended, read off the events of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from orrery.graph.ref import TaskId
from orrery.scheduler import events as ev

Ending = Literal["succeeded", "failed", "grown", "stopped", "lost", "running"]
"""How an attempt ended; "running" of one that has not."""


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
    outcome: Ending

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.ended_at - self.began_at


ENDINGS: dict[type[ev.Event], Ending] = {
    ev.TaskSucceeded: "succeeded",
    ev.TaskFailed: "failed",
    ev.TaskExpanded: "grown",
    ev.TaskStopped: "stopped",
    ev.AttemptLost: "lost",
}
"""The events with which an attempt ends."""


class Attempts:
    """Turns the events of a run into its attempts. Remembers only those that are open."""

    def __init__(self) -> None:
        self.open: dict[tuple[TaskId, int], float] = {}
        self._doubted: dict[tuple[TaskId, int], tuple[float, float]] = {}

    def take(self, event: ev.Event) -> Attempt | None:
        """The attempt that ended with this event."""
        if isinstance(event, ev.TaskStarted):
            self.open[event.task, event.attempt] = event.at
            return None
        outcome = ENDINGS.get(type(event))
        if outcome is None:
            return None
        final: Any = event
        task, number = final.task, final.attempt
        queued = self.open.pop((task, number), None)
        if queued is None:
            queued, _ = self._doubted.pop((task, number), (None, None))
        if queued is None:
            return None
        ended_at = max(queued, event.at)
        began_at = min(ended_at, max(queued, getattr(event, "began_at", None) or queued))
        return Attempt(task, number, queued, began_at, ended_at, outcome)

    def doubt(self, at: float) -> None:
        """Their driver ended: what is open is lost, unless an executor that outlived him says yet how it ended."""
        self._doubted |= {key: (queued, at) for key, queued in self.open.items()}
        self.open.clear()

    def abandon(self, at: float) -> Iterator[Attempt]:
        """Close whatever has not ended: the log does."""
        for (task, number), (queued, lost_at) in self._doubted.items():
            yield Attempt(task, number, queued, queued, max(lost_at, queued), "lost")
        for (task, number), queued in self.open.items():
            yield Attempt(task, number, queued, queued, max(at, queued), "running")
        self._doubted.clear()
        self.open.clear()


def attempts_of(events: Iterable[ev.Event]) -> list[Attempt]:
    """Every attempt of a run, in the order in which they began."""
    reader = Attempts()
    found: list[Attempt] = []
    at = 0.0
    for event in events:
        if isinstance(event, ev.RunResumed):
            reader.doubt(at)
        elif (attempt := reader.take(event)) is not None:
            found.append(attempt)
        at = event.at
    found.extend(reader.abandon(at))
    found.sort(key=lambda attempt: (attempt.queued_at, attempt.task, attempt.number))
    return found
