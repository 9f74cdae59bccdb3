"""The tool "plan": a planner as a task of the run that it plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.errors import RequestError
from orrery.planners import Goal, planners
from orrery.planners.driving import drive
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
    driven = await drive(planners.get(planner)().plan(wanted, ctx), ctx.apply)
    return driven._asdict()
