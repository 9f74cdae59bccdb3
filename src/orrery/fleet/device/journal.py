"""DeviceJournal: what a device remembers of its keys when it dies, in one small SQLite file.

A key that was begun and has no result was under way when the device died. Commits survive the death of the process;
those about tasks that must not be done twice wait for the disk as well, and so survive a loss of power.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from orrery.errors import CorruptionError, StoreError
from orrery.fleet.device.events import Forget, Record, Remember
from orrery.graph.values import Blob, from_ext, to_ext
from orrery.journal.sqlite_file import FAULTS, Format, translated, write_ahead

BUSY_S = 0.2  # whoever has the file has it until the end, so waiting is for a process that is just dying
_TABLE = "CREATE TABLE records(key TEXT PRIMARY KEY, crc INTEGER NOT NULL, body BLOB NOT NULL)"
_FORMAT = Format(0x4F525244, 1, (_TABLE,), "name another folder with --folder")  # "ORRD"
_KEEP = "INSERT OR REPLACE INTO records(key, crc, body) VALUES (?, ?, ?)"
_DROP = "DELETE FROM records WHERE key = ?"


def _read_blob(kind: type, plain: object) -> Blob:
    if kind is not Blob or not isinstance(plain, Blob):
        raise NotImplementedError(f"a {kind.__name__} is not read here")
    return plain


_encode = msgspec.msgpack.Encoder(enc_hook=to_ext).encode
_decode = msgspec.msgpack.Decoder(Record, ext_hook=from_ext, dec_hook=_read_blob).decode


class DeviceJournal:
    """The journal in a file, which is made where it is not there. One process at a time can have it open.

    Raises:
        CorruptionError: it is damaged.
        StoreVersionError: a newer Orrery wrote it.
        StoreError: it is another program's, another process works with it, or the disk does not take it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._waits_for_disk: bool | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # results are nobody else's to read
        except OSError as error:
            raise StoreError(f"the device's journal {self.path} cannot be used: {error.strerror}") from error
        try:
            self._connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        try:
            self._prepare()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise StoreError(
                    f"{self.path} is in use: a device works in this folder already; give this one another with --folder"
                ) from error
            if isinstance(error, FAULTS):
                raise translated(error, self.path) from error
            raise

    def __repr__(self) -> str:
        return f"<DeviceJournal {self.path}>"

    def records(self) -> list[Record]:
        """Everything that is remembered, oldest first. Raises CorruptionError."""
        try:
            rows = self._connection.execute("SELECT key, crc, body FROM records").fetchall()
        except FAULTS as error:
            raise translated(error, self.path) from error
        return sorted((self._read(*row) for row in rows), key=lambda record: (record.since, record.key))

    def write(self, changes: Sequence[Remember | Forget]) -> None:
        """Take in all of these or none, in one commit. Raises StoreError and its kin."""
        connection = self._connection
        durable = any(isinstance(one, Remember) and one.record.effects in ("keyed", "once") for one in changes)
        try:
            if durable is not self._waits_for_disk:
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._waits_for_disk = durable
            connection.execute("BEGIN IMMEDIATE")
            try:
                for change in changes:
                    if isinstance(change, Remember):
                        body = _encode(change.record)
                        connection.execute(_KEEP, (change.record.key, zlib.crc32(body), body))
                    else:
                        connection.execute(_DROP, (change.key,))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except FAULTS as error:
            raise translated(error, self.path) from error

    def close(self) -> None:
        """Let another process have it. Closing again does nothing."""
        self._connection.close()

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")  # before anything is read: then the lock is held until the end
        write_ahead(self._connection)
        execute("BEGIN EXCLUSIVE")
        if not _FORMAT.is_in(self._connection, self.path):
            _FORMAT.make_in(self._connection)
        execute("COMMIT")

    def _read(self, key: str, crc: int, body: bytes) -> Record:
        if zlib.crc32(body) == crc:
            try:
                record = _decode(body)
            except (msgspec.MsgspecError, NotImplementedError, ValueError) as error:
                raise CorruptionError(f"{self.path} has a record of {key!r} that cannot be read: {error}") from error
            if record.key == key:
                return record
        raise CorruptionError(
            f"{self.path} is damaged: what it says of {key!r} is not what was written; what that task did is unknown. "
            "Keep the file for whoever looks into it, and start the device with another --folder"
        )
