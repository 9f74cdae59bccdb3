"""Formats of logs: one function per format, from a line to a record or to None where it cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict

LogFormat = Literal["common", "combined", "logfmt", "json", "regex"]
Record = dict[str, Any]
KEPT_UNREADABLE = 5
_KEPT_CHARS = 200


class Unreadable(TypedDict):
    """A line that is not in the format; lines are counted from 1."""

    line: int
    text: str


class ParsedLog(TypedDict):
    """The records of a log, the number of lines that could not be read, and the first few of those."""

    records: list[Record]
    unreadable: int
    first_unreadable: list[Unreadable]


def parse_lines(text: str, format: LogFormat, regex: re.Pattern[str] | None = None) -> ParsedLog:
    """The records of a log, line by line; empty lines are passed over."""
    read = _FORMATS[format] if regex is None else lambda line: _by_groups(regex, line)
    records: list[Record] = []
    bad: list[Unreadable] = []
    unreadable = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        record = read(line)
        if record is not None:
            records.append(record)
            continue
        unreadable += 1
        if len(bad) < KEPT_UNREADABLE:
            bad.append({"line": number, "text": line[:_KEPT_CHARS]})
    return {"records": records, "unreadable": unreadable, "first_unreadable": bad}


def _by_groups(regex: re.Pattern[str], line: str) -> Record | None:
    found = regex.search(line)
    return None if found is None else found.groupdict()


# The Common Log Format: host identity user [time] "request" status size. Quotes inside are escaped by \.
_COMMON = r"""(?P<host>\S+)\ (?P<identity>\S+)\ (?P<user>\S+)\ \[(?P<time>[^\]]+)\]
              \ "(?P<request>(?:[^"\\]|\\.)*)"\ (?P<status>\d{3})\ (?P<size_bytes>\d+|-)"""
_COMMON_LINE = re.compile(_COMMON + r"\s*", re.VERBOSE)
_COMBINED_LINE = re.compile(
    _COMMON + r"""\ "(?P<referrer>(?:[^"\\]|\\.)*)"\ "(?P<agent>(?:[^"\\]|\\.)*)".*""", re.VERBOSE
)
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)")


def _web_server(line: str, regex: re.Pattern[str]) -> Record | None:
    found = regex.fullmatch(line)
    if found is None:
        return None
    record: Record = {name: None if text == "-" else text for name, text in found.groupdict().items()}
    time = _iso_time(found["time"])
    if time is None:
        return None
    method, _, rest = found["request"].partition(" ")
    path, _, protocol = rest.rpartition(" ")
    return {
        **record,
        "time": time,
        "status": int(found["status"]),
        "size_bytes": int(record["size_bytes"] or 0),
        "method": method if path else None,
        "path": path or None,
        "protocol": protocol if path else None,
    }


def _iso_time(text: str) -> str | None:
    # By hand: strptime's %b follows the locale, and takes eight times as long.
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, month, year, clock, hours, minutes = found.groups()
    written = f"{year}-{_MONTHS[month]:02d}-{day}T{clock}{hours}:{minutes}"
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return None
    return written


_PAIR = re.compile(r'\s*([^\s="]+)(?:=("(?:[^"\\]|\\.)*"|[^\s"]*))?(?=\s|$)')


def _logfmt(line: str) -> Record | None:
    record: Record = {}
    position, end = 0, len(line.rstrip())
    while position < end:
        found = _PAIR.match(line, position)
        if found is None:
            return None
        key, value = found.groups()
        if value is None:
            record[key] = True
        elif value.startswith('"'):
            record[key] = re.sub(r"\\(.)", lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), value[1:-1])
        else:
            record[key] = value
        position = found.end()
    # A line without a single pair is prose, not logfmt.
    return record if any(value is not True for value in record.values()) else None


_ESCAPES: Mapping[str, str] = {"n": "\n", "t": "\t", "r": "\r"}


def _json(line: str) -> Record | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


_FORMATS: Mapping[str, Callable[[str], Record | None]] = {
    "common": lambda line: _web_server(line, _COMMON_LINE),
    "combined": lambda line: _web_server(line, _COMBINED_LINE),
    "logfmt": _logfmt,
    "json": _json,
}
