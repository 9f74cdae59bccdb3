"""SQLite files of ours: whose they are, and their errors in our words; of a journal, opening it and its checkpoints."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from orrery.errors import (
    CorruptionError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreVersionError,
)

BUSY_S = 30.0
PAGE_BYTES = 2048
"""An append of one event writes two pages: half the bytes of the usual 4096, and 20 % faster (26 against 32 µs)."""
FAULTS = (sqlite3.Error, UnicodeDecodeError)
"""What the module raises when the file is at fault; a damaged text cannot even be quoted in its own message."""
CHECKPOINT_BYTES = 4 << 20
RESTART_BYTES = 64 << 20
_LEAST_PAGE_BYTES = 512


class Format(NamedTuple):
    """What a kind of file holds, and the mark by which it is known.

    Args:
        application_id: marks the file.
        version: the newest that is read and written; a file has the version that wrote it.
        tables: one statement for each.
        otherwise: what to do where a file is another program's, for the message.
    """

    application_id: int
    version: int
    tables: tuple[str, ...]
    otherwise: str

    def is_in(self, connection: sqlite3.Connection, path: Path) -> bool:
        """Whether the file is one of these; False when it is empty.

        Raises:
            StoreError: it is another program's.
            StoreVersionError: a newer Orrery wrote it.
            CorruptionError: its tables are not what they were.
        """
        # In this order: whoever sees the tables that another process just made sees its mark on the file, too.
        entries = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if application == 0 and entries == 0:
            return False
        if application != self.application_id:
            raise StoreError(f"{path} is a database of another program; {self.otherwise}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > self.version:
            raise StoreVersionError(
                f"{path} has format {version}, written by a newer Orrery; this one reads up to {self.version}: "
                "upgrade it"
            )
        if version != self.version:
            raise CorruptionError(f"{path} claims to have format {version}, which never was")
        tables = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall()
        if tables != [(statement,) for statement in self.tables]:  # one bit can turn a key into a column of NULLs
            raise CorruptionError(f"{path} is damaged: its tables are not those of format {version}")
        return True

    def make_in(self, connection: sqlite3.Connection) -> None:
        """Make an empty file one of these, within a transaction."""
        for statement in self.tables:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {self.application_id}")
        connection.execute(f"PRAGMA user_version = {self.version}")


_TABLES = (
    """CREATE TABLE runs(
    run_no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, epoch INTEGER NOT NULL,
    head_seq INTEGER NOT NULL, head_crc INTEGER NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, target TEXT NOT NULL)""",
    "CREATE TABLE frames(id INTEGER PRIMARY KEY, count INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL)",
    """CREATE TABLE snapshots(
    run_no INTEGER PRIMARY KEY, seq INTEGER NOT NULL, frame_crc INTEGER NOT NULL, crc INTEGER NOT NULL,
    body BLOB NOT NULL)""",
    "CREATE TABLE requests(id INTEGER PRIMARY KEY, run_no INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL)",
)
JOURNAL = Format(0x4F525259, 1, _TABLES, "name another file as the store")  # "ORRY"


def connect(path: Path, *, flush: bool) -> sqlite3.Connection:
    """A connection to a journal file, which is made if it is not there. Raises StoreError and its kin.

    Args:
        flush: every commit waits for the disk.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreReadOnlyError(
            f"the folder of the store {path} cannot be made ({error.strerror}); name another store"
        ) from error
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a store; name a file in it, such as {path / 'runs.db'}")
    _refuse_stump(path)
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    try:
        _prepare(connection, path, flush=flush)
    except FAULTS as error:
        connection.close()
        raise translated(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _refuse_stump(path: Path) -> None:
    """What SQLite takes for a new file and writes over: one shorter than a page, or an emptied one with its WAL."""
    if not path.is_file():
        return
    size_bytes = path.stat().st_size
    wal = Path(f"{path}-wal")
    if 0 < size_bytes < _LEAST_PAGE_BYTES:
        raise CorruptionError(f"{path} is not a store: it is damaged, or a file of another program")
    if size_bytes == 0 and wal.exists() and wal.stat().st_size > 0:
        raise CorruptionError(f"{path} was emptied: its write-ahead log is still there, its first page is not")


def _prepare(connection: sqlite3.Connection, path: Path, *, flush: bool) -> None:
    execute = connection.execute
    if not JOURNAL.is_in(connection, path):
        execute(f"PRAGMA page_size = {PAGE_BYTES}")
        write_ahead(connection)
        execute("BEGIN IMMEDIATE")  # of several processes that find a new file, one writes the schema
        if not JOURNAL.is_in(connection, path):
            JOURNAL.make_in(connection)
        execute("COMMIT")
    write_ahead(connection)
    execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
    execute("PRAGMA wal_autocheckpoint = 0")


def write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, also where others that found the same new file do so in this moment.

    Where two switch at once SQLite refuses one of them at once, whatever its patience. A transaction that
    writes nothing waits for the other one as everything else does.
    """
    give_up_at = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > give_up_at:
                raise
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        else:
            return


def translated(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """What an error of SQLite means for the user of a store."""
    name = getattr(error, "sqlite_errorname", "")
    if name in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):  # the second is what a quota or a limit on file sizes looks like
        return StoreFullError(f"no space is left for the store {path} ({error}); free some and resume the run")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreReadOnlyError(
            f"the store {path} cannot be written ({error}); it needs its folder to be writable; or name another store"
        )
    if name == "SQLITE_NOTADB":
        return CorruptionError(f"{path} is not a store: it is damaged, or a file of another program")
    if (
        name.startswith("SQLITE_CORRUPT")
        or isinstance(error, sqlite3.IntegrityError)
        or "decode to UTF-8" in str(error)
    ):
        return CorruptionError(f"the store {path} is damaged: {error}")
    if name.startswith("SQLITE_BUSY"):
        return StoreError(f"the store {path} was kept locked by another process for {BUSY_S:.0f} s")
    return StoreError(f"the store {path} failed: {error}")


class Checkpointer:
    """Moves the WAL into the database behind the writer's back, so that its flushes never delay a commit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_bytes = 0
        self._due = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def wrote(self, size_bytes: int) -> None:
        """Count what a commit added to the WAL, and begin a checkpoint once it is enough."""
        self._written_bytes += size_bytes
        if self._written_bytes < CHECKPOINT_BYTES:
            return
        self._written_bytes = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="orrery-checkpoint", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """Finish the checkpoint under way."""
        self._closing = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._closing:
                return
            # What is not moved is safe in the WAL; if the disk is at fault, the next commit says so.
            with (
                suppress(sqlite3.Error),
                closing(sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)) as connection,
            ):
                self._checkpoint(connection)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages * PAGE_BYTES > RESTART_BYTES:
            # The writer never pauses, so a passive checkpoint never reaches the end and the WAL would grow for
            # ever. What is left is little; the writer waits for it once.
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
