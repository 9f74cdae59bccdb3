"""Text: cut, count, search, fill and parse. All pure: the same text gives the same result."""

from __future__ import annotations

import csv as csv_reader
import io
import json as json_reader
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from orrery.errors import ArgumentError, ContentError, LimitReachedError, suggestion
from orrery.tools.logs import LogFormat, ParsedLog, parse_lines
from orrery.tools.tool import tool

Record = dict[str, Any]


class Counts(TypedDict):
    """The size of a text."""

    lines: int
    words: int
    chars: int


class Match(TypedDict):
    """One line in which a pattern was found; lines are counted from 1, `groups` are the named ones."""

    line: int
    text: str
    match: str
    groups: dict[str, str | None]


@tool(name="text.lines", effects="pure")
def lines(text: str, *, strip: bool = False, skip_empty: bool = False) -> list[str]:
    """The lines of a text, without their ends."""
    found = [line.strip() if strip else line for line in text.splitlines()]
    return [line for line in found if line] if skip_empty else found


@tool(name="text.split", effects="pure")
def split(text: str, *, separator: str | None = None, max_parts: int | None = None) -> list[str]:
    """The parts of a text between separators; between runs of white space unless one is given."""
    if separator == "":
        raise ArgumentError("tool 'text.split': the separator is empty; leave it out to split at white space")
    return text.split(separator, -1 if max_parts is None else max(0, max_parts - 1))


@tool(name="text.count", effects="pure")
def count(text: str) -> Counts:
    """How many lines, words and characters a text has."""
    return {"lines": len(text.splitlines()), "words": len(text.split()), "chars": len(text)}


@tool(name="text.grep", effects="pure")
def grep(
    text: str,
    pattern: str,
    *,
    ignore_case: bool = False,
    invert: bool = False,
    max_matches: int = 100_000,
) -> list[Match]:
    """The lines in which a regular expression is found, with their numbers.

    Args:
        pattern: in Python's syntax; named groups appear in the result.
        invert: the lines in which it is not found.
        max_matches: more are refused.
    """
    regex = compiled(pattern, re.IGNORECASE if ignore_case else 0)
    matches: list[Match] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = regex.search(line)
        if (found is None) != invert:
            continue
        if len(matches) == max_matches:
            raise LimitReachedError(f"more than {max_matches} lines match; narrow the pattern or raise max_matches")
        matches.append(
            {
                "line": number,
                "text": line,
                "match": found[0] if found else "",
                "groups": found.groupdict() if found else {},
            }
        )
    return matches


@tool(name="text.replace", effects="pure")
def replace(text: str, old: str, new: str, *, regex: bool = False, most: int | None = None) -> str:
    """The text with `old` replaced by `new`, everywhere or at most `most` times.

    Args:
        regex: read `old` as a regular expression; `new` may then speak of its groups, as \\1 or \\g<name>.
    """
    if not old:
        raise ArgumentError("tool 'text.replace': there is nothing to look for: `old` is empty")
    if not regex:
        return text.replace(old, new, -1 if most is None else most)
    if most == 0:  # which re.sub takes for "no limit"
        return text
    try:
        return compiled(old).sub(new, text, count=most or 0)
    except (re.error, IndexError) as error:
        raise ArgumentError(f"tool 'text.replace': cannot use the replacement {new!r:.80}: {error}") from error


_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@tool(name="text.template", effects="pure")
def template(template: str, fields: dict[str, Any]) -> str:
    """The template with each `{name}` filled in, once: braces inside the data stay data.

    Args:
        template: `{name}` is a field, `{name.part}` a part of it; `{{` and `}}` are single braces.
        fields: text goes in as it is, numbers as written, lists and maps as JSON.
    """
    problems: list[str] = []

    def fill(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            problems.append(f"a lone {found[0]!r} at character {found.start()}; write {found[0] * 2!r}")
            return ""
        try:
            return _written(_part(fields, found[1].strip()))
        except LookupError as error:
            problems.append(f"there is no field {found[1]!r}; {suggestion(str(error.args[0]), error.args[1])}")
            return ""

    filled = _FIELD.sub(fill, template)
    if problems:
        raise ArgumentError("tool 'text.template': " + "; ".join(dict.fromkeys(problems)))
    return filled


def _part(fields: Mapping[str, Any], path: str) -> Any:
    value: Any = fields
    for key in path.split("."):
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            known = list(value) if isinstance(value, Mapping) else []
            raise LookupError(key, known)
    return value


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json_reader.dumps(value, ensure_ascii=False, default=str)


@tool(name="text.parse_log", effects="pure")
def parse_log(text: str, *, format: LogFormat = "combined", pattern: str | None = None) -> ParsedLog:
    """The records of a log, and how many of its lines could not be read.

    Args:
        format: "common" and "combined" (web servers), "logfmt", "json" (a map on each line), or "regex".
        pattern: for "regex": a regular expression whose named groups become the fields.
    """
    if (format == "regex") != (pattern is not None):
        raise ArgumentError("tool 'text.parse_log': `pattern` belongs to format='regex', and that format needs one")
    regex = compiled(pattern) if pattern is not None else None
    if regex is not None and not regex.groupindex:
        raise ArgumentError("tool 'text.parse_log': the pattern names no groups; write them as (?P<name>...)")
    return parse_lines(text, format, regex)


@tool(name="text.json", effects="pure")
def json(text: str) -> Any:
    """The value that a JSON text holds."""
    try:
        return json_reader.loads(text)
    except json_reader.JSONDecodeError as error:
        raise ContentError(
            f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}; "
            f"there stands {text[error.pos : error.pos + 20]!r}"
        ) from error
    except RecursionError as error:
        raise ContentError("the JSON is nested too deeply to be read") from error


@tool(name="text.csv", effects="pure")
def csv(text: str, *, delimiter: str = ",", columns: Sequence[str] | None = None) -> list[Record]:
    """The rows of a CSV text as records of text, by the names in its first line, or by `columns`."""
    if len(delimiter) != 1:
        raise ArgumentError(f"tool 'text.csv': the delimiter is one character, not {delimiter!r}")
    reader = csv_reader.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[Record] = []
    names = list(columns) if columns is not None else None
    try:
        for row in reader:
            if not row:
                continue
            if names is None:
                names = row
                _no_name_twice(names)
            elif len(row) != len(names):
                raise ContentError(f"CSV line {reader.line_num} has {len(row)} fields instead of {len(names)}")
            else:
                records.append(dict(zip(names, row, strict=True)))
    except csv_reader.Error as error:
        raise ContentError(f"CSV line {reader.line_num}: {error}") from error
    return records


def _no_name_twice(names: Sequence[str]) -> None:
    twice = [name for position, name in enumerate(names) if name in names[:position]]
    if twice:
        raise ContentError(f"the CSV's first line names {twice[0]!r} twice; give the names as `columns`")


def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A regular expression. Raises ArgumentError with the place of its mistake."""
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        place = f" at character {error.pos}" if error.pos is not None else ""
        raise ArgumentError(f"cannot read the pattern {pattern!r:.80}{place}: {error.msg}") from error
