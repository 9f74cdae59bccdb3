"""Bound: the least time in which a graph that was run could have been done on the five devices.

Unlike those of `bench.bounds` the workers are not alike here, and some tasks fit on few of them. The bound is the
larger of the longest path, and for every set of devices that some task is confined to, and for all five, of the time
that their slots need for work that fits nowhere else, between the shortest way to it and the shortest way from it.

A duration is what a task's attempts took, each from the moment in which its executor began until its result was there,
with the pauses between them. A k-of-n task waits for those sources that had ended when it started.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from graphlib import TopologicalSorter

from orrery.bench.fleet.setting import PROFILES
from orrery.graph import LiveGraph, Place, TaskId
from orrery.scheduler import events as ev
from orrery.tracing import attempts_of

Node = tuple[TaskId, bool]
"""A task has two: its own attempts, and (true) its result, which waits for what grew below it."""


def bound_s(grown: LiveGraph, events: Sequence[ev.Event]) -> float:
    """The bound in seconds.

    Args:
        grown: the graph as it was in the end.
        events: of the run.
    """
    durations = _durations(events)
    before = _precedence(grown, events)
    order = list(TopologicalSorter(before).static_order())
    heads: dict[Node, float] = {}
    for node in order:
        heads[node] = max((heads[source] + _seconds(source, durations) for source in before[node]), default=0.0)
    tails: dict[Node, float] = dict.fromkeys(order, 0.0)
    for node in reversed(order):
        for source in before[node]:
            tails[source] = max(tails[source], tails[node] + _seconds(node, durations))
    longest = max((heads[node] + _seconds(node, durations) for node in order), default=0.0)

    confined: dict[frozenset[str], list[TaskId]] = defaultdict(list)
    for task in durations:
        if task in grown.tasks and (devices := devices_for(grown.tasks[task].place)) is not None:
            confined[devices].append(task)
    bounds = [longest]
    for devices in {*confined, frozenset(PROFILES)}:
        slots = sum(PROFILES[device].slots for device in devices)
        inside = [
            (heads[task, False], durations[task], tails[task, False])
            for allowed, tasks in confined.items()
            if allowed <= devices
            for task in tasks
        ]
        bounds.append(_crowded_s(inside, slots))
    return max(bounds)


def _crowded_s(tasks: Sequence[tuple[float, float, float]], slots: int) -> float:
    """The least time for tasks of (head, seconds, tail) that share slots.

    For all that have at least some head and some tail: that head, the time in which the slots can do them, that tail.
    """
    most = 0.0
    for least_head in {head for head, _, _ in tasks}:
        late = [task for task in tasks if task[0] >= least_head]
        for least_tail in {tail for _, _, tail in late}:
            most = max(
                most, least_head + _packed_s([s for _, s, tail in late if tail >= least_tail], slots) + least_tail
            )
    return most


def _packed_s(durations: Sequence[float], slots: int) -> float:
    """The least time in which so many slots do independent tasks.

    The work over the slots; and, since some slot gets at least k = ceil(j / slots) of the j longest tasks, the k
    shortest of those j, for every j.
    """
    longest = sorted(durations, reverse=True)
    least = sum(longest) / slots
    for count in range(slots + 1, len(longest) + 1, slots):
        shared = -(-count // slots)
        least = max(least, sum(longest[count - shared : count]))
    return least


def devices_for(place: Place | None) -> frozenset[str] | None:
    """The devices of the suite that may run a task; None for one that runs on the desk."""
    if place is None:
        return None
    named = all(isinstance(name, str) for name in place.on)  # a reference may mean any
    return frozenset(
        name
        for name, profile in PROFILES.items()
        if (not place.on or not named or name in place.on) and set(place.skills) <= set(profile.skills)
    )


def _seconds(node: Node, durations: dict[TaskId, float]) -> float:
    task, is_result = node
    return 0.0 if is_result else durations.get(task, 0.0)


def _durations(events: Sequence[ev.Event]) -> dict[TaskId, float]:
    """The seconds of every task that ran."""
    found: dict[TaskId, float] = defaultdict(float)
    for attempt in attempts_of(events):
        found[attempt.task] += attempt.seconds
    for event in events:
        if isinstance(event, ev.RetryScheduled):
            found[event.task] += max(0.0, event.due - event.at)
    return dict(found)


def _precedence(grown: LiveGraph, events: Sequence[ev.Event]) -> dict[Node, list[Node]]:
    """What each node waits for."""
    starts: dict[TaskId, float] = {}
    ends: dict[TaskId, float] = {}
    for attempt in attempts_of(events):
        starts.setdefault(attempt.task, attempt.queued_at)
        ends[attempt.task] = max(attempt.ended_at, ends.get(attempt.task, 0.0))
    before: dict[Node, list[Node]] = {}
    for task in grown.tasks.values():
        before[task.id, False] = []
        before[task.id, True] = [(task.id, False)]
    for task in grown.tasks.values():
        above = task.id.rpartition("/")[0]
        if above in grown.tasks:
            before[task.id, False].append((above, False))
            before[above, True].append((task.id, True))
        for edge in grown.incoming[task.id].values():
            if not edge.hard or _is_kin(edge.source, task.id):
                continue
            if task.join is not None and ends.get(edge.source, 0.0) > starts.get(task.id, float("inf")):
                continue
            before[task.id, False].append((edge.source, True))
    return before


def _is_kin(task: TaskId, other: TaskId) -> bool:
    """Whether one grew below the other: what that means for their order is in their two nodes already."""
    return other.startswith(f"{task}/") or task.startswith(f"{other}/")


__all__ = ["bound_s", "devices_for"]
