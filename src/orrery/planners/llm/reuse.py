"""Reuse: a plan that went well as what the plan cache keeps, and back with the values of another request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from orrery.errors import ExpressionError
from orrery.graph import Expr, Ref
from orrery.graph.task import refs_in
from orrery.planners.cache import Kept, Shape, abstracted, filled, texts_in
from orrery.planners.llm.grammar import Argument, End, Step

_PROGRAM_TOOLS = ("shell.", "python.")
_PROGRAM_ARGUMENTS = frozenset({"code", "script", "sql", "expression", "query_text"})


class Reusable(NamedTuple):
    """A whole plan."""

    steps: Sequence[Step]
    end: End


def kept(plan: Reusable, shape: Shape) -> Kept | None:
    """What the cache keeps of a plan; None where it would only repeat what a model knew, or cannot be kept."""
    if plan.end.answers and not any(True for _ in refs_in(plan.end.answer)):
        return None
    # Bytes are what the cache leaves alone: nothing is put into the name of a tool or of an argument.
    data = {
        "steps": [
            {
                "number": str(step.number).encode(),
                "tool": step.tool.encode(),
                "args": [[str(argument.name).encode(), argument.value] for argument in step.args],
                "each": step.each,
                "after": [Ref(str(number)) for number in step.after],
                "when": None if step.when is None else [step.when.source.encode(), step.when.names],
                "on": step.on,
            }
            for step in plan.steps
        ],
        "end": [plan.end.answers, plan.end.answer],
    }
    found = abstracted(data, shape, fixed=list(_fixed(plan.steps)))
    return None if found is None else Kept(*found)


def recalled(found: Kept, shape: Shape) -> Reusable | None:
    """The plan with the values of another request of its shape; None if they cannot be put in."""
    try:
        data = filled(found.plan, shape)
        steps = [
            Step(
                int(step["number"]),
                step["tool"].decode(),
                tuple(Argument(name.decode(), value) for name, value in step["args"]),
                step["each"],
                tuple(int(ref.task) for ref in step["after"]),
                None if step["when"] is None else Expr(step["when"][0].decode(), step["when"][1]),
                step["on"],
            )
            for step in data["steps"]
        ]
        answers, answer = data["end"]
    except (ValueError, LookupError, TypeError, AttributeError, ExpressionError):  # another version's, or damaged
        return None
    return Reusable(steps, End(answers, answer))


def _fixed(steps: Sequence[Step]) -> Iterator[str]:
    """The texts of a plan that are read as something else than text: programs, conditions, keys."""
    for step in steps:
        if step.when is not None:
            yield step.when.source
        for name, value in step.args:
            if step.tool.startswith(_PROGRAM_TOOLS) or name in _PROGRAM_ARGUMENTS:
                yield from texts_in(value)
            yield from _keys(value)
        for ref in (*refs_in([argument.value for argument in step.args]), *refs_in([step.each, step.on])):
            yield from map(str, ref.path)


def _keys(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                yield str(key)
                yield from _keys(inner)
        case list() | tuple():
            for inner in value:
                yield from _keys(inner)
