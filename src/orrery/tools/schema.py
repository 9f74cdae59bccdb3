"""Hints to JSON Schema: what a model, an editor or a person may be told about a tool's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec

from orrery.graph import Blob
from orrery.tools.hints import LISTS, MAPS, UNIONS, notes

Schema = dict[str, Any]
_BLOB: Schema = {"type": "object", "description": "a large value, by its digest in the blob store"}


def schema_of(hint: Any) -> Schema:
    """The JSON Schema of a hint, with the types that it names under `$defs`."""
    definitions: Schema = {}
    schema = _schema(hint, definitions)
    return {**schema, "$defs": definitions} if definitions else schema


def arguments_schema(
    hints: Mapping[str, Any], defaults: Mapping[str, Any], *, descriptions: Mapping[str, str], extra: Any = None
) -> Schema:
    """The JSON Schema of a call's arguments: one object.

    Args:
        hints: each argument's name and hint.
        defaults: the arguments that may be left out, and what they are then.
        descriptions: what is known about an argument besides its own annotations.
        extra: the hint of further arguments of any name; None allows none.
    """
    definitions: Schema = {}
    properties: dict[str, Schema] = {}
    for name, hint in hints.items():
        schema = _schema(hint, definitions)
        said = "; ".join(notes(hint)) or descriptions.get(name, "")
        if said:
            schema = {**schema, "description": said}
        if name in defaults:
            schema = {**schema, **_default(defaults[name])}
        properties[name] = schema
    whole: Schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name in hints if name not in defaults],
        "additionalProperties": False if extra is None else _schema(extra, definitions),
    }
    return {**whole, "$defs": definitions} if definitions else whole


def _default(value: Any) -> Schema:
    try:
        return {"default": msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))}
    except (TypeError, ValueError, msgspec.MsgspecError):
        return {}  # a default that is no data is still a default: the argument is not required


def _schema(hint: Any, definitions: Schema) -> Schema:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in UNIONS:
        return {"anyOf": [_schema(member, definitions) for member in inner]}
    if origin is Annotated and get_origin(inner[0]) in UNIONS:
        return _schema(inner[0], definitions)
    if origin in LISTS:
        unique = {"uniqueItems": True} if origin in (set, frozenset) else {}
        return {"type": "array", "items": _schema(inner[0], definitions), **unique}
    if origin in MAPS and inner[0] is str:
        return {"type": "object", "additionalProperties": _schema(inner[1], definitions)}
    if hasattr(hint, "model_json_schema"):
        return dict(hint.model_json_schema())
    try:
        (schema,), components = msgspec.json.schema_components([hint], schema_hook=_own_class)
    except TypeError:
        return {}  # says nothing about data: everything is allowed
    definitions.update(components)
    return dict(schema)


def _own_class(kind: type) -> Schema:
    if kind is Path:
        return {"type": "string", "format": "path"}
    if kind is Blob:
        return _BLOB
    if hasattr(kind, "model_json_schema"):
        return dict(kind.model_json_schema())
    return {"description": f"a {kind.__name__}"}
