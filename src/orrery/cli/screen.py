"""The two streams of a command, and what they can show."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from orrery.telling.printable import printable


class Marks(NamedTuple):
    """The signs of a display, in what the terminal's encoding can write."""

    succeeded: str
    failed: str
    skipped: str
    cancelled: str
    waiting: str
    retrying: str
    asking: str
    turning: tuple[str, ...]
    done: str
    undone: str
    branch: str
    last: str
    trunk: str
    dot: str
    more: str


FINE = Marks("✓", "✗", "○", "⊘", "·", "↻", "?", tuple("◐◓◑◒"), "━", "─", "├─ ", "└─ ", "│  ", "·", "…")
PLAIN = Marks("ok", "FAILED", "-", "x", ".", "retry", "?", tuple("|/-\\"), "#", "-", "|- ", "`- ", "|  ", "-", "...")

STYLES = {
    "succeeded": "green",
    "failed": "bold red",
    "skipped": "dim",
    "cancelled": "yellow",
    "partial": "yellow",
    "interrupted": "bold yellow",
    "paused": "yellow",
    "running": "cyan",
    "stopping": "yellow",
    "retrying": "yellow",
    "asking": "bold magenta",
    "grown": "cyan",
    "ready": "",
    "waiting": "dim",
}


def out() -> Console:
    """What a command says. As wide as the terminal, or as its longest line where there is none."""
    return _console(stderr=False)


def err() -> Console:
    """What a command says about itself while it works."""
    return _console(stderr=True)


class _Console(Console):
    """A console that lets its caller decide what a broken pipe means; rich would end the process."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        raise BrokenPipeError

    @property
    def size(self) -> ConsoleDimensions:
        """Of the terminal that is written to, where rich would ask stdin first."""
        try:
            columns, lines = os.get_terminal_size(self.file.fileno())
        except (OSError, ValueError):
            return super().size
        columns, lines = int(self._environ.get("COLUMNS", columns)), int(self._environ.get("LINES", lines))
        return ConsoleDimensions(self._width or columns or 80, self._height or lines or 24)

    @size.setter
    def size(self, new: tuple[int, int]) -> None:
        self._width, self._height = new


def _console(*, stderr: bool) -> Console:
    console = _Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = 200  # a pipe has no width; lines are cut by whoever reads them
    return console


def kept(console: Console) -> Console:
    """A console on the same terminal that goes on writing there when stdout and stderr are led elsewhere."""
    file = console.file
    copy = open(os.dup(file.fileno()), "w", encoding=console.encoding, errors="replace")  # noqa: SIM115 - lives on
    return _Console(file=copy, highlight=False, markup=False, emoji=False)


def marks_for(console: Console) -> Marks:
    """The signs that a console can write."""
    return FINE if console.encoding.lower().startswith("utf") else PLAIN


def can_move_its_cursor(console: Console) -> bool:
    """Whether a display that redraws itself fits there."""
    return console.is_terminal and not console.is_dumb_terminal and console.height >= 6 and console.width >= 30


def say(console: Console, text: str | Text, style: str = "") -> None:
    """Print one paragraph; it is wrapped at words on a terminal, and left whole elsewhere."""
    shown = printable(text) if isinstance(text, str) else text
    console.print(shown, style=style or None, soft_wrap=not console.is_terminal)


def say_table(console: Console, header: Sequence[str], lines: Iterable[Sequence[str | Text]], right: str = "") -> None:
    """Print a table without lines; its last column is cut at the edge of a terminal.

    Args:
        right: the headings of the columns that are aligned at their right, joined by spaces.
    """
    for line in table_lines(console, header, lines, right):
        say(console, line)


def table_lines(
    console: Console, header: Sequence[str], lines: Iterable[Sequence[str | Text]], right: str = ""
) -> list[Text]:
    """The lines of a table as `say_table` prints it, for a display that draws them itself."""
    table = [
        [cell if isinstance(cell, Text) else Text(" ".join(printable(cell).split("\n"))) for cell in line]
        for line in lines
    ]
    table.insert(0, [Text(name, "dim") for name in header])
    widths = [max(line[column].cell_len for line in table) for column in range(len(header))]
    drawn: list[Text] = []
    for line in table:
        shown = Text(no_wrap=True, overflow="ellipsis")
        for name, cell, width in zip(header, line, widths, strict=True):
            gap = " " * (width - cell.cell_len)
            shown.append_text(Text(gap) + cell if name in right.split() else cell)
            if name != header[-1]:
                shown.append("  " if name in right.split() else gap + "  ")
        shown.rstrip()
        if console.is_terminal:
            shown.truncate(console.width, overflow="ellipsis" if console.encoding.startswith("utf") else "crop")
        drawn.append(shown)
    return drawn


def write_json(value: Any) -> None:
    """Print one JSON object on one line of stdout."""
    fine = (sys.stdout.encoding or "ascii").lower().startswith("utf")
    print(json.dumps(value, ensure_ascii=not fine, allow_nan=False), flush=True)
