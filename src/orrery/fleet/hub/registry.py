"""Registry: who may speak to a hub. Enrolment tokens, devices, clients, and the audit log, in one SQLite file.

Of every token the file holds the SHA-256 only, so that who reads it can speak for nobody. The file is the one way to
enrol, drain and revoke: who may write it is the operator. A hub that runs sees within a poll what another process
wrote.
"""

from __future__ import annotations

import hmac
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from orrery.errors import EnrolmentError, HubLockedError, HubRefusedError, StoreError
from orrery.fleet.hub.tokens import hash_of, new_token
from orrery.fleet.messages import Role
from orrery.fleet.private import write_private
from orrery.journal.locks import OwnerLock, owner_lives, process_of
from orrery.journal.sqlite_file import FAULTS, Format, translated, write_ahead

FILE = "registry.db"
CLIENT_TOKEN_FILE = "client.token"  # noqa: S105 - a file's name
OPERATOR = "operator"
DEFAULT_MINUTES = 10.0
MOST_RECORDS = 10_000
"""Audit records that are kept; the oldest go."""
BUSY_S = 5.0
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
"""What a device may be called; it stands in commands, in files and in topics of a broker."""
_MOST_DETAIL = 300
_TRIM_EVERY = 64

_TABLES = (
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE enrolments(
    hash BLOB PRIMARY KEY, name TEXT NOT NULL, skills TEXT NOT NULL, made REAL NOT NULL, expires REAL NOT NULL,
    used REAL, used_by TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE devices(
    name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, skills TEXT NOT NULL, enrolled REAL NOT NULL, proved REAL,
    revoked REAL, draining INTEGER NOT NULL DEFAULT 0, here INTEGER NOT NULL DEFAULT 0)""",
    "CREATE TABLE clients(name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, made REAL NOT NULL, revoked REAL)",
    """CREATE TABLE audit(
    id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, principal TEXT NOT NULL, detail TEXT NOT NULL)""",
)
_FORMAT = Format(0x4F525248, 1, _TABLES, "name another folder with --state")  # "ORRH"


class Principal(NamedTuple):
    """Whom a token speaks for; `skills` are those that the operator fixed for a device."""

    role: Role
    name: str
    skills: tuple[str, ...] = ()


class Enrolled(msgspec.Struct, frozen=True):
    """A device of the registry. Times are seconds since the epoch.

    Args:
        skills: fixed by the operator; with none, the device says itself what it can do.
        proved_at: when it first spoke with its key; until then it may be enrolled again.
        draining: it is to take no new work.
    """

    name: str
    skills: tuple[str, ...]
    enrolled_at: float
    proved_at: float | None
    revoked_at: float | None
    draining: bool


class Record(msgspec.Struct, frozen=True):
    """One line of the audit log: at `at`, `kind` happened to or was done by `principal`."""

    at: float
    kind: str
    principal: str
    detail: str


class Registry:
    """The registry in `folder`, which is made (0700) with its file (0600) where it is not there.

    Raises:
        StoreVersionError: a newer Orrery wrote it.
        StoreReadOnlyError, CorruptionError, StoreError: it cannot be used.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        self.path = self.folder / FILE
        self._lock: OwnerLock | None = None
        self._seen_version = -1
        self._noted = 0
        self._connection = self._open()

    def __repr__(self) -> str:
        return f"<Registry {self.path}>"

    def close(self) -> None:
        """Free the file, and let another hub have it. Closing again does nothing."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        self._connection.close()

    # -- a hub's own ------------------------------------------------------------------------------------------

    def begin(self) -> int:
        """Make this process the one hub of the registry, until `close`.

        Returns: its epoch, higher than that of any hub before.
        Raises: HubLockedError: another one is running.
        """
        locks = self.folder / "locks"
        with self._writing(durable=True) as connection:
            owner = self._meta("owner")
            if owner and owner_lives(locks, owner):
                raise HubLockedError(
                    f"{process_of(owner)} runs a hub in {self.folder} already; stop it, or name another folder "
                    "with --state"
                )
            self._lock = OwnerLock(locks)
            epoch = int(self._meta("epoch") or 0) + 1
            rows = (("owner", self._lock.name), ("epoch", str(epoch)))
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
        return epoch

    def listens(self, urls: tuple[str, ...]) -> None:
        """Leave word of where the hub listens, the best first."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('urls', ?)", (" ".join(urls),))

    def urls(self) -> tuple[str, ...]:
        """Where the hub listens, or listened last."""
        with self._reading():
            return tuple(self._meta("urls").split())

    def is_running(self) -> bool:
        """Whether a hub works with this registry now."""
        with self._reading():
            owner = self._meta("owner")
        return bool(owner) and owner_lives(self.folder / "locks", owner)

    def has_changed(self) -> bool:
        """Whether another process wrote to it since the last call; the first call says yes."""
        with self._reading() as connection:
            version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        changed, self._seen_version = version != self._seen_version, version
        return changed

    # -- tokens -----------------------------------------------------------------------------------------------

    def enrolment_token(
        self, *, at: float, name: str = "", skills: tuple[str, ...] = (), minutes: float = DEFAULT_MINUTES
    ) -> str:
        """A token with which one device can enrol, once.

        Args:
            name: the device's; empty lets it choose.
            skills: what it counts as having, whatever it says; empty believes it.
            minutes: how long the token can be used.

        Raises: EnrolmentError: no such name can be given, or no such time.
        """
        if not 0 < minutes <= 7 * 24 * 60:
            raise EnrolmentError(f"a token for {minutes:g} minutes cannot be made; choose from 1 minute to 7 days")
        with self._writing(durable=True) as connection:
            if name:
                self._check_free(name)
            token = new_token("enrol")
            row = (hash_of(token), name, " ".join(skills), at, at + 60 * minutes)
            connection.execute("INSERT INTO enrolments(hash, name, skills, made, expires) VALUES (?, ?, ?, ?, ?)", row)
            connection.execute("DELETE FROM enrolments WHERE expires < ?", (at - 7 * 86400,))
            self._note(at, "token-made", name or "(any name)", f"for {minutes:g} minutes")
        return token

    def enrol(self, token: str, *, at: float, name: str = "") -> tuple[Enrolled, str]:
        """Exchange an enrolment token for a device and its key; the token works no second time.

        Args:
            name: that the device wishes; the token's own goes before it.

        Raises:
            HubRefusedError: the token is unknown, used, or too old.
            EnrolmentError: the name cannot be given; the token can still be used with another.
        """
        with self._writing(durable=True) as connection:
            row = self._by_token("enrolments", "name, skills, expires, used, used_by", token)
            if row is None:
                raise HubRefusedError("this enrolment token is not known here; `orrery devices enrol` makes one")
            fixed, skills, expires, used, used_by = row
            if used is not None:
                raise HubRefusedError(
                    f"this enrolment token was used already, by {used_by!r}; `orrery devices enrol` makes another"
                )
            if at >= expires:
                raise HubRefusedError("this enrolment token has expired; `orrery devices enrol` makes another")
            chosen = fixed or name or self._next_name()
            self._check_free(chosen)
            key = new_token("device")
            connection.execute(
                "UPDATE enrolments SET used = ?, used_by = ? WHERE hash = ?", (at, chosen, hash_of(token))
            )
            connection.execute(
                "INSERT OR REPLACE INTO devices(name, hash, skills, enrolled) VALUES (?, ?, ?, ?)",
                (chosen, hash_of(key), skills, at),
            )
            self._note(at, "enrolled", chosen, f"skills {skills}" if skills else "")
        return Enrolled(chosen, tuple(skills.split()), at, None, None, False), key

    def principal(self, token: str) -> Principal:
        """Whom a device's key or a client's token speaks for. Raises HubRefusedError."""
        kind = token.partition(".")[0]
        if kind not in ("device", "client"):
            raise HubRefusedError("a token begins with enrol., device. or client.; this one does not")
        role: Role = "device" if kind == "device" else "client"
        fields = "name, revoked, skills" if role == "device" else "name, revoked, ''"
        with self._reading():
            row = self._by_token(f"{role}s", fields, token)
        if row is None:
            raise HubRefusedError(f"this {role}'s token is not known here; was it made by another hub?")
        name, revoked, skills = row
        if revoked is not None:
            raise HubRefusedError(f"the {role} {name!r} was revoked; `orrery devices enrol` lets it in again")
        return Principal(role, name, tuple(skills.split()))

    def prove(self, name: str, *, at: float) -> None:
        """The device has its key: from now on its name is taken."""
        with self._reading() as connection:
            query = "SELECT 1 FROM devices WHERE name = ? AND proved IS NULL"
            if connection.execute(query, (name,)).fetchone() is None:
                return
        with self._writing() as connection:
            connection.execute("UPDATE devices SET proved = ? WHERE name = ? AND proved IS NULL", (at, name))

    def here(self, name: str, here: bool) -> None:
        """Keep whether a device is with the hub, for the hub's next life: it may have work of this one."""
        with self._reading() as connection:
            query = "SELECT 1 FROM devices WHERE name = ? AND here != ?"
            if connection.execute(query, (name, here)).fetchone() is None:
                return
        with self._writing() as connection:
            connection.execute("UPDATE devices SET here = ? WHERE name = ?", (here, name))

    def those_here(self, *, revoked_after: float) -> tuple[str, ...]:
        """The devices that were with the hub when it ended; those revoked lately, too: they may have done something."""
        with self._reading() as connection:
            query = "SELECT name FROM devices WHERE here AND (revoked IS NULL OR revoked > ?) ORDER BY name"
            rows = connection.execute(query, (revoked_after,))
            return tuple(name for (name,) in rows)

    def client_token(self, *, at: float) -> str:
        """The operator's token, which runs on the hub's own machine use: from its file, or a new one in its place."""
        path = self.folder / CLIENT_TOKEN_FILE
        with suppress(FileNotFoundError, HubRefusedError):
            token = path.read_text(encoding="ascii", errors="replace").strip()
            self.principal(token)
            return token
        token = self.add_client(OPERATOR, at=at)
        write_private(path, token + "\n")
        return token

    def add_client(self, name: str, *, at: float) -> str:
        """A new token for the client of that name; an earlier one does not work any more. Raises EnrolmentError."""
        _check_name(name)
        token = new_token("client")
        with self._writing(durable=True) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO clients(name, hash, made) VALUES (?, ?, ?)", (name, hash_of(token), at)
            )
            self._note(at, "client-added", name, "")
        return token

    # -- devices ----------------------------------------------------------------------------------------------

    def devices(self) -> dict[str, Enrolled]:
        """Every device that was ever enrolled, by name, in the order of enrolment; the revoked ones too."""
        query = "SELECT name, skills, enrolled, proved, revoked, draining FROM devices ORDER BY enrolled, name"
        with self._reading() as connection:
            rows = connection.execute(query).fetchall()
        return {
            name: Enrolled(name, tuple(skills.split()), enrolled, proved, revoked, bool(draining))
            for name, skills, enrolled, proved, revoked, draining in rows
        }

    def clients(self) -> dict[str, bool]:
        """Every client by name, and whether it may still speak."""
        with self._reading() as connection:
            return {name: revoked is None for name, revoked in connection.execute("SELECT name, revoked FROM clients")}

    def drain(self, name: str, *, at: float, undo: bool = False) -> None:
        """Let a device finish what it has and take nothing new; `undo` lets it work again. Raises EnrolmentError."""
        with self._writing() as connection:
            self._check_enrolled(name)
            connection.execute("UPDATE devices SET draining = ? WHERE name = ?", (not undo, name))
            self._note(at, "undrain" if undo else "drain", name, "by the operator")

    def revoke(self, name: str, *, at: float) -> None:
        """A device's key works no more; one that is connected is cut off. Raises EnrolmentError."""
        with self._writing(durable=True) as connection:
            self._check_enrolled(name)
            connection.execute("UPDATE devices SET revoked = ? WHERE name = ?", (at, name))
            self._note(at, "revoke", name, "by the operator")

    # -- audit ------------------------------------------------------------------------------------------------

    def note(self, at: float, kind: str, principal: str, detail: str = "") -> None:
        """Write one line into the audit log."""
        with self._writing():
            self._note(at, kind, principal, detail)

    def audit(self, most: int = 50) -> list[Record]:
        """The newest records, oldest first."""
        query = "SELECT at, kind, principal, detail FROM audit ORDER BY id DESC LIMIT ?"
        with self._reading() as connection:
            rows = connection.execute(query, (most,)).fetchall()
        return [Record(*row) for row in reversed(rows)]

    def _note(self, at: float, kind: str, principal: str, detail: str) -> None:
        connection = self._connection
        row = (at, kind, _on_one_line(principal), _on_one_line(detail))
        connection.execute("INSERT INTO audit(at, kind, principal, detail) VALUES (?, ?, ?, ?)", row)
        if self._noted % _TRIM_EVERY == 0:
            connection.execute("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", (MOST_RECORDS,))
        self._noted += 1

    # -- below ------------------------------------------------------------------------------------------------

    def _check_free(self, name: str) -> None:
        _check_name(name)
        query = "SELECT 1 FROM devices WHERE name = ? AND revoked IS NULL AND proved IS NOT NULL"
        if self._connection.execute(query, (name,)).fetchone():
            raise EnrolmentError(
                f"there is a device {name!r} already; choose another name, or `orrery devices revoke {name}` first"
            )

    def _check_enrolled(self, name: str) -> None:
        row = self._connection.execute("SELECT revoked FROM devices WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise EnrolmentError(f"there is no device {name!r}; `orrery devices` lists them")
        if row[0] is not None:
            raise EnrolmentError(f"the device {name!r} was revoked already")

    def _next_name(self) -> str:
        taken = {name for (name,) in self._connection.execute("SELECT name FROM devices")}
        return next(name for number in range(1, len(taken) + 2) if (name := f"device-{number}") not in taken)

    def _by_token(self, table: str, fields: str, token: str) -> tuple[Any, ...] | None:
        """The row of a token. It is found by its hash, so how long that takes tells nothing about another token."""
        hashed = hash_of(token)
        query = f"SELECT hash, {fields} FROM {table} WHERE hash = ?"  # noqa: S608 - both are ours
        row = self._connection.execute(query, (hashed,)).fetchone()
        if row is None or not hmac.compare_digest(row[0], hashed):
            return None
        return tuple(row[1:])

    def _meta(self, name: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection
        except FAULTS as error:
            raise translated(error, self.path) from error

    @contextmanager
    def _writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction; a `durable` one waits for the disk: no used token and no old epoch comes back."""
        connection = self._connection
        with self._reading():
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made here, so that nobody else can read it for a moment; SQLite gives its other files the same rights.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            for path, mode in ((self.folder, 0o700), (self.path, 0o600)):
                if path.stat().st_mode & 0o077:
                    path.chmod(mode)
        except OSError as error:
            raise StoreError(f"the hub's folder {self.folder} cannot be used: {error.strerror}") from error
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        try:
            write_ahead(connection)
            connection.execute("BEGIN IMMEDIATE")
            if not _FORMAT.is_in(connection, self.path):
                _FORMAT.make_in(connection)
            connection.execute("COMMIT")
        except FAULTS as error:
            connection.close()
            raise translated(error, self.path) from error
        except StoreError:
            connection.close()
            raise
        return connection


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise EnrolmentError(
            f"{_on_one_line(name)[:80]!r} is no name for a device: use up to 64 letters, digits, dots, dashes and "
            "underscores, and begin and end with a letter or digit"
        )


def _on_one_line(text: str) -> str:
    """Text that may come from anywhere, fit to be kept and shown: short, and nothing in it steers a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:_MOST_DETAIL])
