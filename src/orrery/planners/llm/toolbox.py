"""The tools that a plan may use, and the few words in which a model is told of them."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from types import MappingProxyType
from typing import Annotated, Any, Literal, NotRequired, Required, get_args, get_origin

from orrery.errors import OrreryError
from orrery.planners.llm.binding import Tools
from orrery.tools import tools as registered
from orrery.tools.hints import LISTS, MAPS, UNIONS
from orrery.tools.tool import Tool

_NOT_FOR_PLANS = frozenset(
    {"plan", "model.chat", "agent.brief", "agent.compact", "agent.joined", "agent.results", "agent.turn"}
)
"""Parts of planners and agents themselves, which mean nothing as a step."""
_MOST_DESCRIPTION_CHARS = 160


def usable(names: Iterable[str] | None = None) -> Tools:
    """The tools that can be used here, by name: those named, else every one that does not lack an optional part.

    Raises:
        UnknownNameError, MissingExtraError, PlugInError: one that was named cannot be used.
    """
    if names is not None:
        return MappingProxyType({name: registered.get(name) for name in names})
    found: dict[str, Tool[..., Any]] = {}
    for name in registered.names():
        if name in _NOT_FOR_PLANS:
            continue
        try:
            found[name] = registered.get(name)
        except OrreryError:  # it lacks an optional part, or is another package's broken plug-in: plans do without
            continue
    return MappingProxyType(found)


def fitting(tools: Tools, need: str, most: int) -> list[Tool[..., Any]]:
    """The tools that a model is shown, by name: all if they are few, else those that fit the need best."""
    if len(tools) <= most:
        return [tools[name] for name in sorted(tools)]
    from orrery.tools.select import ToolCard, ToolIndex

    found = ToolIndex([ToolCard.of(tool) for tool in tools.values()]).find(need, most)
    names = [match.name for match in found] or sorted(tools)[:most]
    return [tools[name] for name in sorted(names)]


def listed(tools: Iterable[Tool[..., Any]]) -> str:
    """One line for each tool: its name, its arguments with their types, what it returns and does."""
    return "\n".join(map(line_of, tools)) or "(there are none)"


def line_of(tool: Tool[..., Any]) -> str:
    """A tool on one line, such as `files.read(path: path, max_bytes: int = ...) -> text: The content of a file.`"""
    arguments = ", ".join(
        f"{name}: {short_type(hint)}" + ("" if name in tool.required else "?") for name, hint in tool.hints.items()
    )
    returned = typing.get_type_hints(tool.function).get("return", Any)  # the hints resolve: the arguments' did
    about = " ".join(tool.description.split())
    if len(about) > _MOST_DESCRIPTION_CHARS:
        about = about[: _MOST_DESCRIPTION_CHARS - 3] + "..."
    return f"{tool.name}({arguments}){'' if returned is Any else f' -> {short_type(returned)}'}: {about}"


_SHORT: dict[Any, str] = {Any: "any", type(None): "null", None: "null", str: "text", dict: "map", list: "list"}


def short_type(hint: Any) -> str:
    """A type in a word or two, as plans speak of them."""
    if hint in _SHORT:
        return _SHORT[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Annotated, Required, NotRequired):
        return short_type(inner[0])
    if origin is Literal:
        return "|".join(repr(choice).replace("'", '"') for choice in inner)
    if origin in UNIONS:
        return "|".join(dict.fromkeys(short_type(member) for member in inner))
    if origin in LISTS or origin is tuple:
        return f"[{short_type(inner[0])}]"
    if origin in MAPS:
        return "{" + f"{short_type(inner[0])}: {short_type(inner[1])}" + "}"
    fields = getattr(hint, "__annotations__", None)
    if fields and (typing.is_typeddict(hint) or hasattr(hint, "__dataclass_fields__")):
        return "{" + ", ".join(fields) + "}"
    return str(getattr(hint, "__name__", hint)).lower()
