"""Executor: where an operation runs. What is asked of it, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from orrery.graph.ref import TaskId
from orrery.graph.task import Limits
from orrery.journal.blobs import BlobStore
from orrery.scheduler.events import Event


class Invocation(msgspec.Struct, frozen=True, gc=False):
    """One attempt at one task, ready to run: every reference is resolved.

    `key` is the idempotency key, the same for all attempts of a task. `folder` is the working folder
    against which relative paths are read.
    """

    run: str
    task: TaskId
    attempt: int
    key: str
    op: str
    args: Mapping[str, Any]
    limits: Limits
    folder: str


class Host(Protocol):
    """What an executor may ask of the driver that opened it."""

    @property
    def blobs(self) -> BlobStore:
        """Where large values go."""

    def now(self) -> float:
        """The run's clock, in seconds since the epoch."""

    def report(self, run: str, event: Event) -> None:
        """Hand over what happened. May be called from any thread; never blocks."""


class Executor(Protocol):
    """Runs attempts, at most `capacity` at a time (the scheduler sees to that).

    For every attempt that was started, exactly one final event is reported: TaskSucceeded, TaskFailed,
    TaskExpanded, TaskStopped (only after `cancel`) or AttemptLost; TaskProgressed may come before it.
    """

    @property
    def capacity(self) -> int:
        """How many attempts it can run at once."""

    async def open(self, host: Host) -> None:
        """Get ready; nothing is started before this."""

    def start(self, invocation: Invocation) -> None:
        """Begin an attempt and return at once."""

    def cancel(self, run: str, task: TaskId, attempt: int) -> None:
        """Ask that an attempt ends; it is confirmed by its final event. Unknown attempts are ignored."""

    async def close(self) -> None:
        """Stop everything and free what was held; attempts still running are cancelled."""
