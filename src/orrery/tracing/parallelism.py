"""Parallelism: what ran at once, and in which lane each is drawn so that no two overlap."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import NamedTuple

from orrery.tracing.attempts import Attempt

SLACK_S = 1e-6
"""Times that are taken from each other lose their last digits: what ends as another begins does not overlap it."""


class Parallelism(NamedTuple):
    """How much of a run went on at once.

    Args:
        wall_s: from the first attempt's beginning to the last one's end.
        work_s: the time of all attempts one after the other.
        most: how many ran at once at most.
    """

    wall_s: float
    work_s: float
    most: int

    @property
    def speed_up(self) -> float:
        """How many times faster than one after the other; 1 for a run that did nothing."""
        return self.work_s / self.wall_s if self.wall_s > 0 else 1.0


def parallelism(attempts: Iterable[Attempt]) -> Parallelism:
    """What ran at once, in a run of these attempts."""
    changes: list[tuple[float, int]] = []
    work_s = 0.0
    for attempt in attempts:
        changes += ((attempt.began_at, 1), (attempt.ended_at, -1))
        work_s += attempt.seconds
    changes.sort()
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    wall_s = changes[-1][0] - changes[0][0] if changes else 0.0
    return Parallelism(wall_s, work_s, most)


def lanes(spans: Iterable[tuple[float, float]]) -> list[int]:
    """For each span its lane, counted from 0: the lowest that is free when it begins.

    Args:
        spans: (beginning, end) in seconds, in the order in which they begin.

    >>> lanes([(0, 3), (1, 2), (2, 4), (3, 5)])
    [0, 1, 1, 0]
    """
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    taken: list[int] = []
    for began, ended in spans:
        while busy and busy[0][0] <= began + SLACK_S:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (ended, lane))
        taken.append(lane)
    return taken
