"""Records: what is done with lists of rows in memory. All pure: the same rows give the same result.

A record is a map from names to values. These tools stand between those that fetch (files, logs, tables,
metrics) and those that show (charts, files); for large tables on disk, `data.query` is the better one.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Literal, TypedDict

from orrery.errors import ArgumentError, ContentError, suggestion
from orrery.tools import layout, log_forms
from orrery.tools.tool import tool

Record = dict[str, Any]
Number = int | float
How = Literal["count", "sum", "mean", "median", "min", "max", "distinct"]
Test = Literal["=", "!=", ">", ">=", "<", "<=", "contains", "lacks", "starts", "ends", "empty", "filled"]
Part = Literal["second", "minute", "hour", "day", "month", "year", "weekday"]


class _Tested(TypedDict):
    column: str
    test: Test


class Condition(_Tested, total=False):
    """What a column must be, such as `{"column": "amount", "test": ">", "value": 100}`."""

    value: Any


class _Computed(TypedDict):
    how: How


class Measure(_Computed, total=False):
    """What is computed of each group; `count` needs no column."""

    column: str


@tool(name="records.zip", effects="pure")
def zip_rows(columns: dict[str, list[Any]], *, spread: list[list[Record]] | None = None) -> list[Record]:
    """Rows from lists of equal length, one list per column.

    Args:
        spread: lists of records whose entries become columns of their own.
    """
    lists = [*columns.values(), *(spread or [])]
    lengths = {len(values) for values in lists}
    if len(lengths) > 1:
        raise ArgumentError(f"tool 'records.zip': the columns differ in length: {sorted(lengths)}")
    rows: list[Record] = []
    for position in range(lengths.pop() if lengths else 0):
        row = {name: values[position] for name, values in columns.items()}
        for records in spread or []:
            row.update(records[position])
        rows.append(row)
    return rows


@tool(name="records.flatten", effects="pure")
def flatten(lists: list[list[Any]], *, labels: list[Any] | None = None, name: str = "path") -> list[Any]:
    """One list from many; with `labels` (one for each list), every record gets its list's label under `name`."""
    if labels is None:
        return [item for items in lists for item in items]
    if len(labels) != len(lists):
        raise ArgumentError(f"tool 'records.flatten': {len(labels)} labels for {len(lists)} lists")
    return [{name: label, **item} for label, items in zip(labels, lists, strict=True) for item in items]


@tool(name="records.where", effects="pure")
def where(records: list[Record], conditions: list[Condition], *, any_of: bool = False) -> list[Record]:
    """The rows that fulfil all conditions, or with `any_of` at least one.

    Text is compared without regard to case; a missing value fulfils no comparison.
    """
    enough = any if any_of else all
    return [row for row in records if enough(_holds(row, condition) for condition in conditions)]


@tool(name="records.sort", effects="pure")
def sort(records: list[Record], by: str, *, descending: bool = False) -> list[Record]:
    """The rows ordered by a column; equal ones keep their order, rows without a value come last."""
    with_value = [row for row in records if _cell(row, by, records) is not None]
    without = [row for row in records if row.get(by) is None]
    return [*sorted(with_value, key=lambda row: _order(row[by]), reverse=descending), *without]


@tool(name="records.take", effects="pure")
def take(items: list[Any], count: int, *, from_end: bool = False) -> list[Any]:
    """The first `count` items of a list, or the last ones in their order."""
    if count < 0:
        raise ArgumentError(f"tool 'records.take': count must not be negative, it is {count}")
    return items[max(0, len(items) - count) :] if from_end else items[:count]


@tool(name="records.group", effects="pure")
def group(records: list[Record], by: list[str], measures: dict[str, Measure]) -> list[Record]:
    """One row for every combination of values of the columns `by`, in order of appearance, with measures of its rows.

    Args:
        measures: names of new columns to what they hold, such as `{"total": {"how": "sum", "column": "amount"}}`.
    """
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for row in records:
        groups.setdefault(tuple(_hashable(_cell(row, name, records)) for name in by), []).append(row)
    return [
        {
            **{name: rows[0].get(name) for name in by},
            **{name: _reduced(rows, measure["how"], measure.get("column")) for name, measure in measures.items()},
        }
        for rows in groups.values()
    ]


