"""The journal in an SQLite file: WAL, one row per frame, one commit per append.

With durability "process" an append commits on the calling thread: handing 26 µs of work to another thread
and back would cost more than the work. With "full" a thread commits and flushes, merging what waits.

Who may write is decided twice. A run's row names its owner, whose OS lock keeps a second process away while
the first lives; the epoch beside it fences off a writer that lost its lock and does not know. The same
UPDATE that moves the head of a run checks both the epoch and that the head is where this writer left it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

import msgspec

from orrery.errors import (
    CorruptionError,
    FencedError,
    RequestError,
    RunExistsError,
    RunLockedError,
    StoreError,
    StoreFullError,
    UnknownRunError,
)
from orrery.graph import values
from orrery.journal.blobs import FileBlobs
from orrery.journal.frames import Frame, checksum, seed, verified
from orrery.journal.group_commit import GroupCommit
from orrery.journal.locks import OwnerLock, owner_lives, process_of
from orrery.journal.protocol import Durability, Lease, Request, RunSummary, checked_run_name
from orrery.journal.sqlite_file import FAULTS, PAGE_BYTES, Checkpointer, connect, translated
from orrery.journal.sqlite_log import (
    Group,
    HeldRun,
    RunRow,
    check_tail,
    checksum_at,
    commit,
    find_run,
    frames,
    place_before,
)
from orrery.scheduler.codec import encode_events
from orrery.scheduler.events import AnyEvent, Event

if TYPE_CHECKING:
    from concurrent.futures import Future

_FRAMES_A_STEP = 128

_CREATE = (
    "INSERT INTO runs(name, owner, epoch, head_seq, head_crc, state, created, updated, target) "
    "VALUES (?, ?, 1, 0, ?, 'running', ?, ?, ?) ON CONFLICT DO NOTHING"
)
_TAKE_OVER = "UPDATE runs SET owner = ?, epoch = ?, updated = ? WHERE run_no = ?"
_RELEASE = "UPDATE runs SET owner = '' WHERE run_no = ? AND epoch = ?"
_SUMMARIES = "SELECT name, state, created, updated, head_seq, target, owner FROM runs"


class SqliteJournal:
    """Runs in the SQLite file at `path`; blobs in `<path>.blobs`, locks in `<path>.locks`.

    Args:
        path: is made, with its folder, if it is not there.
        durability: what an acknowledged event survives.
        max_bytes: the most the file may take; an append beyond it raises StoreFullError.

    Raises:
        StoreVersionError: a newer Orrery wrote it.
        StoreReadOnlyError, CorruptionError, StoreError: it cannot be used.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, durability: Durability = "process", max_bytes: int | None = None
    ) -> None:
        self._path = Path(path).absolute()
        flush = durability == "full"
        self._max_bytes = max_bytes
        self._mutex = threading.RLock()
        self._connection = self._connect(flush=False)
        self._locks = Path(f"{self._path}.locks")
        self._blobs = FileBlobs(f"{self._path}.blobs", flush=flush)
        self._lock: OwnerLock | None = None
        self._held: dict[str, HeldRun] = {}
        self._seen_version: int | None = None  # None: look into the mailbox at the next chance
        self._checkpointer = Checkpointer(self._path)
        self._group_commit: GroupCommit[Group] | None = None
        if flush:  # a flush covers all that was written before it, by this connection or another
            self._flushing = self._connect(flush=True)
            self._group_commit = GroupCommit(self._commit_flushed, _break_leases)
        self._unusable = ""
        _journals.add(self)

    def __repr__(self) -> str:
        return f"<SqliteJournal {self._path} | writes {', '.join(self._held) or 'nothing'}>"

    @property
    def blobs(self) -> FileBlobs:
        """Where values too large for an event live."""
        return self._blobs

    def create(self, run: str, at: float, target: str = "") -> Lease:
        """Begin a run with no events. Raises RunExistsError, RunNameError."""
        checked_run_name(run)
        with self._speaking() as connection:
            made = connection.execute(_CREATE, (run, self._owner(), seed(run), at, at, target))
            if made.rowcount != 1:
                raise RunExistsError(f"there is a run {run!r} already; choose another name, or resume it")
            return self._hold(run, self._known(run))

    def acquire(self, run: str, at: float) -> Lease:
        """Take over the writing of a run under a new epoch. Raises UnknownRunError, RunLockedError, CorruptionError."""
        with self._speaking() as connection, self._transaction():
            row = self._known(run)
            if run in self._held:
                raise RunLockedError(f"run {run!r} is being driven by this process; release its lease first")
            if row.owner and owner_lives(self._locks, row.owner):
                by = process_of(row.owner)
                raise RunLockedError(f"run {run!r} is being driven by {by}; wait for it, cancel the run, or stop that")
            check_tail(connection, run, row)
            row = row._replace(owner=self._owner(), epoch=row.epoch + 1)
            connection.execute(_TAKE_OVER, (row.owner, row.epoch, at, row.run_no))
        return self._hold(run, row)

    def release(self, lease: Lease) -> None:
        """Give the right back. A lease that is no longer held is ignored."""
        with self._speaking() as connection:
            held = self._held.get(lease.run)
            if held is None or held.epoch != lease.epoch:
                return
            if self._group_commit is not None:
                self._group_commit.drain()
            del self._held[lease.run]
            connection.execute(_RELEASE, (held.run_no, held.epoch))

    def append(self, batches: Sequence[tuple[Lease, Sequence[Event]]]) -> Future[None] | None:
        """Add events to the end of runs, all of them in one commit or none; see `Journal.append`."""
        groups = []
        for lease, events in batches:
            held = self._holding(lease)
            if events:
                groups.append(Group(held, events, encode_events(events), tuple(held.answered)))
        if self._group_commit is not None:
            return self._group_commit.submit(groups)
        with self._mutex:
            self._commit(self._connection, groups)
        return None

    def _commit(self, connection: sqlite3.Connection, groups: Sequence[Group]) -> None:
        try:
            size_bytes = commit(connection, groups) if groups else 0
        except FAULTS as error:
            raise translated(error, self._path) from error
        self._checkpointer.wrote(size_bytes + 2 * PAGE_BYTES * len(groups))

    def _commit_flushed(self, groups: Sequence[Group]) -> None:
        for group in groups:
            if group.held.broken is not None:
                raise FencedError(f"run {group.held.run!r}: an earlier append failed") from group.held.broken
        self._commit(self._flushing, groups)

    def read(self, run: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        """The events of a run with their numbers, from `after` + 1 on, verified; see `Journal.read`."""
        with self._speaking() as connection, self._transaction("DEFERRED"):
            row = self._known(run)
            if after >= row.seq:
                check_tail(connection, run, row)
                return
            seq, crc = place_before(connection, run, row.run_no, after + 1)
        for frame, events in verified(run, self._frames(row.run_no, seq, row.seq), seq=seq, crc=crc):
            seq, crc = frame.first + frame.length - 1, frame.crc
            for number, event in enumerate(events, frame.first):
                if number > after:
                    yield number, event
        if (seq, crc) != (row.seq, row.crc):
            raise CorruptionError(f"run {run!r}: its log ends at event {seq}, but {row.seq} were committed")

    def _frames(self, run_no: int, after: int, until: int) -> Iterator[Frame]:
        """Frames, some at a time, so that no read is open while the caller works."""
        while True:
            with self._speaking() as connection:
                some = frames(connection, run_no, after=after, until=until, most=_FRAMES_A_STEP)
            yield from some
            if len(some) < _FRAMES_A_STEP:
                return
            after = some[-1].first

    def head(self, run: str) -> int:
        """The number of the last event, 0 when there is none. Raises UnknownRunError."""
        with self._speaking():
            return self._known(run).seq

    def summary(self, run: str) -> RunSummary:
        """One line about one run. Raises UnknownRunError."""
        with self._speaking() as connection:
            self._known(run)
            row = connection.execute(f"{_SUMMARIES} WHERE name = ?", (run,)).fetchone()
            name, state, created, updated, events, target, owner = row
            live = bool(owner) and owner_lives(self._locks, owner)
        return RunSummary(name, state, created, updated, events, target, live)

    def runs(self) -> list[RunSummary]:
        """Every run, in the order in which they were created."""
        with self._speaking() as connection:
            rows = connection.execute(f"{_SUMMARIES} ORDER BY run_no").fetchall()
            alive = {owner: bool(owner) and owner_lives(self._locks, owner) for *_, owner in rows}
        return [
            RunSummary(run, state, created, updated, events, target, alive[owner])
            for run, state, created, updated, events, target, owner in rows
        ]

    def save_snapshot(self, lease: Lease, seq: int, state: bytes) -> None:
        """Keep the state after event `seq`, in place of an earlier one. Raises FencedError, StoreError."""
        with self._speaking() as connection:
            held = self._holding(lease)
            with self._transaction():
                row = self._known(lease.run)
                if row.epoch != held.epoch:
                    raise FencedError(f"run {lease.run!r} was taken over by another process; no snapshot was written")
                frame_crc = checksum_at(connection, row.run_no, seq)
                if frame_crc is None or seq > row.seq:
                    raise RequestError(f"run {lease.run!r} has no event {seq} to take a snapshot after")
                connection.execute(
                    "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)",
                    (row.run_no, seq, frame_crc, checksum(frame_crc, seq, 0, state), state),
                )
            self._checkpointer.wrote(len(state))

    def load_snapshot(self, run: str) -> tuple[int, bytes] | None:
        """The last snapshot as (seq, state), or None where there is none that can be trusted."""
        with self._speaking() as connection, self._transaction("DEFERRED"):
            known = self._known(run)
            row = connection.execute(
                "SELECT seq, frame_crc, crc, body FROM snapshots WHERE run_no = ?", (known.run_no,)
            ).fetchone()
            if row is None:
                return None
            seq, frame_crc, crc, state = row
            whole = isinstance(state, bytes) and isinstance(seq, int) and 0 < seq <= known.seq
            if not whole or frame_crc != checksum_at(connection, known.run_no, seq):
                return None
            return (seq, state) if crc == checksum(frame_crc, seq, 0, state) else None

    def post(self, run: str, request: Request) -> None:
        """Leave a request for whoever drives the run. Raises UnknownRunError, NotSerialisableError."""
        body = values.encode(msgspec.structs.asdict(request))
        with self._speaking() as connection:
            row = (self._known(run).run_no, zlib.crc32(body), body)
            connection.execute("INSERT INTO requests(run_no, crc, body) VALUES (?, ?, ?)", row)
            self._seen_version = None

    def collect(self, lease: Lease) -> list[Request]:
        """The requests posted since the last call, oldest first."""
        with self._speaking() as connection:
            held = self._holding(lease)
            # Moves when another connection commits; our own commits do not move it.
            version: int = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._seen_version:
                self._sort_mail(connection)
                self._seen_version = version
            if not held.inbox:
                return []
            requests = [_request(body, crc) for body, crc in held.inbox]
            held.inbox.clear()
            return requests

    def _sort_mail(self, connection: sqlite3.Connection) -> None:
        """Hand what is in the mailbox to the runs that are driven here."""
        by_number = {held.run_no: held for held in self._held.values()}
        for number, run_no, crc, body in connection.execute("SELECT id, run_no, crc, body FROM requests ORDER BY id"):
            held = by_number.get(run_no)
            if held is not None and number not in held.answered:
                held.answered.add(number)
                held.inbox.append((body, crc))

    def close(self) -> None:
        """Release every lease, move the WAL into the database and close it. May be called twice."""
        with self._mutex:
            if self._unusable:
                return
            self._unusable = "is closed; open it again"
            _journals.discard(self)
            if self._group_commit is not None:
                self._group_commit.close()
                self._flushing.close()
            self._checkpointer.close()
            self._held.clear()
            if self._lock is not None:
                self._lock.release()
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except FAULTS as error:
                fault = translated(error, self._path)
                if not isinstance(fault, StoreFullError):  # what finds no room stays safe in the WAL
                    raise fault from error
            finally:
                self._connection.close()

    def _connect(self, *, flush: bool) -> sqlite3.Connection:
        connection = connect(self._path, flush=flush)
        if self._max_bytes is not None:
            connection.execute(f"PRAGMA max_page_count = {max(1, self._max_bytes // PAGE_BYTES)}")
        return connection

    def _known(self, run: str) -> RunRow:
        row = find_run(self._connection, run)
        if row is None:
            raise UnknownRunError(f"there is no run {run!r} in the store {self._path}; `orrery runs` lists them")
        return row

    def _owner(self) -> str:
        """The name under which this journal holds runs; a journal that only reads has none and locks nothing."""
        if self._lock is None:
            self._lock = OwnerLock(self._locks)
        return self._lock.name

    def _hold(self, run: str, row: RunRow) -> Lease:
        self._held[run] = HeldRun(run, row)
        self._seen_version = None
        return Lease(run, row.epoch)

    def _holding(self, lease: Lease) -> HeldRun:
        held = self._held.get(lease.run)
        if held is None or held.epoch != lease.epoch:
            raise FencedError(f"run {lease.run!r} is no longer ours to write (epoch {lease.epoch}); resume it to go on")
        if held.broken is not None:
            raise FencedError(f"run {lease.run!r}: an earlier append failed; resume it to go on") from held.broken
        return held

    @contextmanager
    def _speaking(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time, and with SQLite's errors in our words."""
        with self._mutex:
            if self._unusable:
                raise StoreError(f"the store {self._path} {self._unusable}")
            try:
                yield self._connection
            except FAULTS as error:
                raise translated(error, self._path) from error

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _leave_to_parent(self) -> None:
        """In a forked child: hold nothing of the parent's, and refuse to be used."""
        self._unusable = "was opened before this process was forked; open it again here"
        self._mutex = threading.RLock()  # another thread of the parent may have held it
        self._held.clear()
        if self._lock is not None:
            self._lock.leave_to_parent()


def _break_leases(groups: Sequence[Group], error: Exception) -> None:
    """What was appended behind a failed group, unaware of it, must not become a log with a gap."""
    for group in groups:
        group.held.broken = group.held.broken or error


def _request(body: bytes, crc: int) -> Request:
    if not isinstance(body, bytes) or zlib.crc32(body) != crc:
        raise CorruptionError("a request in the mailbox is damaged; post it again")
    return msgspec.convert(values.decode(body), Request)


_journals: WeakSet[SqliteJournal] = WeakSet()


def _after_fork() -> None:
    for journal in list(_journals):
        journal._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
