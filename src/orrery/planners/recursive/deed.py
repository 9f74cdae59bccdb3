"""Deed: the task by which an atomic part is done."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from orrery.errors import LimitReachedError
from orrery.graph import Effects, Ref, Retry, Task
from orrery.models.prompts import prompt
from orrery.planners.asking import left_to_write, model_named
from orrery.planners.recursive.asked import LEAST_REPLY, critique_of, executor_prompt
from orrery.planners.recursive.contracts import as_data, function_of
from orrery.planners.recursive.node import Node
from orrery.planners.toolbox import find_tools
from orrery.tools import Tool, tools
from orrery.workflow import code

LEAST_TOKENS = 64
"""Fewer tokens than this are not worth asking a model for."""


def deed(node: Node, task: str, *, tokens: int | None, label: str) -> Task:
    """The task that does a node's part by the method's executor.

    Args:
        task: its id.
        tokens: what it may use; None sets no limit.

    Raises:
        LimitReachedError: there are too few tokens left for it.
        OperationError, UnknownNameError: there is no such executor.
    """
    if tokens is not None and tokens < LEAST_TOKENS:
        raise _too_few(node, tokens)
    op = node.method.executor
    if op == "model.ask":
        return _asking(node, task, tokens=tokens, label=label)
    if op == "agent.run":
        return _acting(node, task, tokens=tokens, label=label)
    function = function_of(op)
    args: dict[str, Any] = {"part": as_data(node.part(tokens=tokens))}
    if "results" in inspect.signature(function).parameters:
        args["results"] = {earlier: Ref(earlier, ("result",)) for earlier in node.after}
    found = code.find(op) if op.startswith((code.PYTHON, code.LOCAL)) else tools.get(op)
    if isinstance(found, Tool):
        return msgspec.structs.replace(found.task(task, args, label=label), op=op)
    executor = "inline" if inspect.iscoroutinefunction(function) else "thread"
    return Task(task, op, args, executor=executor, effects=Effects("idempotent"), label=label)


def _asking(node: Node, task: str, *, tokens: int | None, label: str) -> Task:
    """A model that answers from what it is given."""
    text = executor_prompt(node.part(tokens=tokens))
    args: dict[str, Any] = {"prompt": text, "model": model_named(node.method.model)}
    if tokens is not None:
        most = left_to_write(text, tokens)
        if most < LEAST_REPLY:
            raise _too_few(node, tokens)
        args["max_tokens"] = most
    asking = tools.get("model.ask").task(task, args, label=label)
    return msgspec.structs.replace(asking, limits=msgspec.structs.replace(asking.limits, retry=Retry(attempts=3)))


def _acting(node: Node, task: str, *, tokens: int | None, label: str) -> Task:
    """A model with those tools that the part is about."""
    from orrery.agents.run import run

    method = node.method
    goal = node.goal if node.round == 1 else f"{node.goal}\n\n{critique_of(node.part())}"
    args: dict[str, Any] = {
        "goal": goal,
        "data": {"whole_request": node.request, "found_before": as_data(node.given)},
        "name": "part",
        "instructions": prompt("planners/recursive-agent"),
        "model": model_named(method.model),
        "tools": [tool.name for tool in find_tools(node.goal, method.tools, most=method.max_tools)],
        "approve": method.approve,
    }
    if tokens is not None:
        # An agent counts after each turn. So it stops at the half, and one turn reads and writes less than the other.
        args |= {"max_tokens": tokens // 2, "window_tokens": tokens // 4, "settings": {"max_tokens": tokens // 4}}
    return run.task(task, args, label=label)


def _too_few(node: Node, tokens: int) -> LimitReachedError:
    return LimitReachedError(
        f"{node.goal!r:.80} is left with {tokens} tokens, too few to do anything with; raise `max_tokens`, "
        "or lower `max_nodes`, which share them"
    )


__all__ = ["LEAST_TOKENS", "deed"]
