"""Executor: where an operation runs. What is asked of it, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from orrery.graph.place import Place
from orrery.graph.ref import TaskId
from orrery.graph.task import EffectKind, Limits
from orrery.journal.blobs import BlobStore
from orrery.scheduler.events import Event


class Invocation(msgspec.Struct, frozen=True, gc=False):
    """One attempt at one task, ready to run: every reference is resolved.

    Args:
        key: the idempotency key, the same for all attempts of a task.
        folder: the working folder against which relative paths are read.
        effects: what the operation does to the world.
        place: which devices of a fleet may run it; its references have become names.
        rank: the longest remaining estimated path from it, in seconds; `seconds` is its own estimate.
        run_started_at: when its run began, seconds since the epoch; it tells runs of one name apart.
        outlived: an earlier driver had it begun, and died: it is only to be learnt what became of it.
    """

    run: str
    task: TaskId
    attempt: int
    key: str
    op: str
    args: Mapping[str, Any]
    limits: Limits
    folder: str
    effects: EffectKind = "keyed"
    place: Place | None = None
    rank: float = 0.0
    seconds: float = 1.0
    run_started_at: float = 0.0
    outlived: bool = False


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

    One whose attribute `outlives_driver` is true still knows, after the death of a driver, what it was given: another
    driver starts what may happen only once a second time, with `outlived`, and it must not be done again for that.

    One whose attribute `takes_blobs` is true is given large results as they are kept: as Blobs with the media "value".
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
