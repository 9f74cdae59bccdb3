"""Screening: which code of a made tool is not even tried. Read, never run.

A made tool is a pure function of plain data. So it may import what computes and nothing that reaches out, it names no
private attribute, and it neither asks the clock nor throws dice. What gets past this still runs in a subprocess under
limits, with an audit that refuses files, programs and the network: two fences, since neither is a wall.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import types
from collections.abc import Iterator
from functools import cache

from orrery.tools.made.specification import Specification

MODULES = frozenset({
    "base64", "bisect", "calendar", "collections", "collections.abc", "dataclasses", "datetime", "decimal", "difflib",
    "enum", "fractions", "functools", "hashlib", "heapq", "html", "itertools", "json", "math", "operator", "re",
    "statistics", "string", "textwrap", "typing", "unicodedata", "urllib.parse",
})  # fmt: skip
"""What a made tool may import."""

BUILTINS = frozenset({
    "ArithmeticError", "AssertionError", "AttributeError", "Exception", "False", "IndexError", "KeyError",
    "LookupError", "None", "NotImplementedError", "OverflowError", "RuntimeError", "StopIteration", "True",
    "TypeError", "UnicodeError", "ValueError", "ZeroDivisionError",
    "__build_class__", "abs", "all", "any", "ascii", "bin", "bool", "bytearray", "bytes", "callable", "chr",
    "classmethod", "complex", "dict", "divmod", "enumerate", "filter", "float", "format", "frozenset", "hasattr",
    "hex", "int", "isinstance", "issubclass", "iter", "len", "list", "map", "max", "min", "next", "object", "oct",
    "ord", "pow", "print", "property", "range", "repr", "reversed", "round", "set", "slice", "sorted",
    "staticmethod", "str", "sum", "super", "tuple", "type", "zip",
})  # fmt: skip
"""What a made tool may use without importing it."""

_CLOCKS = frozenset({"now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp", "timestamp"})
_MOST_CHARS = 20_000
_SHADY = frozenset({
    "builtins", "ctypes", "gc", "importlib", "inspect", "io", "multiprocessing", "os", "pathlib", "posix", "shutil",
    "signal", "socket", "subprocess", "sys", "tempfile", "threading", "tracemalloc", "weakref",
})  # fmt: skip


def screen(source: str, spec: Specification) -> list[str]:
    """Everything for which the code is refused, each with its line; empty if it may be tried."""
    if len(source) > _MOST_CHARS:
        return [f"it has {len(source)} characters; {_MOST_CHARS} is the most"]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"it is no Python: {error}"]
    return [
        *_signature_faults(tree, spec),
        *dict.fromkeys(f"line {line}: {message}" for line, message in _faults(tree)),
    ]


def _signature_faults(tree: ast.Module, spec: Specification) -> Iterator[str]:
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == spec.name]
    if len(found) != 1:
        yield f"it must define the function {spec.name} once, as `def {spec.signature}:`; it does so {len(found)} times"
        return
    (function,) = found
    taken = function.args
    names = [argument.arg for argument in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    if names != list(spec.arguments) or taken.vararg or taken.kwarg or taken.posonlyargs or function.decorator_list:
        yield f"line {function.lineno}: it must begin with `def {spec.signature}:`, without decorators"
    for node in tree.body:
        if not isinstance(
            node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
        ) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield f"line {node.lineno}: outside functions only imports, constants and definitions may stand"


def _faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    modules = dict(_imported(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    if name.name not in MODULES:
                        yield node.lineno, f"it may not import {name.name}"
            case ast.ImportFrom(module=module, names=names, level=level):
                if level or module not in MODULES:
                    yield node.lineno, f"it may not import from {module or 'its own package'}"
                else:
                    for name in names:
                        if name.name not in _public(module) or name.name in _CLOCKS:
                            yield node.lineno, f"it may not import {name.name} from {module}"
            case ast.Name(id=name, ctx=ast.Load()) if name in _forbidden_builtins() or name.startswith("__"):
                yield node.lineno, f"it may not use {name}"
            case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner in modules:
                if attr not in _public(modules[owner]) or attr in _CLOCKS:
                    yield node.lineno, f"it may not use {modules[owner]}.{attr}"
            case ast.Attribute(attr=attr) if attr.startswith("_") or attr in _CLOCKS or attr in _SHADY:
                yield node.lineno, f"it may not use the attribute {attr}"
            case ast.Global() | ast.Nonlocal():
                yield node.lineno, "it may not keep state between calls (global, nonlocal)"
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield node.lineno, "it may not be asynchronous"
            case ast.With():
                yield node.lineno, "it may not open anything (with)"
            case ast.ExceptHandler(type=kind) if kind is None or _name(kind) in ("BaseException", "Exception"):
                yield node.lineno, "it may not hide every error (except, except Exception); name the errors"
            case _:
                pass


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that stand for whole modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name in MODULES:
                    yield name.asname or name.name.partition(".")[0], name.name


@cache
def _public(module: str) -> frozenset[str]:
    """What a module offers that is no module itself; of a package on the way, the part that is allowed."""
    loaded = importlib.import_module(module)
    listed = getattr(loaded, "__all__", None) or [name for name in vars(loaded) if not name.startswith("_")]
    names = {name for name in listed if not isinstance(getattr(loaded, name, None), types.ModuleType)}
    names |= {
        allowed.rpartition(".")[2] for allowed in MODULES if allowed.rpartition(".")[0] == module.partition(".")[0]
    }
    return frozenset(names)


@cache
def _forbidden_builtins() -> frozenset[str]:
    return frozenset(dir(builtins)) - BUILTINS


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


__all__ = ["BUILTINS", "MODULES", "screen"]
