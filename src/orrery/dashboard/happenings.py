"""Happenings: the events of a run as lines, some at a time, of all its tasks or of one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from orrery.dashboard.rows import Events, Told
from orrery.dashboard.seen import line
from orrery.dashboard.spectator import Spectator
from orrery.scheduler.events import AnyEvent, TaskProgressed
from orrery.telling.told import told

MOST_LOGS = 100
"""Of what the attempts of a task said, the newest."""
_NEAR = 64
"""Events so close together are read in one go."""


def events_of(
    spectator: Spectator, *, after: int = 0, before: int | None = None, most: int = 100, task: str = ""
) -> Events:
    """Events in order.

    Args:
        after: only those with a higher number: the first of them.
        before: only those with a lower number, where it is given: the last of them.
        most: how many at the most; `more` says that there are others on the side from which it was asked.
        task: only those that name this task.
    """
    with spectator.lock:
        until = spectator.machine.seq if before is None else min(before - 1, spectator.machine.seq)
        numbers: list[int] | range = range(after + 1, max(after, until) + 1)
        if task:
            numbers = [number for number in spectator.numbers_about(task) if number in numbers]
    chosen = numbers[:most] if before is None else numbers[max(0, len(numbers) - most) :]
    return Events(tuple(_told(spectator, chosen)), len(numbers) > len(chosen))


def logs_of(spectator: Spectator, task: str) -> tuple[Told, ...]:
    """What the attempts of a task said, the newest last."""
    with spectator.lock:
        numbers = spectator.numbers_about(task)[-2 * MOST_LOGS :]
    return tuple(one for one in _told(spectator, numbers) if one.type == TaskProgressed.__name__)[-MOST_LOGS:]


def _told(spectator: Spectator, numbers: list[int] | range) -> Iterator[Told]:
    wanted = numbers if isinstance(numbers, range) else set(numbers)
    for first, last in _stretches(numbers):
        for seq, event in islice(spectator.journal.read(spectator.run, after=first - 1), last - first + 1):
            if seq in wanted:
                yield _line(seq, event)


def _stretches(numbers: list[int] | range) -> Iterator[tuple[int, int]]:
    """The first and the last of each run of numbers that lie close together."""
    if not numbers:
        return
    if isinstance(numbers, range):
        yield numbers[0], numbers[-1]
        return
    first = last = numbers[0]
    for number in numbers[1:]:
        if number - last > _NEAR:
            yield first, last
            first = number
        last = number
    yield first, last


def _line(seq: int, event: AnyEvent) -> Told:
    text = event.note if isinstance(event, TaskProgressed) and event.note else told(event)
    return Told(seq, type(event).__name__, event.at, line(text), getattr(event, "task", ""))
