"""Lookalikes: small graphs with much equal work and every kind of trap, for passes and whoever else rewrites graphs."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from orrery.graph import INPUTS, ITEM, Each, Edge, Effects, Expr, Graph, Limits, Ref, Retry, Task, TaskId, Template
from orrery.graph.nest import with_refs_in_task
from orrery.graph.task import EffectKind
from orrery.testing.graphs import EFFECT_KINDS, TOTAL_CONDITIONS

RESOURCES = ("file:a", "file:b")
PREAMBLE = "You are careful and brief. Give sources, say what you do not know, and answer in one sentence only.\n\n" * 3
INPUT_VALUES = {"x": 1, "y": "two"}
"""The inputs that the graphs read."""
COPIES = 0.3
"""The share of tasks that are as an earlier one, though perhaps behind another copy."""


def lookalikes(seed: int, *, tasks: int = 12, impure: float = 0.4, traps: float = 1.0, asks: float = 0.3) -> Graph:
    """A graph of few operations over few values, the same for the same arguments everywhere.

    In it are tasks that compute the same and may or may not be one, conditions that never or always hold, edges on
    every outcome, some said twice, soft edges, k of n, for-each, model calls, questions to a person, tasks that nobody
    reads. What a task that needs k of n does depends on none of their results: which of these it would see is a matter
    of time, and so no property of the graph.

    Args:
        impure: the share of tasks with effects.
        asks: the share of tasks that ask a model.
        traps: 1 for all of them, 0 for hard edges on success and nothing strange.
    """
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    ids: list[TaskId] = []
    made: list[Task] = []
    edges: list[Edge] = []
    alike: dict[TaskId, list[TaskId]] = {}
    for number in range(tasks):
        task_id = f"t{number}"
        ids.append(task_id)
        if made and chance.random() < COPIES:
            _copy(chance, task_id, made, edges, alike)
            continue
        alike[task_id] = [task_id]
        near = ids[-7:-1]
        sources = chance.sample(near, min(len(near), chance.choice((0, 1, 1, 2, 3))))
        join = chance.randint(1, len(sources)) if sources and chance.random() < 0.12 * traps else None
        args: dict[str, Any] = {}
        hard = 0
        for source in sources:
            if chance.random() < 0.15 * traps:
                edges.append(Edge(source, task_id, hard=False, weight=round(chance.random(), 2)))
                continue
            hard += 1
            by_reference = join is None and chance.random() < 0.7
            if by_reference:
                args[f"a{len(args)}"] = _reading(chance, source)
            if not by_reference or chance.random() < 0.3:
                edges.append(Edge(source, task_id, on=_outcome(chance) if chance.random() < traps else "success"))
        args |= _literals(chance)
        made.append(
            _task(
                chance, task_id, args, min(join, hard) if join and hard else None, asks=asks, impure=impure, traps=traps
            )
        )
    outputs = {task_id: Ref(task_id) for task_id in ids if chance.random() < 0.35}
    if outputs and chance.random() < 0.2:
        outputs["said"] = Template(("", "so: ", Ref(ids[-1]))) if chance.random() < 0.7 else Template(("a", "b"))  # type: ignore[assignment]
    return Graph(made, edges, outputs if chance.random() < 0.9 else {})


def _task(
    chance: random.Random,
    task_id: TaskId,
    args: dict[str, Any],
    join: int | None,
    *,
    asks: float,
    impure: float,
    traps: float,
) -> Task:
    when = None
    read = [value for value in args.values() if isinstance(value, Ref) and not value.path and value.task != INPUTS]
    roll = chance.random() / traps if traps else 1.0
    if roll < 0.1:
        when = Expr(chance.choice(("true", "1 == 1", "1 > 2", "null", "1 / 0 > 1")))
    elif roll < 0.2 and read and join is None:
        when = Expr(chance.choice(("v != 0", "v == 0")), {"v": chance.choice(read)})
    each = None
    if chance.random() < 0.08 * traps:
        each = Each([chance.randrange(2) for _ in range(chance.randrange(3))], accept_errors=chance.random() < 0.3)
        args["item"] = Ref(ITEM)
    kind: EffectKind = chance.choice(EFFECT_KINDS) if chance.random() < impure else "pure"
    reads = tuple(one for one in RESOURCES if chance.random() < 0.15)
    writes = tuple(one for one in RESOURCES if kind != "pure" and chance.random() < 0.3)
    if chance.random() < asks:
        said = [value for value in args.values() if type(value) is Ref and value.task[0] != "@" and not value.path]
        words = ((PREAMBLE, "Say "), ("Say so.\n\n", PREAMBLE), ("Say ",))[chance.randrange(3)]
        asked = Template((*words, Ref(INPUTS, ("y",)), *(part for ref in said[:2] for part in ("\n\n", ref))))
        args = {"prompt": asked, **({"cache": False} if chance.random() < 0.3 * traps else {})}
        return Task(task_id, "model.ask", args, effects=Effects("idempotent", ("model:",)), join=join, when=when)
    limits = Limits(retry=Retry(chance.choice((1, 2)), backoff_s=0.5)) if chance.random() < 0.2 else Limits()
    executor = (
        "person" if chance.random() < 0.04 and each is None else chance.choice(("inline", "inline", "thread", "fleet"))
    )
    return Task(task_id, chance.choice(("f", "f", "g")), args, executor, Effects(kind, reads, writes), limits,
                join=join, when=when, each=each)  # fmt: skip


def _copy(
    chance: random.Random, task_id: TaskId, made: list[Task], edges: list[Edge], alike: dict[TaskId, list[TaskId]]
) -> None:
    """Another task as one of those there are; where that waits for a task that has copies, this may wait for one."""
    original = chance.choice(made)
    into = [edge for edge in edges if edge.target == original.id]
    sources = dict.fromkeys(
        [*(edge.source for edge in into), *(ref.task for ref in original.refs() if ref.task in alike)]
    )
    led = {source: chance.choice(alike[source]) for source in sources}
    if len(set(led.values())) < len(led):  # two of its sources would become one
        led = {source: source for source in sources}
    moved = with_refs_in_task(original, lambda ref: Ref(led.get(ref.task, ref.task), ref.path), [])
    made.append(msgspec.structs.replace(moved, id=task_id))
    edges.extend(msgspec.structs.replace(edge, source=led[edge.source], target=task_id) for edge in into)
    alike[original.id].append(task_id)
    alike[task_id] = alike[original.id]


def _reading(chance: random.Random, source: TaskId) -> Any:
    return chance.choice((Ref(source), Ref(source), Ref(source), Template(("x", "y", Ref(source))), Ref(source, (0,))))


def _literals(chance: random.Random) -> dict[str, Any]:
    given: tuple[Any, ...] = ({}, {"n": 1}, {"n": 1}, {"n": 2}, {"n": Ref(INPUTS, ("x",))}, {"t": Template(("p", "q"))})
    return dict(chance.choice(given))


def _outcome(chance: random.Random) -> Any:
    return chance.choice(("success", "success", "success", "failure", "completion", chance.choice(TOTAL_CONDITIONS)))
