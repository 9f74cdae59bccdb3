"""What stands on the lines of the terminal: signs, colours, counts and bars. It knows rows, and no screen."""

from __future__ import annotations

import math
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from orrery.dashboard.rows import RunHead, TaskRow
from orrery.dashboard.terminal.outline import Group
from orrery.telling.plain import span, spending
from orrery.telling.printable import printable

STATES = (
    "running",
    "stopping",
    "retrying",
    "asking",
    "grown",
    "ready",
    "waiting",
    "succeeded",
    "failed",
    "skipped",
    "cancelled",
)
"""The states of a task in the order in which counts are told."""
STYLES = {
    "succeeded": "green",
    "failed": "bold red",
    "skipped": "dim",
    "cancelled": "yellow",
    "partial": "yellow",
    "interrupted": "bold yellow",
    "paused": "bold yellow",
    "running": "cyan",
    "stopping": "yellow",
    "retrying": "yellow",
    "asking": "bold magenta",
    "grown": "cyan",
    "waiting": "dim",
}


class Signs(NamedTuple):
    """What a terminal's encoding can write: a sign of its own for every state, so that none needs its colour."""

    states: dict[str, str]
    opened: str
    closed: str
    bar: str
    tip: str
    more: str
    line: str


FINE = Signs(
    dict(zip(STATES, "▶◼↻?▷○·✓✗∅⊘", strict=True)), opened="▾", closed="▸", bar="━", tip="╸", more="…", line="─"
)
PLAIN = Signs(
    dict(zip(STATES, ">!~?+o.*X-/", strict=True)), opened="-", closed="+", bar="=", tip=">", more="~", line="-"
)


def one_line(text: str) -> str:
    """Text of a run on one line, without what would steer a terminal."""
    return " ".join(printable(text).split())


class Scale(NamedTuple):
    """The time that the bars of a run cover.

    Args:
        start: its left edge, seconds since the epoch.
        seconds: how long it is. Of a run that goes on it is a round number, so that bars move seldom.
    """

    start: float
    seconds: float

    @classmethod
    def of(cls, head: RunHead, now: float) -> Scale:
        """The scale for a run at a moment."""
        if not is_going_on(head):
            return cls(head.started_at, max(head.now - head.started_at, 1e-3))
        return cls(head.started_at, _round_up(max(1.0, now - head.started_at)))


