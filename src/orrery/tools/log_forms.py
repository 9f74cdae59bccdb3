"""Which form a log has, found out from its lines, and its records with the same names whatever the form.

`time`, `level` (upper case, WARN is WARNING) and `message` are named alike; a web server's log keeps its own
fields. Lines of no known form continue the record before them, as the lines of a traceback do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orrery.tools.logs import LogFormat, parse_lines

Record = dict[str, Any]

_LEVELS = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|CRITICAL|CRIT|FATAL|ALERT|EMERG|SEVERE"
_SAME_LEVEL: Mapping[str, str] = {
    "WARN": "WARNING", "ERR": "ERROR", "CRIT": "CRITICAL", "FATAL": "CRITICAL", "EMERG": "CRITICAL",
    "SEVERE": "ERROR",
}  # fmt: skip
_TIMED = re.compile(
    rf"""\[?(?P<time>\d{{4}}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)\]?
         [\s|:-]*(?:\[?(?P<source>[\w.-]+)\]?[\s|:-]+)??
         [\[<(]?(?P<level>{_LEVELS})[\]>)]?(?:\s*[|:-]+\s*|\s+)(?P<message>.*)""",
    re.VERBOSE | re.IGNORECASE,
)
_LEVELLED = re.compile(rf"[\[<(]?(?P<level>{_LEVELS})[\]>)]?\s*[|:-]*\s+(?P<message>.*)", re.VERBOSE)
_NAMED_LEVEL = re.compile(rf"\b({_LEVELS})\b")
_TIME_NAMES = ("time", "ts", "timestamp", "@timestamp", "date", "at")
_LEVEL_NAMES = ("level", "severity", "lvl", "loglevel", "log_level")
_MESSAGE_NAMES = ("message", "msg", "text", "event")
_LOOKED_AT = 50
_STRUCTURED: tuple[LogFormat, ...] = ("combined", "common", "json", "logfmt")


def records_of(text: str) -> list[Record]:
    """The records of a log of any known form."""
    lines = [line for line in text.splitlines() if line.strip()]
    for form in _STRUCTURED:
        if _fits(lines, form):
            return [_with_usual_names(record) for record in parse_lines(text, form)["records"]]
    for pattern in (_TIMED, _LEVELLED):
        if 2 * sum(pattern.match(line) is not None for line in lines[:_LOOKED_AT]) >= min(len(lines), _LOOKED_AT) > 0:
            return _continued(text, pattern)
    return [_of_unknown_form(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _fits(lines: Sequence[str], form: LogFormat) -> bool:
    head = lines[:_LOOKED_AT]
    return bool(head) and 2 * len(parse_lines("\n".join(head), form)["records"]) > len(head)


def _continued(text: str, pattern: re.Pattern[str]) -> list[Record]:
    records: list[Record] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = pattern.match(line)
        if found is not None:
            fields = {name: value for name, value in found.groupdict().items() if value is not None}
            records.append(_with_usual_names({"line": number, **fields}))
        elif records and line.strip():
            records[-1]["message"] += f"\n{line}"
        elif line.strip():
            records.append(_of_unknown_form(number, line))
    return records


def _of_unknown_form(number: int, line: str) -> Record:
    named = _NAMED_LEVEL.search(line)
    level = {"level": _level(named[1])} if named is not None else {}
    return {"line": number, **level, "message": line.strip()}


def _with_usual_names(record: Record) -> Record:
    renamed = dict(record)
    for usual, names in (("time", _TIME_NAMES), ("level", _LEVEL_NAMES), ("message", _MESSAGE_NAMES)):
        if usual not in renamed:
            renamed = {usual if name in names else name: value for name, value in renamed.items()}
    if isinstance(renamed.get("level"), str):
        renamed["level"] = _level(renamed["level"])
    if isinstance(renamed.get("message"), str):
        renamed["message"] = renamed["message"].strip()
    return {name: _number_or_text(value) for name, value in renamed.items()}


def _number_or_text(value: Any) -> Any:
    # logfmt knows only text; a status or a duration in it is meant as a number.
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", value):
        return float(value) if "." in value else int(value)
    return value


def _level(word: str) -> str:
    upper = word.upper()
    return _SAME_LEVEL.get(upper, upper)


_PARTS: Mapping[str, str] = {
    "second": "%Y-%m-%d %H:%M:%S",
    "minute": "%Y-%m-%d %H:%M",
    "hour": "%Y-%m-%d %H:00",
    "day": "%Y-%m-%d",
    "month": "%Y-%m",
    "year": "%Y",
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def part_of_time(value: Any, part: str) -> str | None:
    """A time cut off after a part, such as "2025-03-01 10:00" after its hour; None of what is no time."""
    moment = _moment(value)
    if moment is None:
        return None
    return _WEEKDAYS[moment.weekday()] if part == "weekday" else moment.strftime(_PARTS[part])


def is_time(value: Any) -> bool:
    """Whether a value is a moment as text, such as 2025-03-01 or 2025-03-01T10:20:30Z."""
    return isinstance(value, str) and _moment(value) is not None


def moments(a: Any, b: Any) -> tuple[datetime, datetime] | None:
    """Two times as moments that compare, zones left out where only one of them names one; None if one is no time."""
    first, second = _moment(a), _moment(b)
    if first is None or second is None:
        return None
    if (first.tzinfo is None) != (second.tzinfo is None):
        return first.replace(tzinfo=None), second.replace(tzinfo=None)
    return first, second


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    text = value.strip().replace("/", "-").replace(",", ".")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
