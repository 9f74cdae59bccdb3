"""The calls to models in a consolidated graph, as the serving model takes them."""

from __future__ import annotations

from collections.abc import Callable

from orrery.cost.calls import ModelCall
from orrery.graph.graph import Graph
from orrery.graph.ref import PSEUDO_SOURCES, TaskId
from orrery.graph.task import Task
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving import Call, Piece
from orrery.models.serving.beginnings import cut_where_they_part

ANSWER_TOKENS = 256
"""How long an answer is thought to be of which nothing is known."""


def expected_tokens(_task: Task, call: ModelCall) -> int:
    """An answer's length: the longest allowed, which is what servers reserve too."""
    return call.max_tokens if call.max_tokens is not None else ANSWER_TOKENS


def model_calls(
    graph: Graph, *, answer_tokens: Callable[[Task, ModelCall], int] = expected_tokens
) -> dict[TaskId, Call]:
    """The calls of a graph, as far as they are known before it runs, in a topological order.

    Of a prompt, what stands before its first reference is cut where prompts part; the rest is the call's own, as long
    as the answers that it refers to are expected to be. A call waits for the calls that it rests on, through other
    tasks too.

    Cost: linear in the graph and its prompts, with a logarithm for sorting them; tasks that ask no model and stand
    between calls cost as many steps as calls meet in them.
    """
    found: list[tuple[Task, ModelCall]] = []
    after: list[tuple[int, ...]] = []
    place: dict[TaskId, int] = {}
    rests_on: dict[TaskId, tuple[int, ...]] = {}
    for task in graph.in_order():
        before: dict[int, None] = {}
        for edge in graph.incoming(task.id):
            before.update(dict.fromkeys(rests_on[edge.source]))
        call = ModelCall.of(task)
        if call is None:
            rests_on[task.id] = tuple(before)
            continue
        place[task.id] = len(found)
        rests_on[task.id] = (len(found),)
        found.append((task, call))
        after.append(tuple(before))
    tokens = [answer_tokens(task, call) for task, call in found]
    heads = cut_where_they_part([_head(call) for _, call in found])
    calls: dict[TaskId, Call] = {}
    for number, (task, call) in enumerate(found):
        rest = 0
        for part in call.parts[_texts(call) :]:
            if isinstance(part, str):
                rest += len(part) // CHARS_PER_TOKEN
            elif part.task not in PSEUDO_SOURCES:
                rest += tokens[place[part.task]] if part.task in place else ANSWER_TOKENS
        prompt = (*heads[number], Piece(("rest", number), rest)) if rest else heads[number]
        calls[task.id] = Call(prompt, tokens[number], after=after[number], model=call.model or "")
    return calls


def _texts(call: ModelCall) -> int:
    """How many texts a prompt begins with."""
    return next((number for number, part in enumerate(call.parts) if not isinstance(part, str)), len(call.parts))


def _head(call: ModelCall) -> str:
    return "".join(str(part) for part in call.parts[: _texts(call)])
