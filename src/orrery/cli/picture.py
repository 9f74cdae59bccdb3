"""The picture of a run that goes on, as lines that fit a screen: what a live display shows at one moment.

Where there is room every task of the first level has a line, and below a grown one its running children.
Where there is not, first what waits and what is done shrink to one line each, then what runs; what failed,
pauses or asks comes first. No more is looked at than can be shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, OverflowMethod, RenderResult
from rich.text import Text

from orrery.cli.screen import STYLES, Marks
from orrery.cli.tally import Group, Tally
from orrery.graph.ref import TaskId
from orrery.scheduler.states import ENDED, State
from orrery.telling.plain import span, spending

NAME_CELLS = 32
MOST_CHILDREN = 6
"""Of one grown task; the rest is counted."""
BAR_CELLS, LEAST_BAR_CELLS = 24, 8


class Row(NamedTuple):
    """One line: how deep it hangs, its state, its name, what is said about it, its bar, its seconds."""

    depth: int
    state: str
    name: str
    about: str = ""
    share: float | None = None
    seconds: float | None = None


def rows(tally: Tally, height: int, now: float) -> list[Row]:
    """At most `height` lines about a run, at a moment in seconds since the epoch."""
    if height <= 0:
        return []
    if tally.top_count > height:
        return _crowd(tally, height, now)
    tops = [_row(tally, task, 0, now) for task in tally.tops if task in tally.machine.records]
    spare = height - len(tops)
    shown: list[Row] = []
    for row, task in zip(tops, [t for t in tally.tops if t in tally.machine.records], strict=True):
        shown.append(row)
        inner = list(_inside(tally, task, 1, now, min(spare, MOST_CHILDREN)))
        spare -= len(inner)
        shown += inner
    return shown


def _inside(tally: Tally, task: TaskId, depth: int, now: float, most: int) -> Iterator[Row]:
    """The running children of a grown task, and how many more there are."""
    group = tally.groups.get(task)
    if group is None or most <= 0 or tally.machine.records[task].state in ENDED:
        return
    active = list(islice(group.running, most + 1))
    grown = [child for child in islice(tally.groups, 200) if _parent(tally, child) == task and _is_open(tally, child)]
    room = most
    for child in grown:
        if room <= 0:
            return
        yield _row(tally, child, depth, now)
        room -= 1
        for row in _inside(tally, child, depth + 1, now, room):
            yield row
            room -= 1
    plain = [child for child in active if child not in tally.groups]
    if len(plain) > room > 0:
        plain = plain[: room - 1]
        for child in plain:
            yield _row(tally, child, depth, now)
        yield Row(depth, "more", "", f"{len(group.running) - len(plain)} more running")
        return
    for child in plain[: max(0, room)]:
        yield _row(tally, child, depth, now)


def _parent(tally: Tally, task: TaskId) -> TaskId | None:
    record = tally.machine.records.get(task)
    return record.parent if record is not None else None


def _is_open(tally: Tally, task: TaskId) -> bool:
    record = tally.machine.records.get(task)
    return record is not None and record.state not in ENDED


def _crowd(tally: Tally, height: int, now: float) -> list[Row]:
    """More tasks than lines: the pressing ones, then a line each for the rest."""
    machine = tally.machine
    failed = list(islice(machine.failed, height))
    pressing = [*islice(tally.asking, height), *failed, *islice(tally.pausing, height)]
    grown = [task for task in islice(tally.groups, height) if _is_open(tally, task)]
    running = list(islice(machine.in_flight, height))
    waiting = max(0, machine.open - len(machine.in_flight) - len(tally.pausing) - len(tally.asking))
    rest = [Row(0, "succeeded", "", f"{tally.done} done")] if tally.done else []
    if waiting:
        rest.append(Row(0, "waiting", "", f"{waiting} waiting"))
    room = max(1, height - len(rest))
    chosen = list(dict.fromkeys([*pressing[: max(1, room // 2)], *grown, *running, *pressing]))
    if len(chosen) > room:
        chosen = chosen[: room - 1]
        left = len(machine.in_flight) - sum(task in machine.in_flight for task in chosen)
        if left > 0:
            rest.insert(0, Row(0, "more", "", f"{left} more running"))
    return ([_row(tally, task, 0, now) for task in chosen] + rest)[:height]


def _row(tally: Tally, task: TaskId, depth: int, now: float) -> Row:
    record = tally.machine.records[task]
    state, name = record.state, record.task.label or task
    seconds = tally.seconds_of(task, now)
    group = tally.groups.get(task)
    if group is not None:
        return Row(depth, state.value, name, _progress_of(group), group.done / max(1, group.total), seconds)
    match state:
        case State.RUNNING | State.STOPPING:
            fraction, note = tally.progress.get(task, (None, ""))
            again = f"attempt {record.attempt}" if record.attempt > 1 else ""
            return Row(depth, state.value, name, "  ".join(filter(None, (note, again))), fraction, seconds)
        case State.RETRYING:
            pause = tally.pausing.get(task)
            due = f"again in {max(0.0, pause.due - now):.0f} s" if pause is not None else "again soon"
            return Row(depth, state.value, name, f"{due}: {record.because}", None, None)
        case State.ASKING:
            about = f"{record.because} (orrery approve {tally.machine.run} {task})"
            return Row(depth, state.value, name, about)
        case State.FAILED:
            return Row(depth, state.value, name, str(record.failure), None, seconds)
        case State.SKIPPED | State.CANCELLED:
            return Row(depth, state.value, name, record.because or state.value)
        case State.READY:
            return Row(depth, "waiting", name, "waits for a slot")
        case State.SUCCEEDED:
            tries = f"after {record.failed} failed" if record.failed else ""
            return Row(depth, state.value, name, tries, None, seconds)
    return Row(depth, state.value, name)


def _progress_of(group: Group) -> str:
    parts = [f"{group.done}/{group.total} done"]
    if group.running:
        parts.append(f"{len(group.running)} running")
    if group.failed:
        parts.append(f"{group.failed} failed")
    return ", ".join(parts)


class Picture:
    """One moment of a run for a console: a headline and the tree below it.

    Args:
        name: of the workflow.
        tick: how many pictures there were; it turns the wheels.
        now: seconds since the epoch.
        asked: lines below the tree, about what a person is asked.
    """

    def __init__(
        self, tally: Tally, name: str, marks: Marks, tick: int, now: float, *, asked: Sequence[Text] = ()
    ) -> None:
        self._tally, self._name, self._marks, self._tick, self._now = tally, name, marks, tick, now
        self._asked = asked
        self._overflow: OverflowMethod = "ellipsis" if marks.more == "…" else "crop"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Two cells are left free: a terminal echoes ^C where the cursor stands, and at the edge that would wrap.
        width, height = options.max_width - 2, console.height
        yield self._headline(width)
        asked = self._asked[: max(0, height - 4)]
        shown = rows(self._tally, height - 2 - len(asked), self._now)
        names = max((cell_len(row.name) + 3 * row.depth for row in shown), default=0)
        name_cells = max(6, min(names, max(NAME_CELLS, 2 * width // 5), width // 2))
        for row, guide in zip(shown, _guides([row.depth for row in shown], self._marks), strict=True):
            yield self._line(row, guide, name_cells, width)
        for line in asked:
            line.truncate(width, overflow=self._overflow)
            yield line

    def _headline(self, width: int) -> Text:
        tally, machine, dot = self._tally, self._tally.machine, self._marks.dot
        parts = [f"{tally.done}/{tally.total} tasks" if tally.total else "starting"]
        if machine.in_flight:
            parts.append(f"{len(machine.in_flight)} running")
        if tally.retries:
            parts.append(f"{tally.retries} {'retry' if tally.retries == 1 else 'retries'}")
        parts += spending(*tally.spent)
        if tally.asking:
            parts.append(f"{len(tally.asking)} waiting for a person")
        line = Text(no_wrap=True, overflow="crop")
        told = f" {dot} ".join(parts)
        name = Text(self._name, "bold")
        name.truncate(max(12, width - cell_len(told) - 24), overflow=self._overflow)  # a request may be long
        line.append_text(name).append("  ").append(told)
        if machine.failed:
            line.append(f" {dot} {len(machine.failed)} failed", STYLES["failed"])
        if machine.paused:
            line.append(f" {dot} paused", STYLES["paused"])
        return _with_end(line, span(max(0.0, self._now - tally.began_at)), width, "bold")

    def _line(self, row: Row, guide: str, name_cells: int, width: int) -> Text:
        marks, style = self._marks, STYLES.get(row.state, "")
        line = Text(no_wrap=True, overflow="crop")
        line.append(guide, "dim")
        line.append(f"{self._mark(row.state)} ", style)
        room = max(1, name_cells - 3 * row.depth)
        if row.name:
            line.append(set_cell_size(_cut(row.name, room, marks), room), "dim" if row.state == "waiting" else "")
            line.append("  ")
        if row.share is not None and width > 70:
            left = width - line.cell_len - cell_len(row.about) - 14  # beside the words behind it and the time
            cells = max(LEAST_BAR_CELLS, min(BAR_CELLS, left))
            full = round(cells * min(1.0, row.share))
            line.append(marks.done * full, style or "cyan")
            line.append(marks.undone * (cells - full) + "  ", "dim")
        elif row.share is not None:
            line.append(f"{row.share:.0%}  ", style)
        about_style = style if row.state in ("failed", "asking", "retrying", "stopping") else "dim"
        line.append(" ".join(row.about.split()), about_style)
        return _with_end(line, span(row.seconds) if row.seconds is not None else "", width, "dim")

    def _mark(self, state: str) -> str:
        marks = self._marks
        if state in ("running", "grown", "stopping"):
            return marks.turning[self._tick % len(marks.turning)]
        known = {"succeeded": marks.succeeded, "failed": marks.failed, "skipped": marks.skipped}
        known |= {"cancelled": marks.cancelled, "retrying": marks.retrying, "asking": marks.asking, "more": marks.more}
        return known.get(state, marks.waiting)


def _guides(depths: list[int], marks: Marks) -> list[str]:
    """The lines of the tree to the left of each row, from how deep the rows hang."""
    guides: list[str] = []
    goes_on: list[bool] = []  # for each depth, whether a row of it follows before a shallower one
    for depth in reversed(depths):
        del goes_on[depth + 1 :]
        goes_on += [False] * (depth + 1 - len(goes_on))
        trunks = "".join(marks.trunk if more else " " * len(marks.trunk) for more in goes_on[:depth])
        guides.append(trunks + (marks.branch if goes_on[depth] else marks.last))
        goes_on[depth] = True
    return guides[::-1]


def _cut(text: str, cells: int, marks: Marks) -> str:
    """The text in at most that many cells; what is left out is in the middle, as names differ at their ends."""
    if cell_len(text) <= cells:
        return text
    keep = max(1, cells - cell_len(marks.more))
    head = keep // 2
    return text[:head] + marks.more + text[len(text) - (keep - head) :]


def _with_end(line: Text, end: str, width: int, style: str) -> Text:
    """The line with `end` at the right edge; what is in its way is cut."""
    room = max(1, width - len(end) - 1)
    line.truncate(room, overflow="ellipsis" if line.plain.isascii() is False else "crop")
    if end:
        line.append(" " * max(1, width - line.cell_len - len(end)))
        line.append(end, style)
    return line
