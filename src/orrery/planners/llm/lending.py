"""Lending: an agent that a plan calls has no tool that the plan has not, and asks where the plan would ask.

Whoever writes the plan writes the agent's arguments too. They may narrow what it was allowed, and never widen it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orrery.agents.calls import PROGRAM
from orrery.agents.spec import REMEMBER, RUN
from orrery.errors import suggestion
from orrery.graph.task import refs_in
from orrery.planners.toolbox import Tools
from orrery.tools.approval import Approval, SaidYes

_WRITTEN_OUT = ("approve", "style", "memory")


def lent(args: Mapping[str, Any], tools: Tools, approve: Approval) -> tuple[dict[str, Any], list[str]]:
    """The arguments of an agent within what its plan may do, and everything in which they asked for more.

    Args:
        tools: those that the plan may use.
        approve: who judges the calls of the plan.
    """
    problems = [f"{name} must be written out" for name in _WRITTEN_OUT if any(True for _ in refs_in(args.get(name)))]
    problems += [
        f"an agent of this plan has no tool {name!r}; {suggestion(name, tools)}"
        for name in _used(args)
        if name is not None and name not in tools
    ]
    if None in _used(args):
        problems.append("the tools of an agent must be the names of tools, written out")
    word = "refuse" if args.get("approve") == "refuse" else "yes" if isinstance(approve, SaidYes) else "ask"
    return {**args, "approve": word}, problems


def _used(args: Mapping[str, Any]) -> Iterator[str | None]:
    """The tools that an agent would use by name; None for what cannot be told."""
    given = args.get("tools") or ()
    for name in given if isinstance(given, list | tuple) else (None,):
        yield name if isinstance(name, str) else None
    if args.get("style") == "code":
        yield PROGRAM
    if args.get("memory") == "user":
        yield REMEMBER


__all__ = ["RUN", "lent"]
