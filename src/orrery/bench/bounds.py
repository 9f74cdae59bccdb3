"""Bounds: what no schedule can beat, and two simple schedules that it ought to.

All three speak of one kind of problem: tasks with known durations and precedence, on identical workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from orrery.bench.shapes import Shape


def lower_bound(shape: Shape, seconds: Sequence[float], workers: int) -> float:
    """Seconds that every schedule takes at least: the longest path, and more where too much must happen at once.

    Source: Fernández and Bussell, "Bounds on the number of processors and time for multiprocessor optimal
        schedules", 1973, theorem 2. For an interval of the schedule that is as short as the longest path,
        add up how much of each task must fall into it, however the task is shifted between its earliest start
        and its latest end. What the workers cannot do in that interval lengthens the schedule. The bounds
        "longest path" and "work over workers" are the empty and the whole interval. We look at intervals
        that begin at some task's earliest start, and at every end: a choice that keeps it a bound.
    """
    heads, tails = _heads(shape, seconds), _tails(shape, seconds)
    longest = max(tails, default=0.0)
    if workers >= len(shape):
        return longest
    most = 0.0
    latest_starts = [longest - tail for tail in tails]
    for begin in set(heads):
        most = max(
            most,
            _excess(begin, longest=longest, heads=heads, latest_starts=latest_starts, seconds=seconds, workers=workers),
        )
    return longest + most


def _excess(
    begin: float,
    *,
    longest: float,
    heads: Sequence[float],
    latest_starts: Sequence[float],
    seconds: Sequence[float],
    workers: int,
) -> float:
    """By how much the work that must fall into an interval from `begin` exceeds what fits, for the worst end.

    A task's part grows with the end of the interval: from its latest start on (or from `begin`) at the pace of
    a worker, up to what is left of it at `begin` if it starts as early as it can.
    """
    turns: list[tuple[float, int]] = []
    for head, late, duration in zip(heads, latest_starts, seconds, strict=True):
        part = min(duration, head + duration - begin)
        if part > 0:
            start = max(late, begin)
            turns.append((start, 1))
            turns.append((start + part, -1))
    turns.sort()
    work, growing, at, most = 0.0, 0, begin, 0.0
    for end, change in turns:
        work += growing * (end - at)
        growing, at = growing + change, end
        if end <= longest + 1e-9:
            most = max(most, work / workers - (end - begin))
    return most


def _heads(shape: Shape, seconds: Sequence[float]) -> list[float]:
    """The earliest start of each task."""
    heads: list[float] = []
    for needs in shape:
        heads.append(max((heads[need] + seconds[need] for need in needs), default=0.0))
    return heads


def _tails(shape: Shape, seconds: Sequence[float]) -> list[float]:
    """From the start of each task to the end, along the longest path."""
    after = [0.0] * len(shape)
    tails = [0.0] * len(shape)
    for position in range(len(shape) - 1, -1, -1):
        tails[position] = after[position] + seconds[position]
        for need in shape[position]:
            after[need] = max(after[need], tails[position])
    return tails


def first_come(shape: Shape, seconds: Sequence[float], workers: int) -> float:
    """The makespan if the task that became ready first starts first."""
    readers: list[list[int]] = [[] for _ in shape]
    missing = [len(needs) for needs in shape]
    for position, needs in enumerate(shape):
        for need in needs:
            readers[need].append(position)
    ready = [position for position, count in enumerate(missing) if count == 0]
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            position = ready.pop(0)
            heappush(running, (now + seconds[position], position))
        now, ended = heappop(running)
        for reader in readers[ended]:
            missing[reader] -= 1
            if missing[reader] == 0:
                ready.append(reader)
    return now


def in_waves(shape: Shape, seconds: Sequence[float], workers: int) -> float:
    """The makespan if each level waits for all of the level before; within a level the longest goes first."""
    level: list[int] = []
    for needs in shape:
        level.append(max((level[need] + 1 for need in needs), default=0))
    total = 0.0
    for wave in range(max(level, default=-1) + 1):
        busy = [0.0] * workers
        for duration in sorted((s for at, s in zip(level, seconds, strict=True) if at == wave), reverse=True):
            heappush(busy, heappop(busy) + duration)
        total += max(busy)
    return total
