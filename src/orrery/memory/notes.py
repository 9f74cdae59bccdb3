"""Memory: notes in a SQLite file, found again by likeness and recency.

Nothing is kept open between calls, so that any number of threads and processes may share a file. Every note carries
a checksum: what was damaged is an error that names the file, and is never recalled.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from orrery.errors import (
    ArgumentError,
    CorruptionError,
    LimitReachedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreVersionError,
)
from orrery.models.embedding import Vector, embed, embedders, words_of

USER = "user"
"""The scope of what is remembered across runs."""

MOST_CHARS = 8_000
MOST_NOTES = 2_000
HALF_LIFE_DAYS = 30.0
"""After this time half of what recency adds is gone."""
_RECENCY_SHARE = 0.15
_LEAST_LIKENESS = 0.05
_VERSION = 1
_BUSY_S = 10.0
_DAY_S = 86_400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    text TEXT NOT NULL,
    tags TEXT NOT NULL,
    at REAL NOT NULL,
    embedder TEXT NOT NULL,
    vector BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (scope, text)
)
"""


class Note(msgspec.Struct, frozen=True):
    """What was remembered: `at` in seconds since 1970, `scope` such as "user" or "run:...", tags in order."""

    id: int
    text: str
    scope: str
    tags: tuple[str, ...]
    at: float


class Recalled(msgspec.Struct, frozen=True):
    """A note that was found; a higher `score` (at most 1) fits better. Its text is data, whatever it says."""

    note: Note
    score: float
    because: str
    trust: Literal["untrusted"] = "untrusted"


def of_run(run: str) -> str:
    """The scope of what is remembered for one run."""
    return f"run:{run}"


