"""Work is begun before it is sure to be wanted, where it may be, and where waiting is expected to cost more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import msgspec

from orrery.cost import CostModel, Spread
from orrery.cost.calls import ModelCall
from orrery.errors import Failure, PassedOnError
from orrery.graph.edge import Edge
from orrery.graph.graph import Graph
from orrery.graph.patch import Add, Edit, Link, Patch, Replace
from orrery.graph.query import earliest_ends
from orrery.graph.ref import PSEUDO_SOURCES, Ref, TaskId
from orrery.graph.task import Effects, Estimate, Limits, Task, asks_each_item, refs_in
from orrery.passes.effects import may_share
from orrery.passes.rewritten import Note, Rewritten

OUTCOME = "py:orrery.passes.speculate:outcome"
"""The operation of a task whose work was begun early: it has the result of that, or fails as that did."""

LEAST_ATTEMPTS = 20.0
"""Nobody knows a tail of one in ten from fewer."""
_Z90 = NormalDist().inv_cdf(0.9)
_BODY = tuple(NormalDist().inv_cdf((number + 0.5) / 10) for number in range(10))
_TAIL = tuple(NormalDist().inv_cdf(0.9 + 0.1 * (number + 0.5) / 10) for number in range(10))


def speculate(
    graph: Graph,
    costs: CostModel,
    *,
    chances: Mapping[TaskId, float] | None = None,
    waste_weight: float = 1.0,
    seconds_per_dollar: float = 600.0,
) -> Rewritten:
    """Hedge slow attempts, and begin likely branches early.

    *Hedge.* A pure task whose time is known with a long tail is given a second attempt once the first has run as long
    as nine in ten do. The gain is the mean of what the second saves in the slowest tenth, the waste what the slower of
    the two has worked by then; both over a distribution through the three percentiles, logarithmic normal on either
    side of the median. What was not learned from `LEAST_ATTEMPTS` is not hedged on.

    *Begin early.* A task with a condition that takes longer to be decided than its arguments take to be made: the work
    is put into a new task without the condition, and the task itself then only has its outcome. The results are the
    same, failures included, if nothing before it can be left out by a decision: should the early work fail and the
    task be skipped, it is skipped as cleanly as before. For other tasks it is left.

    Args:
        chances: how likely a task's condition holds, in [0, 1]; what is not named is not begun early.
        waste_weight: what a second of work for nothing counts against a second saved.
        seconds_per_dollar: how many seconds saved a dollar is worth.

    Source: the tail at scale (Dean and Barroso, 2013), for hedging after a high percentile.
    Cost: linear.
    """
    notes: list[Note] = []
    edits: list[Edit] = []
    hedges: dict[TaskId, Task] = {}
    for task in graph:
        hedged = _hedge(task, costs, waste_weight, notes)
        if hedged is not None:
            hedges[task.id] = hedged
    early = _early(graph, costs, chances or {}, (waste_weight, seconds_per_dollar), notes) if chances else {}
    for task_id, task in hedges.items():
        if task_id not in early:
            edits.append(Replace(task))
    for task_id in early:
        edits.extend(_begun_early(graph, hedges.get(task_id, graph[task_id])))
    return Rewritten(graph.apply(Patch(tuple(edits))) if edits else graph, tuple(notes))


def outcome(of: Any) -> Any:
    """What became of work that was begun early: its result. Raises its failure."""
    if isinstance(of, Failure):
        raise PassedOnError(of)
    return of


# -- hedging ----------------------------------------------------------------------------------------------


def _hedge(task: Task, costs: CostModel, waste_weight: float, notes: list[Note]) -> Task | None:
    limits = task.limits
    if task.effects.kind != "pure" or not may_share(task) or limits.hedge_after_s is not None:
        return None
    cost = costs.estimate(task)
    seconds = cost.seconds
    if cost.attempts < LEAST_ATTEMPTS or not 0 < seconds.mid < seconds.high or not math.isfinite(seconds.high):
        return None
    after = round(seconds.high, 3)
    if seconds.high < 2 * seconds.mid or after <= 0:
        return None  # nothing that a person would call a tail
    if limits.deadline_s is not None or (limits.timeout_s is not None and limits.timeout_s <= seconds.high):
        notes.append(Note("rejected", (task.id,), "its limits of time end it before a second attempt would help"))
        return None
    gain, waste = _second_attempt(seconds)
    if gain <= waste * waste_weight:
        why = f"a second attempt after {after:g} s would save {gain:.3g} s and waste {waste:.3g} s on average"
        notes.append(Note("rejected", (task.id,), why, saves_s=gain))
        return None
    slow = f"one in ten takes longer than {after:g} s, half take {seconds.mid:.3g} s"
    notes.append(Note("made", (task.id,), f"a second attempt starts then: {slow}", saves_s=gain))
    return msgspec.structs.replace(task, limits=msgspec.structs.replace(limits, hedge_after_s=after))


@lru_cache(maxsize=4096)
def _second_attempt(seconds: Spread) -> tuple[float, float]:
    """What a second attempt, started at the 90th percentile, saves and wastes on average, in seconds."""
    left = [max(0.0, _quantile(seconds, z) - seconds.high) for z in _TAIL]
    again = [_quantile(seconds, z) for z in _BODY]
    gain = waste = 0.0
    for one in left:
        for other in again:
            gain += max(0.0, one - other)
            waste += min(one, other)
    pairs = len(left) * len(again)
    return gain / pairs / 10, waste / pairs / 10


def _quantile(seconds: Spread, z: float) -> float:
    above = math.log(seconds.high / seconds.mid) / _Z90
    below = math.log(seconds.mid / seconds.low) / _Z90 if seconds.low > 0 else above
    return seconds.mid * math.exp(min(700.0, z * (above if z > 0 else below)))


# -- beginning early --------------------------------------------------------------------------------------


def _early(
    graph: Graph,
    costs: CostModel,
    chances: Mapping[TaskId, float],
    worth: tuple[float, float],
    notes: list[Note],
) -> list[TaskId]:
    """The tasks whose work is worth beginning before their condition is decided."""
    ends = earliest_ends(graph, lambda task: costs.estimate(task).seconds.mid)
    firm = _firm(graph)
    found: list[TaskId] = []
    for task in graph:
        chance = chances.get(task.id)
        if chance is None or task.when is None or not 0 <= chance <= 1:
            continue
        cost = costs.estimate(task)
        needed = {ref.task for ref in refs_in(task.args) if ref.task not in PSEUDO_SOURCES}
        begins = max((ends[edge.source] for edge in graph.incoming(task.id)), default=0.0)
        could = max((ends[source] for source in needed), default=0.0)
        gain = chance * min(cost.seconds.mid, max(0.0, begins - could))
        waste = (1 - chance) * (worth[0] * cost.seconds.mid + worth[1] * cost.money.mid)
        why = _must_wait(graph, task, firm)
        if not why and gain <= waste:
            why = f"it would save {gain:.3g} s and waste the worth of {waste:.3g} s on average"
        if why:
            notes.append(Note("rejected", (task.id,), f"it is not begun before its condition is decided: {why}"))
            continue
        said = (
            f"its condition holds in {chance:.0%} of the runs and is decided {begins - could:.3g} s after all it needs"
        )
        notes.append(Note("made", (task.id,), said, saves_s=gain, saves_money=(chance - 1) * cost.money.mid))
        found.append(task.id)
    return found


def _must_wait(graph: Graph, task: Task, firm: frozenset[TaskId]) -> str:
    """Why a task cannot be begun early with the same results; empty if it can."""
    if not may_share(task) or (task.effects.reads and ModelCall.of(task) is None):
        return "it touches something outside"
    if task.each is not None or asks_each_item(task) or task.join is not None or task.place is not None:
        return "its for-each, its place or its k of n belong to the task itself"
    if task.limits.deadline_s is not None:
        return "its deadline counts from when it is wanted"
    incoming = graph.incoming(task.id)
    if any(edge.hard and edge.on != "success" for edge in incoming) or any(
        edge.source not in firm for edge in incoming if edge.hard
    ):
        return "a decision before it may leave it out"
    if _id_of(task.id) in graph:
        return f"there is a task {_id_of(task.id)!r} already"
    return ""


def _firm(graph: Graph) -> frozenset[TaskId]:
    """The tasks that run unless something failed: no decision leaves them out."""
    firm: set[TaskId] = set()
    for task in graph.in_order():
        if task.when is None and task.join is None:
            hard = [edge for edge in graph.incoming(task.id) if edge.hard]
            if all(edge.on == "success" and edge.source in firm for edge in hard):
                firm.add(task.id)
    return frozenset(firm)


def _id_of(task: TaskId) -> TaskId:
    return f"{task}-early"


def _begun_early(graph: Graph, task: Task) -> list[Edit]:
    """The edits that put a task's work into one without its condition."""
    early = _id_of(task.id)
    kept = msgspec.structs.replace(
        task,
        op=OUTCOME,
        args={"of": Ref(early)},
        executor="inline",
        effects=Effects("pure"),
        limits=Limits(),
        estimate=Estimate(seconds=0.0),
        label=task.label or task.id,
    )
    edges = [Link(edge) for edge in graph.incoming(task.id) if edge.key not in graph.edges]
    return [
        Add(msgspec.structs.replace(task, id=early, when=None)),
        Replace(kept),
        *edges,
        Link(Edge(early, task.id, on="completion")),
    ]
