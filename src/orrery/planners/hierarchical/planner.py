"""HierarchicalPlanner: one patch, whose only task is the planning agent.

Source: the two levels of AgentOrchestra (Zhang et al., 2025): a planning agent that breaks a request down, hands parts
to specialised agents and revises. Ours differs in that handing over is calling a tool: a specialist is a task that
the agent's turn grows into, so specialists work at the same time, and each of their calls is in the log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orrery.errors import PlannerOptionError
from orrery.graph import Add, Patch, Ref, SetOutputs
from orrery.models.prompts import prompt
from orrery.planners.asking import model_named
from orrery.planners.hierarchical.specialists import Specialist, chosen
from orrery.planners.options import Count, read_options
from orrery.planners.protocol import Goal, View, own_name

LEAD = "lead"


class Staffing(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The options of the hierarchical planner.

    Args:
        specialists: names of registered ones, or maps with the fields of a `Specialist`; all registered ones unless
            given.
        model: whom all agents ask; None means the default model.
        max_turns: the most turns of the planning agent.
        width: how many specialists may work at once.
        max_tokens: the most tokens that the planning agent may use itself; None sets no limit.
    """

    specialists: tuple[Any, ...] | None = None
    model: str | None = None
    max_turns: Count = 12
    width: Count = 5
    max_tokens: Count | None = None


class HierarchicalPlanner:
    """Gives a request to an agent that plans, and that hands the parts to specialists.

    Its options are the fields of `Staffing`. The plan is that agent alone, so drafting it asks nobody.
    """

    def check(self, goal: Goal) -> None:
        """Whether there are specialists for it and a model to ask. Raises PlannerOptionError, UnknownNameError."""
        staffing, staff = _staffed(goal)
        model_named(staffing.model)
        if not staff:
            raise PlannerOptionError("no specialist has a tool that the request allows; allow more tools")

    async def plan(self, goal: Goal, view: View) -> AsyncIterator[Patch]:
        """The patch that adds the planning agent. Raises PlannerOptionError, UnknownNameError."""
        from orrery.agents.run import run

        self.check(goal)
        staffing, staff = _staffed(goal)
        lead = own_name(view.task, LEAD)
        if view.state(lead) is not None:
            return  # called again after a crash: the agent goes on by itself
        args = _lead(goal, staffing, staff)
        because = f"{len(staff)} specialists: {', '.join(each.name for each in staff)}"
        edits = (Add(run.task(lead, args, label=goal.text[:80])), SetOutputs({"answer": Ref(lead)}))
        yield Patch(edits, by="hierarchical", because=because)


def _staffed(goal: Goal) -> tuple[Staffing, list[Specialist]]:
    """What the options say, and the specialists that have a tool for it."""
    staffing = read_options(Staffing, goal.options, planner="hierarchical")
    return staffing, [each for each in chosen(staffing.specialists) if each.tool_names(goal.tools) or not each.tools]


def _lead(goal: Goal, staffing: Staffing, staff: list[Specialist]) -> dict[str, Any]:
    """The arguments of the planning agent."""
    model = model_named(staffing.model)
    listed = "\n".join(f"- {each.name}: {each.description}" for each in staff)
    args: dict[str, Any] = {
        "goal": goal.text,
        "name": LEAD,
        "instructions": prompt("planners/hierarchical-lead", specialists=listed),
        "model": model,
        "style": "wide",
        "tools": [each.offered(goal.tools, model=model, approve=goal.approve) for each in staff],
        "max_turns": staffing.max_turns,
        "width": staffing.width,
        "approve": goal.approve,
    }
    if staffing.max_tokens is not None:
        args["max_tokens"] = staffing.max_tokens
    return args


__all__ = ["LEAD", "HierarchicalPlanner", "Staffing"]
