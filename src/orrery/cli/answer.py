"""The answer to a request, as a person reads it: text as text, records as a table, files by their paths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from orrery.cli.screen import say, say_table
from orrery.errors import OrreryError
from orrery.graph import Blob
from orrery.graph.task import Task
from orrery.runtime import Result
from orrery.scheduler.machine import Machine
from orrery.scheduler.results import blob_is_too_large
from orrery.scheduler.states import State
from orrery.telling.plain import plain, short
from orrery.telling.printable import printable
from orrery.tools import tools

MAIN = ("answer", "result")
"""Outputs that are the answer where there are several."""
MOST_LINES, MOST_ROWS, MOST_COLUMNS = 200, 60, 12
MOST_FILES = 20
FILE = "file:"


def print_answer(console: Console, result: Result, written: Sequence[str]) -> None:
    """Print what a run returned.

    Args:
        written: the files that it wrote.
    """
    outputs = result.outputs
    main = next((name for name in MAIN if name in outputs), None)
    shown = {main: outputs[main]} if main is not None else outputs
    for name, value in shown.items():
        say(console, "")
        if len(shown) > 1:
            say(console, Text(name, "bold"))
        cut = _print(console, value)
        if cut:
            say(console, f"{cut}; `orrery show {result.run_id} --json` has all of it", "dim")
    if written:
        more = f" and {len(written) - MOST_FILES} more" if len(written) > MOST_FILES else ""
        say(console, "")
        say(console, Text("wrote  ", "dim").append(", ".join(written[:MOST_FILES]) + more))


def _print(console: Console, value: Any) -> str:
    """Print one value; returns what was left out, in words."""
    if isinstance(value, Blob):
        say(console, short(value, 120))
        return ""
    if isinstance(value, Mapping) and value.keys() >= {"path", "size_bytes"}:
        say(console, str(value["path"]))
        return ""
    rows = _as_rows(value)
    if rows is not None:
        header, table, right = rows
        say_table(console, header, table[:MOST_ROWS], right=right)
        return f"and {len(table) - MOST_ROWS} more rows" if len(table) > MOST_ROWS else ""
    lines = _as_lines(value)
    for line in lines[:MOST_LINES]:
        say(console, Text(line))
    return f"and {len(lines) - MOST_LINES} more lines" if len(lines) > MOST_LINES else ""


def _as_lines(value: Any) -> list[str]:
    if isinstance(value, str):
        return printable(value).splitlines() or [""]
    if isinstance(value, list | tuple) and value and all(map(_is_simple, value)):
        return [short(item, 400) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return [short(value, 400)] if value is not None else ["(nothing)"]
    return printable(json.dumps(plain(value), ensure_ascii=False, indent=2)).splitlines()


def _as_rows(value: Any) -> tuple[list[str], list[list[str]], str] | None:
    """Header, cells, and the names of the columns of numbers; None if the value is no table."""
    if isinstance(value, Mapping) and value and all(map(_is_simple, value.values())):
        pairs = [[_cell(key), _cell(inner)] for key, inner in value.items()]
        return ["name", "value"], pairs, "value" if all(map(_is_number, value.values())) else ""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(row, Mapping) for row in value):
        return None
    columns = list(dict.fromkeys(key for row in value for key in row))
    if (
        not columns
        or len(columns) > MOST_COLUMNS
        or not all(_is_simple(cell) for row in value for cell in row.values())
    ):
        return None
    numbers = [column for column in columns if all(_is_number(row.get(column, 0)) for row in value)]
    header = [_cell(column) for column in columns]
    right = " ".join(_cell(column) for column in numbers if " " not in _cell(column))
    return header, [[_cell(row.get(column, "")) for column in columns] for row in value], right


def _is_simple(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return "" if value is None else short(value, 60)


def written_by(machine: Machine) -> list[str]:
    """The files that a run's tasks say they wrote and that are there, in the order of the tasks."""
    found: dict[str, None] = {}
    for record in machine.records.values():
        if record.state is State.SUCCEEDED and any(name.startswith(FILE) for name in record.task.effects.writes):
            found |= dict.fromkeys(_files_of(machine, record.task))
    return [path for path in found if Path(path).is_file()]


def _files_of(machine: Machine, task: Task) -> Iterator[str]:
    """The files that a task wrote; where its graph could not know them, its arguments do now."""
    writes = task.effects.writes
    if any(mark in name for name in writes for mark in "*{") and task.op in tools:
        with suppress(LookupError, OrreryError):  # its arguments are too large to look at, or lead nowhere
            writes = tools.get(task.op).effects_for(machine.results.fill(task.args, blob_is_too_large)).writes
    for name in writes:
        if name.startswith(FILE) and not any(mark in name for mark in "*{"):
            yield name.removeprefix(FILE)
