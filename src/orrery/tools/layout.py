"""How a value reads as text: tables for people, and the forms that programs read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Form = Literal["text", "markdown", "csv", "tsv", "json", "jsonl"]


def written(value: Any, form: Form, title: str = "") -> str:
    """The value in a form, ended by a line break; `title` stands above it where people read it."""
    if form == "json":
        return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"
    if form == "jsonl":
        return "".join(_line(item) for item in (value if isinstance(value, list) else [value]))
    if form in ("csv", "tsv"):
        return _separated(as_rows(value), "," if form == "csv" else "\t")
    above = (f"# {title}\n\n" if form == "markdown" else f"{title}\n") if title else ""
    body = _markdown(value) if form == "markdown" else _plain(value)
    return above + body + ("" if body.endswith("\n") else "\n")


def as_rows(value: Any) -> list[dict[str, Any]]:
    """Any value as rows: a map is one row, or one per entry where its values are plain; a list has one per item."""
    if isinstance(value, Mapping):
        if any(isinstance(inner, list | Mapping) for inner in value.values()):
            return [dict(value)]
        return [{"name": name, "value": inner} for name, inner in value.items()]
    items = value if isinstance(value, list) else [value]
    return [dict(item) if isinstance(item, Mapping) else {"value": item} for item in items]


def _line(item: Any) -> str:
    return json.dumps(item, ensure_ascii=False, default=str) + "\n"


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(name) for row in rows for name in row))


def _separated(rows: Sequence[Mapping[str, Any]], delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    columns = _columns(rows)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return out.getvalue()


def _markdown(value: Any) -> str:
    if isinstance(value, list) and not any(isinstance(item, Mapping) for item in value):
        return "".join(f"- {_cell(item)}\n" for item in value)
    if not isinstance(value, list | Mapping):
        return _cell(value)
    rows = as_rows(value)
    columns = _columns(rows)
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row.get(name)).replace("|", "\\|").replace("\n", " ") for name in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"{name}: {_cell(inner)}\n" for name, inner in value.items())
    if not isinstance(value, list):
        return _cell(value)
    if not any(isinstance(item, Mapping) for item in value):
        return "".join(f"{_cell(item)}\n" for item in value)
    rows = as_rows(value)
    columns = _columns(rows)
    lines = [columns, *([_cell(row.get(name)).replace("\n", " ") for name in columns] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return "".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
