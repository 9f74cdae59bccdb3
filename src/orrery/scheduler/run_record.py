"""RunRecord: what the scheduler remembers of one run. Data and questions about it; the steps stand elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from orrery.errors import ExpressionError, Failure
from orrery.graph.graph import Graph
from orrery.graph.live import LiveGraph
from orrery.graph.patch import Patch
from orrery.graph.ref import TaskId
from orrery.graph.task import refs_in
from orrery.scheduler import events as ev
from orrery.scheduler.budgets import Ledger
from orrery.scheduler.commands import CancelTask
from orrery.scheduler.pools import Pools
from orrery.scheduler.ready import ReadyQueue
from orrery.scheduler.record import Record
from orrery.scheduler.results import Results, blob_is_too_large
from orrery.scheduler.states import State
from orrery.scheduler.timers import Timers


class Hold(NamedTuple):
    """What an open edit holds back, and until when at the latest."""

    records: tuple[Record, ...]
    until: float


class RunRecord:
    """The state of one run, as far as its events go.

    Attributes:
        run: its name.
        pools: what attempts hold, shared with other runs.
        state: "running" until it has ended; `failure` then says why it did not succeed.
        now: the time of its latest event; `seq` counts the events that were folded.
        stopping: why nothing new may start any more; `cancelling` says that it was asked for.
        records: what is remembered of each task, in the order of addition.
        in_flight: tasks with a live attempt that counts; `lingering` are attempts that do not count any
            more and still hold their slots.
        edits: open edits and the tasks that they hold back.
        failed: tasks that failed, in that order.
        open: how many tasks have not ended.
        patched: whether a first graph has arrived.
        opening: a first patch and the graph that it is known to make, so that it need not be checked twice.
        settling: tasks that have ended and whose outgoing edges have not been looked at yet.
        decisions: events that the run concluded by itself; `cancels` are commands. The caller takes both.
    """

    def __init__(self, run: str, pools: Pools | None = None) -> None:
        self.run = run
        self.pools = pools if pools is not None else Pools()
        self.options = ev.RunOptions()
        self.state: ev.RunState = "running"
        self.failure: Failure | None = None
        self.started_at = 0.0
        self.now = 0.0
        self.epoch = 0
        self.seq = 0
        self.paused = False
        self.cancelling = False
        self.stopping: Failure | None = None
        self.virtual_time = 0.0
        self.graph = LiveGraph()
        self.records: dict[TaskId, Record] = {}
        self.results = Results(self.records)
        self.ready = ReadyQueue()
        self.timers = Timers()
        self.ledger = Ledger()
        self.in_flight: dict[TaskId, Record] = {}
        self.lingering: dict[tuple[TaskId, int], Record] = {}
        self.edits: dict[str, Hold] = {}
        self.failed: dict[TaskId, None] = {}
        self.open = 0
        self.added = 0
        self.patched = False
        self.opening: tuple[Patch, Graph] | None = None
        self.settling: deque[Record] = deque()
        self.decisions: list[ev.Event] = []
        self.cancels: list[CancelTask] = []

    def next_due(self) -> float | None:
        """When `TimeReached` should be reported next, or None."""
        return self.timers.next_due() if self.state == "running" else None

    def is_available(self, value: Any) -> bool:
        """Whether everything that a value refers to was produced, or cleanly left out by a condition."""
        for ref in refs_in(value):
            record = self.records.get(ref.task)
            if record is not None and (record.state in (State.FAILED, State.CANCELLED) or record.poisoned):
                return False
        return True

    def leads_nowhere(self, value: Any) -> str | None:
        """Why a value cannot be made of the results there are: a path into one of them ends; None if it can."""
        for ref in refs_in(value):
            try:
                self.results.look_up(ref, blob_is_too_large)
            except LookupError as error:
                return str(error.args[0])
            except ExpressionError:
                continue  # what is inside a blob is seen when the output is read
        return None

    def outputs(self, load: Callable[[Any], Any]) -> dict[str, Any]:
        """What the workflow returns as far as it exists: outputs that were not produced are left out."""
        produced: dict[str, Any] = {}
        for name, value in self.graph.outputs.items():
            if self.is_available(value):
                with suppress(LookupError):  # it refers to a part that its task's result does not have
                    produced[name] = self.results.fill(value, load)
        return produced

    def counts(self) -> dict[str, int]:
        """How many tasks are in each state; states without tasks are left out."""
        counts: dict[str, int] = {}
        for record in self.records.values():
            counts[record.state.value] = counts.get(record.state.value, 0) + 1
        return counts

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.run} {self.state} {self.counts()}>"
