"""A workflow inside a workflow: a task that returns the other one's graph, which then grows below it.

That is the way of all growth, so `if`, `for-each`, `needs` and `retry` mean for such a task what they mean
for any other. The graph travels in the task's arguments: what a run does was settled when it started, whatever
happens to the file afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from orrery.errors import GraphError, InputError, Problem, suggestion
from orrery.graph import INPUTS, Graph, Patch, Ref
from orrery.graph.nest import with_refs, with_refs_in_task
from orrery.graph.values import from_ext, to_ext

GROW: Final = "py:orrery.workflow.nesting:grow"
"""The operation of a task that stands for a whole workflow."""

_decoder = msgspec.msgpack.Decoder(Patch, ext_hook=from_ext)


def packed(graph: Graph) -> bytes:
    """The graph as bytes, in which an outer graph cannot mistake the inner references for its own.

    Not as JSON text: text inside text inside text doubles its escapes at every level.
    """
    return msgspec.msgpack.encode(graph.as_patch(), enc_hook=to_ext)


def grow(graph: bytes, inputs: Mapping[str, Any]) -> Graph:
    """The graph with its inputs filled in.

    Args:
        graph: as `packed` wrote it.
        inputs: what they are, by name.

    Raises:
        InputError: one is missing or has no such part.
        GraphError: a condition cannot be computed from the inputs.
    """
    inner = Graph().apply(_decoder.decode(graph))
    problems: list[Problem] = []

    def filled(ref: Ref) -> Any:
        return ref if ref.task != INPUTS else _part(inputs, ref.path)

    tasks = [with_refs_in_task(task, filled, problems) for task in inner]
    if problems:
        raise GraphError(problems)
    return Graph(
        tasks,
        inner.edges.values(),
        {name: with_refs(value, filled) for name, value in inner.outputs.items()},
    )


def _part(value: Any, path: tuple[str | int, ...]) -> Any:
    for depth, step in enumerate(path):
        try:
            value = value[step]
        except (LookupError, TypeError) as error:
            known = map(str, value) if isinstance(value, Mapping) else ()
            whole = ".".join(map(str, path[:depth])) or "inputs"
            raise InputError(f"{whole!r} has no part {step!r}; {suggestion(str(step), known)}") from error
    return value
