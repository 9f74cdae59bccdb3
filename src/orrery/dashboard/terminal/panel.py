"""The details of a task, as text for the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from orrery.dashboard.rows import AttemptRow, TaskPanel, Told, Value
from orrery.dashboard.terminal.drawing import STYLES, one_line
from orrery.telling.plain import amount, dollars, span, spending
from orrery.telling.printable import printable

MOST_LINES, MOST_ROWS, MOST_CHARS = 30, 12, 2_000
"""Of a value or a traceback so much is shown; `orrery show RUN --task TASK` has all of it."""


def told_panel(panel: TaskPanel, started_at: float) -> Text:
    """Everything about a task, from what matters most to what matters least."""
    found = Text()
    for line in _lines(panel, started_at):
        found.append_text(line).append("\n")
    found.rstrip()
    return found


def told_event(event: Told, started_at: float) -> Text:
    """One event on one line."""
    line = Text(f"{max(0.0, event.at - started_at):>9.3f} s  ", "dim", end="")
    if event.task:
        line.append(one_line(event.task) + "  ", "bold")
    return line.append(one_line(event.text))


def _lines(panel: TaskPanel, started_at: float) -> Iterator[Text]:
    row = panel.row
    yield Text(printable(panel.story), f"bold {STYLES.get(row.state, '')}".strip())
    if panel.row.label:
        yield Text(one_line(row.label), "dim")
    yield from _failure(panel)
    facts = [("runs", row.op), ("on", row.where), ("model", row.model)]
    if row.tokens or row.money:
        facts.append(("took", ", ".join(spending(row.money, row.tokens))))
    if panel.waits_for:
        facts.append(("waits for", _names(panel.waits_for)))
    if panel.delays:
        facts.append(("delays", _names(panel.delays)))
    if panel.children:
        facts.append(("grew", f"{panel.children:,} tasks"))
    for name, text in facts:
        if text:
            yield _fact(name, one_line(text))
    if panel.output is not None and panel.output.kind != "none":
        yield _fact("returned", "")
        yield from _value(panel.output)
    for given in panel.inputs:
        source = f"from {_names(given.sources)}" if given.sources else ""
        yield _fact(f"input {one_line(given.name)}", source)
        yield from _value(given.value)
    if len(panel.attempts) > 1 or row.attempt > 1:
        yield _fact("attempts", "")
        for attempt in panel.attempts:
            yield _attempt(attempt, started_at)
    if panel.logs:
        yield _fact("said", "")
        for log in panel.logs[-MOST_LINES:]:
            yield Text("  ").append_text(told_event(log, started_at))
    if panel.detail:
        yield _fact("traceback", "")
        yield from _clipped(panel.detail, is_tail=True)


def _failure(panel: TaskPanel) -> Iterator[Text]:
    failure = panel.failure
    while failure is not None:
        line = Text(f"{one_line(str(failure.get('type', '')))}: ", STYLES["failed"])
        line.append(printable(str(failure.get("message", ""))))
        yield line.append(f"  [{one_line(str(failure.get('code', '')))}]", "dim")
        failure = failure.get("cause")
        if failure is not None:
            yield Text("because of", "dim")


def _fact(name: str, text: str) -> Text:
    return Text(f"{name}  ", "dim").append(text)


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(one_line(name) for name in names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def _attempt(attempt: AttemptRow, started_at: float) -> Text:
    line = Text(f"  {attempt.number}  ")
    line.append(attempt.outcome, STYLES.get(attempt.outcome, ""))
    line.append(f" at {span(max(0.0, attempt.began_at - started_at))}")
    line.append(f" after {span(max(0.0, attempt.ended_at - attempt.began_at))}")
    if attempt.where:
        line.append(f" on {one_line(attempt.where)}")
    if attempt.money:
        line.append(f" {dollars(attempt.money)}")
    return line.append(f"  {one_line(attempt.because)}", "dim")


def _value(value: Value) -> Iterator[Text]:
    match value.kind:
        case "table":
            rows = [[_cell(cell) for cell in cells] for cells in (value.columns, *value.rows[:MOST_ROWS])]
            widths = [max(map(cell_len, column)) for column in zip(*rows, strict=False)]
            for number, cells in enumerate(rows):
                padded = (set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=False))
                yield Text(f"  {'  '.join(padded)}", "" if number else "dim")
            if value.total > MOST_ROWS:
                yield Text(f"  {value.total:,} rows in all", "dim")
        case "image" | "bytes":
            yield Text(f"  {one_line(value.media) or 'bytes'}, {amount(value.size_bytes)}")
        case "json":
            yield from _clipped(json.dumps(value.json, ensure_ascii=False, indent=2), is_tail=False)
        case _:
            yield from _clipped(value.text, is_tail=False)
    if value.cut:
        yield Text(f"  {amount(value.size_bytes)} in all", "dim")


def _cell(cell: object) -> str:
    text = f"{cell:.6g}" if isinstance(cell, float) else one_line(str(cell))
    return text if len(text) <= 24 else text[:23] + "~"


def _clipped(text: str, *, is_tail: bool) -> Iterator[Text]:
    """The beginning of a text, or its end, indented."""
    lines = printable(text[-MOST_CHARS:] if is_tail else text[:MOST_CHARS]).splitlines()
    shown = lines[-MOST_LINES:] if is_tail else lines[:MOST_LINES]
    left_out = len(lines) > len(shown) or len(text) > MOST_CHARS
    if left_out and is_tail:
        yield Text("  ...", "dim")
    for line in shown:
        yield Text(f"  {line.expandtabs(4)}")
    if left_out and not is_tail:
        yield Text("  ...", "dim")
