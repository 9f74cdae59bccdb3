"""Results: what came of each row, as it comes, and in the end as a table in the order of the rows.

The journal is the truth: the lines written here are made anew from it when a batch is resumed. So they need no
flush, and a file that was left half written does no harm.
"""

from __future__ import annotations

import csv
import json
import math
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from orrery.errors import Failure, FileAccessError
from orrery.graph.values import Blob
from orrery.journal.locks import try_lock
from orrery.runtime.batch.table import Table
from orrery.tools.disk import disk_errors, replacing

RowState = Literal["succeeded", "partial", "failed", "cancelled"]
FORMS: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""The forms in which results are written."""
TOLD: Final = ("state", "error_code", "error", "seconds", "money", "tokens")
"""What is said of every row besides its own columns and the workflow's outputs."""


class RowResult(msgspec.Struct, frozen=True):
    """What came of one row.

    Args:
        row: its number, counted from 1.
        state: as of a run.
        outputs: what the workflow returns, as far as it was produced.
        failure: why it did not succeed.
        seconds: from the start of its first task to the end of its last; 0 where nothing ran for it.
        money, tokens: consumed for it; what several rows share counts for the first of them.
    """

    row: int
    state: RowState
    outputs: dict[str, Any] = {}
    failure: Failure | None = None
    seconds: float = 0.0
    money: float = 0.0
    tokens: int = 0

    def told(self) -> dict[str, Any]:
        """The cells under `TOLD`."""
        failure = self.failure
        code = None if failure is None else failure.code or failure.type
        error = None if failure is None else failure.message
        cells = (self.state, code, error, round(self.seconds, 6), round(self.money, 9), self.tokens)
        return dict(zip(TOLD, cells, strict=True))


class Spool:
    """Results of rows in the order in which they came, in a file of JSON lines; eight bytes a row are in memory.

    Args:
        path: is emptied if it is there.
        rows: how many there are.

    Raises:
        FileAccessError: it cannot be written, or another batch is just writing it.
    """

    def __init__(self, path: Path, rows: int) -> None:
        with disk_errors("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # emptied only when it is known to be nobody else's
            self._file = os.fdopen(handle, "w+b")
            if not _locked(handle):
                self._file.close()
                raise FileAccessError(
                    f"{str(path)!r} is being written by another batch: wait for that, or name other results with --out",
                    severity="permanent",
                )
            self._file.truncate()
        self.path = path
        self._places = array("q", [-1]) * rows

    def __contains__(self, row: int) -> bool:
        return self._places[row - 1] >= 0

    def add(self, results: Iterable[RowResult]) -> None:
        """Keep results. A row that is there already stays as it is."""
        with disk_errors("write", self.path):
            for result in results:
                if result.row not in self:
                    self._places[result.row - 1] = self._file.tell()
                    self._file.write(_line({"row": result.row, "outputs": result.outputs, **result.told()}))

    def flush(self) -> None:
        """Let others see what was added."""
        with disk_errors("write", self.path):
            self._file.flush()

    def read(self) -> Iterator[dict[str, Any]]:
        """The kept results in the order of the rows, as {"row", "outputs", ...}."""
        for place in self._places:
            if place >= 0:
                self._file.seek(place)
                yield json.loads(self._file.readline())

    def close(self, *, remove: bool) -> None:
        """Close the file. With `remove` it is gone; without, it stays for whoever wants to look."""
        with disk_errors("write", self.path):
            self._file.close()
            if remove:
                self.path.unlink(missing_ok=True)


def _locked(handle: int) -> bool:
    try:
        return try_lock(handle, shared=False)
    except OSError:  # a file system without locks: nobody can be asked
        return True


def write_table(out: Path, table: Table, columns: Sequence[str], outputs: Sequence[str], spool: Spool) -> None:
    """Write the results in the order of the rows, each beside its row's own columns; the form goes by the suffix.

    A name that a column of the table has already gets an underscore at its end.

    Args:
        out: where to; replaced whole, or left as it was.
        columns: those of the table.
        outputs: the names of what the workflow returns.

    Raises:
        FileAccessError: it cannot be written.
        MissingExtraError: the form needs the extra `data`.
    """
    given = {name: _free(name, columns) for name in outputs}
    told = {name: _free(name, (*columns, *given.values())) for name in TOLD}
    records = _records(table, columns, given, told, spool)
    names = [*columns, *given.values(), *told.values()]
    match out.suffix.lower():
        case ".csv" | ".tsv" as form:
            with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter="\t" if form == ".tsv" else ",", lineterminator="\n")
                writer.writerow(names)
                writer.writerows([_cell(record.get(name)) for name in names] for record in records)
        case ".parquet":
            _write_parquet(out, names, records)
        case _:
            with replacing(out) as temporary, temporary.open("wb") as file:
                file.writelines(map(_line, records))


def _records(
    table: Table, columns: Sequence[str], outputs: Mapping[str, str], told: Mapping[str, str], spool: Spool
) -> Iterator[dict[str, Any]]:
    found = spool.read()
    result = next(found, None)
    for row in table.rows():
        if result is None:
            return
        if row.number < result["row"]:
            continue  # nothing came of it: the batch was cancelled before
        record = {name: row.values.get(name) for name in columns}
        record |= {name: result["outputs"].get(output) for output, name in outputs.items()}
        yield record | {name: result[key] for key, name in told.items()}
        result = next(found, None)


def _free(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    while name in taken:
        name += "_"
    return name


def _write_parquet(out: Path, names: Sequence[str], records: Iterable[dict[str, Any]]) -> None:
    from orrery.tools.data import write_lines

    kinds: dict[str, set[type]] = {name: set() for name in names}
    lines = out.with_name(f"{out.name}.lines")
    try:
        with disk_errors("write", lines), lines.open("wb") as file:
            for record in records:
                for name in names:
                    kinds[name].add(type(record.get(name)))
                file.write(_line(record))
        write_lines(lines, out, {name: _sql_type(found) for name, found in kinds.items()})
    finally:
        lines.unlink(missing_ok=True)


def _sql_type(kinds: set[type]) -> str:
    """The type of a column that holds values of these kinds. What is not one simple kind stays JSON."""
    match sorted(kind.__name__ for kind in kinds - {type(None)}):
        case [] | ["str"]:
            return "VARCHAR"
        case ["bool"]:
            return "BOOLEAN"
        case ["int"]:
            return "BIGINT"
        case ["float"] | ["float", "int"]:
            return "DOUBLE"
    return "JSON"


def _cell(value: Any) -> Any:
    """As a cell of a CSV file: a text as it is, what has parts as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    text = _line(value).decode().rstrip("\n")
    return json.loads(text) if text.startswith('"') else text  # a date, bytes: one text, which needs no quotes


def _line(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value, enc_hook=_plain) + b"\n"
    except (OverflowError, TypeError, ValueError):  # integers beyond 64 bits, keys that are no text, lone surrogates
        return json.dumps(value, default=_plain).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Blob):
        return {"blob": value.digest, "size_bytes": value.size_bytes, "media": value.media}
    return msgspec.to_builtins(value, enc_hook=str)


__all__ = ["FORMS", "TOLD", "RowResult", "RowState", "Spool", "write_table"]
