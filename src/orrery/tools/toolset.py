"""The registry of tools. The built-in ones are known by name and imported only when one is looked up."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from orrery.registry import Registry
from orrery.tools.tool import Tool

BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "chart": ("bar", "histogram", "line", "timeline"),
    "data": ("describe", "query", "read_table", "write_table"),
    "files": ("append", "copy", "glob", "hash", "read", "read_bytes", "remove", "stat", "write"),
    "http": ("download", "get", "post", "request"),
    "metrics": ("sample", "snapshot"),
    "model": ("ask", "chat"),
    "records": (
        "choose_paths",
        "derive",
        "flatten",
        "group",
        "occurrences",
        "of_log",
        "of_paths",
        "pairs",
        "present",
        "reduce",
        "select",
        "series",
        "sort",
        "take",
        "text",
        "values",
        "where",
        "words",
        "zip",
    ),
    "python": ("run",),
    "shell": ("run", "script"),
    "text": ("count", "csv", "grep", "json", "lines", "parse_log", "replace", "split", "template"),
}
"""Each built-in toolset, which is the module of that name here, and its tools."""

_MODULES = {f"{toolset}.{name}": toolset for toolset, names in BUILT_IN.items() for name in names}

BRIDGED: Mapping[str, str] = {"ufo.request": "ufo"}
"""Tools that only certain devices perform, and their modules. They are not listed: who has such a device knows them."""

MADE_PREFIX = "made."
"""How the names of tools begin that were made in this working folder."""
MADE_VARIABLE = "ORRERY_TOOLS"
"""Names the folder in which they are kept, where that is not `.orrery/tools`."""
MCP_VARIABLE, MCP_FILE = "ORRERY_MCP", ".orrery/mcp.toml"
"""The variable that names the file of MCP servers, and where it is otherwise, in the working folder."""


def made_folder() -> Path:
    """Where the tools are kept that were made in this working folder."""
    return Path(os.environ.get(MADE_VARIABLE) or Path(".orrery") / "tools")


def _made() -> list[str]:
    """The names of the tools that were made in this working folder."""
    place = made_folder()
    return (
        [MADE_PREFIX + each.name for each in place.iterdir() if (each / "tool.json").is_file()]
        if place.is_dir()
        else []
    )


def _mcp() -> ModuleType | None:
    """The module of MCP servers, where any are declared: by a file, or by a program, which has imported it then."""
    if "orrery.tools.mcp_settings" in sys.modules or os.environ.get(MCP_VARIABLE) or Path(MCP_FILE).is_file():
        return import_module("orrery.tools.mcp")
    return None


class ToolRegistry(Registry[Tool[..., Any]]):
    """Tools by name: the built-in ones, those added, those that installed packages and MCP servers offer."""

    def get(self, name: str) -> Tool[..., Any]:
        """The tool of that name.

        Raises what `Registry.get` raises, MissingExtraError, ToolLibraryError, and for those of MCP servers McpError
        and McpSettingsError.
        """
        if name in _MODULES and name not in self._things:
            self._load(_MODULES[name])
        elif name in BRIDGED:
            bridged: Tool[..., Any] = import_module(f"orrery.tools.{BRIDGED[name]}").request
            return bridged
        elif name.startswith(MADE_PREFIX):
            from orrery.tools.made import made_tool

            return made_tool(name)  # never kept: which tools were made depends on the working folder
        elif "." in name and name not in self._things and (servers := _mcp()) is not None:
            found: Tool[..., Any] | None = servers.get(name)  # never kept: what a server offers may change
            if found is not None:
                return found
        return super().get(name)

    def names(self) -> list[str]:
        """Every known name, sorted; no built-in toolset is imported for it, but MCP servers are asked for theirs."""
        servers = _mcp()
        return sorted({*_MODULES, *_made(), *super().names(), *(servers.names() if servers is not None else ())})

    def problems(self) -> dict[str, str]:
        """The MCP servers whose tools are not listed, and why."""
        servers = _mcp()
        found: dict[str, str] = servers.problems() if servers is not None else {}
        return found

    def _load(self, toolset: str) -> None:
        module = import_module(f"orrery.tools.{toolset}")
        for thing in vars(module).values():
            if isinstance(thing, Tool) and thing.name in _MODULES:
                self.add(thing.name, thing)


tools = ToolRegistry("tool", group="orrery.tools")
"""Every tool that can be called by name."""
