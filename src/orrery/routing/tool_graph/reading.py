"""Reading: a tool graph from YAML, JSON or plain data; every problem at its place, with line and column in a file.

The form is that of workflow files: `uses` names the operation, `with` has its fixed arguments.

    tools:
      quick:
        uses: http.get
        needs: {url: address}
        gives: page
        undo: forget
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from orrery.errors import MissingExtraError, Problem, ToolGraphError, UnknownNameError, WorkflowFileError, suggestion
from orrery.graph.task import EffectKind
from orrery.routing.tool_graph.tools import Tool, ToolGraph
from orrery.workflow import code, document

_Money = Annotated[float, msgspec.Meta(ge=0, description="US dollars for one use.")]
_Seconds = Annotated[float, msgspec.Meta(ge=0, description="How long one use takes, in seconds.")]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1, description="The share of uses that go well.")]
_Nearness = Annotated[float, msgspec.Meta(ge=0, lt=1, description="How near it is to its rate limit.")]
_Limit = Annotated[float, msgspec.Meta(gt=0, description="The longest one use may take, in seconds.")]
_Word = Annotated[str, msgspec.Meta(min_length=1)]
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"with_": "with"}):
    """A tool as it is written: see `Tool`, from which it differs in that names may be given as a list or alone."""

    uses: str = ""
    needs: _Word | list[_Word] | dict[str, _Word] = {}
    gives: _Word | list[_Word] | dict[_Word, str] = {}
    with_: dict[str, Any] = {}
    effects: EffectKind | None = None
    undo: str = ""
    money: _Money = 0.0
    seconds: _Seconds = 1.0
    reliability: _Share = 1.0
    saturation: _Nearness = 0.0
    timeout: _Limit | None = None
    probe: str = ""


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of tools."""

    tools: dict[str, Written]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file of tools, for editors."""
    schema = msgspec.json.schema(Document)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Orrery tool graph"
    return schema


def load_tools(path: str | Path) -> ToolGraph:
    """The tool graph in a YAML or JSON file; operations that are scripts (`py:./file.py:name`) start at its folder.

    Raises:
        ToolGraphError: with every problem, each with its line and column.
        MissingExtraError: PyYAML is not installed.
    """
    return tool_graph(read_file(path))


def read_file(path: str | Path) -> dict[str, Any]:
    """The tools in a file as checked plain data, which `tool_graph` takes. Raises what `load_tools` raises."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ToolGraphError([Problem("tool-graph/no-file", str(path), f"it cannot be read: {error.strerror}")]) from (
            error
        )
    report = document.Report(str(path))
    try:
        node = document.read_document(data, report)
    except WorkflowFileError as error:
        raise ToolGraphError(error.problems) from error
    plain = document.plain(node)
    _, problems = _read(plain)
    if problems:
        raise ToolGraphError([msgspec.structs.replace(one, place=_in_file(one.place, node, path)) for one in problems])
    return placed(plain["tools"], path.resolve().parent)


