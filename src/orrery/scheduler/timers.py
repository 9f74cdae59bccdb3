"""Timers: what becomes due, and when. A heap; entries are checked for relevance only when they come up."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Literal

Kind = Literal["timeout", "grace", "deadline", "retry", "hedge", "hold", "wall"]


class Timers:
    """Due times of one run, earliest first, ties in the order of setting."""

    __slots__ = ("_heap", "_set")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Kind, str, int]] = []
        self._set = 0

    def set(self, due: float, kind: Kind, subject: str = "", attempt: int = 0) -> None:
        """Remember that something is due."""
        self._set += 1
        heappush(self._heap, (due, self._set, kind, subject, attempt))

    def next_due(self) -> float | None:
        """When the driver should next report the time, or None."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, at: float) -> tuple[float, Kind, str, int] | None:
        """Take the earliest entry that is due at `at`."""
        if self._heap and self._heap[0][0] <= at:
            due, _, kind, subject, attempt = heappop(self._heap)
            return due, kind, subject, attempt
        return None

    def due_by(self, at: float) -> list[str]:
        """The subjects of what is due at `at`, without taking it; costs what is due, not what is set."""
        found: list[str] = []
        ahead = [0]
        while ahead:
            place = ahead.pop()
            if place < len(self._heap) and self._heap[place][0] <= at:
                found.append(self._heap[place][3])
                ahead += (2 * place + 1, 2 * place + 2)
        return found

    def __len__(self) -> int:
        return len(self._heap)

    def entries(self) -> list[tuple[float, Kind, str, int]]:
        """Everything that is set, in order."""
        return [(due, kind, subject, attempt) for due, _, kind, subject, attempt in sorted(self._heap)]
