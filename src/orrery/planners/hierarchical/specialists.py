"""Specialists: agents by name, each with a sentence that says what it is good for and the tools that make it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from orrery.errors import PlannerOptionError
from orrery.models.prompts import prompt
from orrery.registry import Registry
from orrery.tools import tools


class Specialist(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one specialist is.

    Args:
        name: what the planning agent knows it by: letters, digits, "_" and "-".
        description: what to give to it, in a sentence; the planning agent chooses by it.
        tools: names of tools; "*" stands for any characters, as in "files.*".
        instructions: what it is to keep to.
        style: how it works, as for `agent.run`.
        model: whom it asks; None means the planner's model.
        max_turns: the most turns for one goal.
    """

    name: str
    description: str
    tools: tuple[str, ...] = ()
    instructions: str = ""
    style: Literal["react", "wide", "code"] = "wide"
    model: str | None = None
    max_turns: int = 12

    def tool_names(self, allowed: Sequence[str] | None) -> list[str]:
        """Its tools by name: those that its patterns mean and that are allowed; None allows all."""
        known = tools.names()
        wanted = [name for pattern in self.tools for name in known if fnmatchcase(name, pattern)]
        return [name for name in dict.fromkeys(wanted) if allowed is None or name in allowed]

    def offered(self, allowed: Sequence[str] | None, *, model: str | None, approve: str) -> dict[str, Any]:
        """The specialist as a tool of the planning agent, as data."""
        from orrery.agents.definition import GOAL_SCHEMA

        bound: dict[str, Any] = {
            "name": self.name,
            "instructions": prompt("planners/hierarchical-specialist", instructions=self.instructions),
            "style": self.style,
            "max_turns": self.max_turns,
            "tools": self.tool_names(allowed),
            "approve": approve,
        }
        if self.model or model:
            bound["model"] = self.model or model
        return {
            "name": self.name,
            "op": "agent.run",
            "bound": bound,
            "description": self.description,
            "parameters": dict(GOAL_SCHEMA),
        }


specialists: Registry[Specialist] = Registry("specialist", group="orrery.specialists")
"""Specialists by name; those of other packages by entry points."""

for _specialist in (
    Specialist(
        "files",
        "Finds, reads, counts, searches and writes files and text under the working folder.",
        ("files.*", "text.*"),
    ),
    Specialist(
        "data",
        "Reads tables, filters, groups and reckons with records, and draws charts of them.",
        ("data.*", "records.*", "chart.*", "files.glob"),
    ),
    Specialist("web", "Fetches pages and calls web services by their address.", ("http.*", "text.*")),
    Specialist("system", "Measures this machine and runs programs on it.", ("metrics.*", "shell.*")),
    Specialist(
        "toolmaker",
        "Gets a function that no other specialist has: finds it, or has it written and tested, and calls it. For pure "
        "computing on data that is handed over.",
        ("toolmaking.*",),
        "First find a tool for what is needed with toolmaking_find: say what it must do in general, not for this "
        "one input. Then call it with toolmaking_use, with arguments as its schema says.",
    ),
):
    specialists.add(_specialist.name, _specialist)


def chosen(wanted: Sequence[str | Mapping[str, Any]] | None) -> list[Specialist]:
    """The specialists that an option names or describes; all registered ones where it is None.

    Raises:
        PlannerOptionError: one cannot be what it is.
        UnknownNameError: nobody is called so.
    """
    found = []
    for each in specialists.names() if wanted is None else wanted:
        if isinstance(each, str):
            found.append(specialists.get(each))
            continue
        try:
            found.append(msgspec.convert(each, Specialist))
        except msgspec.ValidationError as error:
            raise PlannerOptionError(f"a specialist cannot be {each!r:.80}: {error}") from error
    names = [each.name for each in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PlannerOptionError(f"two specialists are called {twice!r}; give one of them another name")
    return found


__all__ = ["Specialist", "chosen", "specialists"]
