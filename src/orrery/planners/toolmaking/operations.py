"""Toolmaking as tools: for agents, and for workflows."""

from __future__ import annotations

from typing import Any, TypedDict, cast

import msgspec

from orrery.errors import RequestError
from orrery.planners.toolmaking.maker import REPAIRS, find_or_make
from orrery.tools import ToolContext, tool, tools
from orrery.tools.toolset import MADE_PREFIX

_MAKING_S = 900.0


class FoundTool(TypedDict):
    """A tool for a need: its name, what it does, its arguments as a JSON Schema, whether it was made just now."""

    tool: str
    description: str
    arguments: dict[str, Any]
    built: bool
    because: str


# What it writes is the library of tools, a store of Orrery's own like the cache of models: what gets in there has
# been tested, computes and nothing else, and runs under limits. So no person has to be asked.
@tool(name="toolmaking.find", effects="idempotent", reads=("model:{model}",), timeout_s=_MAKING_S, estimate_s=10.0)
async def find(need: str, *, model: str | None = None, repairs: int = REPAIRS, ctx: ToolContext) -> FoundTool:
    """Find a tool that does what is needed; where none does, one is written, tested, and kept for the next time.

    Args:
        need: what it must do, for any input of its kind, with an example if that helps.
        model: whom to ask; the default model unless given.
        repairs: how often code that failed its tests is written again.
    """
    found = await find_or_make(need, ctx, model=model, repairs=repairs)
    return cast("FoundTool", msgspec.structs.asdict(found))


@tool(name="toolmaking.use", effects="pure", executor="inline")
async def use(tool: str, args: dict[str, Any], *, ctx: ToolContext) -> Any:
    """Call a tool that was made, by the name that finding it gave.

    Args:
        tool: its name, which begins with "made.".
        args: its arguments, as its schema says.
    """
    if not tool.startswith(MADE_PREFIX):
        raise RequestError(f"{tool!r} was not made, so it is called by its own name; this calls {MADE_PREFIX}... only")
    made = tools.get(tool)
    return await made.call(args, ctx)


__all__ = ["find", "use"]
