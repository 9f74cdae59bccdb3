"""Tables: SQL over CSV, Parquet and JSON files and lists of records, in a sandbox. Needs the extra `data` (DuckDB).

Every call has a database of its own, in memory. It may read the files that the call names and nothing
else: no other file, no network, no extension; and it runs one statement, which must be a query.
"""

from __future__ import annotations

import glob as globbing
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict
from uuid import UUID

import msgspec

from orrery.errors import ArgumentError, ContentError, LimitReachedError, MissingExtraError, ToolTimeoutError
from orrery.tools.context import ToolContext
from orrery.tools.disk import opened, replacing, resolved
from orrery.tools.tool import tool

if TYPE_CHECKING:
    import duckdb

Record = dict[str, Any]
Table = Path | list[Record]
MAX_ROWS = 100_000
MEMORY = "1GB"
THREADS = 2
_STREAMED_AT_ONCE = 1_000

_READERS: Mapping[str, str] = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".parquet": "read_parquet",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
_WRITERS: Mapping[str, str] = {
    ".csv": "FORMAT csv, HEADER",
    ".tsv": "FORMAT csv, HEADER, DELIMITER '\t'",
    ".parquet": "FORMAT parquet",
    ".json": "FORMAT json, ARRAY true",
    ".jsonl": "FORMAT json",
    ".ndjson": "FORMAT json",
}


class TableWritten(TypedDict):
    """Which file was written, and how many rows it has."""

    path: str
    rows: int


class Column(TypedDict):
    """What one column of a table holds. `mean` is None unless it holds numbers; `distinct` is approximate."""

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int
    min: Any
    max: Any
    mean: float | None


@tool(name="data.query", effects="idempotent", reads=("file:*",))
def query(
    sql: Annotated[str, "one SELECT in DuckDB's SQL"],
    tables: dict[str, Table] | None = None,
    *,
    parameters: list[Any] | dict[str, Any] | None = None,
    max_rows: int = MAX_ROWS,
    timeout_s: float | None = None,
    ctx: ToolContext | None = None,
) -> list[Record]:
    """The rows that a SQL query gives, as records.

    Args:
        tables: the names the query may use, each for a file (CSV, TSV, Parquet, JSON, JSON lines; a glob
            stands for several of one form) or a list of records.
        parameters: values for ?, $1 or $name in the query. Hand data in here, never by building the text.
        max_rows: more rows are refused.
        timeout_s: a longer query is stopped.
    """
    with _database(tables or {}, ctx) as database:
        return _rows(database, sql, parameters, max_rows, timeout_s)


@tool(name="data.read_table", effects="idempotent", reads=("file:{path}",))
def read_table(
    path: Path,
    *,
    columns: list[str] | None = None,
    max_rows: int = MAX_ROWS,
    ctx: ToolContext | None = None,
) -> list[Record]:
    """The rows of a table in a file, as records; the form goes by the file's suffix.

    Args:
        columns: only these, in this order.
        max_rows: a longer table is refused.
    """
    wanted = "*" if columns is None else ", ".join(map(_name, columns))
    with _database({"it": path}, ctx) as database:
        return _rows(database, f"SELECT {wanted} FROM it", None, max_rows, None)  # noqa: S608 - names are quoted


@tool(name="data.write_table", effects="idempotent", writes=("file:{path}",))
def write_table(records: list[Record], path: Path, *, ctx: ToolContext | None = None) -> TableWritten:
    """Write records as a table, whole or not at all; the form goes by the file's suffix."""
    form = _by_suffix(path, _WRITERS)
    if not records:
        raise ArgumentError("tool 'data.write_table': there are no records, so the table would have no columns")
    with _database({"it": records}, ctx, writes=True) as database, replacing(resolved(path, ctx)) as temporary:
        _translated(database, f"COPY (SELECT * FROM it) TO {_text(str(temporary))} ({form})")  # noqa: S608 - quoted
    return {"path": str(path), "rows": len(records)}


def check_installed() -> None:
    """Whether tables can be read and written in every form. Raises MissingExtraError."""
    _duckdb()


def streamed(path: Path) -> Iterator[Record]:
    """The rows of a table in a file, one after the other: what is in memory does not grow with the table.

    Raises:
        MissingExtraError: the extra `data` is not installed.
        FileAccessError, ArgumentError, ContentError: it cannot be read as a table.
    """
    with _database({"it": path}, None) as database:
        result = _translated(database, "SELECT * FROM it")
        names = [column[0] for column in result.description]
        while some := result.fetchmany(_STREAMED_AT_ONCE):
            for row in some:
                yield dict(zip(names, map(_plain, row), strict=True))


def write_lines(lines: Path, path: Path, types: Mapping[str, str]) -> None:
    """Write what is in a file of JSON lines as a table, whole or not at all; the form goes by the suffix.

    Args:
        types: the columns in their order, each with its type in SQL.

    Raises:
        MissingExtraError: the extra `data` is not installed.
        ArgumentError, ContentError, FileAccessError: it cannot be written.
    """
    form = _by_suffix(path, _WRITERS)
    columns = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in types.items())
    with _database({}, None, writes=True, reads=(lines,)) as database, replacing(path) as temporary:
        source = f"read_json([{_text(str(lines))}], format='newline_delimited', columns={{{columns}}})"
        _translated(database, f"COPY (SELECT * FROM {source}) TO {_text(str(temporary))} ({form})")  # noqa: S608 - quoted


