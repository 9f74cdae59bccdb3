"""Scripts that come with the server, and scripts in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orrery.errors import MissingExtraError, ModelScriptError
from orrery.models.simulated.answer import Answer
from orrery.models.simulated.asked import Asked, Call
from orrery.models.simulated.cassette import Cassette
from orrery.models.simulated.rules import read_rules
from orrery.models.simulated.service import Script


def echo(asked: Asked) -> Answer:
    """Says what it was told: the script of a server that was given none.

    Where structured output is wanted, or a tool must be called, it makes up the smallest value that fits the schema.
    """
    if asked.output is not None:
        return Answer.json(smallest(asked.output))
    if asked.must_call and asked.tools:
        return Answer(calls=(Call(asked.tools[0].name, smallest(asked.tools[0].parameters)),))
    return Answer(f"You said: {asked.text}")


def read_script(path: str | Path, *, strict: bool = True) -> Script:
    """The script in a file: rules as YAML or JSON, or a cassette.

    Args:
        strict: whether a cassette refuses requests that it does not know.

    Raises:
        ModelScriptError: there is no such file, or it is neither.
        MissingExtraError: for YAML.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelScriptError(f"{path}: cannot be read: {error.strerror}") from error
    value = _read_json(content, path) if path.suffix == ".json" else _read_yaml(content, path)
    if isinstance(value, dict) and "pairs" in value:
        return Cassette.parse(content, str(path), strict=strict)
    return read_rules(value, str(path))


def _read_json(content: bytes, path: Path) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise ModelScriptError(f"{path}: this is no JSON: {error}") from error


def _read_yaml(content: bytes, path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("cli", needed_for=f"a script as YAML ({path})") from error
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelScriptError(f"{path}: this is no YAML: {error}") from error


def smallest(schema: Mapping[str, Any], *, deepest: int = 12) -> Any:
    """The smallest value that fits a JSON Schema, as far as types, enums, bounds and references go.

    >>> smallest({"type": "object", "properties": {"x": {"type": "integer", "minimum": 2}}, "required": ["x"]})
    {'x': 2}
    """
    return _smallest(schema, schema, deepest)


def _smallest(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth == 0:
        return None
    reference = schema.get("$ref")
    if isinstance(reference, str):
        found: Any = root
        for name in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(name, {}) if isinstance(found, Mapping) else {}
        return _smallest(found, root, depth - 1)
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    for word in ("enum", "examples"):
        if schema.get(word):
            return schema[word][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return _smallest(schema[word][0], root, depth - 1)
    kind = schema.get("type", "object" if "properties" in schema else None)
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            wanted = schema.get("properties", {})
            return {name: _smallest(wanted.get(name, {}), root, depth - 1) for name in schema.get("required", wanted)}
        case "array":
            return [_smallest(schema.get("items", {}), root, depth - 1)] * schema.get("minItems", 0)
        case "string":
            return "x" * schema.get("minLength", 0)
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        case "boolean":
            return False
        case None:
            return {}
    return None
