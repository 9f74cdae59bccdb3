"""Operation: the function behind a task's `op`, and how a task's arguments become its arguments.

A name is one of
  * "files.read": a registered tool;
  * "py:package.module:qualname": a function of an importable module;
  * "py:/folder/script.py:qualname": a function of a script that is run directly. In the script's own
    process that is the running module; anywhere else the file is loaded once, under a name of our own, so
    that its `if __name__ == "__main__"` stays quiet.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from orrery.errors import OperationError, suggestion
from orrery.runtime.signature import Signature

PYTHON = "py:"
CONTEXT = "ctx"
"""The parameter by which a function asks for its `Context`."""

_loading = threading.RLock()


class Operation:
    """What a task performs.

    Args:
        name: as it stands in the task's `op`.
        function: what is called; always with keyword arguments.
        bind: the keyword arguments for a task's arguments, converted by the function's hints; raises
            ArgumentError, naming the argument at fault.
        wants_context: whether the call adds `ctx`.
    """

    __slots__ = ("bind", "function", "is_async", "name", "wants_context")

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        bind: Callable[[Mapping[str, Any]], dict[str, Any]],
        *,
        wants_context: bool,
    ) -> None:
        self.name, self.function, self.bind, self.wants_context = name, function, bind, wants_context
        self.is_async = _is_async(function)

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"


@cache
def resolve(op: str) -> Operation:
    """The operation of that name; found once, then remembered.

    Raises:
        UnknownNameError: no tool is called so.
        OperationError: the module, file or function is not there, or cannot be loaded.
    """
    if not op.startswith(PYTHON):
        from orrery.tools.toolset import tools

        return _of(op, tools.get(op))
    place, colon, qualname = op.removeprefix(PYTHON).rpartition(":")
    if not colon or not place or not qualname:
        raise OperationError(
            f"{op!r} does not name a function; write 'py:package.module:function' or 'py:/folder/script.py:function'"
        )
    if "<locals>" in qualname or "<lambda>" in qualname:
        raise OperationError(
            f"{op!r} is defined inside another function, so another process could not find it; "
            "move it to the top level of its module"
        )
    is_file = os.path.isabs(place) or place.endswith(".py")
    return _of(op, _attribute(op, _script(op, place) if is_file else _module(op, place), qualname))


def _of(op: str, found: Any) -> Operation:
    """The operation that a function is, or a decorated one (`@task`, `@tool`), or a tool with its own `bind`."""
    function = getattr(found, "function", found)
    if not callable(function):
        raise OperationError(f"{op!r} is {type(found).__name__} {found!r:.60}, which cannot be called")
    bind = getattr(found, "bind", None)
    if callable(bind) and hasattr(found, "wants_context"):
        return Operation(op, function, bind, wants_context=bool(found.wants_context))
    signature = Signature(function, name=op, given=(CONTEXT,))
    return Operation(op, signature.by_keyword, signature.bind, wants_context=CONTEXT in signature.given)


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - the method itself is wanted


def _module(op: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name is not None
            and f"{name}.".startswith(f"{error.name}.")
        ):
            raise OperationError(
                f"{op!r}: there is no module {error.name!r} on the import path; "
                "install it, or start from the folder in which it lies"
            ) from error
        raise OperationError(f"{op!r}: the module {name!r} cannot be imported: {error}") from error
    except Exception as error:
        raise OperationError(f"{op!r}: the module {name!r} failed while it was imported: {error!r}") from error


def _script(op: str, path: str) -> ModuleType:
    """The module of a script file: the running one, or a copy loaded once under a private name."""
    path = os.path.realpath(path)
    running = sys.modules.get("__main__")
    if running is not None and os.path.realpath(getattr(running, "__file__", None) or "") == path:
        return running
    name = f"_orrery_script_{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
    with _loading:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise OperationError(f"{op!r}: {path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it runs: dataclasses look their module up
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            if isinstance(error, FileNotFoundError) and error.filename == path:
                raise OperationError(f"{op!r}: there is no file {path}") from error
            raise OperationError(f"{op!r}: {path} failed while it was loaded: {error!r}") from error
        return module


def _attribute(op: str, module: ModuleType, qualname: str) -> Any:
    found: Any = module
    for part in qualname.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            here = [name for name in dir(found) if not name.startswith("_")]
            whose = getattr(found, "__name__", repr(found))
            hint = suggestion(part, here)
            if whose == "__main__":
                hint += "; a function typed in at a prompt or in a notebook exists only there: put it into a module"
            raise OperationError(f"{op!r}: {whose} has no {part!r}; {hint}") from None
    return found
