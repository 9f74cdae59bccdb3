"""The tools that a plan may call, and how a model is shown them: a line each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orrery.errors import MissingExtraError, PlugInError
from orrery.tools.select import ToolCard, ToolIndex
from orrery.tools.tool import Tool
from orrery.tools.toolset import tools as registered

Tools = dict[str, Tool[..., Any]]


def usable(names: Sequence[str] | None) -> Tools:
    """The tools that a plan may call, by name: those named, else all that can be loaded here and make no plans.

    Raises UnknownNameError, MissingExtraError, PlugInError about one that was named.
    """
    if names is not None:
        return {name: registered.get(name) for name in names}
    found: Tools = {}
    for name in registered.names():
        try:
            tool = registered.get(name)
        except (MissingExtraError, PlugInError):
            continue
        if tool.executor != "planner":
            found[name] = tool
    return found


def offered(request: str, names: Sequence[str] | None, *, most: int) -> str:
    """The tools that a request may use, those that fit it best where there are too many."""
    tools = usable(names)
    chosen = list(tools)
    if len(chosen) > most:
        fitting = [match.name for match in ToolIndex(map(ToolCard.of, tools.values())).find(request, most)]
        chosen = sorted(fitting or chosen[:most])
    return "\n".join(map(_line, (tools[name] for name in chosen)))


def _line(tool: Tool[..., Any]) -> str:
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    args = [_argument(name, schema, required=name in tool.required) for name, schema in properties.items()]
    about = " ".join(tool.description.split()).partition(". ")[0].removesuffix(".")
    returns = f" -> {_type(tool.result)}" if tool.result else ""
    return f"{tool.name}({', '.join(args)}){returns}: {about}"


def _argument(name: str, schema: Mapping[str, Any], *, required: bool) -> str:
    return f"{name}: {_type(schema)}" + ("" if required else f" = {json.dumps(schema.get('default'))}")


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "enum" in schema:
        return " or ".join(map(json.dumps, schema["enum"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = schema.get("type", "any")
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return f"list of {_type(schema['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
