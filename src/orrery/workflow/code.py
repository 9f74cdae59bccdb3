"""User code by name: from a function to the name that stands in a graph, and from the name to the function.

* "py:package.module:qualname": found in every process that can import the module;
* "py:/folder/script.py:qualname": of a script that is run directly. In its own process that is the running
  module; elsewhere the file is loaded once, under a private name, so `if __name__ == "__main__"` stays quiet;
* "local:name": a closure, a lambda, or a function typed in at a prompt or in a notebook. It exists in this
  process only, so a run that uses it cannot be resumed in another one.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from orrery.errors import OperationError, suggestion

PYTHON, LOCAL = "py:", "local:"
_FILES = (".yaml", ".yml", ".json", ".py")
_SCRIPT = "_orrery_script_"

_loading = threading.RLock()
_locals: dict[str, Callable[..., Any]] = {}
_stamps: dict[str, tuple[int, int]] = {}
"""Of the files of scripts when they were loaded: when they were changed last, in ns, and their bytes."""


def name_of(function: Callable[..., Any]) -> str:
    """The name under which a plain function can be found again, also where its module holds it decorated.

    A function that no other process could find is kept in this process's table.
    """
    module_name = getattr(function, "__module__", "") or ""
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    module = sys.modules.get(module_name)
    place = None if module is None else _place_of(module)
    if place is not None and "<" not in qualname and _reaches(module, qualname, function):
        return f"{PYTHON}{place}:{qualname}"
    return _keep_local(function, f"{module_name}.{qualname}" if module_name else qualname)


def _is_script(module: ModuleType) -> bool:
    return module.__name__ == "__main__" or module.__name__.startswith(_SCRIPT)


def _place_of(module: ModuleType) -> str | None:
    if not _is_script(module):
        return module.__name__
    spec = getattr(module, "__spec__", None)
    if module.__name__ == "__main__" and spec is not None:  # python -m package.module
        return str(spec.name)
    file = getattr(module, "__file__", None)
    return os.path.realpath(file) if file and os.path.isfile(file) else None


def _reaches(module: Any, qualname: str, function: Callable[..., Any]) -> bool:
    found = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return function in (found, getattr(found, "function", None), getattr(found, "__wrapped__", None))


def _keep_local(function: Callable[..., Any], wanted: str) -> str:
    with _loading:
        name, count = wanted, 1
        while _locals.get(name, function) is not function:
            count += 1
            name = f"{wanted}-{count}"
        _locals[name] = function
    return LOCAL + name


def find(op: str) -> Any:
    """What a name of this module's forms leads to: a function, or whatever decorates it.

    Raises:
        OperationError: the module, file or function is not there, cannot be loaded, or was in another process.
    """
    if op.startswith(LOCAL):
        found = _locals.get(op.removeprefix(LOCAL))
        if found is None:
            raise OperationError(
                f"{op!r} was defined inside a function, at a prompt or in a notebook of another process, and cannot "
                "be found in this one; move it to the top level of a module to make its runs resumable"
            )
        return found
    place, colon, qualname = op.removeprefix(PYTHON).rpartition(":")
    if not op.startswith(PYTHON) or not colon or not place or not qualname:
        raise OperationError(
            f"{op!r} names no function; write 'py:package.module:function' or 'py:/folder/script.py:function'"
        )
    return attribute(load(place), qualname, op)


def placed(op: str, folder: str | Path) -> str:
    """The name of a function in a script with the whole path of the script, found from a folder; others as they are."""
    place, _, qualname = op.removeprefix(PYTHON).rpartition(":")
    if not op.startswith(PYTHON) or not place.endswith(".py"):
        return op
    return f"{PYTHON}{(Path(folder) / place).resolve()}:{qualname}"


def load(place: str, folder: str | Path | None = None) -> ModuleType:
    """A module by its dotted name, or a script by its path.

    Args:
        place: "package.module", or a path that ends in ".py".
        folder: where the path starts, and where modules are looked for besides the usual places.

    Raises:
        OperationError: it is not there, or failed while it was loaded.
    """
    if place.endswith(".py") or os.path.isabs(place):
        return _script(os.path.realpath(os.path.join(folder or "", place)))
    if folder is not None:
        look_in(folder)
    running = sys.modules.get("__main__")
    spec = getattr(running, "__spec__", None)
    if running is not None and spec is not None and spec.name == place:  # python -m: do not load it twice
        return running
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{place}.".startswith(f"{error.name}."):
            raise OperationError(
                f"there is no module {error.name!r} on the import path; install it, or start from the folder "
                "in which it lies"
            ) from error
        raise OperationError(f"the module {place!r} cannot be imported: {error}") from error
    except Exception as error:
        raise OperationError(f"the module {place!r} failed while it was imported: {error!r}") from error


def look_in(folder: str | Path) -> None:
    """Look for modules in this folder from now on, and there first."""
    entry = os.path.realpath(folder)
    if entry not in sys.path:
        sys.path.insert(0, entry)
        importlib.invalidate_caches()


def look_beside(target: str, folder: str | Path) -> None:
    """Look for modules in `folder` and beside the file that `target` names, if it names one there."""
    look_in(folder)
    file = target if target.endswith(_FILES) else target.rpartition(":")[0]
    if file.endswith(_FILES):
        look_in((Path(folder) / file).parent)


def forget_if_changed(path: str | Path) -> None:
    """Let a script be loaded anew if its file has changed since: for who reads what it says, and runs nothing of it.

    What the script imports stays as it was loaded first.
    """
    real = os.path.realpath(path)
    name = _name_of(real)
    with _loading, suppress(OSError):  # whoever loads it next says that it is gone
        if name in sys.modules and _stamps.get(name) != _stamp(real):
            del sys.modules[name]


def _name_of(path: str) -> str:
    return _SCRIPT + hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _stamp(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size


def _script(path: str) -> ModuleType:
    running = sys.modules.get("__main__")
    if running is not None and os.path.realpath(getattr(running, "__file__", None) or "") == path:
        return running
    name = _name_of(path)
    with _loading:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not os.path.isfile(path):
            raise OperationError(f"there is no Python file {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it runs: dataclasses look their module up
        _stamps[name] = _stamp(path)
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]  # whoever loads it next is not given half of it
            if isinstance(error, Exception | SystemExit):  # a script that ends itself is none to be loaded
                raise OperationError(f"{path} failed while it was loaded: {error!r}") from error
            raise
        return module


def attribute(module: ModuleType, qualname: str, asked: str) -> Any:
    """What a module holds under a dotted name. Raises OperationError with the nearest names."""
    found: Any = module
    for part in qualname.split("."):
        if not hasattr(found, part):
            public = [name for name in vars(found) if not name.startswith("_")]
            whose = (
                module.__file__ if found is module and _is_script(module) else getattr(found, "__name__", repr(found))
            )
            raise OperationError(f"{asked!r}: {whose} has no {part!r}; {suggestion(part, public)}")
        found = getattr(found, part)
    return found
