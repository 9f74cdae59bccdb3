"""The JSON Schema of the form that `codec` writes, made from the types themselves.

`python -m orrery.graph.schema > docs/reference/graph.schema.json` publishes it.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph.codec import VERSION
from orrery.graph.edge import Edge
from orrery.graph.patch import Add, Drop, Link, Replace, SetOutputs, Unlink
from orrery.graph.task import Task

TITLE = "Orrery graphs and patches"
_VALUE: dict[str, Any] = {"$ref": "#/$defs/value"}
_TEXT: dict[str, Any] = {"type": "string"}
_VALUE_MAP: dict[str, Any] = {"type": "object", "additionalProperties": _VALUE}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a graph or a patch as JSON."""
    types = [Task, Edge, Add, Drop, Replace, Link, Unlink, SetOutputs, Failure]
    _, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition["additionalProperties"] = False
        for field in definition.get("properties", {}).values():
            field.pop("default", None)  # the reader's business
    definitions["Task"]["properties"]["args"] = _VALUE_MAP
    definitions["Each"]["properties"]["over"] = _VALUE
    places: dict[str, Any] = {"type": "array", "items": {"anyOf": [_TEXT, {"$ref": "#/$defs/value"}]}}
    definitions["Place"]["properties"] |= {
        "on": places,
        "beside": {"$ref": "#/$defs/reference"},
        "apart": {"type": "array", "items": {"$ref": "#/$defs/reference"}},
    }
    definitions["SetOutputs"]["properties"]["outputs"] = _VALUE_MAP
    definitions["Expr"]["properties"]["names"] = {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/reference"},
    }
    definitions |= _values()
    edits = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in (Add, Drop, Replace, Link, Unlink, SetOutputs)]
    version = {"type": "integer", "minimum": 1, "maximum": VERSION}
    graph = _closed(
        {
            "orrery": version,
            "tasks": {"type": "array", "items": {"$ref": "#/$defs/Task"}},
            "edges": {"type": "array", "items": {"$ref": "#/$defs/Edge"}},
            "outputs": _VALUE_MAP,
        },
        ["orrery", "tasks"],
    )
    patch = _closed(
        {"orrery": version, "edits": {"type": "array", "items": {"anyOf": edits}}, "by": _TEXT, "because": _TEXT},
        ["orrery", "edits"],
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "anyOf": [{"$ref": "#/$defs/graph"}, {"$ref": "#/$defs/patch"}],
        "$defs": {"graph": graph, "patch": patch, **dict(sorted(definitions.items()))},
    }


def _values() -> dict[str, Any]:
    """Values with Ref leaves: plain JSON, and the tagged forms."""
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    reference = {
        "type": "array",
        "prefixItems": [_TEXT],
        "items": {"type": ["string", "integer"]},
        "minItems": 1,
        "description": "A task's id, then the keys and positions that lead into its result.",
    }
    tags: dict[str, Any] = {
        "$template": {"type": "array", "items": {"anyOf": [_TEXT, {"$ref": "#/$defs/reference"}]}},
        "$bytes": {"type": "string", "contentEncoding": "base64"},
        "$int": {"type": "string", "pattern": "^-?0x[0-9a-f]+$"},
        "$float": {"enum": ["nan", "inf", "-inf"]},
        "$blob": _closed({"digest": digest, "size_bytes": {"type": "integer"}, "media": _TEXT}),
        "$failure": {"$ref": "#/$defs/Failure"},
    }
    literal = {
        "type": "object",
        "description": "A map; a key that begins with '$' is written with one '$' more.",
        "propertyNames": {"pattern": r"^([^$]|\$\$|$)"},
        "additionalProperties": _VALUE,
    }
    plain = [{"type": ["null", "boolean", "number", "string"]}, {"type": "array", "items": _VALUE}, literal]
    tagged = [_closed({tag: form}) for tag, form in tags.items()]
    return {
        "reference": _closed({"$ref": reference}),
        "value": {"anyOf": [*plain, {"$ref": "#/$defs/reference"}, *tagged]},
    }


def _closed(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    needed = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def text() -> str:
    """The schema as it is published."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(text())
