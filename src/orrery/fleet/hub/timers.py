"""Timers: what becomes due, and when. Setting one again moves it; what is cancelled leaves nothing behind."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

Timer = tuple[str, str]
"""What is due, and for whom, such as ("deadline", "run@1/task#1")."""


class Timers:
    """Due times, earliest first, ties in the order of setting."""

    __slots__ = ("_due", "_heap", "_set")

    def __init__(self) -> None:
        self._due: dict[Timer, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, Timer]] = []
        self._set = 0

    def set(self, timer: Timer, due: float) -> None:
        """Remember that this is due, in place of what was set for it before."""
        self._set += 1
        self._due[timer] = due, self._set
        heappush(self._heap, (due, self._set, timer))
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [(due, number, timer) for timer, (due, number) in self._due.items()]
            heapify(self._heap)

    def cancel(self, timer: Timer) -> None:
        """This is not due any more, if it ever was."""
        self._due.pop(timer, None)

    def next_due(self) -> float | None:
        """When the earliest is due."""
        heap = self._heap
        while heap:
            due, number, timer = heap[0]
            if self._due.get(timer) == (due, number):
                return due
            heappop(heap)
        return None

    def pop_due(self, at: float) -> Timer | None:
        """Take the earliest that is due at `at`."""
        due = self.next_due()
        if due is None or due > at:
            return None
        timer = heappop(self._heap)[2]
        del self._due[timer]
        return timer

    def __contains__(self, timer: Timer) -> bool:
        return timer in self._due

    def __len__(self) -> int:
        return len(self._due)
