"""JSON Schema to hints: as much of a foreign schema as is needed to tell a wrong argument before it is sent.

What a schema says beyond types (patterns, bounds, conditions) is left to whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, Literal

_PLAIN: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": None,
    "object": dict[str, Any],
}
_DEEPEST = 12


def hint_of(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Any:
    """The hint that a schema amounts to; `Any` where it says nothing that a hint could say.

    Args:
        schema: the schema of one value.
        root: the whole that "#/..." refers to.

    >>> hint_of({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {})
    int | None
    """
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return Any
    if "$ref" in schema:
        return hint_of(_referred(schema["$ref"], root), root, depth + 1)
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        return Literal[tuple(words)] if words and all(isinstance(word, str | int | None) for word in words) else Any
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _union([hint_of(member, root, depth + 1) for member in schema[key]])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return _union([hint_of({**schema, "type": kind}, root, depth + 1) for kind in kinds])
    if kinds == "array":
        return list[hint_of(schema.get("items"), root, depth + 1)]  # type: ignore[misc]
    return _PLAIN.get(kinds, Any) if isinstance(kinds, str) else Any


def _union(members: list[Any]) -> Any:
    if not members or Any in members:
        return Any
    return reduce(or_, members) if members[0] is not None or len(members) == 1 else reduce(or_, [*members[1:], None])


def _referred(pointer: Any, root: Mapping[str, Any]) -> Any:
    found: Any = root
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        return None
    for step in pointer[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
