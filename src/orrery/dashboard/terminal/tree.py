"""TaskTree: the outline of a run on a screen. Only lines in view are drawn, and only those that changed again."""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from orrery.dashboard.rows import Change, RunHead, TaskRow
from orrery.dashboard.terminal.drawing import Pen, Scale
from orrery.dashboard.terminal.outline import Line, Outline

_MOVING = frozenset({"running", "stopping", "grown"})
"""States in which time passes for a task's line."""


class TaskTree(ScrollView, can_focus=True):
    """The tasks of a run, with a cursor.

    Args:
        pen: draws the lines.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move(-1000000000)", "First", show=False),
        Binding("end,G", "move(1000000000)", "Last", show=False),
        Binding("space", "turn", "Open/close", show=False),
        Binding("right,l", "turn(True)", "Open", show=False),
        Binding("left,h", "turn(False)", "Close", show=False),
        Binding("enter", "choose", "Details", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another task."""

    class Chosen(Message):
        """Somebody wants to see the task under the cursor."""

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="tree")
        self.outline = Outline()
        self.selected = ""
        """Under the cursor; empty while there is none."""
        self._pen = pen
        self._scale = Scale(0.0, 1.0)
        self._head: RunHead | None = None

    def take(self, change: Change, scale: Scale) -> None:
        """Take rows in and draw the lines that they change."""
        self._head = change.head
        touched = self.outline.take(change)
        if touched is None or scale != self._scale:
            self._scale = scale
            self._draw_all()
            return
        self._draw(touched)

    def tick(self, scale: Scale) -> None:
        """Time passed: draw what runs."""
        if scale != self._scale:
            self._scale = scale
            self._draw_all()
            return
        self._draw({line.task for line in self._in_view() if self.outline.rows[line.task].state in _MOVING})

    def look_for(self, words: str) -> int:
        """Show only tasks that have these words; how many lines are left."""
        self.outline.look_for(words)
        self._draw_all()
        return len(self.outline.lines)

    def go_to(self, task: str) -> bool:
        """Put the cursor on a task, wherever it is; False if it is not among what is looked for."""
        place = self.outline.show(task)
        if place is None:
            return False
        self._draw_all()
        self._put_cursor(place)
        return True

    @property
    def row(self) -> TaskRow | None:
        """The task under the cursor."""
        return self.outline.rows.get(self.selected)

    # -- drawing --------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """The strip for a line of the screen."""
        number, width = y + self.scroll_offset.y, self.size.width
        if number >= len(self.outline.lines):
            return Strip.blank(width, self.rich_style)
        line = self.outline.lines[number]
        row = self.outline.rows[line.task]
        now = time.time() if self._head is not None and self._head.live else self._head.now if self._head else 0.0
        text = self._pen.task(
            row,
            self.outline.groups.get(line.task),
            line.depth,
            is_open=self.outline.is_open(line.task),
            scale=self._scale,
            now=now,
            width=width,
        )
        segments = list(text.render(self.app.console))
        if line.task == self.selected:
            segments = list(Segment.apply_style(segments, post_style=Style(reverse=self.has_focus, bold=True)))
        return Strip(segments, width).apply_style(self.rich_style)

    def on_resize(self) -> None:
        """Fit another size."""
        self._draw_all()

    def _in_view(self) -> list[Line]:
        top = self.scroll_offset.y
        return self.outline.lines[top : top + self.size.height]

    def _draw(self, tasks: AbstractSet[str]) -> None:
        top, height, width = self.scroll_offset.y, self.size.height, self.size.width
        places = [place - top for task in tasks if (place := self.outline.place_of(task)) is not None]
        regions = [Region(0, place, width, 1) for place in places if 0 <= place < height]
        if regions:
            self.refresh(*regions)

    def _draw_all(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.outline.lines))
        if self.outline.place_of(self.selected) is None and self.outline.lines:
            self._put_cursor(0)
        self.refresh()

    # -- moving ---------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Move the cursor by some lines."""
        place = self.outline.place_of(self.selected)
        if self.outline.lines:
            self._put_cursor(max(0, min(len(self.outline.lines) - 1, (place or 0) + by)))

    def action_page(self, by: int) -> None:
        """Move the cursor by some screens."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_turn(self, to_open: bool | None = None) -> None:
        """Open or close the group under the cursor; closing what is no group goes to the one above it."""
        row = self.row
        if row is None:
            return
        is_group = row.id in self.outline.groups
        if is_group and to_open in (None, not self.outline.is_open(row.id)):
            self.outline.turn(row.id)
            self._draw_all()
            self._put_cursor(self.outline.place_of(row.id) or 0)
        elif to_open is False and row.parent in self.outline.rows:
            self.go_to(row.parent)

    def action_choose(self) -> None:
        """Ask to see the task."""
        if self.selected:
            self.post_message(self.Chosen())

    def on_click(self, event: object) -> None:
        """Put the cursor where somebody clicked; a second time there asks to see it."""
        place = int(getattr(event, "y", 0)) + self.scroll_offset.y
        if place < len(self.outline.lines):
            was_there = self.outline.lines[place].task == self.selected
            self._put_cursor(place)
            if was_there:
                self.action_choose()

    def _put_cursor(self, place: int) -> None:
        before, self.selected = self.selected, self.outline.lines[place].task
        height = max(1, self.size.height)
        top = self.scroll_offset.y
        if not top <= place < top + height:
            self.scroll_to(y=max(0, place - height // 2), animate=False, immediate=True)
        self._draw({before, self.selected})
        if before != self.selected:
            self.post_message(self.Moved())


__all__ = ["TaskTree"]
