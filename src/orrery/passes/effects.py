"""What may be done with a task's work, decided here and nowhere else among the passes."""

from __future__ import annotations

import msgspec

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


class Touch(msgspec.Struct, frozen=True):
    """What of the world a task reads and writes, as far as it is known.

    Args:
        unknown: it changes something, and does not say what.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    unknown: bool = False

    @classmethod
    def of(cls, task: Task) -> Touch | None:
        """What a task touches; None where it touches nothing."""
        effects = task.effects
        unknown = effects.kind != "pure" and not effects.writes and not (effects.kind == "idempotent" and effects.reads)
        if not (unknown or effects.reads or effects.writes):
            return None
        return cls(frozenset(effects.reads), frozenset(effects.writes), unknown)


def conflict(one: Task, other: Task) -> bool:
    """Whether the order of two tasks can be seen from outside: what one writes, the other reads or writes.

    Of a task that is not pure and names nothing that it touches, nobody knows; it conflicts with every other like it.
    """
    mine, theirs = Touch.of(one), Touch.of(other)
    if mine is None or theirs is None:
        return False
    if mine.unknown and theirs.unknown:
        return True
    return bool(mine.writes & theirs.writes or mine.writes & theirs.reads or theirs.writes & mine.reads)
