"""Handles: results that do not exist yet, inside a flow that is being traced.

A handle can be passed on, indexed and compared; everything that would need the value itself is an error that
says what to do instead, because the flow's body runs once, before any task has.
"""

from __future__ import annotations

import math
import string
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from orrery.errors import FlowError
from orrery.graph import INPUTS, Expr, Ref, Template

if TYPE_CHECKING:
    from orrery.workflow.trace import Trace


class Pending:
    """Something that will be known when the run gets there. Whatever would need it now raises FlowError."""

    __slots__ = ()

    def _what(self) -> str:
        return "a text of results"

    def _not(self, use: str, instead: str = "do it in a task") -> FlowError:
        return FlowError(
            f"{self._what()} does not exist yet while the flow is traced, so it cannot be {use}: {instead}"
        )

    def __await__(self) -> Generator[None, None, Any]:
        return self
        yield  # makes this a generator: awaiting a result in an async flow gives the handle back at once

    def __bool__(self) -> bool:
        raise self._not(
            "asked for its truth",
            "put what depends on it under `with when(...)`, or in a task; combine conditions with &, | and ~",
        )

    def __iter__(self) -> Iterator[Any]:
        raise self._not("iterated", "use `task.map(it)` to run a task for every item")

    def __len__(self) -> int:
        raise self._not("counted")

    def __contains__(self, item: object) -> bool:
        raise self._not("searched")

    def __str__(self) -> str:
        raise self._not("turned into text", "hand it to a task, or use `text('... {}', it)`")

    def __format__(self, spec: str) -> str:
        raise self._not("put into a text", "use `text('... {}', it)` instead of an f-string, or do it in a task")

    def __hash__(self) -> int:
        raise self._not("a key or a member of a set", "use the name of the task, or a list")

    def __int__(self) -> int:
        raise self._not("turned into a number")

    __index__ = __int__

    def __float__(self) -> float:
        raise self._not("turned into a number")

    def __fspath__(self) -> str:
        raise self._not("used as a path")

    def __call__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise self._not("called, nor its methods")

    def _compute(self, _other: object = None) -> NoReturn:
        raise self._not("computed with")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _compute
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _compute
    __neg__ = __pos__ = __abs__ = _compute


class Text(Pending):
    """A text with results in it; made by `text`, and good only as an argument or an output."""

    __slots__ = ("template",)

    def __init__(self, template: Template) -> None:
        self.template = template

    def __repr__(self) -> str:
        return f"<text of {sum(1 for _ in self.template.refs())} results>"


class Handle(Pending):
    """The result of a task, or an input of the flow: a reference in the guise of a value.

    `handle["key"]`, `handle[0]` and `handle.field` stand for a part of it; comparisons make conditions for
    `when`. Awaiting it gives the handle itself.
    """

    __slots__ = ("_ref", "_trace")
    _ref: Ref
    _trace: Trace

    def __init__(self, trace: Trace, ref: Ref) -> None:
        object.__setattr__(self, "_trace", trace)
        object.__setattr__(self, "_ref", ref)

    def _what(self) -> str:
        if self._ref.task == INPUTS:
            return f"the input {self._ref.path[0]!r}"
        return f"the result of {self._ref.task!r}"

    def _not(self, use: str, instead: str = "do it in a task") -> FlowError:
        if self._ref.task == INPUTS:
            instead += (
                f"; or, if the graph itself depends on it, mark it as static: @flow(static=({self._ref.path[0]!r},))"
            )
        return super()._not(use, instead)

    def __getitem__(self, key: str | int) -> Handle:
        if isinstance(key, Pending):
            raise self._not("indexed with another result")
        if not isinstance(key, str | int):
            raise self._not(f"indexed with a {type(key).__name__}")
        return Handle(self._trace, self._ref[key])

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("_"):  # protocols are asked for by such names; a handle has none but its own
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise self._not("changed", "make a new value in a task")

    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise self._not("changed", "make a new value in a task")

    def __repr__(self) -> str:
        part = "".join(f"[{step!r}]" for step in self._ref.path[self._ref.task == INPUTS :])
        return f"<{self._what()}{part}>"

    def _compare(self, operator: str, other: object) -> Condition:
        return Condition(f"{operand(self)} {operator} {operand(other)}", self._trace)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: object) -> Condition:
        return self._compare("<", other)

    def __le__(self, other: object) -> Condition:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Condition:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Condition:
        return self._compare(">=", other)

    def __and__(self, other: object) -> Condition:
        return Condition(operand(self), self._trace) & other

    def __or__(self, other: object) -> Condition:
        return Condition(operand(self), self._trace) | other

    def __invert__(self) -> Condition:
        return ~Condition(operand(self), self._trace)

    __hash__ = Pending.__hash__


class Condition(Pending):
    """A comparison of results, for `when`. Combine conditions with `&`, `|` and `~`."""

    __slots__ = ("_source", "_trace")

    def __init__(self, source: str, trace: Trace) -> None:
        self._source, self._trace = source, trace

    def _what(self) -> str:
        return f"the condition {self._source!r}"

    def __and__(self, other: object) -> Condition:
        return Condition(f"({self._source}) and {operand(other)}", self._trace)

    def __or__(self, other: object) -> Condition:
        return Condition(f"({self._source}) or {operand(other)}", self._trace)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Condition:
        return Condition(f"not ({self._source})", self._trace)

    def __repr__(self) -> str:
        return f"<condition {self._source}>"


def operand(value: object) -> str:
    """A result, a condition or a constant in the words of the condition language. Raises FlowError."""
    match value:
        case Handle():
            return value._trace.variable(value._ref)
        case Condition():
            return f"({value._source})"
        case list() | tuple():
            return f"[{', '.join(map(operand, value))}]"
        case None | bool() | int() | str():
            return repr(value)
        case float() if math.isfinite(value):
            return repr(value)
    raise FlowError(
        f"a result can be compared with text, numbers, true, false, none and lists of them, not {value!r:.60}"
    )


def condition_over(value: object, trace: Trace) -> Expr:
    """The expression of a condition, or of the truth of a result. Raises FlowError."""
    if isinstance(value, bool):
        raise FlowError(
            f"the condition is already {value}: it was computed without any result; use `if` for what is known "
            "while the flow is traced"
        )
    if not isinstance(value, Handle | Condition):
        raise FlowError(f"a condition is a comparison of results, such as `count > 3`, not {value!r:.60}")
    if value._trace is not trace:
        raise FlowError(f"{value!r} belongs to another flow")
    source = value._source if isinstance(value, Condition) else operand(value)
    return Expr(source).with_names(trace.variables_in(source))


def filled(pattern: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> str | Text:
    """The pattern, as of `str.format`, with values in it; a `Text` where any of them is a result."""
    if not any(isinstance(value, Pending) for value in (*values, *named.values())):
        return pattern.format(*values, **named)
    parts: list[str | Ref] = []
    formatter = string.Formatter()
    position = 0
    for literal, field, spec, conversion in formatter.parse(pattern):
        parts.append(literal)
        if field is None:
            continue
        value, _key = formatter.get_field(field or str(position), values, named)
        position += not field
        if isinstance(value, Text):
            parts += value.template.parts
        elif not isinstance(value, Handle):
            parts.append(formatter.format_field(formatter.convert_field(value, conversion), spec or ""))
        elif spec or conversion:
            raise FlowError(f"{value!r} cannot be formatted with {spec or conversion!r} yet; do it in a task")
        else:
            parts.append(value._ref)
    return Text(Template(part for part in parts if part != ""))
