"""Operation: the function behind a task's `op`, and how a task's arguments become its arguments.

A name is a registered tool ("files.read"), or user code in one of the forms of `workflow.code`
("py:package.module:function", "py:/folder/script.py:function", "local:name").
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from orrery.errors import OperationError
from orrery.runtime.signature import ReadBlob, Signature
from orrery.tools.tool import Tool
from orrery.workflow import code


class Bind(Protocol):
    """From a task's arguments to the function's."""

    def __call__(self, args: Mapping[str, Any], *, read_blob: ReadBlob | None = None) -> dict[str, Any]:
        """The keyword arguments, converted by the function's hints.

        Args:
            read_blob: fetches a large value where the function wants its text or bytes.

        Raises:
            ArgumentError: naming every argument at fault.
        """


class Operation:
    """What a task performs.

    Args:
        name: as it stands in the task's `op`.
        function: what is called; always with keyword arguments.
        bind: makes them from the task's arguments.
        context_parameter: the parameter that takes the attempt's `Context`; None if there is none.
    """

    __slots__ = ("bind", "context_parameter", "function", "is_async", "name")

    def __init__(
        self, name: str, function: Callable[..., Any], bind: Bind, *, context_parameter: str | None = None
    ) -> None:
        self.name, self.function, self.bind, self.context_parameter = name, function, bind, context_parameter
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"


@cache
def resolve(op: str) -> Operation:
    """The operation of that name; found once, then remembered.

    Raises:
        UnknownNameError: no tool is called so.
        MissingExtraError: the tool needs an optional part that is not installed.
        OperationError: the module, file or function is not there, or cannot be loaded.
    """
    if not op.startswith((code.PYTHON, code.LOCAL)):
        from orrery.tools.toolset import tools

        return _of_tool(op, tools.get(op))
    found = _find(op)
    return _of_tool(op, found) if isinstance(found, Tool) else _of_function(op, found)


_being_loaded: list[str] = []


def being_loaded() -> str | None:
    """The user code that this process is loading at this moment, by the name in its task; None: none."""
    return _being_loaded[-1] if _being_loaded else None


def _find(op: str) -> Any:
    _being_loaded.append(op)
    try:
        return code.find(op)
    finally:
        _being_loaded.remove(op)


def _of_tool(op: str, tool: Tool[..., Any]) -> Operation:
    return Operation(op, tool.function, tool.bind, context_parameter=tool.context_parameter)


def _of_function(op: str, found: Any) -> Operation:
    function = getattr(found, "function", found)  # under `@task`
    if not callable(function):
        raise OperationError(f"{op!r} is a {type(found).__name__}, which cannot be called")
    signature = Signature(function, name=op)
    return Operation(op, signature.by_keyword, signature.bind, context_parameter=signature.context_parameter)
