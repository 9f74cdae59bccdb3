"""Command: what the scheduler asks the driver to do. Everything else it says is an event for the log."""

from __future__ import annotations

import msgspec

from orrery.graph.ref import TaskId
from orrery.graph.task import Task


class StartTask(msgspec.Struct, frozen=True, gc=False):
    """Hand an attempt to the task's executor, once the events that made it ready are durable.

    `rank` is the longest remaining estimated path from it, in seconds: executors with a queue take the highest first.
    """

    run: str
    task: Task
    attempt: int
    rank: float = 0.0


class CancelTask(msgspec.Struct, frozen=True, gc=False):
    """Ask the executor to end an attempt; it confirms by a final event."""

    run: str
    task: TaskId
    executor: str
    attempt: int


Command = StartTask | CancelTask
