"""Forms: the same content in another form: tables, texts, parts."""

from __future__ import annotations

import csv
import hashlib
import io
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from orrery.bench.fleet.deeds import files
from orrery.bench.fleet.deeds.pace import pause
from orrery.runtime.context import Context


def read_csv(path: str, separator: str, wait_s: float = 0.4, *, ctx: Context) -> list[dict[str, Any]]:
    """The rows of a CSV file, by the names in its first line; what reads as a number is one."""
    text = files.get(path, wait_s, ctx=ctx).decode()
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    return [{name: _number(value) for name, value in row.items()} for row in rows]


def to_table(path: str, table: str, records: Sequence[Mapping[str, Any]], wait_s: float = 0.4, *, ctx: Context) -> int:
    """Make a database with one table out of records; returns how many rows it has."""
    pause(wait_s)
    columns = list(records[0])
    (ctx.folder / path).unlink(missing_ok=True)
    with closing(sqlite3.connect(ctx.folder / path)) as database, database:
        database.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        marks = ", ".join("?" for _ in columns)
        rows = [[record[name] for name in columns] for record in records]
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - names of the suite
    return len(records)


def signed(text: str, path: str, host: str, wait_s: float = 0.3, *, ctx: Context) -> str:
    """A text, or if it is empty that of a file, with a line at its end that says who has seen it."""
    pause(wait_s)
    return f"{text or (ctx.folder / path).read_text(encoding='utf-8')}seen by {host}\n"


def cut(data: bytes, number: int, of: int) -> bytes:
    """One of so many equal parts, counted from 0."""
    size = -(-len(data) // of)
    return data[number * size : (number + 1) * size]


def part_of(path: str, number: int, of: int, wait_s: float = 0.3, *, ctx: Context) -> bytes:
    """One of so many equal parts of a file."""
    return cut(files.get(path, wait_s, ctx=ctx), number, of)


def joined(path: str, parts: Sequence[bytes], wait_s: float = 0.2, *, ctx: Context) -> str:
    """Write parts one after the other into a file; returns its SHA-256."""
    whole = b"".join(parts)
    files.put(path, whole, wait_s, ctx=ctx)
    return hashlib.sha256(whole).hexdigest()


def read_text(path: str, encoding: str, wait_s: float = 0.4, *, ctx: Context) -> str:
    """The text of a file in some encoding."""
    return files.get(path, wait_s, ctx=ctx).decode(encoding)


def labelled(path: str, texts: Mapping[str, str], wait_s: float = 0.2, *, ctx: Context) -> str:
    """Write a line for each text, with its name before it; returns the path."""
    return files.put(path, "".join(f"{name}: {text}\n" for name, text in texts.items()), wait_s, ctx=ctx)


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
