"""Tally: who did what and when, from the run's own events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orrery.scheduler import Event
from orrery.scheduler import events as ev

HERE = "here"
"""This machine, which joins the fleet's work together."""


@dataclass(frozen=True)
class Done:
    """An attempt that succeeded: where, and from when to when, in seconds since the epoch."""

    task: str
    where: str
    began_at: float
    ended_at: float


@dataclass
class Tally:
    """What has happened so far.

    Attributes:
        holders: tasks that have not ended, with the device that has each.
        moved: tasks that a device had and another one was given.
    """

    began_at: float = 0.0
    done: list[Done] = field(default_factory=list)
    holders: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    def take(self, _run: str, events: Sequence[Event]) -> None:
        """Something is durable; an observer of the session."""
        for event in events:
            match event:
                case ev.RunStarted(at=at):
                    self.began_at = at
                case ev.TaskProgressed(task=task, where=where) if where:
                    before = self.holders.get(task, where)
                    if before != where:
                        self.moved[task] = before
                    self.holders[task] = where
                case ev.TaskSucceeded(at=at, task=task):
                    self.holders.pop(task, None)
                    self.done.append(Done(task, event.where or HERE, event.began_at or at, at))
                case ev.TaskFailed(task=task):
                    self.holders.pop(task, None)

    def on(self, device: str) -> list[Done]:
        """What a device has done."""
        return [one for one in self.done if one.where == device]

    def busy_on(self, device: str) -> int:
        """How many tasks a device has in hand, as far as was said."""
        return sum(holder == device for holder in self.holders.values())

    @property
    def sequential_s(self) -> float:
        """How long all that was done would have taken one after the other."""
        return sum(one.ended_at - one.began_at for one in self.done)
