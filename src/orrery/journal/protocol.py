"""Journal: where a run is remembered. What every store must do, and the values it speaks in.

A run is written by one process at a time. The right to write is a `Lease`; its `epoch` grows with every
change of hands, and a store refuses what an older epoch writes, so that a process which was believed dead
and is not can do no harm. Reading needs no lease. `orrery.testing.journals` checks all that is said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from orrery.errors import RunNameError
from orrery.journal.blobs import BlobStore
from orrery.scheduler.events import AnyEvent, Event

if TYPE_CHECKING:  # its import costs as much as all of the core
    from concurrent.futures import Future

Durability = Literal["process", "full"]
"""What an acknowledged event survives: the death of the process, or the loss of power as well."""

RequestKind = Literal["cancel", "pause", "continue", "answer", "patch", "hold", "release"]
MAX_RUN_NAME_CHARS = 200


class Lease(msgspec.Struct, frozen=True):
    """The right to write one run; `epoch` is its fencing token."""

    run: str
    epoch: int


class RunSummary(msgspec.Struct, frozen=True):
    """One line about a run.

    Args:
        state: "running", "paused", or the state in which it ended.
        created_at: seconds since the epoch.
        updated_at: the time of its last event, seconds since the epoch.
        events: how many there are.
        target: what was asked to run.
        live: some process holds its lease; a run that is "running" and not live was interrupted.
    """

    run: str
    state: str
    created_at: float
    updated_at: float
    events: int
    target: str
    live: bool


class Request(msgspec.Struct, frozen=True):
    """What another process asks of the one that drives a run.

    A journal carries `payload` (plain data, as `orrery.graph.values.encode` writes it) and does not look inside;
    the runtime puts the event into it that the request amounts to.
    """

    kind: RequestKind
    payload: dict[str, Any] = {}


class Journal(Protocol):
    """The append-only truth of runs. Any method may raise StoreError; a journal that did can still be used.

    One journal belongs to the process that opened it: after a fork the child opens its own.
    """

    @property
    def blobs(self) -> BlobStore:
        """Where values too large for an event live."""

    def create(self, run: str, at: float, target: str = "") -> Lease:
        """Begin a run with no events. Raises RunExistsError, RunLockedError, RunNameError."""

    def acquire(self, run: str, at: float) -> Lease:
        """Take over the writing of a run under a new epoch.

        Raises:
            UnknownRunError: there is no such run.
            RunLockedError: somebody alive holds its lease, this journal included.
        """

    def release(self, lease: Lease) -> None:
        """Give the right back, so that others may acquire the run. A lease that is no longer held is ignored."""

    def append(self, batches: Sequence[tuple[Lease, Sequence[Event]]]) -> Future[None] | None:
        """Add events to the end of runs: all of them in one atomic commit, or none.

        Returns: None when they are durable already, else a future that completes when they are. A future that
            fails takes the leases of its batches with it, so that nothing can be written past the gap.
        Raises:
            FencedError: a lease is no longer held.
            NotSerialisableError: an event cannot be written.
            StoreFullError, StoreReadOnlyError, StoreError: the commit failed.
        """

    def read(self, run: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        """The events of a run with their numbers, from `after` + 1 to what was its end at the first step.

        Numbers count from 1 without gaps. Each event was verified before it is yielded.

        Raises: UnknownRunError; CorruptionError at the first place that does not match its checksum.
        """

    def head(self, run: str) -> int:
        """The number of the last event, 0 when there is none. Raises UnknownRunError."""

    def summary(self, run: str) -> RunSummary:
        """One line about one run, however many others there are. Raises UnknownRunError."""

    def runs(self) -> list[RunSummary]:
        """Every run, in the order in which they were created."""

    def save_snapshot(self, lease: Lease, seq: int, state: bytes) -> None:
        """Keep the state after event `seq` (at most the head), in place of an earlier one. Raises FencedError."""

    def load_snapshot(self, run: str) -> tuple[int, bytes] | None:
        """The last snapshot as (seq, state); None where there is none, or where it or the event it belongs
        to is damaged: the log is the truth, a snapshot only a short cut."""

    def post(self, run: str, request: Request) -> None:
        """Leave a request for whoever drives the run, now or later. Raises UnknownRunError."""

    def collect(self, lease: Lease) -> list[Request]:
        """The requests posted since the last call, oldest first; next to free when there are none.

        A request is forgotten with the next append to the run, which should hold the event it led to; if the
        process dies before, the next holder of the lease gets it again.
        """

    def close(self) -> None:
        """Release every lease and free what is held, once everything appended is durable. May be called twice."""


def checked_run_name(run: str) -> str:
    """The name, if a run can bear it: 1 to 200 printable characters. Raises RunNameError."""
    if 0 < len(run) <= MAX_RUN_NAME_CHARS and run.isprintable():
        return run
    shown = run if len(run) < 60 else run[:60] + "..."
    raise RunNameError(f"{shown!r} cannot name a run; a name is 1 to {MAX_RUN_NAME_CHARS} printable characters")
