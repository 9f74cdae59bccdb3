"""What stands around a request: the files of the folder, and the columns of the tables and logs among them.

Only looked at, never changed, and only the beginning of a file is read: what a request means may depend on what
there is ("region" is a column of sales.csv), and a name that is nowhere is refused before anything runs.
"""

from __future__ import annotations

import csv
import difflib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from orrery.errors import OrreryError
from orrery.planners.rules.vocabulary import TABLE_SUFFIXES, singular
from orrery.tools.log_forms import is_time, records_of

Kind = Literal["table", "log", "document", "text", "folder", "missing"]
"""A `document` is JSON that is no list of records."""

_HEAD_BYTES = 48_000
_HEAD_ROWS = 200
_MOST_CELLS = 40
_MOST_JSON_BYTES = 2_000_000
_LOG_NAMES = (".log", ".logfmt")
_EVERYWHERE = ("time", "line", "message", "request", "path", "name", "count", "date", "level", "total")
"""Names of columns that are as often plain words."""
_NOT_LISTED = frozenset((".git", ".venv", "node_modules", "__pycache__"))


@dataclass(frozen=True)
class Column:
    """A column as far as the first rows show it.

    Args:
        numeric: whether all its values there are numbers.
        is_time: whether they are moments.
        cells: the different texts in it, in lower case, to how they are written; empty where there are too many.
    """

    name: str
    numeric: bool = False
    is_time: bool = False
    cells: tuple[tuple[str, str], ...] = ()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of its name: "order_date" and "orderDate" are "order date"."""
        spaced = "".join(
            f" {c}" if c.isupper() and i and self.name[i - 1].islower() else c for i, c in enumerate(self.name)
        )
        return tuple(singular(word) for word in spaced.lower().replace("_", " ").replace("-", " ").split())


class Surroundings:
    """A folder as a planner sees it.

    Args:
        folder: the run's working folder.
    """

    is_seen = True
    """Whether it can be looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kinds: dict[str, Kind] = {}
        self._columns: dict[str, tuple[Column, ...]] = {}

    def place(self, path: str) -> Path:
        """Where a path leads, read against the folder."""
        return self.folder / Path(path).expanduser() if not path.startswith("~") else Path(os.path.expanduser(path))

    def kind(self, path: str) -> Kind:
        """What stands at a path."""
        if path not in self._kinds:
            try:
                self._kinds[path] = self._look(path)
            except (OSError, ValueError):
                self._kinds[path] = "missing"
        return self._kinds[path]

    def lacks(self, path: str) -> bool:
        """Whether nothing stands at a path, as far as can be seen."""
        return self.kind(path) == "missing"

    def within(self, folder: str, path: str) -> str:
        """What a path means that was named together with a folder: one inside, unless there is one here."""
        return f"{folder}/{path}" if folder and self.kind(path) == "missing" else path

    def kind_by_name(self, path: str) -> Kind:
        """What a file of that name would be, whether it exists or not."""
        suffix = Path(path.removesuffix(".gz")).suffix.lower()
        if suffix in TABLE_SUFFIXES:
            return "table"
        return "log" if suffix in _LOG_NAMES or Path(path).name.lower().endswith("_log") else "text"

    def _look(self, path: str) -> Kind:
        place = self.place(path)
        if place.is_dir():
            return "folder"
        if not place.exists():
            return "missing"
        named = self.kind_by_name(path)
        if named == "table" and place.suffix.lower() == ".json":
            return "table" if self.columns(path) else "document"
        return named

    def columns(self, path: str) -> tuple[Column, ...]:
        """The columns of the table or log at a path; empty where it cannot be read."""
        if path not in self._columns:
            try:
                self._columns[path] = columns_of(self._rows(path))
            except (OSError, ValueError, csv.Error, RecursionError, OrreryError):
                self._columns[path] = ()
        return self._columns[path]

    def names_seen(self) -> dict[str, str]:
        """What could stand in the place of columns and values that were looked at: another column, nothing.

        Only those that are one word, in lower case.
        """
        found: dict[str, str] = {}
        for columns in self._columns.values():
            found |= {lower: "" for column in columns for lower, _ in column.cells if " " not in lower}
            names = [column.name.lower() for column in columns]
            found |= {
                name: names[place - 1] for place, name in enumerate(names) if name not in _EVERYWHERE and len(names) > 1
            }
        return found

    def keys(self, path: str) -> tuple[Column, ...]:
        """The keys of a JSON document, those of inner maps with a dot: "scripts.test"."""
        try:
            value = json.loads(self.place(path).read_bytes()[:_MOST_JSON_BYTES])
        except (OSError, ValueError, RecursionError):
            return ()
        found: list[Column] = []
        for name, inner in value.items() if isinstance(value, dict) else ():
            found.append(Column(str(name), isinstance(inner, int | float)))
            found += [Column(f"{name}.{key}") for key in inner] if isinstance(inner, dict) else []
        return tuple(found)

    def _rows(self, path: str) -> Sequence[Mapping[str, Any]]:
        place, suffix = self.place(path), Path(path).suffix.lower()
        if suffix in (".parquet", ".gz"):
            from orrery.tools.data import query

            found: list[dict[str, Any]] = query(f"SELECT * FROM it LIMIT {_HEAD_ROWS}", {"it": place})  # noqa: S608
            return found
        if suffix == ".json":
            if place.stat().st_size > _MOST_JSON_BYTES:
                return []
            value = json.loads(place.read_bytes())
            is_table = isinstance(value, list) and value and all(isinstance(item, dict) for item in value[:_HEAD_ROWS])
            return value[:_HEAD_ROWS] if is_table else []
        with place.open("rb") as file:
            head = file.read(_HEAD_BYTES + 1)
        if len(head) > _HEAD_BYTES:
            head = head[: head.rfind(b"\n") + 1] or head
        text = head.decode("utf-8", "replace")
        if suffix in (".jsonl", ".ndjson"):
            return [
                row for line in text.splitlines()[:_HEAD_ROWS] if line and isinstance(row := json.loads(line), dict)
            ]
        if suffix in (".csv", ".tsv"):
            return _csv_rows(text, "\t" if suffix == ".tsv" else _delimiter(text))
        return records_of("\n".join(text.splitlines()[:_HEAD_ROWS]))

    def matches(self, patterns: Iterable[str], most: int = 20) -> list[str]:
        """The first files that match one of the patterns."""
        found: list[str] = []
        for pattern in patterns:
            if os.path.isabs(pattern):
                continue
            try:
                for path in self.folder.glob(pattern):
                    relative = path.relative_to(self.folder)
                    if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                        found.append(relative.as_posix())
                        if len(found) >= most:
                            return found
            except (OSError, ValueError, NotImplementedError, IndexError):
                continue
        return found

    def nearest(self, path: str) -> str:
        """The half-sentence that names files like the one that is missing; empty where there are none."""
        names = self._names
        near = difflib.get_close_matches(path, names, n=3, cutoff=0.55)
        same = [name for name in names if Path(name).name.lower() == Path(path).name.lower() and name not in near]
        listed = [*same, *near][:3]
        return "did you mean " + " or ".join(map(repr, listed)) + "?" if listed else ""

    @cached_property
    def _names(self) -> list[str]:
        names: list[str] = []
        for folder, folders, files in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if name not in _NOT_LISTED and not name.startswith("."))
            relative = Path(folder).relative_to(self.folder)
            names += [(relative / name).as_posix() for name in sorted([*files, *folders])]
            if len(names) > 500:
                break
        return names[:500]

    def free_name(self, path: str, taken: Iterable[str] = ()) -> str:
        """The path, or with a number before its ending the first one that nothing has: chart.png, chart-2.png."""
        names, wanted = set(taken), Path(path)
        number, name = 2, path
        while name in names or self.place(name).exists():
            name, number = (wanted.parent / f"{wanted.stem}-{number}{wanted.suffix}").as_posix(), number + 1
        return name