@tool(name="records.reduce", effects="pure")
def reduce(items: list[Any], how: How, *, column: str | None = None) -> Any:
    """One value of many: their number, sum, mean, median, least, greatest, or number of different ones.

    Args:
        column: of records, the column that counts; None takes the items themselves.
    """
    return _reduced(items, how, column)


@tool(name="records.select", effects="pure")
def select(records: list[Record], columns: list[str]) -> list[Record]:
    """The rows with these columns only, in this order."""
    return [{name: _cell(row, name, records) for name in columns} for row in records]


@tool(name="records.values", effects="pure")
def values(records: list[Record], column: str, *, distinct: bool = False) -> list[Any]:
    """What a column holds, row by row; with `distinct` each value once."""
    found = [_cell(row, column, records) for row in records]
    if not distinct:
        return found
    return list({_hashable(value): value for value in found}.values())


@tool(name="records.present", effects="pure")
def present(items: list[Any]) -> list[Any]:
    """What is there of these, each once, lists opened: without those that a skipped step would have made."""
    opened = [inner for item in items for inner in (item if isinstance(item, list) else [item])]
    return list(dict.fromkeys(item for item in opened if item is not None))


@tool(name="records.pairs", effects="pure")
def pairs(records: list[Record], label: str, value: str) -> dict[str, float]:
    """Labels to numbers, as a bar chart takes them; rows without a number are left out, same labels are told apart."""
    found: dict[str, float] = {}
    for row in records:
        number = _as_number(_cell(row, value, records))
        if number is None:
            continue
        name = str(_cell(row, label, records))
        again = 2
        while name in found:
            name, again = f"{row.get(label)} ({again})", again + 1
        found[name] = number
    return found


@tool(name="records.series", effects="pure")
def series(records: list[Record], columns: list[str]) -> dict[str, list[float | None]]:
    """Each column as a list of numbers, as a line chart takes them; what is no number leaves a gap."""
    return {name: [_as_number(_cell(row, name, records)) for row in records] for name in columns}


@tool(name="records.derive", effects="pure")
def derive(records: list[Record], column: str, part: Part, *, name: str | None = None) -> list[Record]:
    """The rows with one more column: a part of the time in another, down to and including that part.

    Args:
        part: "hour" of 2025-03-01T10:20:30 is "2025-03-01 10:00"; "weekday" is "Saturday".
        name: of the new column; that of the part by default.
    """
    return [{**row, name or part: log_forms.part_of_time(_cell(row, column, records), part)} for row in records]


@tool(name="records.of_log", effects="pure")
def of_log(text: str) -> list[Record]:
    """The records of a log whose format is found out from its lines.

    Known are JSON lines, logfmt, the web servers' common and combined formats, and lines that begin with a time
    and name a level. Lines of no known form continue the record before them; where nothing is known each line is a
    record of its own with `line` and `message`, and `level` where the line names one.
    """
    return log_forms.records_of(text)


@tool(name="records.of_paths", effects="pure")
def of_paths(paths: list[str]) -> list[Record]:
    """What a path says: for each its `path`, `name`, `stem`, `suffix` and `folder`."""
    found = []
    for text in paths:
        path = PurePosixPath(text)
        found.append(
            {
                "path": text,
                "name": path.name,
                "stem": path.stem,
                "suffix": path.suffix,
                "folder": path.parent.as_posix(),
            }
        )
    return found


@tool(name="records.choose_paths", effects="pure")
def choose_paths(paths: list[str], *, only: list[str] | None = None, without: list[str] | None = None) -> list[str]:
    """The paths, each once, that match one of `only` and none of `without`.

    A pattern without "/" is held against the name and every folder of a path, one with "/" against its beginning.
    """

    def matches(path: str, pattern: str) -> bool:
        if "/" in pattern.rstrip("/"):
            return fnmatchcase(path, pattern) or path.startswith(pattern.rstrip("/") + "/")
        return any(fnmatchcase(part, pattern.rstrip("/")) for part in PurePosixPath(path).parts)

    return [
        path
        for path in dict.fromkeys(paths)
        if (only is None or any(matches(path, pattern) for pattern in only))
        and not any(matches(path, pattern) for pattern in without or [])
    ]


