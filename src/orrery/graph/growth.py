"""Growth: what an attempt returns to go on as other tasks that stand beside it rather than below it."""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.graph.patch import Patch


class Growth(msgspec.Struct, frozen=True):
    """More work in place of a value: a tail call.

    A task that returns a Graph goes on *below* itself, one level deeper. A loop that did so would nest a level
    with every turn; one that returns a Growth goes on beside itself, and its level stays what it was.

    Args:
        patch: the tasks to add. Those below the task that returned it, and those to which `result` refers,
            are waited for.
        result: what the task's own result then is: data with `Ref` leaves.
        accept_errors: a task waited for that fails leaves its failure in the result instead of failing the whole.
    """

    patch: Patch
    result: Any = None
    accept_errors: bool = False
