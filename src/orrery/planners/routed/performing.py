"""Performing: the task that uses a tool, whatever its operation is: a registered tool, or a Python function."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.graph import Estimate, Task, TaskId
from orrery.routing.tool_graph.tools import Tool
from orrery.tools import Tool as Registered
from orrery.tools import tools
from orrery.workflow import code
from orrery.workflow.step import Step


def task_for(op: str, task: TaskId, args: Mapping[str, Any]) -> Task:
    """The task that performs an operation as that itself says: where, within which limits, with which effects.

    Raises UnknownNameError, MissingExtraError, OperationError.
    """
    if not op.startswith((code.PYTHON, code.LOCAL)):
        return tools.get(op).task(task, args)
    found = code.find(op)
    if isinstance(found, Registered):
        return msgspec.structs.replace(found.task(task, args), op=op)
    if isinstance(found, Step):
        own = found.own
        return Task(task, op, dict(args), executor=own.executor, effects=own.effects, limits=own.limits)
    executor = "inline" if inspect.iscoroutinefunction(found) else "thread"
    return Task(task, op, dict(args), executor=executor)


def use(tool: Tool, task: TaskId, args: Mapping[str, Any], *, label: str = "") -> Task:
    """The task that uses a tool of a graph. What the graph says of effects, time and money counts."""
    made = task_for(tool.op, task, {**tool.args, **args})
    limits = made.limits
    if tool.timeout_s is not None:
        limits = msgspec.structs.replace(limits, timeout_s=tool.timeout_s)
    return msgspec.structs.replace(
        made,
        effects=msgspec.structs.replace(made.effects, kind=tool.effects),
        limits=limits,
        estimate=Estimate(tool.seconds, tool.money),
        label=label or made.label,
    )


__all__ = ["task_for", "use"]
