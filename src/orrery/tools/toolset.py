"""The registry of tools. The built-in ones are known by name and imported only when one is looked up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
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


_MADE = "made."


def _made() -> list[str]:
    """The names of the tools that were made in this working folder."""
    place = Path(os.environ.get("ORRERY_TOOLS") or Path(".orrery") / "tools")
    return [_MADE + each.name for each in place.iterdir() if (each / "tool.json").is_file()] if place.is_dir() else []


class ToolRegistry(Registry[Tool[..., Any]]):
    """Tools by name: the built-in ones, those added, and those that installed packages offer."""

    def get(self, name: str) -> Tool[..., Any]:
        """The tool of that name. Raises what `Registry.get` raises, MissingExtraError, and ToolLibraryError."""
        if name in _MODULES and name not in self._things:
            self._load(_MODULES[name])
        elif name.startswith(_MADE) and name not in self._things:
            from orrery.tools.made import made_tool

            self.add(name, made_tool(name))
        return super().get(name)

    def names(self) -> list[str]:
        """Every known name, sorted; no built-in toolset is imported for it."""
        return sorted({*_MODULES, *_made(), *super().names()})

    def _load(self, toolset: str) -> None:
        module = import_module(f"orrery.tools.{toolset}")
        for thing in vars(module).values():
            if isinstance(thing, Tool) and thing.name in _MODULES:
                self.add(thing.name, thing)


tools = ToolRegistry("tool", group="orrery.tools")
"""Every tool that can be called by name."""
