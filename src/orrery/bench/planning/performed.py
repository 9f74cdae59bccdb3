"""Performed: a run whose operations are really called, under a clock of its own.

`bench.virtual` runs graphs that are known beforehand. A plan that grows has to be performed to be known, but the time
its steps take need not pass: the function is called when the attempt starts, and its answer arrives so much later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush

from orrery.errors import InternalError
from orrery.graph import Graph, Task
from orrery.graph.values import Blob, decode
from orrery.journal.blobs import BlobStore
from orrery.journal.memory import MemoryJournal
from orrery.runtime.context import Context
from orrery.runtime.executors.perform import perform
from orrery.runtime.executors.protocol import Invocation
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.scheduler import Scheduler

Duration = Callable[[Task], float]
"""How many seconds an attempt at a task takes."""

RUN = "performed"


class PerformedRun:
    """A graph that grows, run from time 0.

    Args:
        seconds: how long each attempt takes.
        capacity: of executors and resources; what is not named has no limit.

    Attributes:
        machine: the state of the run.
        events: everything that would have been journaled, in order.
    """

    def __init__(
        self,
        graph: Graph,
        seconds: Duration,
        *,
        capacity: Mapping[str, int] | None = None,
        options: ev.RunOptions | None = None,
    ) -> None:
        self._seconds = seconds
        self._journal = MemoryJournal()
        self._at = 0.0
        self.events: list[ev.Event] = []
        scheduler = Scheduler(capacity)
        self.machine = scheduler.admit(Machine(RUN))
        began: list[ev.Event] = [
            ev.RunStarted(0.0, RUN, options=options or ev.RunOptions()),
            ev.GraphPatched(0.0, graph.as_patch()),
        ]
        for events in self._turns(scheduler, began):
            self.events.extend(events)

    @property
    def makespan_s(self) -> float:
        """From the start of the run to its end. Raises InternalError if it did not succeed."""
        last = self.events[-1]
        if not isinstance(last, ev.RunEnded) or last.state != "succeeded":
            raise InternalError(f"a run without faults ended with {last!r}")
        return last.at

    # -- the host of its attempts ---------------------------------------------------------------------

    @property
    def blobs(self) -> BlobStore:
        """Where large values go."""
        return self._journal.blobs

    def now(self) -> float:
        """The time at which the attempt that is being performed ends."""
        return self._at

    def report(self, _run: str, _event: ev.Event) -> None:
        """Progress is not of interest here."""

    # -- the loop -------------------------------------------------------------------------------------

    def _turns(self, scheduler: Scheduler, began: list[ev.Event]) -> Iterator[list[ev.Event]]:
        due: list[tuple[float, int, ev.Event]] = []
        inbox = [(RUN, event) for event in began]
        now, count = 0.0, 0
        while True:
            turn = scheduler.turn(inbox, now)
            yield turn.log.get(RUN, [])
            if self.machine.state != "running":
                return
            for start in turn.starts:
                count += 1
                self._at = now + self._seconds(start.task)
                heappush(due, (self._at, count, self._performed(start.task, start.attempt)))
            inbox = []
            timer = scheduler.next_due()
            now = min(due[0][0] if due else float("inf"), timer if timer is not None else float("inf"))
            if now == float("inf"):
                raise InternalError(f"the run stands still: {self.machine!r}")
            if timer is not None and timer <= now:
                inbox.append((RUN, ev.TimeReached(now)))
            while due and due[0][0] <= now:
                inbox.append((RUN, heappop(due)[2]))

    def _performed(self, task: Task, attempt: int) -> ev.Event:
        args = self.machine.results.fill(task.args, self._load)
        invocation = Invocation(RUN, task.id, attempt, f"{RUN}/{task.id}", task.op, args, task.limits, ".")
        return perform(invocation, self, Context(invocation, self), cpu_clock=lambda: 0.0)

    def _load(self, blob: Blob) -> object:
        return decode(self.blobs.get(blob))


__all__ = ["Duration", "PerformedRun"]
