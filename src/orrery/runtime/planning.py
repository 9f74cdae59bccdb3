"""The tool "plan": a planner as a task of the run that it plans."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, cast

import msgspec

from orrery.errors import NotSerialisableError, PatchRefused, RequestError
from orrery.graph import Patch
from orrery.planners import Goal, planners
from orrery.runtime.view import LiveView
from orrery.tools.context import ToolContext
from orrery.tools.tool import tool


@tool(name="plan", effects="idempotent", executor="planner")
async def plan(goal: Mapping[str, Any] | str, ctx: ToolContext, planner: str = "rules") -> dict[str, int]:
    """Plan how a goal is reached, while the run goes on; returns how many patches were made and refused.

    Args:
        goal: the request in plain words, or the fields of a `Goal`.
        planner: the name of the planner.

    Raises:
        UnknownNameError: there is no such planner.
        PatchRefused: the scheduler refused a patch, and the planner had nothing to say to that.
    """
    if not isinstance(ctx, LiveView):
        raise RequestError("'plan' changes the run that it belongs to: it needs executor 'planner'")
    wanted = Goal(goal) if isinstance(goal, str) else msgspec.convert(goal, Goal)
    made = refused = 0
    async with aclosing(cast("AsyncGenerator[Patch]", planners.get(planner)().plan(wanted, ctx))) as patches:
        problem: Exception | None = None
        while True:
            try:
                patch = await (anext(patches) if problem is None else patches.athrow(problem))
            except StopAsyncIteration:
                return {"patches": made, "refused": refused}
            problem = None
            if not patch.edits:
                continue
            try:
                await ctx.apply(patch)
                made += 1
            except (PatchRefused, NotSerialisableError) as error:
                problem = error
                refused += 1
