"""Deed: the task by which an atomic part is done."""

from __future__ import annotations

import inspect
from typing import Any

from orrery.errors import LimitReachedError
from orrery.graph import Effects, Ref, Task
from orrery.graph.task import Limits
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
        raise LimitReachedError(
            f"{node.goal!r:.80} is left with {tokens} tokens, too few to do anything with; raise `tokens`, "
            "or lower `nodes`, which share them"
        )
    op = node.method.executor
    args: dict[str, Any] = {"part": as_data(node.part(tokens=tokens))}
    function = function_of(op)
    if "results" in inspect.signature(function).parameters:
        args["results"] = {earlier: Ref(earlier, ("result",)) for earlier in node.after}
    found = code.find(op) if op.startswith((code.PYTHON, code.LOCAL)) else tools.get(op)
    if isinstance(found, Tool):
        limits = Limits(timeout_s=found.timeout_s)
        return Task(task, op, args, executor=found.executor, effects=found.effects, limits=limits, label=label)
    executor = "inline" if inspect.iscoroutinefunction(function) else "thread"
    return Task(task, op, args, executor=executor, effects=Effects("idempotent"), label=label)


__all__ = ["LEAST_TOKENS", "deed"]
