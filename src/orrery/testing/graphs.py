"""Graphs by the dozen: Hypothesis strategies for small strange ones, a seeded generator for large plain ones.

`random_graph` needs nothing: one integer makes one graph. `graphs`, `patches` and `values` are for property
tests and need Hypothesis (the "testing" extra), which is imported when they are first asked for.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from orrery.graph import ITEM, Each, Edge, Effects, Estimate, Expr, Graph, Limits, Ref, Retry, Task, TaskId
from orrery.graph.edge import Condition
from orrery.graph.task import EffectKind

if TYPE_CHECKING:
    from orrery.testing.strategies import graphs, patches, values

__all__ = ["graphs", "patches", "random_graph", "values"]

EFFECT_KINDS: tuple[EffectKind, ...] = get_args(EffectKind)
TOTAL_CONDITIONS = (Expr("result != 0"), Expr("result == 0"), Expr("not result"), Expr("result == 'ok' or result == 1"))
"""Conditions that can be computed over any result."""


def __getattr__(name: str) -> Any:
    """The strategies, imported at the first use. Raises MissingExtraError without Hypothesis."""
    if name in ("graphs", "patches", "values"):
        from orrery.testing import strategies

        return getattr(strategies, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def random_graph(
    seed: int,
    *,
    tasks: int,
    dependencies: float = 2.0,
    soft: float = 0.1,
    conditions: float = 0.15,
    joins: float = 0.1,
    whens: float = 0.1,
    each: float = 0.05,
    limits: float = 0.2,
    ops: Sequence[str] = ("work",),
    resources: Sequence[str] = ("gpu", "net"),
) -> Graph:
    """A graph that is the same for the same arguments, everywhere.

    Dependencies prefer recent tasks, so the graph is deep as well as wide. All conditions can be computed
    over any result. Time is proportional to the number of edges.

    Args:
        tasks: how many.
        dependencies: how many edges a task has coming in, on average.
        soft: the share of edges that are soft.
        conditions: the share of the other edges that fire on a failure, a completion or a condition.
        joins: the share of tasks that need only k of their n hard edges.
        whens: the share of tasks with a condition over an earlier result.
        each: the share of tasks that run once for every item of a literal list.
        limits: the share of tasks with a timeout, retries, resources or a hedge.
        ops: the operations to choose from.
        resources: the resources that limited tasks hold.
    """
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    width = len(str(max(tasks - 1, 0)))
    ids = [f"t{number:0{width}}" for number in range(tasks)]
    made: list[Task] = []
    edges: list[Edge] = []
    read: dict[TaskId, None] = {}
    for number, task_id in enumerate(ids):
        args: dict[str, Any] = {}
        hard = 0
        for source in _sources(chance, ids, number, dependencies):
            roll = chance.random()
            if roll < soft:
                edges.append(Edge(source, task_id, hard=False, weight=round(chance.random(), 3)))
                continue
            hard += 1
            by_reference = chance.random() < 0.7
            if by_reference:
                args[f"x{len(args)}"] = Ref(source)
                read[source] = None
            if roll < soft + (1 - soft) * conditions:
                edges.append(Edge(source, task_id, on=_condition(chance)))
            elif not by_reference:
                edges.append(Edge(source, task_id))
        when = None
        if args and chance.random() < whens:  # over a source it has already, so that no edge is added
            when = Expr("x != 0", {"x": chance.choice(list(args.values()))})
        join = chance.randint(1, hard) if hard > 1 and chance.random() < joins else None
        over = Each(list(range(chance.randint(0, 4)))) if chance.random() < each else None
        if over is not None:
            args["item"] = Ref(ITEM)
        kind = chance.choice(EFFECT_KINDS)
        made.append(
            Task(
                task_id,
                chance.choice(ops),
                args,
                effects=Effects(kind),
                limits=_limits(chance, kind, resources) if chance.random() < limits else Limits(),
                estimate=Estimate(seconds=round(chance.lognormvariate(0, 1), 3)),
                join=join,
                when=when,
                each=over,
            )
        )
    unread = [task_id for task_id in ids if task_id not in read]
    return Graph(made, edges, {task_id: Ref(task_id) for task_id in unread[:20]})


def _sources(chance: random.Random, ids: Sequence[TaskId], number: int, mean: float) -> list[TaskId]:
    if number == 0:
        return []
    count = min(number, round(chance.triangular(0, 2 * mean, mean)))
    near = max(0, number - 32)
    chosen = {chance.randrange(near if chance.random() < 0.8 else 0, number): None for _ in range(count)}
    return [ids[position] for position in chosen]


def _condition(chance: random.Random) -> Condition:
    outcome = chance.choice(("failure", "completion", "expression"))
    return chance.choice(TOTAL_CONDITIONS) if outcome == "expression" else outcome  # type: ignore[return-value]


def _limits(chance: random.Random, kind: EffectKind, resources: Sequence[str]) -> Limits:
    return Limits(
        timeout_s=round(chance.uniform(0.5, 20), 3) if chance.random() < 0.4 else None,
        deadline_s=round(chance.uniform(5, 200), 3) if chance.random() < 0.2 else None,
        retry=Retry(chance.randint(1, 4), backoff_s=round(chance.uniform(0, 2), 3)) if chance.random() < 0.5 else None,
        resources={chance.choice(resources): chance.randint(1, 2)} if resources and chance.random() < 0.3 else {},
        hedge_after_s=round(chance.uniform(0.5, 5), 3) if kind == "pure" and chance.random() < 0.3 else None,
    )