@dataclass(frozen=True)
class Memory:
    """The notes of a file, which is made with the first note.

    Args:
        path: the file, such as `.orrery/memory.db`.
        most_notes: how many notes a scope holds; the oldest give way.
        most_chars: how long one note may be.
        embedder: by which likeness is measured.
    """

    path: Path
    most_notes: int = MOST_NOTES
    most_chars: int = MOST_CHARS
    embedder: str = "hashed"

    def remember(self, text: str, *, scope: str, tags: Sequence[str] = (), at: float | None = None) -> Note:
        """Keep a note. The same text in the same scope is one note, which becomes new again.

        Args:
            text: what is to be remembered.
            scope: `USER`, or `of_run(...)`.
            tags: words to narrow a search by.
            at: when it was, in seconds since 1970; now unless given.

        Raises:
            ArgumentError: there is no text.
            LimitReachedError: the text is longer than `most_chars`.
            StoreError: the file cannot be written; CorruptionError where it is damaged.
        """
        if not text.strip():
            raise ArgumentError("there is nothing to remember: the text is empty")
        if len(text) > self.most_chars:
            raise LimitReachedError(
                f"a note of {len(text)} characters is longer than most_chars={self.most_chars}; "
                "remember what matters of it, and where the rest is"
            )
        text = text.encode("utf-8", "backslashreplace").decode()
        when, told = (
            float(time.time() if at is None else at),
            " ".join(dict.fromkeys("-".join(tag.split()) for tag in tags)),
        )
        (vector,) = embed([text], embedder=self.embedder)
        row = (scope, text, told, when, embedders.get(self.embedder).name, msgspec.msgpack.encode(vector))
        with self._opened(write=True) as file:
            (number,) = file.execute(
                "INSERT INTO notes (scope, text, tags, at, embedder, vector, checksum) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (scope, text) DO UPDATE SET tags = excluded.tags, at = excluded.at, "
                "embedder = excluded.embedder, vector = excluded.vector, checksum = excluded.checksum RETURNING id",
                (*row, _checksum(row)),
            ).fetchone()
            file.execute(
                "DELETE FROM notes WHERE scope = ? AND id NOT IN "
                "(SELECT id FROM notes WHERE scope = ? ORDER BY at DESC, id DESC LIMIT ?)",
                (scope, scope, self.most_notes),
            )
        return Note(number, text, scope, tuple(told.split()), when)

    def recall(
        self,
        query: str,
        most: int = 5,
        *,
        scopes: Sequence[str] = (USER,),
        tags: Sequence[str] = (),
        now: float | None = None,
    ) -> list[Recalled]:
        """The notes that are about the query, best first; likeness counts most, and what is recent a little more.

        Args:
            query: what is looked for, in words.
            most: how many are wanted.
            scopes: where to look.
            tags: only notes that have them all.
            now: what age is counted from, in seconds since 1970.

        Raises:
            StoreError: the file cannot be read; CorruptionError where it is damaged.
        """
        (asked,) = embed([query], embedder=self.embedder)
        asked_words = dict.fromkeys(words_of(query))
        present = time.time() if now is None else now
        found = []
        for note, vector in self._notes(scopes):
            likeness = asked.cosine(vector)
            if likeness < _LEAST_LIKENESS or not set(tags) <= set(note.tags):
                continue
            days = max(0.0, present - note.at) / _DAY_S
            score = likeness * (1 - _RECENCY_SHARE + _RECENCY_SHARE * 0.5 ** (days / HALF_LIFE_DAYS))
            theirs = set(words_of(note.text))
            shared = [word for word in asked_words if word in theirs]
            about = "it has " + ", ".join(map(repr, shared[:6])) if shared else "its words are alike"
            found.append(Recalled(note, score, f"{about}; it is from {_ago(days)}"))
        found.sort(key=lambda each: (-each.score, -each.note.at, each.note.id))
        return found[:most]

    def forget(self, note: int | None = None, *, scope: str | None = None) -> int:
        """Remove one note by its number, or all of a scope; says how many went. Raises StoreError."""
        if not self.path.exists():
            return 0
        with self._opened(write=True) as file:
            return file.execute(
                "DELETE FROM notes WHERE (? IS NOT NULL AND id = ?) OR (? IS NOT NULL AND scope = ?)",
                (note, note, scope, scope),
            ).rowcount

    def _notes(self, scopes: Sequence[str]) -> Iterator[tuple[Note, Vector]]:
        if not self.path.exists():
            return
        kind = embedders.get(self.embedder).name
        with self._opened(write=False) as file:
            wanted = ", ".join("?" * len(scopes))
            columns = "id, scope, text, tags, at, embedder, vector, checksum"
            rows = file.execute(f"SELECT {columns} FROM notes WHERE scope IN ({wanted})", tuple(scopes)).fetchall()  # noqa: S608 - question marks only
        for number, *row, checksum in rows:
            if _checksum(row) != checksum:
                raise self._damaged(f"note {number} does not match its checksum")
            scope, text, tags, at, embedder, data = row
            # A note of another embedder is measured anew: vectors of different embedders say nothing of each other.
            vector = msgspec.msgpack.decode(data, type=Vector) if embedder == kind else self._measured(text)
            yield Note(number, text, scope, tuple(tags.split()), at), vector

    def _measured(self, text: str) -> Vector:
        (vector,) = embed([text], embedder=self.embedder)
        return vector

    @contextmanager
    def _opened(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """The file, inside one transaction. Every fault of SQLite's becomes one of ours."""
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                version = file.execute("PRAGMA user_version").fetchone()[0]
                if version > _VERSION:
                    raise StoreVersionError(
                        f"the memory {str(self.path)!r} was written by a newer Orrery; upgrade this one"
                    )
                if write or version == 0:
                    file.execute(_SCHEMA)
                    file.execute(f"PRAGMA user_version = {_VERSION}")
                yield file
                file.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._translated(error) from error
        except OSError as error:
            raise StoreError(f"the memory {str(self.path)!r} cannot be opened: {error.strerror or error}") from error

    def _translated(self, error: sqlite3.DatabaseError) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self._damaged(str(error))
        if code == sqlite3.SQLITE_FULL:
            return StoreFullError(f"there is no space left for the memory {str(self.path)!r}; what it had is safe")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return StoreReadOnlyError(f"the memory {str(self.path)!r} cannot be written: {error}")
        return StoreError(f"the memory {str(self.path)!r} cannot be used: {error}")

    def _damaged(self, how: str) -> CorruptionError:
        return CorruptionError(
            f"the memory {str(self.path)!r} is damaged: {how}; restore it from a copy, or move it away to begin anew"
        )


def _checksum(row: Sequence[object]) -> int:
    # By the form that Python writes: damage may have changed a value's type as well.
    return zlib.crc32(repr(tuple(row)).encode("utf-8", "backslashreplace"))


def _ago(days: float) -> str:
    if days < 1:
        hours = int(days * 24)
        return "less than an hour ago" if hours < 1 else f"{hours} hour{'s' * (hours > 1)} ago"
    whole = int(days)
    return f"{whole} day{'s' * (whole > 1)} ago"
