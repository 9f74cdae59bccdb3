"""Tables: SQLite databases on a device: ask, dump, restore, compare."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from orrery.bench.fleet.deeds.files import begun
from orrery.bench.fleet.deeds.pace import pause
from orrery.runtime.context import Context


def ask(path: str, sql: str, wait_s: float = 0.4, *, ctx: Context) -> list[list[Any]]:
    """The rows that a query gives. Raises FileNotFoundError if there is no database."""
    pause(wait_s)
    with closing(_opened(path, ctx)) as database:
        return [list(row) for row in database.execute(sql)]


def change(path: str, sql: str, wait_s: float = 0.4, *, ctx: Context) -> int:
    """Run statements in one transaction; returns how many rows changed in all."""
    pause(wait_s)
    with closing(_opened(path, ctx)) as database, database:
        database.executescript(f"BEGIN; {sql}; COMMIT")
        return database.total_changes


def book(path: str, bill: Mapping[str, Any], mark: str, wait_s: float = 0.5, *, ctx: Context) -> str:
    """Add a bill to the table of bookings, once for all attempts at this task; returns what it is for.

    Args:
        mark: a file that is written when the booking is made and its result is not yet known to anybody.
    """
    with closing(_opened(path, ctx)) as database, database:
        database.execute("BEGIN IMMEDIATE")
        key = ctx.idempotency_key
        if database.execute("SELECT 1 FROM bookings WHERE key = ?", (key,)).fetchone() is None:
            database.execute("INSERT INTO bookings VALUES (?, ?, ?)", (key, bill["what"], bill["amount"]))
    begun(mark, ctx=ctx)
    pause(wait_s)
    return str(bill["what"])


def store(path: str, values: Sequence[float], wait_s: float = 0.3, *, ctx: Context) -> int:
    """Make a database with the table lights (number, light) of these values; returns how many there are."""
    pause(wait_s)
    (ctx.folder / path).unlink(missing_ok=True)
    with closing(sqlite3.connect(ctx.folder / path)) as database, database:
        database.execute("CREATE TABLE lights (number, light)")
        database.executemany("INSERT INTO lights VALUES (?, ?)", enumerate(values))
    return len(values)


def insert(path: str, table: str, rows: Mapping[str, Sequence[Any]], wait_s: float = 0.3, *, ctx: Context) -> int:
    """Make a table (host, value) anew with all values of each host; returns how many rows there are."""
    pause(wait_s)
    pairs = [(host, value) for host, values in rows.items() for value in values]
    with closing(_opened(path, ctx)) as database, database:
        database.execute(f"DROP TABLE IF EXISTS {table}")
        database.execute(f"CREATE TABLE {table} (host, value)")
        database.executemany(f"INSERT INTO {table} VALUES (?, ?)", pairs)  # noqa: S608 - names of the suite
    return len(pairs)


def dump(path: str, wait_s: float = 0.6, *, ctx: Context) -> str:
    """The database as SQL text."""
    pause(wait_s)
    with closing(_opened(path, ctx)) as database:
        return "\n".join(database.iterdump()) + "\n"


def restore(path: str, script: str, wait_s: float = 0.6, *, ctx: Context) -> str:
    """Make a database out of SQL text, replacing what was there; returns the path."""
    pause(wait_s)
    target = ctx.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as database:
        database.executescript(script)
    part.replace(target)
    return path


def fingerprints(path: str, wait_s: float = 0.4, *, ctx: Context) -> dict[str, str]:
    """For every table the number of its rows and a digest of them, in no particular order of rows."""
    pause(wait_s)
    with closing(_opened(path, ctx)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        found = {}
        for name in names:
            rows = sorted(repr(row) for row in database.execute(f'SELECT * FROM "{name}"'))  # noqa: S608 - its own table
            found[name] = f"{len(rows)} rows, {hashlib.sha256(''.join(rows).encode()).hexdigest()[:16]}"
        return found


def _opened(path: str, ctx: Context) -> sqlite3.Connection:
    target = ctx.folder / path
    if not target.exists():
        raise FileNotFoundError(f"there is no database {path} here")
    return sqlite3.connect(target)


def compare(pairs: dict[str, list[Any]]) -> dict[str, str]:
    """For each name whether its two values are the "same" or "different"."""
    return {name: "same" if before == after else "different" for name, (before, after) in pairs.items()}
