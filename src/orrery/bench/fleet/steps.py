"""Steps: tasks of gold graphs, written in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orrery.graph import Effects, Estimate, Limits, Place, Ref, Retry, Task
from orrery.graph.expr import Expr
from orrery.graph.task import Each, EffectKind
from orrery.workflow.code import name_of

TURN = "turn"
"""The resource of which every step holds one: a run that has a single one does one step after the other."""
ANYWHERE = Place()
"""On whichever device suits best."""


def step(
    name: str,
    op: str | Callable[..., Any],
    where: str | Place | Ref | None,
    /,
    *,
    effects: EffectKind = "idempotent",
    seconds: float = 0.25,
    when: Expr | None = None,
    each: Each | None = None,
    join: int | None = None,
    retry: Retry | None = None,
    **args: Any,
) -> Task:
    """A task on a device, or with None on the desk.

    Args:
        op: a tool's name, or a function of `deeds`.
        where: a device's name, a place, a reference to a device's name, or None.
        seconds: what it is expected to take.
        args: of the operation.
    """
    place = Place(on=(where,)) if isinstance(where, str | Ref) else where
    return Task(
        name,
        op if isinstance(op, str) else name_of(op),
        args,
        executor="thread" if place is None else "fleet",
        effects=Effects(effects),
        limits=Limits(retry=retry, resources={TURN: 1}),
        estimate=Estimate(seconds),
        join=join,
        when=when,
        each=each,
        place=place,
    )


__all__ = ["ANYWHERE", "TURN", "step"]
