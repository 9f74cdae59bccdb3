"""Table: the rows of a file, one after the other, with little of it in memory.

CSV, TSV and JSON lines need the standard library alone; Parquet is read by DuckDB, which is the extra `data`.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from orrery.errors import ContentError, InputError, suggestion
from orrery.tools.disk import kind_of

SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
MAX_CELL_CHARS: Final = 2**30
"""The longest cell of a CSV file; the standard library's own limit is an error at 131,072."""


class TableRow(NamedTuple):
    """One row.

    Args:
        number: counted from 1, the head of a CSV file left out.
        values: by the names of the columns; a text where the form knows nothing but text.
        wrong: why it cannot be read; "" where it can.
    """

    number: int
    values: dict[str, Any]
    wrong: str = ""


class Table:
    """The rows of a file; its form goes by its suffix.

    Raises:
        InputError: there is no such file, or its form is unknown.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.form = path.suffix.lower()
        if self.form not in SUFFIXES:
            raise InputError(f"{str(path)!r} is in no form known here; a table's file ends with {', '.join(SUFFIXES)}")
        if path.exists() and not path.is_file():
            raise InputError(f"{str(path)!r} is no table but {kind_of(path.stat().st_mode)}; name a file")
        if not path.is_file():
            near = [one.name for one in path.parent.iterdir() if one.suffix in SUFFIXES] if path.parent.is_dir() else []
            hint = suggestion(path.name, near) if near else f"there is no table in {str(path.parent)!r}"
            raise InputError(f"there is no table {str(path)!r}; {hint}")

    def digest(self) -> str:
        """SHA-256 of the file's bytes."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def columns(self) -> list[str] | None:
        """The names of its columns; None where each row has its own. Raises InputError, MissingExtraError."""
        match self.form:
            case ".csv" | ".tsv":
                return self._head()
            case ".parquet":
                with self._as_input_errors(), closing(self._parquet()) as rows:
                    first = next(rows, None)
                return None if first is None else list(first.values)
        return None

    def names(self) -> dict[str, None]:
        """Every name of a column that occurs in any row, in order. Raises what `rows` raises."""
        return {name: None for row in self.rows() for name in row.values}

    def rows(self) -> Iterator[TableRow]:
        """The rows in their order. A row that cannot be read says so; what makes the rest unreadable is raised.

        Raises:
            InputError: the file is not what its suffix says.
            MissingExtraError: its form needs the extra `data`.
        """
        read = {".csv": self._separated, ".tsv": self._separated, ".parquet": self._parquet, ".json": self._array}
        with self._as_input_errors():
            yield from read.get(self.form, self._lines)()

    @contextmanager
    def _as_input_errors(self) -> Iterator[None]:
        try:
            yield
        except (UnicodeDecodeError, csv.Error, ContentError) as error:
            raise InputError(f"{str(self.path)!r} cannot be read as a table: {error}") from error

    def _head(self) -> list[str]:
        csv.field_size_limit(MAX_CELL_CHARS)
        with self._as_input_errors(), self.path.open(encoding="utf-8-sig", newline="") as file:
            head = next(csv.reader(file, delimiter=self._delimiter), [])
        if not head:
            raise InputError(f"{str(self.path)!r} is empty: its first line must name the columns")
        twice = sorted(name for name, times in Counter(head).items() if times > 1)
        if twice:
            raise InputError(f"{str(self.path)!r} has two columns of one name: {', '.join(map(repr, twice))}")
        return head

    @property
    def _delimiter(self) -> str:
        return "\t" if self.form == ".tsv" else ","

    def _separated(self) -> Iterator[TableRow]:
        head = self._head()
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            # Strict: a quote that nobody closes would swallow all rows after it without a word.
            reader = csv.reader(file, delimiter=self._delimiter, strict=True)
            next(reader)
            number = 0
            try:
                for cells in reader:
                    if not cells:  # an empty line is no row
                        continue
                    number += 1
                    wrong = "" if len(cells) == len(head) else f"{len(cells)} cells, where the head has {len(head)}"
                    yield TableRow(number, dict(zip(head, cells, strict=False)), wrong)
            except csv.Error as error:
                raise InputError(f"{str(self.path)!r}, after row {number}: {error}; look at its quotes") from error

    def _lines(self) -> Iterator[TableRow]:
        number = 0
        with self.path.open(encoding="utf-8-sig") as file:
            for line in file:
                if not line.strip():
                    continue
                number += 1
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield TableRow(number, {}, f"it is no JSON: {error}")
                    continue
                yield _of_object(number, found)

    def _array(self) -> Iterator[TableRow]:
        # One value, so all of it is in memory: for small tables only.
        try:
            found = json.loads(self.path.read_text("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{str(self.path)!r} is no JSON: {error}") from error
        if not isinstance(found, list):
            raise InputError(f"{str(self.path)!r} must hold a list of objects; for one object a line, call it *.jsonl")
        for number, one in enumerate(found, 1):
            yield _of_object(number, one)

    def _parquet(self) -> Generator[TableRow]:
        from orrery.tools.data import streamed

        for number, values in enumerate(streamed(self.path), 1):
            yield TableRow(number, values)


def _of_object(number: int, found: Any) -> TableRow:
    if isinstance(found, dict):
        return TableRow(number, found)
    return TableRow(number, {}, f"it must be a JSON object, not {json.dumps(found)[:60]}")
