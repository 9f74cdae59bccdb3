"""Record: what the scheduler remembers of one task."""

from __future__ import annotations

from typing import Any

from orrery.errors import Failure
from orrery.graph.task import Task, TaskId
from orrery.scheduler.pools import Demand
from orrery.scheduler.states import ENDED, State


class Record:
    """The state of one task of a run.

    Attributes:
        order: its place in the order of addition; breaks ties.
        rank: longest remaining estimated path, in seconds, from its start to the end of the graph.
        demand: what one attempt holds.
        needs: hard edges that must still fire; `soft`: soft edges whose source has not ended.
        slack: hard edges that may still die before it is hopeless.
        attempt: number of the latest attempt; `live` are those in flight.
        failed: attempts that failed; `crashes`: attempts that vanished.
        stop: what the task is to fail with once its attempt has stopped; `cancelling` says that it is
            to be cancelled instead.
        parent: the task whose growth added it; `depth` counts its levels.
        tree: what a grown task amounts to, with Ref leaves.
        value: the encoded result.
    """

    __slots__ = (
        "accept_errors",
        "attempt",
        "because",
        "cancelling",
        "crashes",
        "demand",
        "depth",
        "failed",
        "failure",
        "hedging",
        "held",
        "live",
        "needs",
        "order",
        "parent",
        "poisoned",
        "rank",
        "ready_at",
        "slack",
        "soft",
        "state",
        "stop",
        "task",
        "tree",
        "value",
    )

    def __init__(self, task: Task, order: int, demand: Demand, parent: TaskId | None, depth: int) -> None:
        self.task = task
        self.order = order
        self.demand = demand
        self.parent = parent
        self.depth = depth
        self.state = State.WAITING
        self.rank = 0.0
        self.needs = 0
        self.soft = 0
        self.slack = 0
        self.attempt = 0
        self.live: tuple[int, ...] = ()
        self.failed = 0
        self.crashes = 0
        self.ready_at: float | None = None
        self.hedging = False
        self.held = 0
        self.stop: Failure | None = None
        self.cancelling = False
        self.failure: Failure | None = None
        self.because = ""
        self.poisoned = False
        self.accept_errors = False
        self.tree: Any = None
        self.value: bytes | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state not in ENDED

    def __repr__(self) -> str:
        return f"<Record {self.task.id} {self.state.value} attempt {self.attempt}>"
