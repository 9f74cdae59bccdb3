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
from collections.abc import Iterator, Mapping
from functools import cache

from orrery.tools.made.specification import Specification

MODULES = frozenset({
    "base64", "bisect", "calendar", "collections", "collections.abc", "datetime", "decimal", "difflib", "enum",
    "fractions", "functools", "hashlib", "heapq", "html", "itertools", "json", "math", "operator", "re", "statistics",
    "string", "textwrap", "typing", "unicodedata", "urllib.parse",
})  # fmt: skip
"""What a made tool may import. Not dataclasses: it runs text that it makes of the names of a class's fields."""

_REACHING = {
    "enum": frozenset({"global_enum", "global_enum_repr", "global_flag_repr", "global_str"}),
    "functools": frozenset({"singledispatch", "singledispatchmethod", "update_wrapper", "wraps"}),
    "operator": frozenset({"attrgetter", "methodcaller"}),
    "string": frozenset({"Formatter"}),
    "typing": frozenset({"ForwardRef", "evaluate_forward_ref", "get_type_hints"}),
}
"""What gets at attributes by their name as text, runs text, or changes other modules: it would undo the screening."""
_UNDOING = frozenset().union(*_REACHING.values())

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
_FRAMES = frozenset({
    "ag_await", "ag_code", "ag_frame", "cell_contents", "cr_await", "cr_code", "cr_frame", "cr_origin", "f_back",
    "f_builtins", "f_code", "f_globals", "f_locals", "f_trace", "gi_code", "gi_frame", "gi_yieldfrom", "tb_frame",
    "tb_next",
})  # fmt: skip
"""Attributes that lead from a generator or an error to the program that calls it."""
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
    owners = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
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
            case ast.Name(id=name, ctx=ast.Load()) if name in modules and id(node) not in owners:
                yield node.lineno, f"it may not hand the module {name} on; use what it offers"
            case ast.Attribute(value=owner, attr=attr) if (module := _module(owner, modules)) is not None:
                if attr not in _public(module) or attr in _CLOCKS:
                    yield node.lineno, f"it may not use {module}.{attr}"
                elif _module(node, modules) is not None and id(node) not in owners:
                    yield node.lineno, f"it may not hand the module {module}.{attr} on; use what it offers"
            case ast.Attribute(attr=attr) if attr.startswith("_") or attr in _CLOCKS | _SHADY | _FRAMES | _UNDOING:
                yield node.lineno, f"it may not use the attribute {attr}"
            case ast.MatchClass(patterns=patterns, kwd_patterns=named) if patterns or named:
                yield node.lineno, "it may not take an object apart by a class pattern; ask for the type alone"
            case ast.comprehension(is_async=1):
                yield node.target.lineno, "it may not be asynchronous"
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
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                if f"{node.module}.{name.name}" in MODULES:
                    yield name.asname or name.name, f"{node.module}.{name.name}"


def _module(node: ast.expr, modules: Mapping[str, str]) -> str | None:
    """The module that an expression is, such as `urllib.parse`; None if it is none that is known."""
    match node:
        case ast.Name(id=name):
            return modules.get(name)
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in modules:
            return next((whole for whole in (f"{name}.{attr}", f"{modules[name]}.{attr}") if whole in MODULES), None)
    return None


@cache
def _public(module: str) -> frozenset[str]:
    """What a module offers that is no module itself; of a package on the way, the part that is allowed."""
    loaded = importlib.import_module(module)
    listed = getattr(loaded, "__all__", None) or [name for name in vars(loaded) if not name.startswith("_")]
    names = {name for name in listed if not isinstance(getattr(loaded, name, None), types.ModuleType)}
    names |= {
        allowed.rpartition(".")[2] for allowed in MODULES if allowed.rpartition(".")[0] == module.partition(".")[0]
    }
    return frozenset(names) - _REACHING.get(module, frozenset())


@cache
def _forbidden_builtins() -> frozenset[str]:
    return frozenset(dir(builtins)) - BUILTINS


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


__all__ = ["BUILTINS", "MODULES", "screen"]
