"""Growth: what an attempt returns to go on as other tasks that stand beside it rather than below it."""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.graph.patch import Patch


class Growth(msgspec.Struct, frozen=True):
    """A tail call: other tasks go on in this one's place.

    A task that returns a Graph goes on *below* itself, one level deeper, so a loop that did so would nest a level
    with every turn. One that returns a Growth goes on *beside* itself: the tasks belong to the task that it was
    grown from, whose result is no longer this task's but `result`. It can be returned only where there is nothing
    left to be done with the value: the result of the task above is exactly this task's.

    Args:
        patch: the tasks to add; their ids start with that of the task above and a "/".
        result: what the task above then amounts to: data with `Ref` leaves.
        accept_errors: a task that fails leaves its failure in the result instead of failing the whole.
    """

    patch: Patch
    result: Any = None
    accept_errors: bool = False
