"""Tail: the newest events of a run on a screen. Only those in view are drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from orrery.dashboard.rows import Told
from orrery.dashboard.terminal.panel import told_event


class Tail(ScrollView, can_focus=True):
    """Events, the newest at the end; who has scrolled back stays there.

    Args:
        most: of the newest so many are kept.
    """

    def __init__(self, most: int) -> None:
        super().__init__(id="events")
        self._told: deque[Told] = deque(maxlen=most)
        self._started_at = 0.0

    def take(self, told: Iterable[Told], started_at: float) -> None:
        """Take events in.

        Args:
            started_at: of the run, seconds since the epoch.
        """
        self._started_at = started_at
        self._told.extend(told)
        self._fit()
        if self.is_on_screen:
            self.refresh()

    def on_mount(self) -> None:
        """Stay at the end, unless somebody scrolls back."""
        self.anchor()

    def on_resize(self) -> None:
        """Fit another size."""
        self._fit()

    def _fit(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._told))

    def render_line(self, y: int) -> Strip:
        """The strip for a line of the screen."""
        number, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if number >= len(self._told):
            return Strip.blank(width, self.rich_style)
        line = told_event(self._told[number], self._started_at)
        line.truncate(width)
        return Strip(line.render(self.app.console)).extend_cell_length(width).apply_style(self.rich_style)