def _round_up(seconds: float) -> float:
    """The next of 1, 1.5, 2, 3, 5, 7.5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(seconds))
    return next(step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= seconds)


def is_going_on(head: RunHead) -> bool:
    """Whether time still passes for a run: it has not ended, and somebody drives it."""
    return head.live and head.state in ("running", "paused")


class Pen:
    """Draws rows for a terminal.

    Args:
        signs: those that its encoding has.
    """

    def __init__(self, signs: Signs) -> None:
        self.signs = signs

    def task(
        self, row: TaskRow, group: Group | None, depth: int, *, is_open: bool, scale: Scale, now: float, width: int
    ) -> Text:
        """The line of a task.

        Args:
            group: what is below it, where there is anything.
            now: seconds since the epoch, to which the bar of what runs extends.
            width: of the line, in cells.
        """
        room_for_bar = 0 if width < 60 else min(40, width // 4)
        room = max(10, width - room_for_bar - 10)
        turn = " " if group is None else self.signs.opened if is_open else self.signs.closed
        line = Text("  " * min(depth, 8) + f"{turn} ", "dim", no_wrap=True, end="")
        line.append(self.signs.states.get(row.state, "?") + " ", STYLES.get(row.state, ""))
        line.append(one_line(row.id), "bold" if row.state in ("failed", "asking") else "")
        if group is not None:
            line.append("  ").append_text(self.counts(group.counts, most=3))
        if why := self._why(row):
            line.append(f"  {why}", "dim")
        line = self._fitted(line, room)
        began, ended = self._ran(row, group, now)
        line.append(f" {span(max(0.0, ended - began)):>9}" if began is not None and ended is not None else " " * 10)
        if room_for_bar:
            line.append(" " + self._bar(began, ended, scale, room_for_bar - 1, row), STYLES.get(row.state, ""))
        return line

    def head(self, head: RunHead, now: float, width: int) -> list[Text]:
        """The two lines about the whole run."""
        seconds = max(0.0, (now if is_going_on(head) else head.now) - head.started_at)
        first = Text(no_wrap=True, end="").append(one_line(head.run), "bold")
        first.append("  ").append(head.state, STYLES.get(head.state, ""))
        first.append("".join(f"  {part}" for part in (span(seconds), *spending(head.money, head.tokens))))
        if head.because and head.state != "succeeded":
            first.append(f"  {one_line(head.because)}", STYLES["failed"] if head.state == "failed" else "")
        elif head.target:
            first.append(f"  {one_line(head.target)}", "dim")
        return [self._fitted(first, width), self._fitted(self._progress(head, width), width)]

    def counts(self, counts: dict[str, int], most: int = 11) -> Text:
        """How many tasks are in each state: first what presses, then the rest."""
        told = [state for state in STATES if counts.get(state)]
        done = sum(counts.get(state, 0) for state in ("succeeded", "skipped"))
        found = Text(f"{done:,}/{sum(counts.values()):,}", end="")
        pressing = [state for state in ("failed", "asking", "running", "retrying", "stopping") if state in told]
        for state in [*pressing, *(state for state in told if state not in pressing)][:most]:
            if state != "succeeded":
                found.append(f"  {self.signs.states[state]} {counts[state]:,} {state}", STYLES.get(state, ""))
        return found

    def axis(self, scale: Scale, width: int) -> str:
        """The time under the bars of lines of a width; empty where they have none."""
        room = 0 if width < 60 else min(40, width // 4) - 1
        end = span(scale.seconds)
        return f"0{end:>{room - 1}}" if room else ""

    def _progress(self, head: RunHead, width: int) -> Text:
        total = sum(head.counts.values())
        ended = sum(head.counts.get(state, 0) for state in ("succeeded", "failed", "skipped", "cancelled"))
        room = min(20, width // 5)
        full = room * ended // total if total else 0
        line = Text(no_wrap=True, end="")
        line.append(self.signs.bar * full, "green" if not head.failed else "red")
        line.append(self.signs.line * (room - full), "dim").append("  ")
        return line.append_text(self.counts(head.counts))

    def _why(self, row: TaskRow) -> str:
        if row.state == "running" and (row.note or row.fraction is not None):
            share = f"{row.fraction:.0%} " if row.fraction is not None else ""
            return share + one_line(row.note)
        if row.state in ("succeeded", "running"):
            return f"on {one_line(row.where)}" if row.where else ""
        return one_line(row.because)

    def _ran(self, row: TaskRow, group: Group | None, now: float) -> tuple[float | None, float | None]:
        """From when to when a task and all that is below it ran."""
        began, ended = row.began_at, row.ended_at
        if group is not None:
            begun = [at for at in (began, group.began_at) if at is not None]
            over = [at for at in (ended, group.ended_at) if at is not None]
            began, ended = min(begun, default=None), max(over, default=None)
        if row.state in ("running", "stopping", "grown") and began is not None:
            ended = max(now, began)
        return began, ended

    def _bar(self, began: float | None, ended: float | None, scale: Scale, room: int, row: TaskRow) -> str:
        if began is None:
            return " " * room
        cells = room / scale.seconds
        left = min(room - 1, max(0, int((began - scale.start) * cells)))
        right = min(room, max(left + 1, math.ceil(((ended or began) - scale.start) * cells)))
        bar = self.signs.bar * (right - left)
        if row.state in ("running", "grown"):
            bar = bar[:-1] + self.signs.tip
        return " " * left + bar + " " * (room - right)

    def _fitted(self, line: Text, room: int) -> Text:
        """The line, as many cells wide as there is room."""
        if cell_len(line.plain) > room:
            line.right_crop(len(line.plain) - len(set_cell_size(line.plain, room - 1).rstrip("\0")))
            line.append(self.signs.more, "dim")
        line.append(" " * (room - cell_len(line.plain)))
        return line
