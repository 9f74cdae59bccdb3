"""Pace: how fast rows come to their end, and when the last of them will have."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

_MARKS = 40


class Pace:
    """Rows a second over the last marks, and what is left at that pace.

    Args:
        total: how many rows there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)

    def mark(self, at: float, finished: int) -> None:
        """So many rows have ended by now, in seconds of any clock."""
        self._marks.append((at, finished))

    @property
    def rows_per_s(self) -> float:
        """Over the last marks; 0 where nothing is known."""
        if len(self._marks) < 2:
            return 0.0
        (began_at, before), (at, finished) = self._marks[0], self._marks[-1]
        return (finished - before) / (at - began_at) if at > began_at else 0.0

    def note(self, failed: int, asking: Sequence[str] = ()) -> str:
        """How far it is, for people: "1,204/20,000 rows, 3 failed, 512 rows/s, 37 s left".

        Args:
            asking: commands that answer what waits for a person.
        """
        finished = self._marks[-1][1] if self._marks else 0
        parts = [f"{finished:,}/{self._total:,} rows"]
        parts += [f"{failed:,} failed"] if failed else []
        rate = self.rows_per_s
        if rate > 0:
            parts += [f"{rate:,.0f} rows/s" if rate >= 10 else f"{rate:.2g} rows/s"]
            parts += [f"{_span((self._total - finished) / rate)} left"] if finished < self._total else []
        parts += [f"{len(asking):,} wait for an answer, such as `{asking[0]}`"] if asking else []
        return ", ".join(parts)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
