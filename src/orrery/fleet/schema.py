"""The JSON Schema of messages in the JSON form, made from the types themselves.

`python -m orrery.fleet.schema > docs/reference/fleet.schema.json` publishes it.
"""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec

from orrery.errors import Failure
from orrery.fleet.codec import MAX_FRAMES, MAX_INTEGER
from orrery.fleet.messages import AnyFrame
from orrery.graph.schema import json_schema as graph_schema
from orrery.graph.values import Blob

TITLE = "Messages of Orrery's fleet, version 1, in JSON"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a message: one frame, or a list of frames.

    A frame may have fields that the schema does not know: they are of a later version, and are passed on.
    """
    frames = get_args(AnyFrame)
    _, definitions = msgspec.json.schema_components(
        [*frames, Failure], schema_hook=_blob, ref_template="#/$defs/{name}"
    )
    tags = {kind.__name__: kind.__struct_config__.tag for kind in frames}
    for name, definition in definitions.items():
        for field, form in definition.get("properties", {}).items():
            form.pop("default", None)  # the table of fields in the page has them
            if form.get("type") == "integer" and name in tags:
                definition["properties"][field] = {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}
        definition.pop("description", None)  # written for readers of Python
        definition.pop("title", None)
    for kind in frames:
        fields = definitions[kind.__name__]["properties"]
        del fields["extra"]
        if not kind.sequenced:
            fields["seq"] = {"const": 0}
    value = {"anyOf": [{"$ref": "#/$defs/value"}, {"$ref": "#/$defs/encoded"}]}
    definitions["Assign"]["properties"]["args"] = value
    definitions["Result"]["properties"]["value"] = value
    definitions["Place"]["properties"] |= {"on": _TEXTS, "apart": _TEXTS, "beside": {"type": "null"}}
    values = graph_schema()["$defs"]
    definitions |= {name: values[name] for name in ("reference", "value")}
    definitions["encoded"] = {
        "type": "object",
        "description": "A value that JSON has no form for, as MessagePack.",
        "properties": {"$msgpack": {"type": "string", "contentEncoding": "base64"}},
        "required": ["$msgpack"],
        "additionalProperties": False,
    }
    unknown = {
        "type": "object",
        "description": "A frame of a later version.",
        "properties": {"type": {"type": "string", "not": {"enum": sorted(map(str, tags.values()))}}},
        "required": ["type"],
    }
    definitions["frame"] = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in tags] + [unknown]}
    many = {"type": "array", "items": {"$ref": "#/$defs/frame"}, "minItems": 1, "maxItems": MAX_FRAMES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "anyOf": [{"$ref": "#/$defs/frame"}, many],
        "$defs": dict(sorted(definitions.items())),
    }


_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}


def _blob(kind: type) -> dict[str, Any]:
    assert kind is Blob
    return {
        "type": "object",
        "properties": {
            "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "size_bytes": {"type": "integer", "minimum": 0},
            "media": {"type": "string"},
        },
        "required": ["digest", "size_bytes"],
    }


def text() -> str:
    """The schema as it is published."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(text())
