"""What a workload comes to on simulated servers: query by query, row by row, and as one consolidated plan."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from orrery.bench.optimiser.halo_workloads import Workload
from orrery.errors import InternalError
from orrery.graph import Graph, Ref, Task
from orrery.graph.ref import INPUTS
from orrery.graph.template import Template
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving import Call, Simulated, Timing, simulate
from orrery.models.serving.beginnings import cut_where_they_part
from orrery.passes.batch import Consolidated, consolidate
from orrery.routing.replicas import assign, model_calls

KINDS = ("bold", "calm", "dry ", "easy", "firm", "glad", "kind", "loud")
"""What a model says that may say a word or two only."""


class Asked(NamedTuple):
    """A call by what is asked: calls that are equal in it have equal answers."""

    model: str
    prompt: str
    max_tokens: int


@dataclass
class Model:
    """A model that answers equal calls alike, with 60 to 100 % of the tokens that it may."""

    answers: dict[Asked, str] = field(default_factory=dict)
    _known: dict[Asked, Asked] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> str:
        """The answer."""
        found = self.answers.get(asked)
        if found is None:
            digest = blake2b(msgspec.msgpack.encode(asked), digest_size=16)
            if asked.max_tokens <= 2:
                found = KINDS[digest.digest()[0] % len(KINDS)]
            else:
                length = CHARS_PER_TOKEN * (asked.max_tokens * (60 + digest.digest()[1] % 41) // 100)
                found = (digest.hexdigest() + " ") * (length // 33 + 1)
                found = found[:length]
            self.answers[asked] = found
        return found

    def known(self, asked: Asked) -> Asked:
        """The same, as one object for all that are equal: prompts are long."""
        return self._known.setdefault(asked, asked)


class Resolved(NamedTuple):
    """The calls of a way to do the work, with what is asked in each, and what came out.

    Args:
        asked: what each call asks; `after` the places of those it waits for.
        last: for each query the places of the calls that nothing of it waits for.
        outputs: for each query what it returns.
    """

    asked: list[Asked]
    after: list[tuple[int, ...]]
    last: list[list[int]]
    outputs: list[dict[str, Any]]


def row_by_row(workload: Workload, model: Model) -> Resolved:
    """Every query by itself: what each of its tasks asks."""
    graph, order = workload.graph, [task.id for task in workload.graph.in_order()]
    ends = [task for task in order if not graph.outgoing(task)]
    found = Resolved([], [], [], [])
    for row in workload.rows:
        place: dict[str, int] = {}
        values: dict[str, Any] = {}
        for task in order:
            asked = model.known(
                _asked(graph[task], lambda ref: row[str(ref.path[0])] if ref.task == INPUTS else values[ref.task])  # noqa: B023
            )
            place[task] = len(found.asked)
            found.asked.append(asked)
            found.after.append(tuple(place[edge.source] for edge in graph.incoming(task)))
            values[task] = model(asked)
        found.last.append([place[task] for task in ends])
        found.outputs.append({name: values[ref.task] for name, ref in graph.outputs.items()})
    return found


def as_one(workload: Workload, plan: Consolidated, order: Sequence[str], model: Model) -> Resolved:
    """The consolidated graph: what each of its tasks asks, and what each query gets of it."""
    graph: Graph = plan.graph
    place = {task: number for number, task in enumerate(order)}
    values: dict[str, Any] = {}
    found = Resolved([], [], [], [])
    for task in order:
        asked = model.known(_asked(graph[task], lambda ref: values[ref.task]))
        found.asked.append(asked)
        found.after.append(tuple(place[edge.source] for edge in graph.incoming(task)))
        values[task] = model(asked)
    for row in range(len(workload.rows)):
        names = plan.outputs[row]
        found.outputs.append({name: values[graph.outputs[whole].task] for name, whole in names.items()})
    return found


def _asked(task: Task, value: Callable[[Ref], Any]) -> Asked:
    prompt = task.args["prompt"]
    if isinstance(prompt, Template):
        prompt = "".join([part if isinstance(part, str) else value(part) for part in prompt.parts])
    return Asked(task.args["model"], prompt, task.args["max_tokens"])


def calls_of(found: Resolved, model: Model, *, shared: bool = False) -> list[Call]:
    """The calls as the serving model takes them, prompts cut where they part.

    Args:
        shared: equal calls are made once.
    """
    cut = cut_where_they_part([asked.prompt for asked in found.asked])
    keys: Sequence[Hashable] = found.asked if shared else [None] * len(found.asked)
    return [
        Call(prompt, len(model(asked)) // CHARS_PER_TOKEN, after=after, model=asked.model, key=key)
        for asked, prompt, after, key in zip(found.asked, cut, found.after, keys, strict=True)
    ]


def in_lanes(calls: Sequence[Call], found: Resolved, lanes: int) -> list[Call]:
    """The same calls, of so many queries at a time: a query begins when the one before it in its lane has ended."""
    made: list[Call] = []
    starts = 0
    size = len(calls) // len(found.last)
    for query in range(len(found.last)):
        before = tuple(found.last[query - lanes]) if query >= lanes else ()
        made.extend(
            call if call.after or not before else msgspec.structs.replace(call, after=before)
            for call in calls[starts : starts + size]
        )
        starts += size
    return made


class Halo(NamedTuple):
    """A workload as one consolidated plan.

    Args:
        ran: what came of it on the simulated servers.
        outputs: of each query.
        consolidate_s: processor seconds to make the graph; `optimise_s`: to place and order its calls.
        because: how they were placed.
        in_plan: calls in the graph; those that are equal only at run time are still apart.
    """

    ran: Simulated
    outputs: list[dict[str, Any]]
    consolidate_s: float
    optimise_s: float
    because: str
    in_plan: int


def halo(workload: Workload, model: Model, timing: Timing, replicas: int) -> Halo:
    """Consolidate, place and order by what is known before it runs, and then run it with what is answered."""
    start = time.process_time()
    plan = consolidate(workload.graph, workload.rows)
    if plan.refused:
        raise InternalError(f"rows of {workload.name} were refused: {plan.refused}")
    made = time.process_time()
    expected: Mapping[str, Call] = model_calls(plan.graph)
    placed = assign(list(expected.values()), timing, replicas=replicas)
    done = time.process_time()
    found = as_one(workload, plan, list(expected), model)
    calls = [
        msgspec.structs.replace(call, replica=replica, rank=rank)
        for call, replica, rank in zip(calls_of(found, model, shared=True), placed.replica, placed.rank, strict=True)
    ]
    ran = simulate(calls, timing, replicas=replicas)
    return Halo(ran, found.outputs, made - start, done - made, placed.because, len(calls))
