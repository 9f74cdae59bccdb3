"""Checks: what can be asked of an end state. Each function here makes one `Check`.

A check is true only after the work: what is also true of an untouched fixture ("nothing was published") must be asked
together with a trace of the work (`every`).
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import msgspec

from orrery.bench.fleet.exercise import Check, End, holds


def every(*checks: Check) -> Check:
    """All of them."""
    return lambda end: all(check(end) for check in checks)


def either(*checks: Check) -> Check:
    """At least one of them."""
    return lambda end: any(holds(check, end) for check in checks)


def is_there(place: str) -> Check:
    """There is a file at "device/path", and something in it."""
    return lambda end: end.path(place).stat().st_size > 0


def is_gone(*places: str) -> Check:
    """There is nothing at any of them."""
    return lambda end: not any(end.path(place).exists() for place in places)


def is_private(*places: str) -> Check:
    """Nobody but the owner can read or write these files."""
    return lambda end: all(end.path(place).stat().st_mode & 0o777 == 0o600 for place in places)


def is_untouched(*places: str) -> Check:
    """The files are what they were before the run."""
    from orrery.bench.fleet.setting import contents

    def check(end: End) -> bool:
        after = contents(end.folders)
        return all(after[place] == end.before[place] for place in places)

    return check


def file_is(place: str, content: str | bytes) -> Check:
    """The file at "device/path" holds just this."""
    data = content.encode() if isinstance(content, str) else content
    return lambda end: end.path(place).read_bytes() == data


def same_file(place: str, original: str) -> Check:
    """Two files are alike, byte for byte."""
    return lambda end: end.path(place).read_bytes() == end.path(original).read_bytes()


def text_has(place: str, *parts: object) -> Check:
    """The text at "device/path" has all these in it."""
    return lambda end: all(str(part) in end.text(place) for part in parts)


def text_lacks(place: str, *parts: object) -> Check:
    """The text at "device/path" has none of these in it."""
    return lambda end: not any(str(part) in end.text(place) for part in parts)


def json_is(place: str, value: Any) -> Check:
    """The JSON file at "device/path" holds this value; numbers to nine digits."""
    return lambda end: alike(msgspec.json.decode(end.path(place).read_bytes()), value)


def json_has(place: str, part: Mapping[str, Any]) -> Check:
    """The JSON map at "device/path" has these entries, and perhaps others."""

    def check(end: End) -> bool:
        found = msgspec.json.decode(end.path(place).read_bytes())
        return all(alike(found[key], value) for key, value in part.items())

    return check


def lines_are(place: str, lines: Sequence[str], *, any_order: bool = False) -> Check:
    """The text at "device/path" has these lines, empty ones left out."""

    def check(end: End) -> bool:
        found = [line for line in end.text(place).splitlines() if line.strip()]
        return sorted(found) == sorted(lines) if any_order else found == list(lines)

    return check


def json_lines_have(place: str, *records: Mapping[str, Any]) -> Check:
    """The lines of JSON at "device/path" are as many as these records, and each has one's fields, in any order."""

    def check(end: End) -> bool:
        found = [msgspec.json.decode(line) for line in end.path(place).read_bytes().splitlines()]
        return len(found) == len(records) and all(
            any(all(alike(line[key], value) for key, value in record.items()) for line in found) for record in records
        )

    return check


def rows_are(place: str, sql: str, rows: Sequence[Sequence[Any]]) -> Check:
    """What a query of the SQLite database at "device/path" gives."""

    def check(end: End) -> bool:
        path = end.path(place)
        path.stat()  # connecting would make the file
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                return alike([list(row) for row in database.execute(sql)], [list(row) for row in rows])
        except sqlite3.Error:
            return False

    return check


def answer_is(value: Any) -> Check:
    """What the run returned."""
    return lambda end: alike(end.answer, value)


def answer_has(*parts: object) -> Check:
    """What the run returned has all these in it, as values or as parts of its text."""

    def check(end: End) -> bool:
        leaves = list(_leaves(end.answer))
        return all(any(_shows(leaf, part) for leaf in leaves) for part in parts)

    return check


def answer_lacks(*parts: object) -> Check:
    """The run returned something, and none of these is in it."""

    def check(end: End) -> bool:
        leaves = list(_leaves(end.answer))
        return bool(leaves) and not any(_shows(leaf, part) for part in parts for leaf in leaves)

    return check


def answer_lists(*names: str) -> Check:
    """What the run returned are these names, each as a value of its own, and nothing else."""
    return lambda end: sorted(str(leaf) for leaf in _leaves(end.answer)) == sorted(names)


def reason_has(*parts: str) -> Check:
    """The reason is given, in what the run returned or in why it failed; letter case does not count."""

    def check(end: End) -> bool:
        said = " ".join([end.reason, *(str(leaf) for leaf in _leaves(end.outputs))]).lower()
        return all(part.lower() in said for part in parts)

    return check


def was_asked(device: str, call: str, times: int | None = None) -> Check:
    """The service of a device was asked, such as "GET /health"; so many times, or at least once."""

    def check(end: End) -> bool:
        count = end.calls[device].count(call)
        return count > 0 if times is None else count == times

    return check


def nothing_was_assigned(end: End) -> bool:
    """No device was given anything to do."""
    return end.assigned == 0


def alike(found: Any, wanted: Any) -> bool:
    """Equality of plain data, with numbers to nine digits and tuples as lists."""
    if isinstance(wanted, Mapping):
        return (
            isinstance(found, Mapping)
            and found.keys() == wanted.keys()
            and all(alike(found[key], wanted[key]) for key in wanted)
        )
    if isinstance(wanted, list | tuple):
        return isinstance(found, list | tuple) and len(found) == len(wanted) and all(map(alike, found, wanted))
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return (
            isinstance(found, int | float) and not isinstance(found, bool) and math.isclose(found, wanted, abs_tol=1e-9)
        )
    return type(found) is type(wanted) and bool(found == wanted)


def _leaves(value: Any) -> Iterator[Any]:
    """The keys and values in plain data."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield value


def _shows(leaf: Any, part: object) -> bool:
    if isinstance(part, int | float) and not isinstance(leaf, str):
        return alike(leaf, part)
    return str(part) in str(leaf)
