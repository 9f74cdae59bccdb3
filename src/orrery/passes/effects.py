"""What may be done with a task's work, decided here and nowhere else among the passes."""

from __future__ import annotations

from orrery.cost.calls import ModelCall
from orrery.graph.task import Task
from orrery.scheduler.asking import PERSON


def may_share(task: Task) -> bool:
    """Whether one execution may serve for two, run twice at once, or run before it is sure to be wanted.

    True of pure work, and of a call to a model that may be answered from the cache; of nothing else.
    """
    if task.executor == PERSON:
        return False
    if task.effects.kind == "pure":
        return not task.effects.writes
    call = ModelCall.of(task)
    return call is not None and call.may_share and task.effects.kind == "idempotent" and not task.effects.writes


def conflict(one: Task, other: Task) -> bool:
    """Whether the order of two tasks can be seen from outside: what one writes, the other reads or writes.

    Of a task that is not pure and names nothing that it touches, nobody knows; it conflicts with every other like it.
    """
    if _is_unknown(one) and _is_unknown(other):
        return True
    mine, theirs = set(one.effects.writes), set(other.effects.writes)
    return bool(mine & theirs or mine & set(other.effects.reads) or theirs & set(one.effects.reads))


def _is_unknown(task: Task) -> bool:
    effects = task.effects
    return effects.kind != "pure" and not effects.writes and not (effects.kind == "idempotent" and effects.reads)
