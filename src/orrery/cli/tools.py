"""`orrery tools`."""

from __future__ import annotations

import json as js
from itertools import starmap
from typing import Any

from rich.text import Text

from orrery.cli.options import Json, ToolName
from orrery.cli.screen import out, say, say_table, write_json
from orrery.errors import MissingExtraError, PlugInError
from orrery.tools import Tool
from orrery.tools import tools as registered

AnyTool = Tool[..., Any]


def tools(name: ToolName = None, /, *, json: Json = False) -> int:
    """List the tools with what they do to the world, or describe one.

    A name that ends in a dot, or is a toolset's or an MCP server's, lists the tools below it.
    """
    if name is not None and name in registered:
        return _describe(registered.get(name), as_json=json)
    prefix = f"{name.removesuffix('.')}." if name else ""
    names = [one for one in registered.names() if one.startswith(prefix)]
    problems = {server: why for server, why in registered.problems().items() if f"{server}.".startswith(prefix)}
    if not names and not problems and name:
        registered.get(name)  # says what is near
    if json:
        lacking = [{"name": server, "problem": why} for server, why in problems.items()]
        write_json({"tools": [*map(_plain, names), *lacking]})
        return 0
    console = out()
    say_table(console, ("tool", "effects", "what it does"), [*map(_line, names), *starmap(_dead, problems.items())])
    say(console, "\n`orrery tools NAME` describes one", "dim")
    return 0


def _line(name: str) -> tuple[Text, str, str | Text]:
    found = _find(name)
    if isinstance(found, str):
        return Text(name, "bold"), "", Text(found, "yellow")
    return Text(name, "bold"), found.effects.kind, f"{_signature(found)}  {_first_line(found)}"


def _dead(server: str, why: str) -> tuple[Text, str, Text]:
    return Text(f"{server}.*", "bold"), "", Text(why, "yellow")


def _find(name: str) -> AnyTool | str:
    """The tool, or why it cannot be used here."""
    try:
        return registered.get(name)
    except (MissingExtraError, PlugInError) as error:
        return str(error)


def _plain(name: str) -> dict[str, Any]:
    found = _find(name)
    if isinstance(found, str):
        return {"name": name, "problem": found}
    return {
        "name": name,
        "description": found.description,
        "effects": {"kind": found.effects.kind, "reads": found.effects.reads, "writes": found.effects.writes},
        "executor": found.executor,
        "parameters": found.parameters,
        "result": found.result,
    }


def _describe(tool: AnyTool, *, as_json: bool) -> int:
    if as_json:
        write_json(_plain(tool.name))
        return 0
    console = out()
    say(console, Text(tool.name, "bold").append(f"  {_signature(tool)}", ""))
    say(console, " ".join(tool.description.split()))
    effects = [f"effects: {tool.effects.kind}"]
    effects += [f"reads {', '.join(tool.effects.reads)}"] if tool.effects.reads else []
    effects += [f"writes {', '.join(tool.effects.writes)}"] if tool.effects.writes else []
    say(console, "; ".join(effects) + f"; runs in: {tool.executor}", "dim")
    properties = tool.parameters.get("properties", {})
    if properties:
        say(console, "\narguments", "bold")
    for name, schema in properties.items():
        line = Text(f"  {name}", "bold").append(f"  {_type(schema)}", "cyan")
        if name not in tool.required:
            line.append(f" = {js.dumps(schema['default'])}" if "default" in schema else " (optional)", "dim")
        if schema.get("description"):
            line.append(f"  {' '.join(schema['description'].split())}", "dim")
        say(console, line)
    if tool.result:
        say(console, Text("\nreturns  ", "bold").append(_type(tool.result), "cyan"))
    say(console, "\n--json prints its JSON Schema", "dim")
    return 0


def _signature(tool: AnyTool) -> str:
    words = [name if name in tool.required else f"{name}=" for name in tool.parameters.get("properties", {})]
    return f"({', '.join(words)})"


def _first_line(tool: AnyTool) -> str:
    return " ".join(tool.description.split()).partition(". ")[0].removesuffix(".")


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(js.dumps(one) for one in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = schema.get("type", "any")
    if kind == "array" and isinstance(schema.get("items"), dict):
        return f"array of {_type(schema['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
