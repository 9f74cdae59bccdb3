"""The cache of answers: an equal request that was answered before is answered from disk, and costs nothing.

Requests are equal if the model would be asked the same: same provider and address, model, messages, tools, schema and
settings; the times at which messages were made and what they cost do not count, nor which of the model's replicas
answered. Only whole answers are kept. A cache can always be made anew, so an entry that fails its checksum is dropped,
and so is a file that is no database.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from orrery.models.config import FILE_VARIABLE, Named, Provider
from orrery.models.messages import ModelMessage, to_data
from orrery.models.request import Request

MAX_ENTRIES = 10_000
_BUSY_S = 5.0
_MESSAGE_NOISE = ("timestamp", "usage", "run_id", "conversation_id", "metadata", "provider_response_id")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, made REAL NOT NULL, sum BLOB NOT NULL, answer BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS answers_made ON answers (made);
"""


def digest(request: Request, named: Named, provider: Provider) -> str:
    """What stands for a request: equal for requests that ask the same."""
    content = {
        "form": 1,
        "provider": [provider.kind, provider.base_url],
        "model": named.model,
        "messages": _essence(request.messages),
        "tools": [[tool.name, tool.description, tool.parameters] for tool in request.tools],
        "output": request.output,
        "settings": request.settings,
    }
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic", enc_hook=repr)).hexdigest()


def _essence(messages: tuple[ModelMessage, ...]) -> list[dict[str, Any]]:
    """The messages without what does not reach the model; ids of calls become their order of appearance."""
    names: dict[str, str] = {}
    found = []
    for message in to_data(messages):
        kept = {name: value for name, value in message.items() if name not in _MESSAGE_NOISE}
        kept["parts"] = [{name: value for name, value in part.items() if name != "timestamp"} for part in kept["parts"]]
        for part in kept["parts"]:
            if part.get("tool_call_id"):
                part["tool_call_id"] = names.setdefault(part["tool_call_id"], f"call-{len(names)}")
        found.append(kept)
    return found


def cache_path(folder: Path) -> Path:
    """Where the answers are kept: beside the settings file that $ORRERY_MODELS names, else in the folder's .orrery."""
    named = os.environ.get(FILE_VARIABLE)
    if not named:
        return folder / ".orrery" / "models.db"
    # Added, not put in place of the suffix: the settings may be called anything, and a cache makes its file anew.
    return Path(f"{named}.db").expanduser()


@lru_cache(maxsize=8)
def open_cache(path: Path) -> AnswerCache:
    """The cache at a path; one for each path in a process."""
    return AnswerCache(path)


class AnswerCache:
    """Answers by the digest of their request, in an SQLite file; may be used from any thread.

    A cache that cannot be used (a full disk, a folder that must not be written) finds nothing and keeps nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The answer, or None; what fails its checksum is dropped."""
        with self._lock:
            row = self._do("SELECT sum, answer FROM answers WHERE key = ?", key, reading=True)
            if row is None:
                return None
            checksum, answer = row
            if checksum == _checksum(key, answer):
                return bytes(answer)
            self._do("DELETE FROM answers WHERE key = ?", key)
            return None

    def put(self, key: str, answer: bytes) -> None:
        """Keep an answer; beyond `MAX_ENTRIES` the oldest go."""
        with self._lock:
            self._do(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", key, time.time(), _checksum(key, answer), answer
            )
            self._do(
                "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY made DESC LIMIT -1 OFFSET ?)",
                MAX_ENTRIES,
            )

    def drop(self, key: str) -> None:
        """Forget an answer."""
        with self._lock:
            self._do("DELETE FROM answers WHERE key = ?", key)

    def _do(self, statement: str, *values: Any, reading: bool = False) -> Any:
        if reading and not self.path.exists():
            return None
        try:
            return self._execute(statement, values)
        except sqlite3.OperationalError:  # locked for too long, full, read-only: then there is no cache
            return None
        except sqlite3.DatabaseError:  # no database, or a damaged one
            for suffix in ("", "-wal", "-shm"):
                with suppress(OSError):
                    self.path.with_name(self.path.name + suffix).unlink()
            return None
        except OSError:
            return None

    def _execute(self, statement: str, values: tuple[Any, ...]) -> Any:
        # Opened for each use, which costs 0.2 ms beside a model's seconds: nothing stays open, and nothing is
        # carried over a fork.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)
            return connection.execute(statement, values).fetchone()
        finally:
            connection.close()


def _checksum(key: str, answer: bytes) -> bytes:
    return hashlib.sha256(key.encode() + answer).digest()
