"""Expressions over results: a small, total, side-effect-free language in Python's own syntax.

Comparisons, `and`/`or`/`not`, arithmetic on numbers, `in`, indexing, attribute-like access to map keys,
and the functions of `FUNCTIONS`. Nothing else parses, so nothing can be called, looped or imported.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from orrery.errors import ExpressionError, suggestion
from orrery.graph.ref import Ref

MAX_SOURCE_CHARS = 2_000

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "len": len,
    "min": min,
    "max": max,
    "sum": sum,
    "abs": abs,
    "any": any,
    "all": all,
    "round": round,
    "startswith": lambda text, start: str(text).startswith(str(start)),
    "endswith": lambda text, end: str(text).endswith(str(end)),
    "contains": lambda whole, part: part in whole,
    "lower": lambda text: str(text).lower(),
}

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class Expr(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A condition as data: its text, and what each free name in it refers to.

    `names` maps a free name to a Ref; an edge's condition has none and speaks of `result`.
    """

    source: str
    names: dict[str, Any] = {}

    def __post_init__(self) -> None:
        parse(self.source)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value under `values` (name → value). Raises ExpressionError, naming the part at fault."""
        try:
            return _value(parse(self.source), values)
        except ExpressionError:
            raise
        except Exception as error:
            raise ExpressionError(f"cannot compute {self.source!r}: {error}") from error

    def free_names(self) -> tuple[str, ...]:
        """The names that must be given a value, in reading order, each once."""
        tree = parse(self.source)
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        names = {
            node.id: None
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and id(node) not in called and node.id not in _CONSTANTS
        }
        return tuple(names)

    def constant(self) -> bool | None:
        """Whether it holds, whatever the results; None where it depends on one, or cannot be computed."""
        if self.names or self.free_names():  # a name that is not used is looked up nevertheless, and may not be there
            return None
        try:
            return bool(self.evaluate({}))
        except ExpressionError:
            return None

    def with_names(self, names: Mapping[str, Ref]) -> Expr:
        """The same text over other references."""
        return Expr(self.source, dict(names))


@lru_cache(maxsize=4096)
def parse(source: str) -> ast.expr:
    """The checked syntax tree of an expression. Raises ExpressionError with the column at fault."""
    if len(source) > MAX_SOURCE_CHARS:
        raise ExpressionError(f"the condition is {len(source)} characters long; at most {MAX_SOURCE_CHARS} are read")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        place = f" at column {error.offset}" if error.offset else ""
        raise ExpressionError(f"cannot read the condition {source!r}{place}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"cannot read the condition {source!r}: {error}") from error
    _check(tree, source)
    return tree


def _check(node: ast.expr, source: str) -> None:
    """Refuse every construct outside the language."""
    match node:
        case ast.Constant() | ast.Name():
            return
        case ast.Compare(left, ops, comparators) if all(type(op) in _COMPARE for op in ops):
            parts = [left, *comparators]
        case ast.BoolOp(_, values):
            parts = values
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            parts = [operand]
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            parts = [left, right]
        case ast.Attribute(value, attr) if not attr.startswith("_"):
            parts = [value]
        case ast.Subscript(value, index) if not isinstance(index, ast.Slice):
            parts = [value, index]
        case ast.List(elements) | ast.Tuple(elements):
            parts = elements
        case ast.Call(ast.Name(name), arguments, []):
            if name not in FUNCTIONS:
                raise ExpressionError(f"in {source!r}: there is no function {name!r}; {suggestion(name, FUNCTIONS)}")
            parts = arguments
        case _:
            raise ExpressionError(
                f"in {source!r}, column {node.col_offset + 1}: {type(node).__name__} is not part of the condition "
                "language (comparisons, and/or/not, + - * / // %, in, indexing, and "
                f"{', '.join(FUNCTIONS)})"
            )
    for part in parts:
        _check(part, source)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            if name in values:
                return values[name]
            if name in _CONSTANTS:
                return _CONSTANTS[name]
            raise ExpressionError(f"nothing is called {name!r} here; {suggestion(name, values)}")
        case ast.BoolOp(ast.And(), parts):
            result: Any = True
            for part in parts:
                result = _value(part, values)
                if not result:
                    return result
            return result
        case ast.BoolOp(_, parts):
            result = False
            for part in parts:
                result = _value(part, values)
                if result:
                    return result
            return result
        case ast.UnaryOp(sign, operand):
            inner = _value(operand, values)
            return (not inner) if isinstance(sign, ast.Not) else -_number(inner)
        case ast.Compare(left, ops, comparators):
            a = _value(left, values)
            for op, right in zip(ops, comparators, strict=True):
                b = _value(right, values)
                if not _COMPARE[type(op)](a, b):
                    return False
                a = b
            return True
        case ast.BinOp(left, operation, right):
            a, b = _value(left, values), _value(right, values)
            if not (isinstance(operation, ast.Add) and isinstance(a, str) and isinstance(b, str)):
                a, b = _number(a), _number(b)
            return _BINARY[type(operation)](a, b)
        case ast.Attribute(value, attr):
            return _entry(_value(value, values), attr)
        case ast.Subscript(value, index):
            return _entry(_value(value, values), _value(index, values))
        case ast.List(elements) | ast.Tuple(elements):
            return [_value(element, values) for element in elements]
        case ast.Call(ast.Name(name), arguments):
            return FUNCTIONS[name](*[_value(argument, values) for argument in arguments])
    raise ExpressionError(f"{type(node).__name__} is not part of the condition language")


def _number(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    raise ExpressionError(f"arithmetic needs numbers, not {type(value).__name__} {value!r:.60}")


def _entry(whole: Any, key: Any) -> Any:
    if isinstance(whole, Mapping):
        if key in whole:
            return whole[key]
        raise ExpressionError(f"there is no entry {key!r}; {suggestion(str(key), map(str, whole))}")
    if isinstance(whole, list | tuple | str) and isinstance(key, int):
        if -len(whole) <= key < len(whole):
            return whole[key]
        raise ExpressionError(f"position {key} is outside a {type(whole).__name__} of length {len(whole)}")
    raise ExpressionError(f"a {type(whole).__name__} has no entry {key!r}")
