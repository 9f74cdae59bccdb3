"""Answers as data: strict JSON, and whether it is what a JSON Schema asks for.

A model's JSON is read without forgiveness: a name given twice, text behind the end or a number that is none is an
error, because every reader would make something else of it. The schema language is the part of JSON Schema
(2020-12) that says what data is; what is only annotation is passed over.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

_FENCED = re.compile(r"^[ \t]*```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```[ \t]*$", re.DOTALL | re.IGNORECASE | re.MULTILINE)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
MAX_DEPTH = 200


def read_json(text: str) -> Any:
    """The value of a JSON text. Where there is talk around it, it is what stands in the only code fence.

    Raises:
        ValueError: it is no JSON, or a name stands twice in one object; the message says where.
    """
    fenced = _FENCED.findall(text) if "```" in text and text.lstrip()[:1] not in ("{", "[", '"') else []
    inner = fenced[0] if len(fenced) == 1 else text
    try:
        value = json.loads(inner, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("it holds one half of a character, which no text can") from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for position, name in enumerate(names) if name in names[:position])
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON, or one too large to be held")


def misfits(value: Any, schema: Mapping[str, Any] | bool) -> list[str]:
    """Everything in which a value is not what a schema asks for, each with its place; empty if it fits."""
    return [f"{place or 'the answer'} {message}" for place, message in _Check(schema).check(value, schema, "", 0)]


_TYPES: Mapping[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}

_Found = Iterator[tuple[str, str]]


class _Check:
    def __init__(self, root: Any) -> None:
        self._root = root

    def check(self, value: Any, schema: Any, place: str, depth: int) -> _Found:
        if schema is True or schema == {}:
            return
        if schema is False:
            yield place, "is not allowed"
            return
        if depth > MAX_DEPTH:
            yield place, "is nested too deeply for its schema"
            return
        if "$ref" in schema:
            yield from self.check(value, self._target(schema["$ref"]), place, depth + 1)
        if "type" in schema:
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            if not any(_is(value, kind) for kind in kinds):
                yield place, f"is {_kind(value)}, not {' or '.join(kinds)}"
                return
        if "const" in schema and not _same(value, schema["const"]):
            yield place, f"is not {json.dumps(schema['const'])}"
        if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
            yield place, f"is none of {', '.join(json.dumps(one) for one in schema['enum'])}"
        yield from self._combined(value, schema, place, depth)
        match value:
            case dict():
                yield from self._object(value, schema, place, depth)
            case list():
                yield from self._array(value, schema, place, depth)
            case str():
                yield from _text(value, schema, place)
            case bool() | None:
                return
            case int() | float():
                yield from _number(value, schema, place)

    def _target(self, reference: str) -> Any:
        target = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
        return True if target is None else target

    def _fits(self, value: Any, schema: Any, depth: int) -> bool:
        return next(self.check(value, schema, "", depth + 1), None) is None

    def _combined(self, value: Any, schema: Mapping[str, Any], place: str, depth: int) -> _Found:
        for one in schema.get("allOf", ()):
            yield from self.check(value, one, place, depth + 1)
        options = schema.get("anyOf")
        if options and not any(self._fits(value, one, depth) for one in options):
            if len(options) == 1:
                yield from self.check(value, options[0], place, depth + 1)
            else:
                yield place, f"is {_kind(value)}, which fits none of the {len(options)} forms allowed there"
        options = schema.get("oneOf")
        if options:
            fitting = sum(self._fits(value, one, depth) for one in options)
            if fitting != 1:
                yield place, f"fits {fitting} of the {len(options)} forms of which it is to be one"
        if "not" in schema and self._fits(value, schema["not"], depth):
            yield place, "is what it is not to be"

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any], place: str, depth: int) -> _Found:
        for name in schema.get("required", ()):
            if name not in value:
                yield place, f"lacks {name!r}"
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        rest = schema.get("additionalProperties", True)
        for name, inner in value.items():
            where = f"{place}.{name}" if place else name
            if name in known:
                yield from self.check(inner, known[name], where, depth + 1)
            matching = [pattern for pattern in patterns if re.search(pattern, name)]
            for pattern in matching:
                yield from self.check(inner, patterns[pattern], where, depth + 1)
            if name not in known and not matching:
                if rest is False:
                    yield place, f"has {name!r}, which is not asked for"
                else:
                    yield from self.check(inner, rest, where, depth + 1)
            if "propertyNames" in schema:
                yield from self.check(name, schema["propertyNames"], where, depth + 1)
        yield from _size(len(value), schema, place, "Properties", "names")

    def _array(self, value: list[Any], schema: Mapping[str, Any], place: str, depth: int) -> _Found:
        first = schema.get("prefixItems", ())
        for position, inner in enumerate(value):
            wanted = first[position] if position < len(first) else schema.get("items", True)
            yield from self.check(inner, wanted, f"{place}[{position}]", depth + 1)
        yield from _size(len(value), schema, place, "Items", "items")
        if schema.get("uniqueItems") and any(
            _same(one, other) for position, one in enumerate(value) for other in value[:position]
        ):
            yield place, "has an item twice"


def _text(value: str, schema: Mapping[str, Any], place: str) -> _Found:
    yield from _size(len(value), schema, place, "Length", "characters")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield place, f"does not match {schema['pattern']}"


def _number(value: float, schema: Mapping[str, Any], place: str) -> _Found:
    if "minimum" in schema and not value >= schema["minimum"]:
        yield place, f"is below {schema['minimum']}"
    if "maximum" in schema and not value <= schema["maximum"]:
        yield place, f"is above {schema['maximum']}"
    if "exclusiveMinimum" in schema and not value > schema["exclusiveMinimum"]:
        yield place, f"is not above {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and not value < schema["exclusiveMaximum"]:
        yield place, f"is not below {schema['exclusiveMaximum']}"
    step = schema.get("multipleOf")
    if step and not math.isclose(value / step, round(value / step), rel_tol=0, abs_tol=1e-9):
        yield place, f"is no multiple of {step}"


def _size(size: int, schema: Mapping[str, Any], place: str, of: str, what: str) -> _Found:
    if size < schema.get(f"min{of}", 0):
        yield place, f"has {size} {what}, fewer than {schema[f'min{of}']}"
    if size > schema.get(f"max{of}", math.inf):
        yield place, f"has {size} {what}, more than {schema[f'max{of}']}"


def _is(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    return isinstance(value, _TYPES.get(kind, object))


def _kind(value: Any) -> str:
    for kind in ("null", "boolean", "integer", "number", "string", "array", "object"):
        if _is(value, kind):
            return kind
    return type(value).__name__


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: 1 and 1.0 are one number, true is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)