@tool(name="data.describe", effects="idempotent", reads=("file:*",))
def describe(table: Table, *, ctx: ToolContext | None = None) -> list[Column]:
    """What each column of a table holds: type, nulls, distinct values, least, greatest, mean."""
    with _database({"it": table}, ctx) as database:
        found = _rows(database, "SUMMARIZE it", None, MAX_ROWS, None)
    return [
        {
            "name": row["column_name"],
            "type": row["column_type"],
            "rows": row["count"],
            "nulls": round(row["count"] * row["null_percentage"] / 100),
            "distinct": row["approx_unique"],
            "min": row["min"],
            "max": row["max"],
            "mean": _number(row["avg"]),
        }
        for row in found
    ]


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:  # of dates the mean is a date
        return None


@contextmanager
def _database(
    tables: Mapping[str, Table], ctx: ToolContext | None, *, writes: bool = False, reads: Sequence[Path] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that knows the given tables and can reach nothing else."""
    duckdb = _duckdb()
    with tempfile.TemporaryDirectory(prefix="orrery-data-") as scratch:
        sources = {name: _source(name, table, Path(scratch), ctx) for name, table in tables.items()}
        database = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "memory_limit": MEMORY,
                "threads": THREADS,
                "temp_directory": str(Path(scratch, "spill")),
            },
        )
        try:
            files = [*reads, *(path for _, paths in sources.values() for path in paths)]
            allowed = ", ".join(_text(str(path)) for path in files)
            database.execute(f"SET allowed_paths = [{allowed}]")
            if not writes:
                database.execute("SET enable_external_access = false")
            database.execute("SET lock_configuration = true")
            for name, (reader, paths) in sources.items():
                listed = ", ".join(_text(str(path)) for path in paths)
                _translated(database, f"CREATE VIEW {_name(name)} AS SELECT * FROM {reader}([{listed}])")  # noqa: S608
            yield database
        finally:
            database.close()


def _source(name: str, table: Table, scratch: Path, ctx: ToolContext | None) -> tuple[str, list[Path]]:
    """How a table is read, and from which files. Records go through a file of JSON lines."""
    if isinstance(table, Path):
        return _by_suffix(table, _READERS), _files(name, table, ctx)
    if not table:
        raise ArgumentError(f"table {name!r} is an empty list, so it has no columns")
    path = scratch / f"{len(list(scratch.iterdir()))}.jsonl"
    try:
        path.write_bytes(msgspec.json.Encoder(enc_hook=str).encode_lines(table))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ArgumentError(f"table {name!r} holds what is no data: {error}") from error
    return "read_json", [path]


def _files(name: str, path: Path, ctx: ToolContext | None) -> list[Path]:
    place = resolved(path, ctx)
    if globbing.has_magic(str(path)) and not place.exists():
        found = sorted(map(Path, globbing.glob(str(place), recursive=True)))
        if not found:
            raise ArgumentError(f"table {name!r}: no file matches {str(path)!r}")
        return found
    with opened(place):  # for the error that names what is there instead
        return [place]


def _by_suffix(path: Path, known: Mapping[str, str]) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])
    if suffix not in known:
        raise ArgumentError(f"{str(path)!r} is in no form known here; a table's file ends with {', '.join(known)}")
    return known[suffix]


def _rows(
    database: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any] | None,
    max_rows: int,
    timeout_s: float | None,
) -> list[Record]:
    _check_is_query(database, sql)
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        database.interrupt()

    alarm = threading.Timer(timeout_s, stop) if timeout_s is not None else None
    if alarm is not None:
        alarm.start()
    try:
        result = _translated(database, sql, parameters)
        found = result.fetchmany(max_rows + 1)
    except (ContentError, _duckdb().Error) as error:
        if stopped.is_set():
            raise ToolTimeoutError(f"the query did not end within {timeout_s:g} s", severity="transient") from error
        if isinstance(error, ContentError):
            raise
        raise _refusal(error) from error
    finally:
        if alarm is not None:
            alarm.cancel()
            alarm.join()
    if len(found) > max_rows:
        raise LimitReachedError(f"the query gives more than {max_rows} rows; aggregate, add a LIMIT, or raise max_rows")
    names = [column[0] for column in result.description]
    if len(set(names)) < len(names):
        raise ContentError(f"two columns have one name ({', '.join(names)}); name them apart with AS")
    return [dict(zip(names, map(_plain, row), strict=True)) for row in found]


def _check_is_query(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    duckdb = _duckdb()
    try:
        kinds = [statement.type for statement in database.extract_statements(sql)]
    except duckdb.Error as error:
        raise _refusal(error) from error
    if len(kinds) != 1 or kinds[0] not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        named = ", ".join(kind.name for kind in kinds) or "nothing"
        raise ArgumentError(f"tool 'data.query' runs one SELECT, not {named}; use data.write_table to write")


def _translated(database: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
    try:
        return database.execute(sql, parameters)
    except _duckdb().Error as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> ContentError:
    text = str(error).strip()
    if "disabled by configuration" in text:
        text += "\nA query reads only the tables it is given: name the file in `tables`."
    return ContentError(f"the query cannot be answered: {text}")


def _plain(value: Any) -> Any:
    """A value as plain data: dates and the like as ISO 8601 text, decimals as numbers, durations in seconds."""
    match value:
        case None | bool() | int() | float() | str() | bytes():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple() | set():
            return [_plain(inner) for inner in value]
    return str(value)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("data", needed_for="the data tools") from error
    return duckdb
