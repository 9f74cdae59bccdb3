"""Virtual: a run by the real scheduler under a clock of its own; nothing waits and nothing is performed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush

import msgspec

from orrery.errors import Failure, InternalError
from orrery.graph import Graph, Task
from orrery.graph.values import encode
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.scheduler import Scheduler

Ending = Callable[[Task, int], tuple[float, Failure | None]]
"""How an attempt ends: after how many seconds, and with what failure."""

RUN = "virtual"
_VALUE = msgspec.Raw(encode(1))


def as_estimated(task: Task, _attempt: int) -> tuple[float, Failure | None]:
    """Every attempt succeeds and takes just what was estimated."""
    return task.estimate.seconds, None


def simulate(
    graph: Graph,
    *,
    capacity: Mapping[str, int] | None = None,
    ending: Ending = as_estimated,
    options: ev.RunOptions | None = None,
) -> Iterator[list[ev.Event]]:
    """Run a graph from time 0 and yield what each turn would have written to the journal.

    Args:
        capacity: of executors and resources; what is not named has no limit.
        ending: how each attempt ends.

    Raises: InternalError if the run stands still without having ended.
    """
    scheduler = Scheduler(capacity)
    machine = scheduler.admit(Machine(RUN))
    due: list[tuple[float, int, ev.Event]] = []
    inbox: list[tuple[str, ev.Event]] = [
        (RUN, ev.RunStarted(0.0, RUN, options=options or ev.RunOptions())),
        (RUN, ev.GraphPatched(0.0, graph.as_patch())),
    ]
    now, count = 0.0, 0
    while True:
        turn = scheduler.turn(inbox, now)
        yield turn.log.get(RUN, [])
        if machine.state != "running":
            return
        for start in turn.starts:
            seconds, failure = ending(start.task, start.attempt)
            count += 1
            heappush(due, (now + seconds, count, _end(now + seconds, start.task.id, start.attempt, failure)))
        for cancel in turn.cancels:
            count += 1
            heappush(due, (now, count, ev.TaskStopped(now, cancel.task, cancel.attempt)))
        inbox = []
        timer = scheduler.next_due()
        now = min(due[0][0] if due else float("inf"), timer if timer is not None else float("inf"))
        if now == float("inf"):
            raise InternalError(f"the run stands still: {machine!r}")
        if timer is not None and timer <= now:
            inbox.append((RUN, ev.TimeReached(now)))
        while due and due[0][0] <= now:
            inbox.append((RUN, heappop(due)[2]))


def _end(at: float, task: str, attempt: int, failure: Failure | None) -> ev.Event:
    if failure is None:
        return ev.TaskSucceeded(at, task, attempt, _VALUE)
    return ev.TaskFailed(at, task, attempt, failure)


def makespan(graph: Graph, *, workers: int | None) -> float:
    """Seconds from the start of a run to its end, if every task takes just what was estimated."""
    capacity = None if workers is None else {"inline": workers}
    last: ev.Event | None = None
    for events in simulate(graph, capacity=capacity):
        last = events[-1] if events else last
    if not isinstance(last, ev.RunEnded) or last.state != "succeeded":
        raise InternalError(f"a run without faults ended with {last!r}")
    return last.at
