"""The log of runs inside an SQLite journal: what one commit writes, and how frames are found again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from orrery.errors import CorruptionError, FencedError
from orrery.journal.frames import Frame, checksum, seed, state_after
from orrery.scheduler.events import Event

_SEQ_BITS = 40  # a frame's id is (run number, number of its first event): 2**23 runs of 2**40 events

_ADVANCE = (
    "UPDATE runs SET head_seq = ?, head_crc = ?, updated = ?, state = ? WHERE run_no = ? AND epoch = ? AND head_seq = ?"
)
_INSERT = "INSERT INTO frames VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM requests WHERE id = ?"
_FRAMES = "SELECT id, count, crc, body FROM frames WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
_FRAMES_UP_TO = "SELECT id, count, crc FROM frames WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 2"
_RUN = "SELECT run_no, owner, epoch, head_seq, head_crc, state FROM runs WHERE name = ?"


class RunRow(NamedTuple):
    """What the store says of a run."""

    run_no: int
    owner: str
    epoch: int
    seq: int
    crc: int
    state: str


class HeldRun:
    """A run that this journal may write: where its log ends, and what was asked of it."""

    __slots__ = ("answered", "broken", "crc", "epoch", "inbox", "run", "run_no", "seq", "state")

    def __init__(self, run: str, row: RunRow) -> None:
        self.run = run
        self.run_no, _, self.epoch, self.seq, self.crc, self.state = row
        self.broken: Exception | None = None
        """Why a commit failed whose caller had gone on already: nothing may be written past the gap."""
        self.inbox: list[tuple[bytes, int]] = []
        """Requests not collected yet, with their checksums."""
        self.answered: set[int] = set()
        """Requests taken from the mailbox, until the append that forgets them."""


class Group(NamedTuple):
    """The events of one append to one run, and the requests that they answer."""

    held: HeldRun
    events: Sequence[Event]
    body: bytes
    answered: tuple[int, ...]


def commit(connection: sqlite3.Connection, groups: Sequence[Group]) -> int:
    """Write groups in one transaction; on any error nothing of them is left, neither there nor in their heads.

    Returns: about how many bytes of content were written.
    Raises: FencedError: another process took a run over; sqlite3.Error.
    """
    before = [(held, held.seq, held.crc, held.state) for held, *_ in groups]
    try:
        connection.execute("BEGIN IMMEDIATE")
        for group in groups:
            _write(connection, group)
        connection.execute("COMMIT")
    except BaseException:
        for held, seq, crc, state in reversed(before):
            held.seq, held.crc, held.state = seq, crc, state
        if connection.in_transaction:  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise
    size_bytes = 0
    for held, _, body, answered in groups:
        size_bytes += len(body)
        if answered:
            held.answered.difference_update(answered)
    return size_bytes


def _write(connection: sqlite3.Connection, group: Group) -> None:
    held, events, body, answered = group
    count = len(events)
    first, seq = held.seq + 1, held.seq + count
    crc = checksum(held.crc, first, count, body)
    state = state_after(held.state, events)
    # First the head: where another process has written, this says so before the frames collide.
    advance = (seq, crc, events[-1].at, state, held.run_no, held.epoch, held.seq)
    if connection.execute(_ADVANCE, advance).rowcount != 1:
        raise FencedError(f"run {held.run!r} was taken over by another process; nothing was written")
    connection.execute(_INSERT, (held.run_no << _SEQ_BITS | first, count, crc, body))
    if answered:
        connection.executemany(_FORGET, [(number,) for number in answered])
    held.seq, held.crc, held.state = seq, crc, state


def find_run(connection: sqlite3.Connection, run: str) -> RunRow | None:
    """What the store says of the run of that name."""
    row = connection.execute(_RUN, (run,)).fetchone()
    return None if row is None else RunRow(*row)


def frames(connection: sqlite3.Connection, run_no: int, *, after: int, until: int, most: int) -> list[Frame]:
    """The frames whose first event lies in (after, until], in order, at most so many."""
    base = run_no << _SEQ_BITS
    rows = connection.execute(_FRAMES, (base + after, base + until, most)).fetchall()
    return [Frame(number - base, count, crc, body) for number, count, crc, body in rows]


def place_before(connection: sqlite3.Connection, run: str, run_no: int, seq: int) -> tuple[int, int]:
    """The last event before the frame that holds event `seq`, and the checksum that stands there."""
    base = run_no << _SEQ_BITS
    rows = connection.execute(_FRAMES_UP_TO, (base, base + seq)).fetchall()
    return (rows[0][0] - base - 1, rows[1][2]) if len(rows) == 2 else (0, seed(run))


def checksum_at(connection: sqlite3.Connection, run_no: int, seq: int) -> int | None:
    """The checksum of the frame that holds event `seq`."""
    base = run_no << _SEQ_BITS
    row: tuple[int, int, int] | None = connection.execute(_FRAMES_UP_TO, (base, base + seq)).fetchone()
    return None if row is None else row[2]


def check_tail(connection: sqlite3.Connection, run: str, row: RunRow) -> None:
    """Refuse to go on with a log whose end is not what its head says. Raises CorruptionError."""
    base = row.run_no << _SEQ_BITS
    last = connection.execute(_FRAMES_UP_TO, (base, base + (1 << _SEQ_BITS) - 1)).fetchone()
    end = (0, seed(run)) if last is None else (last[0] - base + last[1] - 1, last[2])
    if end != (row.seq, row.crc):
        raise CorruptionError(f"run {run!r}: its log ends at event {end[0]}, but {row.seq} were committed")
