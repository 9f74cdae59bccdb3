"""RecursivePlanner: one patch, whose only task grows into the tree that solves the request."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orrery.graph import Add, Patch, Ref, SetOutputs
from orrery.planners.asking import model_named
from orrery.planners.protocol import Goal, View, own_name
from orrery.planners.recursive.method import method_of
from orrery.planners.recursive.node import Node
from orrery.planners.recursive.steps import node_task

ROOT = "root"


class RecursivePlanner:
    """Splits a request into parts, and parts into parts, until each can be done in one step.

    Its options are the fields of `Method`. The plan is the root alone, so drafting it asks nobody.
    """

    def check(self, goal: Goal) -> None:
        """Whether the options are right and there is a model, if one is needed. Raises PlannerOptionError."""
        method = method_of(goal.options, tools=goal.tools, approve=goal.approve)
        if method.asks_a_model:
            model_named(method.model)

    async def plan(self, goal: Goal, view: View) -> AsyncIterator[Patch]:
        """The patch that adds the root. Raises PlannerOptionError."""
        self.check(goal)  # better now than in the middle of the tree
        method = method_of(goal.options, tools=goal.tools, approve=goal.approve)
        place = own_name(view.task, ROOT)
        if view.state(place) is not None:
            return  # called again after a crash: the tree goes on by itself
        root = Node(
            id=place,
            goal=goal.text,
            request=goal.text,
            budget=method.budget,
            method=method,
            redos=method.redos,
            is_root=True,
        )
        outputs = {"answer": Ref(place, ("result",)), "summary": Ref(place, ("summary",))}
        yield Patch(
            (Add(node_task(root)), SetOutputs(outputs)), by="recursive", because="the root grows into what it needs"
        )


__all__ = ["ROOT", "RecursivePlanner"]
