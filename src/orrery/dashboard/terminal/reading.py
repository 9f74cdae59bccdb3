"""Reader: what a screen needs to know of a run since its last look. Used on threads, since journals block."""

from __future__ import annotations

from typing import NamedTuple

from orrery.dashboard.happenings import events_of
from orrery.dashboard.panel import panel_of
from orrery.dashboard.rows import Change, RunHead, TaskPanel, Told
from orrery.dashboard.spectator import Spectator

MOST_TOLD = 200
"""Of the newest events so many are told."""


class Look(NamedTuple):
    """What is new since the look before.

    Args:
        change: rows that changed and the head; None where nothing did.
        told: events, the oldest first.
        panel: the task that was asked about, where there is something new to say of it.
    """

    change: Change | None
    told: tuple[Told, ...]
    panel: TaskPanel | None


class Reader:
    """Reads one run for one screen; its caller makes one look after the other.

    Args:
        spectator: of the run.
    """

    def __init__(self, spectator: Spectator) -> None:
        self._spectator = spectator
        self._seq = 0
        self._head: RunHead | None = None
        self._shown: tuple[str, int] = ("", 0)

    def look(self, wanted: str) -> Look:
        """Read on.

        Args:
            wanted: the task whose panel is in view; empty for none.

        Raises: UnknownRunError, CorruptionError, StoreError.
        """
        now = self._spectator.catch_up()
        change = self._spectator.changed_after(self._seq)
        is_news = now > self._seq or change.head != self._head
        told, panel = self._told_until(now), self._panel(wanted)
        self._seq, self._head = now, change.head  # only now: what a look that fails did not tell, the next one does
        if panel is not None:
            self._shown = (wanted, panel.row.changed)
        return Look(change if is_news else None, told, panel)

    def _told_until(self, now: int) -> tuple[Told, ...]:
        """The newest events, none of them told before."""
        if now <= self._seq:
            return ()
        after = max(self._seq, now - MOST_TOLD)
        return events_of(self._spectator, after=after, before=now + 1, most=MOST_TOLD).events

    def _panel(self, task: str) -> TaskPanel | None:
        row = self._spectator.row(task)
        return None if row is None or (task, row.changed) == self._shown else panel_of(self._spectator, task)


__all__ = ["MOST_TOLD", "Look", "Reader"]
