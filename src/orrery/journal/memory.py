"""The journal in memory: the same promises as a store on disk, for as long as the process lives.

Events are kept encoded, as everywhere: what is read back is a copy, and what cannot be written fails here too.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from orrery.errors import (
    FencedError,
    RequestError,
    RunExistsError,
    RunLockedError,
    StoreError,
    UnknownRunError,
)
from orrery.graph import values
from orrery.journal.blobs import FileBlobs
from orrery.journal.frames import Frame, checksum, seed, state_after, verified
from orrery.journal.protocol import Lease, Request, RunSummary, checked_run_name
from orrery.scheduler.codec import encode_events
from orrery.scheduler.events import AnyEvent, Event

if TYPE_CHECKING:
    from concurrent.futures import Future


class MemoryStore:
    """What several journals may share, as several processes share a file. Frees its blobs when it is forgotten."""

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self.runs: dict[str, _Run] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def blobs(self) -> FileBlobs:
        """The blobs, in a temporary folder that is made on first use."""
        with self.mutex:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="orrery-blobs-")
            return FileBlobs(self._folder.name)

    def close(self) -> None:
        """Remove the temporary folder."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class MemoryJournal:
    """Runs in this process's memory.

    Args:
        store: shared with other journals; by default one of its own, which ends with `close`.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        self._owns_store = store is None
        self._store = store or MemoryStore()
        self._closed = False

    @property
    def blobs(self) -> FileBlobs:
        """Where values too large for an event live."""
        return self._store.blobs()

    def create(self, run: str, at: float, target: str = "") -> Lease:
        """Begin a run with no events. Raises RunExistsError, RunNameError."""
        checked_run_name(run)
        with self._store.mutex:
            self._check_open()
            if run in self._store.runs:
                raise RunExistsError(f"there is a run {run!r} already; choose another name, or resume it")
            self._store.runs[run] = _Run(run, at, target, holder=self)
            return Lease(run, 1)

    def acquire(self, run: str, at: float) -> Lease:
        """Take over the writing of a run under a new epoch. Raises UnknownRunError, RunLockedError."""
        with self._store.mutex:
            known = self._known(run)
            if known.holder is not None:
                raise RunLockedError(f"run {run!r} is being driven already; release its lease first")
            known.holder, known.epoch, known.updated = self, known.epoch + 1, at
            known.collected = 0
            return Lease(run, known.epoch)

    def release(self, lease: Lease) -> None:
        """Give the right back. A lease that is no longer held is ignored."""
        with self._store.mutex:
            known = self._store.runs.get(lease.run)
            if known is not None and known.holder is self and known.epoch == lease.epoch:
                known.holder = None

    def append(self, batches: Sequence[tuple[Lease, Sequence[Event]]]) -> Future[None] | None:
        """Add events to the end of runs, all of them or none; see `Journal.append`. Durable at once."""
        with self._store.mutex:
            groups = [(self._holding(lease), events, encode_events(events)) for lease, events in batches if events]
            for known, events, body in groups:
                known.add(events, body)
        return None

    def read(self, run: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        """The events of a run with their numbers, from `after` + 1 on; see `Journal.read`."""
        with self._store.mutex:
            frames = list(self._known(run).frames)
        for frame, events in verified(run, frames, seq=0, crc=seed(run)):
            for number, event in enumerate(events, frame.first):
                if number > after:
                    yield number, event

    def head(self, run: str) -> int:
        """The number of the last event, 0 when there is none. Raises UnknownRunError."""
        with self._store.mutex:
            return self._known(run).seq

    def summary(self, run: str) -> RunSummary:
        """One line about one run. Raises UnknownRunError."""
        with self._store.mutex:
            return self._known(run).summary()

    def runs(self) -> list[RunSummary]:
        """Every run, in the order in which they were created."""
        with self._store.mutex:
            self._check_open()
            return [known.summary() for known in self._store.runs.values()]

    def save_snapshot(self, lease: Lease, seq: int, state: bytes) -> None:
        """Keep the state after event `seq`, in place of an earlier one. Raises FencedError."""
        with self._store.mutex:
            known = self._holding(lease)
            if not 0 < seq <= known.seq:
                raise RequestError(f"run {lease.run!r} has no event {seq} to take a snapshot after")
            known.snapshot = (seq, bytes(state))

    def load_snapshot(self, run: str) -> tuple[int, bytes] | None:
        """The last snapshot as (seq, state), or None."""
        with self._store.mutex:
            return self._known(run).snapshot

    def post(self, run: str, request: Request) -> None:
        """Leave a request for whoever drives the run. Raises UnknownRunError, NotSerialisableError."""
        body = values.encode(msgspec.structs.asdict(request))
        with self._store.mutex:
            self._known(run).requests.append(body)

    def collect(self, lease: Lease) -> list[Request]:
        """The requests posted since the last call, oldest first."""
        with self._store.mutex:
            known = self._holding(lease)
            new = known.requests[known.collected :]
            known.collected = len(known.requests)
        return [msgspec.convert(values.decode(body), Request) for body in new]

    def close(self) -> None:
        """Release every lease, and forget the store if it is this journal's own. May be called twice."""
        with self._store.mutex:
            self._closed = True
            for known in self._store.runs.values():
                if known.holder is self:
                    known.holder = None
            if self._owns_store:
                self._store.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store in memory is closed; open another one")

    def _known(self, run: str) -> _Run:
        self._check_open()
        known = self._store.runs.get(run)
        if known is None:
            raise UnknownRunError(f"there is no run {run!r} in this store")
        return known

    def _holding(self, lease: Lease) -> _Run:
        known = self._store.runs.get(lease.run)
        if known is None or known.holder is not self or known.epoch != lease.epoch:
            raise FencedError(f"run {lease.run!r} is no longer ours to write (epoch {lease.epoch}); resume it to go on")
        return known


class _Run:
    """One run and everything kept about it."""

    def __init__(self, run: str, at: float, target: str, holder: MemoryJournal) -> None:
        self.run, self.created, self.updated, self.target = run, at, at, target
        self.holder: MemoryJournal | None = holder
        self.epoch, self.seq, self.crc, self.state = 1, 0, seed(run), "running"
        self.frames: list[Frame] = []
        self.snapshot: tuple[int, bytes] | None = None
        self.requests: list[bytes] = []
        self.collected = 0
        """How many of `requests` the holder has seen; they go with its next append."""

    def add(self, events: Sequence[Event], body: bytes) -> None:
        frame = Frame(self.seq + 1, len(events), checksum(self.crc, self.seq + 1, len(events), body), body)
        self.frames.append(frame)
        self.seq, self.crc, self.updated = self.seq + frame.length, frame.crc, events[-1].at
        self.state = state_after(self.state, events)
        if self.collected:
            del self.requests[: self.collected]
            self.collected = 0

    def summary(self) -> RunSummary:
        return RunSummary(
            self.run, self.state, self.created, self.updated, self.seq, self.target, self.holder is not None
        )
