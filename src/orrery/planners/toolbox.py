"""The tools that a planner may use, those that a need is about, and the few words in which a model is told of them."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Annotated, Any, Literal, NotRequired, Required, get_args, get_origin

from orrery.errors import OrreryError
from orrery.tools import tools as registered
from orrery.tools.hints import LISTS, MAPS, UNIONS
from orrery.tools.tool import Tool
from orrery.tools.toolset import MADE_PREFIX

Tools = Mapping[str, Tool[..., Any]]
"""Tools by name."""
_NO_STEP = ("plan", "reroute", "model.chat")
"""Parts of planners and agents, which mean nothing as a step of a plan."""
_NO_ANSWER = ("agent", "memory", "model", "plan", "reroute", "route", "toolmaking")
"""Toolsets that make up agents and planners: they are no answer to a need."""
_MOST_DESCRIPTION_CHARS = 160


def usable(names: Iterable[str] | None = None) -> Tools:
    """The tools that can be used here, by name: those named, else every one that does not lack an optional part.

    Raises:
        UnknownNameError, MissingExtraError, PlugInError: one that was named cannot be used.
    """
    if names is not None:
        return MappingProxyType({name: registered.get(name) for name in names if name not in _NO_STEP})
    return MappingProxyType(_loaded(name for name in registered.names() if name not in _NO_STEP))


def _loaded(names: Iterable[str]) -> dict[str, Tool[..., Any]]:
    found: dict[str, Tool[..., Any]] = {}
    for name in names:
        # One that cannot be had lacks an optional part, or is another package's broken plug-in: planners do without.
        with suppress(OrreryError):
            found[name] = registered.get(name)
    return found


def fitting(tools: Tools, need: str, most: int) -> list[Tool[..., Any]]:
    """The tools that a model is shown, by name: all if they are few, else those that fit the need best."""
    if len(tools) <= most:
        return [tools[name] for name in sorted(tools)]
    names = [tool.name for tool in best(tools, need, most)] or sorted(tools)[:most]
    return [tools[name] for name in sorted(names)]


def best(tools: Tools, need: str, most: int) -> list[Tool[..., Any]]:
    """The tools that fit a need, best first."""
    from orrery.tools.select import ToolCard, ToolIndex

    index = ToolIndex([ToolCard.of(tool) for tool in tools.values()])
    return [tools[match.name] for match in index.find(need, most)]


def find_tools(need: str, among: Collection[str] | None = None, *, most: int) -> list[Tool[..., Any]]:
    """The registered tools that do what is needed, best first; those that cannot be loaded are left out.

    Args:
        among: the names that count; None means every tool but those that make up agents and planners. Tools that
            were made always count.
        most: how many are wanted.
    """

    def counts(name: str) -> bool:
        wanted = name in among if among is not None else name.partition(".")[0] not in _NO_ANSWER
        return wanted or name.startswith(MADE_PREFIX)

    return best(_loaded(filter(counts, registered.names())), need, most)


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


__all__ = ["Tools", "best", "find_tools", "fitting", "line_of", "listed", "short_type", "usable"]
