"""Pace: how many frames a principal may send. Times come in; nothing is read here."""

from __future__ import annotations

from orrery.fleet.hub.settings import Settings


class Pace:
    """A bucket of frames that fills at a steady rate."""

    __slots__ = ("_at", "_left")

    def __init__(self, settings: Settings, at: float) -> None:
        self._left, self._at = settings.frames_burst, at

    def allows(self, settings: Settings, count: int, at: float) -> bool:
        """Take `count` frames out, if they are there."""
        self._left = min(settings.frames_burst, self._left + (at - self._at) * settings.frames_per_s)
        self._at = at
        if self._left < count:
            return False
        self._left -= count
        return True
