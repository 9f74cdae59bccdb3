"""Contracts: the five decisions that solve a request recursively, each replaceable by a function's name.

An atomizer says whether a part is done in one step, a planner splits it, an executor does it, an aggregator puts the
answers of its children together, and a verifier judges. Four of them are functions called inside a step of ours; the
executor is an ordinary operation that becomes a task of its own, since it is what takes time and has effects.

Source: the recursive solve loop of ROMA (Sentient AGI, "Recursive Open Meta-Agents"). Ours differs in that every
decision is a task of the graph, and in that a node sees summaries of what it rests on and nothing else.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from orrery.errors import PlannerReplyError
from orrery.tools import Tool, ToolContext, tools
from orrery.workflow import code

R = TypeVar("R")


class Finding(msgspec.Struct, frozen=True):
    """What came of a part, as others see it: what was asked, and the summary of the answer."""

    goal: str
    summary: str


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node's work.

    Args:
        goal: what it is to find out or do.
        request: the whole request, of which this is a part.
        given: what the parts that it depends on have found.
        round: counts the answers that were begun, from 1.
        critique: why the answer before this one was not accepted.
        most_parts: into how many parts it may be split.
        tokens: what this call may use; None sets no limit.
        model: the model to ask; None means the default one.
        tools: the tools that may be used; None allows every registered one.
    """

    goal: str
    request: str
    given: tuple[Finding, ...] = ()
    round: int = 1
    critique: str = ""
    most_parts: int = 6
    tokens: int | None = None
    model: str | None = None
    tools: tuple[str, ...] | None = None


class Atomicity(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a part is done in one step, and why. `tokens` is what it took to find out, here and below."""

    atomic: bool
    because: str = ""
    tokens: int = 0


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a plan; `after` has the positions, counted from 1, of earlier parts that it needs."""

    goal: str
    after: tuple[int, ...] = ()


class Split(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plan: the parts, in an order in which each comes after those that it needs."""

    parts: tuple[Step, ...]
    because: str = ""
    tokens: int = 0


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the children's findings amount to. `result` is the full answer where the summary is not all of it."""

    summary: str
    result: Any = None
    tokens: int = 0


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether an answer is good enough; else what is wrong with it, and what to do again."""

    ok: bool
    critique: str = ""
    again: Literal["answer", "plan"] = "answer"
    tokens: int = 0


class Atomizer(Protocol):
    """Says whether a part can be done in one step."""

    def __call__(self, *, part: Part) -> Atomicity | Awaitable[Atomicity]: ...


class Splitter(Protocol):
    """Splits a part into at most `part.most_parts` parts."""

    def __call__(self, *, part: Part) -> Split | Awaitable[Split]: ...


class Aggregator(Protocol):
    """Puts the findings of a part's children together."""

    def __call__(self, *, part: Part, findings: tuple[Finding, ...]) -> Answer | Awaitable[Answer]: ...


class Verifier(Protocol):
    """Judges the summary of an answer."""

    def __call__(self, *, part: Part, summary: str) -> Verdict | Awaitable[Verdict]: ...


async def call(op: str, kind: type[R], ctx: ToolContext, **args: Any) -> R:
    """What the function of that name answers, checked.

    Args:
        op: "py:module:function", or a registered tool. It may take `ctx`; a sync one runs in a thread.
        kind: what it must answer; a map with the same fields does too.

    Raises:
        OperationError, UnknownNameError: there is no such function.
        PlannerReplyError: it answered something else.
    """
    function = function_of(op)
    if "ctx" in inspect.signature(function).parameters:
        args["ctx"] = ctx
    if inspect.iscoroutinefunction(function):
        reply = await function(**args)
    else:
        reply = await asyncio.to_thread(function, **args)
    if isinstance(reply, kind):
        return reply
    try:
        return msgspec.convert(reply, kind)
    except msgspec.ValidationError as error:
        wanted = ", ".join(kind.__struct_fields__) if issubclass(kind, msgspec.Struct) else kind.__name__
        raise PlannerReplyError(f"{op} must answer with {kind.__name__} ({wanted}): {error}") from error


def function_of(op: str) -> Callable[..., Any]:
    """The function behind the name of an operation. Raises OperationError, UnknownNameError."""
    found = code.find(op) if op.startswith((code.PYTHON, code.LOCAL)) else tools.get(op)
    function: Callable[..., Any] = found.function if isinstance(found, Tool) else getattr(found, "function", found)
    return function


def fault_in(split: Split, part: Part) -> str:
    """What is wrong with a plan; empty if nothing is."""
    if len(split.parts) > part.most_parts:
        return f"it has {len(split.parts)} parts, and {part.most_parts} are allowed"
    for position, step in enumerate(split.parts, start=1):
        if not step.goal.strip():
            return f"part {position} has no goal"
        for need in step.after:
            if not 1 <= need < position:
                return f"part {position} needs part {need}, which does not come before it"
    return ""


def as_data(value: msgspec.Struct | Sequence[msgspec.Struct]) -> Any:
    """A struct, or several, as the plain data that a task's arguments are made of."""
    return msgspec.to_builtins(value)


__all__ = [
    "Aggregator",
    "Answer",
    "Atomicity",
    "Atomizer",
    "Finding",
    "Part",
    "Split",
    "Splitter",
    "Step",
    "Verdict",
    "Verifier",
    "as_data",
    "call",
    "fault_in",
    "function_of",
]
