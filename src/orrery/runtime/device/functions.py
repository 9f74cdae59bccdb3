"""Functions that a pattern allows: those that are written in the file which it names, and nothing that lies behind it.

A name such as "py:my_jobs:os.system" begins like all of `my_jobs`, and so does what `my_jobs` imports; a path such as
"py:/srv/jobs/../../tmp/x.py:run" begins like what lies in /srv/jobs. None of that is what a star is meant for. So the
source is looked at, without importing it: this process holds the device's key, and runs nobody's code.
"""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NamedTuple

from orrery.workflow import code


def true_name(op: str) -> str:
    """The name of a function with the path of its script where that leads in the end; empty if nowhere."""
    place, _, qualname = op.removeprefix(code.PYTHON).rpartition(":")
    if not _is_path(place):
        return op
    try:
        return f"{code.PYTHON}{os.path.realpath(place)}:{qualname}"
    except (OSError, ValueError):  # no path at all
        return ""


def why_foreign(op: str) -> str:
    """Why a function is none that is written in the module or script of its name; empty if it is.

    Empty as well if there is no such file: whoever performs it says so in better words.
    """
    place, _, qualname = op.removeprefix(code.PYTHON).rpartition(":")
    if _is_path(place):
        file = place
    else:
        spec = _spec(place)
        if spec is None:
            return ""
        file = spec.origin or ""
    if not file.endswith(".py"):
        return f"{place!r} has no source that could be looked at"
    try:
        at = os.stat(file)
    except (OSError, ValueError):
        return ""
    source = _source(file, at.st_mtime_ns, at.st_size)
    if qualname in source.written:
        return ""
    if qualname.isidentifier() and not qualname.startswith("_") and not source.imported & {qualname, "*"}:
        return ""  # it is nowhere, and whoever performs it says so in better words
    return f"no function {qualname!r} is written in {place!r} itself; it may be imported there"


def _is_path(place: str) -> bool:
    return place.endswith(".py") or os.path.isabs(place)  # as `code.load` tells them apart


def _spec(module: str) -> ModuleSpec | None:
    """Where a module would come from, or would have a moment ago; nothing is imported, no package above it either.

    To search takes some hundred microseconds, as much as all the rest that a device does for a small task.
    """
    now = time.monotonic()
    until, spec = _found.get(module, (0.0, None))
    if now >= until:
        spec = _search(module)
        if spec is not None:  # what is not there may come
            if len(_found) >= _MOST_FOUND:
                _found.clear()
            _found[module] = now + _FOUND_S, spec
    return spec


_found: dict[str, tuple[float, ModuleSpec]] = {}
_FOUND_S, _MOST_FOUND = 1.0, 256


def _search(module: str) -> ModuleSpec | None:
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        found = (finder.find_spec(name, path) for finder in sys.meta_path)
        spec = next((one for one in found if one is not None), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and depth < len(parts):
            return None
    return spec


class _Source(NamedTuple):
    """What a file defines: functions, classes and variables, as `__qualname__` has them; and what it imports."""

    written: frozenset[str]
    imported: frozenset[str]


@lru_cache(maxsize=256)
def _source(file: str, _modified_ns: int, _size_bytes: int) -> _Source:
    try:
        tree = ast.parse(Path(file).read_bytes())
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names}
        return _Source(frozenset(_names(tree.body, "")), frozenset(names))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return _Source(frozenset(), frozenset("*"))


def _names(body: list[ast.stmt], inside: str) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield inside + name
            case ast.ClassDef(name=name):
                yield inside + name
                yield from _names(statement.body, f"{inside}{name}.")
            case ast.Assign(targets=targets):
                yield from (inside + target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield inside + name
            case ast.If() | ast.Try() | ast.With():
                for part in ("body", "orelse", "finalbody"):
                    yield from _names(getattr(statement, part, []), inside)
                for handler in getattr(statement, "handlers", []):
                    yield from _names(handler.body, inside)


__all__ = ["true_name", "why_foreign"]
