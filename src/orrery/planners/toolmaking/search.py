"""Search: the tools that a need is about, those that were made among them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from orrery.errors import OrreryError
from orrery.tools import Tool, tools
from orrery.tools.made import PREFIX

MOST_CANDIDATES = 8
_OWN = ("agent", "memory", "model", "plan", "toolmaking")
"""Toolsets that make up agents and planners: they are no answer to a need."""

log = logging.getLogger("orrery")


def find_tools(need: str, among: Sequence[str] | None = None, *, most: int = MOST_CANDIDATES) -> list[Tool[..., Any]]:
    """The tools that a need is about, best first; those that cannot be loaded are left out.

    Args:
        among: the names that count; None means every registered tool. Tools that were made always count.
        most: how many are wanted.
    """
    from orrery.tools.select import ToolCard, ToolIndex

    known: dict[str, Tool[..., Any]] = {}
    for name in tools.names():
        wanted = name in among if among is not None else name.partition(".")[0] not in _OWN
        if wanted or name.startswith(PREFIX):
            try:
                known[name] = tools.get(name)
            except OrreryError as error:
                log.debug("the tool %r is not looked at: %s", name, error)
    index = ToolIndex(ToolCard.of(tool) for tool in known.values())
    return [known[match.name] for match in index.find(need, most)]


__all__ = ["MOST_CANDIDATES", "find_tools"]