_WEB_LOG = ("host", "time", "method", "path", "status", "size_bytes")
_NUMBERS = ("status", "size_bytes")


class Unseen(Surroundings):
    """The folder of a device: nothing is known of it but what names say, and so nothing in it is missing.

    Args:
        guessed: the columns of which a request speaks, which tables there must have.
    """

    is_seen = False

    def __init__(self, guessed: Sequence[Column] = ()) -> None:
        super().__init__(Path("/nowhere/in/particular"))
        self.guessed = tuple(guessed)

    def kind(self, path: str) -> Kind:
        """What a path says of itself: a name that is no path is nothing."""
        if path.endswith("/"):
            return "folder"
        if path.lower().endswith(".json"):
            return "document"
        return self.kind_by_name(path) if "." in Path(path).name or "/" in path else "missing"

    def columns(self, path: str) -> tuple[Column, ...]:
        """The columns that a table must have, or the usual ones of a log."""
        match self.kind_by_name(path):
            case "table":
                return () if path.lower().endswith(".json") else self.guessed
            case "log":
                names = _WEB_LOG if "access" in Path(path).name.lower() else ("time", "level", "message")
                return tuple(Column(name, name in _NUMBERS, name == "time") for name in names)
        return ()

    def lacks(self, path: str) -> bool:  # noqa: ARG002 - of the interface
        """No: nobody knows."""
        return False

    def within(self, folder: str, path: str) -> str:
        """A path inside the folder, unless it names it itself."""
        return f"{folder}/{path}" if folder and not path.startswith((f"{folder}/", "/", "~")) else path

    def keys(self, path: str) -> tuple[Column, ...]:  # noqa: ARG002 - of the interface
        """None that are known."""
        return ()

    def names_seen(self) -> dict[str, str]:
        """None."""
        return {}

    def matches(self, patterns: Iterable[str], most: int = 20) -> list[str]:
        """A name such as each pattern finds: what kind of files they are can be seen by it."""
        return [Path(pattern).name.replace("*", "x") for pattern in patterns][:most]

    def nearest(self, path: str) -> str:  # noqa: ARG002 - of the interface
        """Nothing: nobody knows."""
        return ""

    def free_name(self, path: str, taken: Iterable[str] = ()) -> str:  # noqa: ARG002 - of the interface
        """The path itself: what it would replace cannot be seen, and is asked about."""
        return path


def columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """The columns of records, in order of appearance."""
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return tuple(_column(name, [row[name] for row in rows if row.get(name) not in (None, "")]) for name in names)


def _column(name: str, values: Sequence[Any]) -> Column:
    numeric = bool(values) and all(_is_number(value) for value in values)
    texts = {value.strip().lower(): value.strip() for value in values if isinstance(value, str)}
    cells = tuple(texts.items()) if not numeric and len(texts) <= _MOST_CELLS else ()
    moments = bool(values) and not numeric and all(is_time(value) for value in values)
    return Column(name, numeric, moments, () if moments else cells)


def _is_number(value: Any) -> bool:
    if isinstance(value, int | float):
        return not isinstance(value, bool)
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t|", key=head.count) if head else ","


def _csv_rows(text: str, delimiter: str) -> list[dict[str, Any]]:
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    names = next(reader, [])
    rows = [dict(zip(names, row, strict=False)) for row, _ in zip(reader, range(_HEAD_ROWS), strict=False)]
    return rows or [dict.fromkeys(names)]
