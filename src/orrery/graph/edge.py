"""Edge: one task depends on another, how firmly, and on what outcome."""

from __future__ import annotations

from typing import Literal

import msgspec

from orrery.graph.expr import Expr
from orrery.graph.ref import TaskId

Outcome = Literal["success", "failure", "completion"]
Condition = Outcome | Expr
"""On what an edge fires: an outcome, or an expression over the source's result, named `result`."""


class Edge(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`target` waits for `source`.

    A hard edge is data or effect: the target runs only if it fires, and no pass may drop it. A soft edge
    is advice: it orders the two where both run, never decides whether the target runs, and a pass may
    drop it. A `Ref` in a task's arguments is a hard edge on success unless an explicit edge between the
    same two tasks says otherwise.

    Args:
        on: "success", "failure" (the source failed), "completion" (it ended in any way, skipped too), or
            an expression over `result`, which is asked only after a success.
        weight: of a soft edge, how strongly the two belong together, in [0, 1].
    """

    source: TaskId
    target: TaskId
    on: Condition = "success"
    hard: bool = True
    weight: float = 1.0

    @property
    def key(self) -> tuple[TaskId, TaskId]:
        """What identifies the edge in a graph: its two ends."""
        return self.source, self.target
