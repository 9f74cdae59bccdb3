"""The calls to models in a consolidated graph, as the serving model takes them."""

from __future__ import annotations

from collections.abc import Container
from itertools import chain

from orrery.cost import catalogue
from orrery.cost.calls import ModelCall
from orrery.graph.graph import Graph
from orrery.graph.ref import PSEUDO_SOURCES, TaskId
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving import Call, Piece
from orrery.models.serving.beginnings import cut_where_they_part

_ANSWER, _RESULT = round(catalogue.ANSWER_TOKENS), round(catalogue.RESULT_BYTES / CHARS_PER_TOKEN)
"""How many tokens an answer is taken for that has no limit, and the result of a task that is no call."""


def model_calls(graph: Graph, only: Container[TaskId] | None = None) -> dict[TaskId, Call]:
    """The calls of a graph, as far as they are known before it runs, in a topological order.

    Of a prompt, what stands before its first reference is cut where prompts part; the rest is the call's own, as long
    as the answers that it refers to are expected to be: the longest allowed, which is what servers reserve too. A call
    waits for the calls that it rests on, through other tasks too.

    Args:
        only: the tasks whose calls are meant, others counting as any task; all unless given.

    Cost: linear in the graph and its prompts, with a logarithm for sorting them; tasks that ask no model and stand
    between calls cost as many steps as calls meet in them.
    """
    found: list[tuple[TaskId, ModelCall]] = []
    after: list[tuple[int, ...]] = []
    place: dict[TaskId, int] = {}
    rests_on: dict[TaskId, tuple[int, ...]] = {}
    for task in graph.in_order():
        sources = [rests_on[edge.source] for edge in graph.incoming(task.id)]
        before = sources[0] if len(sources) == 1 else tuple(dict.fromkeys(chain.from_iterable(sources)))
        call = ModelCall.of(task) if only is None or task.id in only else None
        if call is None:
            rests_on[task.id] = before
            continue
        place[task.id] = len(found)
        rests_on[task.id] = (len(found),)
        found.append((task.id, call))
        after.append(before)
    tokens = [_ANSWER if call.max_tokens is None else call.max_tokens for _, call in found]
    cut = cut_where_they_part([beginning(call) for _, call in found])
    calls: dict[TaskId, Call] = {}
    for number, (name, call) in enumerate(found):
        rest = 0
        for part in call.parts[_texts(call) :]:
            if isinstance(part, str):
                rest += len(part) // CHARS_PER_TOKEN
            elif part.task not in PSEUDO_SOURCES:
                rest += tokens[place[part.task]] if part.task in place else _RESULT
        prompt = (*cut[number], Piece(("rest", number), rest)) if rest else cut[number]
        calls[name] = Call(prompt, tokens[number], after=after[number], model=call.model or "")
    return calls


def beginning(call: ModelCall) -> str:
    """What a prompt begins with, up to its first reference: all that is known of it before the plan runs."""
    return "".join(map(str, call.parts[: _texts(call)]))


def _texts(call: ModelCall) -> int:
    """How many texts a prompt begins with."""
    for number, part in enumerate(call.parts):
        if not isinstance(part, str):
            return number
    return len(call.parts)