def placed(tools: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Tools as plain data, with the operations that are scripts (`py:./file.py:name`) found from a folder.

    Whatever cannot be a tool stays as it is, for `tool_graph` to say so.
    """
    return {
        name: {**tool, **{key: code.placed(op, folder) for key in _OPS if isinstance(op := tool.get(key), str)}}
        if isinstance(tool, Mapping)
        else tool
        for name, tool in tools.items()
    }


_OPS = ("uses", "probe")
"""The keys of a tool that name operations."""


def tool_graph(tools: Mapping[str, Any]) -> ToolGraph:
    """The graph of tools given as plain data: their names to maps as in a file.

    Raises:
        ToolGraphError: with every problem, each with its place, such as "tools.quick.needs[0]".
    """
    found, problems = _read({"tools": tools})
    if problems:
        raise ToolGraphError(problems)
    return ToolGraph(found.values())


# -- one tool at a time -----------------------------------------------------------------------------------


def _read(data: Any) -> tuple[dict[str, Tool], list[Problem]]:
    tools = data.get("tools") if isinstance(data, Mapping) else None
    if not isinstance(tools, Mapping):
        what = "it needs the key 'tools', a map of their names"
        return {}, [Problem("tool-graph/shape", "tools", what)]
    problems = [
        Problem("tool-graph/shape", str(key), f"there is no such key; {suggestion(str(key), ['tools'])}")
        for key in data
        if key != "tools"
    ]
    found: dict[str, Tool] = {}
    for name, value in tools.items():
        place = f"tools.{name}"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            what = f"{name!r} cannot name a tool: use letters, digits, '_', '-' and dots between them"
            problems.append(Problem("tool-graph/shape", place, what))
            continue
        try:
            written = msgspec.convert(value, Written)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            unknown = re.search(r"unknown field `(.*)`", what)
            if unknown:
                names = [field.encode_name for field in msgspec.structs.fields(Written)]
                what = f"there is no key {unknown[1]!r}; {suggestion(unknown[1], names)}"
                where = f".{unknown[1]}"
            problems.append(Problem("tool-graph/shape", place + where.removesuffix("`"), what))
            continue
        found[name] = _tool(name, written)
    if not problems:
        problems += _problems(found)
    return found, problems


def _tool(name: str, written: Written) -> Tool:
    needs, gives = written.needs, written.gives
    if isinstance(needs, str):
        needs = [needs]
    if isinstance(needs, list):
        needs = {need: need for need in needs}
    if isinstance(gives, str):
        gives = [gives]
    if isinstance(gives, list):
        gives = {gives[0]: ""} if len(gives) == 1 else {given: given for given in gives}
    return Tool(
        name,
        written.uses,
        needs,
        gives,
        written.with_,
        written.effects or _declared(written.uses),
        written.undo,
        written.money,
        written.seconds,
        written.reliability,
        written.saturation,
        written.timeout,
        written.probe,
    )


def _declared(op: str) -> EffectKind:
    """What the operation itself says that it does to the world; of a function that says nothing, the default."""
    from orrery.tools.toolset import tools

    if not op or op.startswith(code.PYTHON):
        return "keyed"
    try:
        return tools.get(op).effects.kind
    except (UnknownNameError, MissingExtraError):  # said when it is used, by the task that uses it
        return "keyed"


# -- what the tools must satisfy together -----------------------------------------------------------------


def _problems(tools: Mapping[str, Tool]) -> list[Problem]:
    problems: list[Problem] = []
    for name, tool in tools.items():
        place = f"tools.{name}"
        problems += [
            Problem("tool-graph/shape", f"{place}.{field}", "it is not a finite number")
            for field in ("money", "seconds", "reliability", "saturation")
            if not math.isfinite(getattr(tool, field))
        ]
        overlap = sorted(set(tool.needs) & set(tool.args))
        if overlap:
            what = f"{overlap[0]!r} is an argument by 'needs' and by 'with'; keep one"
            problems.append(Problem("tool-graph/shape", f"{place}.with", what))
        if tool.undo:
            problems += _undo_problems(tools, tool)
    return problems


def _undo_problems(tools: Mapping[str, Tool], tool: Tool) -> list[Problem]:
    place = f"tools.{tool.name}.undo"
    undo = tools.get(tool.undo)
    if undo is None:
        return [Problem("tool-graph/undo", place, f"there is no tool {tool.undo!r}; {suggestion(tool.undo, tools)}")]
    problems = []
    if undo.gives:
        what = f"{undo.name!r} gives {sorted(undo.gives)[0]!r}, so it is a step and takes nothing back"
        problems.append(Problem("tool-graph/undo", place, what))
    strange = sorted(set(undo.needs.values()) - set(tool.gives) - set(tool.needs.values()))
    if strange:
        what = f"{undo.name!r} needs {strange[0]!r}, which {tool.name!r} neither needs nor gives"
        problems.append(Problem("tool-graph/undo", place, what))
    return problems


def _in_file(place: str, node: document.Node, path: Path) -> str:
    """The place of a problem as "file:line:column": that of the innermost node that its path leads to."""
    rest, at = place, node
    while rest:
        if isinstance(at, document.Mapping):
            rest = rest.removeprefix(".").removeprefix("[...]")
            name = max(
                (key for key in at.entries if re.match(rf"{re.escape(key)}(?![\w-])", rest)), key=len, default=""
            )
            if not name:
                break
            key, value = at.entries[name]
            rest = rest[len(name) :]
            at = value if rest else key
        elif isinstance(at, document.Sequence) and (position := re.match(r"\[(\d+)\]", rest)):
            at, rest = at.items[int(position[1])], rest[position.end() :]
        else:
            break
    return f"{path}:{at.line}:{at.column}"
