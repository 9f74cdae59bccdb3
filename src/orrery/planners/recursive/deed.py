"""Deed: the task by which an atomic part is done."""

from __future__ import annotations

import inspect
from typing import Any

from orrery.errors import LimitReachedError
from orrery.graph import Effects, Ref, Retry, Task
from orrery.graph.task import Limits
from orrery.planners.asking import left_to_write, model_named
from orrery.planners.recursive.asked import LEAST_REPLY, executor_prompt
from orrery.planners.recursive.contracts import as_data, function_of
from orrery.planners.recursive.node import Node
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
    function = function_of(op)
    args: dict[str, Any] = {"part": as_data(node.part(tokens=tokens))}
    if "results" in inspect.signature(function).parameters:
        args["results"] = {earlier: Ref(earlier, ("result",)) for earlier in node.after}
    found = code.find(op) if op.startswith((code.PYTHON, code.LOCAL)) else tools.get(op)
    if isinstance(found, Tool):
        limits = Limits(timeout_s=found.timeout_s)
        return Task(task, op, args, executor=found.executor, effects=found.effects, limits=limits, label=label)
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
    asked = tools.get("model.ask")
    limits = Limits(timeout_s=asked.timeout_s, retry=Retry(attempts=3))
    return Task(
        task, "model.ask", args, executor=asked.executor, effects=asked.effects_for(args), limits=limits, label=label
    )


def _too_few(node: Node, tokens: int) -> LimitReachedError:
    return LimitReachedError(
        f"{node.goal!r:.80} is left with {tokens} tokens, too few to do anything with; raise `tokens`, "
        "or lower `nodes`, which share them"
    )


__all__ = ["LEAST_TOKENS", "deed"]
