"""Record: what the scheduler remembers of one task."""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph.ref import TaskId
from orrery.graph.task import Task
from orrery.scheduler.pools import Demand
from orrery.scheduler.states import ENDED, State


class Record(msgspec.Struct, eq=False, array_like=True, gc=False):
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
        where: on which device of a fleet it ended.
    """

    task: Task
    order: int
    demand: Demand
    parent: TaskId | None = None
    depth: int = 0
    state: State = State.WAITING
    rank: float = 0.0
    needs: int = 0
    soft: int = 0
    slack: int = 0
    attempt: int = 0
    live: tuple[int, ...] = ()
    failed: int = 0
    crashes: int = 0
    ready_at: float | None = None
    hedging: bool = False
    held: int = 0
    stop: Failure | None = None
    cancelling: bool = False
    failure: Failure | None = None
    because: str = ""
    poisoned: bool = False
    accept_errors: bool = False
    tree: Any = None
    value: bytes | None = None
    where: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state not in ENDED

    def __repr__(self) -> str:
        return f"<Record {self.task.id} {self.state.value} attempt {self.attempt}>"
