"""Kinds: the types that a made tool takes and returns, read from text, checked strictly, and sampled.

They are plain data: int, float, str, bool, None, Any, lists, maps from text, and unions of these.
"""

from __future__ import annotations

import ast
import math
import random
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from orrery.errors import ToolDefinitionError

_PLAIN: Mapping[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "None": None,
    "Any": Any,
    "any": Any,
    "list": list[Any],
    "dict": dict[str, Any],
}
_UNIONS = (Union, types.UnionType)
_WORDS = ("", "a", "Zebra", "two words", "  padded ", "3.5", "x,y;z", "línea", "A-b_c", "aa bb aa", "\n", "UPPER lower")
_MOST_ITEMS = 6


def hint_of(text: str) -> Any:
    """The type hint that a text such as "list[dict[str, int]]" or "str | None" stands for.

    Raises ToolDefinitionError.
    """
    try:
        return _read(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ToolDefinitionError(
            f"{text!r:.80} is no type of a made tool; use int, float, str, bool, None, list[T], dict[str, T] and T | U"
        ) from error


def _read(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) if name in _PLAIN:
            return _PLAIN[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_read(left), _read(right)]  # noqa: UP007 - `None | None` is an error as an expression
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return list[_read(inner)]  # type: ignore[misc]
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), inner])):
            return dict[str, _read(inner)]  # type: ignore[misc]
    raise ValueError(ast.dump(node))


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is exactly of a kind: True is no int, a whole number is a float too, NaN is neither."""
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    if get_origin(hint) in _UNIONS:
        return any(fits(value, member) for member in get_args(hint))
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        return isinstance(value, list) and all(fits(item, inner) for item in value)
    if get_origin(hint) is dict:
        inner = get_args(hint)[1]
        return isinstance(value, dict) and all(
            isinstance(key, str) and fits(item, inner) for key, item in value.items()
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def sample(hint: Any, chance: random.Random) -> Any:
    """A value of a kind; the same for the same chance."""
    if hint is None or hint is type(None):
        return None
    if hint is Any:
        return sample(chance.choice((int, str, bool)), chance)
    if get_origin(hint) in _UNIONS:
        return sample(chance.choice(get_args(hint)), chance)
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        return [sample(inner, chance) for _ in range(chance.randint(0, _MOST_ITEMS))]
    if get_origin(hint) is dict:
        inner = get_args(hint)[1]
        return {chance.choice(_WORDS) or "k": sample(inner, chance) for _ in range(chance.randint(0, _MOST_ITEMS))}
    if hint is bool:
        return chance.random() < 0.5
    if hint is int:
        return chance.choice((0, 1, -1, 2, 7, chance.randint(-50, 50), chance.randint(-(10**6), 10**6)))
    if hint is float:
        return chance.choice((0.0, 1.0, -2.5, 0.1, round(chance.uniform(-1e3, 1e3), 3)))
    return chance.choice((*_WORDS, " ".join(chance.choice(_WORDS[1:]) for _ in range(3))))


def same(value: Any, expected: Any) -> bool:
    """Whether two values are equal as data: floats within 1e-9 of each other, True and 1 apart."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, int | float) and isinstance(expected, int | float):
        return math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(same, value, expected))
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(same(value[key], expected[key]) for key in expected)
    return type(value) is type(expected) and bool(value == expected)


__all__ = ["fits", "hint_of", "same", "sample"]