_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001 - the typographic apostrophe joins words too


@tool(name="records.words", effects="pure")
def words(text: str) -> list[Record]:
    """The words of a text in lower case, one record with `word` for each."""
    return [{"word": found.lower()} for found in _WORD.findall(text)]


@tool(name="records.occurrences", effects="pure")
def occurrences(text: str, what: str, *, ignore_case: bool = False) -> int:
    """How often a piece of text occurs, counted without overlap."""
    if not what:
        raise ArgumentError("tool 'records.occurrences': there is nothing to look for: `what` is empty")
    return text.lower().count(what.lower()) if ignore_case else text.count(what)


@tool(name="records.text", effects="pure")
def text(value: Any, *, form: layout.Form = "text", title: str = "") -> str:
    """A value as text that ends with a line break: rows as a table, lists one item to a line.

    Args:
        form: "text", "markdown", "csv", "tsv", "json" or "jsonl".
        title: stands above it, in the forms that people read.
    """
    return layout.written(value, form, title)


# -- one row, one value -----------------------------------------------------------------------------------


def _cell(row: Mapping[str, Any], column: str, records: Sequence[Mapping[str, Any]]) -> Any:
    """A row's value; None where the row lacks it, but a column that no row has is an error."""
    if column in row:
        return row[column]
    known = {name: None for other in records for name in other}
    if column in known:
        return None
    raise ContentError(f"no row has a column {column!r}; {suggestion(column, map(str, known))}")


def _as_number(value: Any) -> Number | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return None if value != value else value  # noqa: PLR0124 - NaN cannot be drawn or added
    if isinstance(value, str):
        try:
            return float(value) if not value.strip().lstrip("+-").isdecimal() else int(value)
        except ValueError:
            return None
    return None


def _order(value: Any) -> tuple[int, Any]:
    """What a value is sorted by: numbers before text, text without regard to case."""
    number = _as_number(value)
    return (0, number) if number is not None else (1, str(value).casefold())


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, list | dict | set) else value


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
}


def _holds(row: Mapping[str, Any], condition: Condition) -> bool:
    value, test, wanted = row.get(condition["column"]), condition["test"], condition.get("value")
    if test in ("empty", "filled"):
        return (value in (None, "", [], {})) == (test == "empty")
    if value is None:
        return test in ("!=", "lacks")
    if test in _COMPARE:
        a, b = _as_number(value), _as_number(wanted)
        if (a is None or b is None) and (moments := log_forms.moments(value, wanted)) is not None:
            return _COMPARE[test](*moments)
        if a is None or b is None:
            return _COMPARE[test](str(value).casefold(), str(wanted).casefold())
        return _COMPARE[test](a, b)
    whole, part = str(value).casefold(), str(wanted).casefold()
    if test == "starts":
        return whole.startswith(part)
    if test == "ends":
        return whole.endswith(part)
    return (part in whole) == (test == "contains")


def _reduced(items: Sequence[Any], how: How, column: str | None) -> Any:
    if column is None:
        found = [item for item in items if item is not None]
    else:
        found = [value for item in items if (value := _cell(item, column, items)) is not None]
    if how == "count":
        return len(found)
    if how == "distinct":
        return len(Counter(map(_hashable, found)))
    if how in ("min", "max"):
        return (min if how == "min" else max)(found, key=_order, default=None)
    return _of_numbers(found, how, column)


def _of_numbers(found: Iterable[Any], how: How, column: str | None) -> Number | None:
    numbers: list[Number] = []
    for value in found:
        number = _as_number(value)
        if number is None:
            place = f"column {column!r} holds" if column is not None else "there is"
            raise ContentError(f"{place} {value!r:.60}, which is no number, so there is no {how}")
        numbers.append(number)
    if how == "sum":
        return sum(numbers) if all(isinstance(number, int) for number in numbers) else math.fsum(numbers)
    if not numbers:
        return None
    return statistics.fmean(numbers) if how == "mean" else statistics.median(numbers)
