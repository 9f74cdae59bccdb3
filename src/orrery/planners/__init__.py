"""From a request to a graph: planners, behind one protocol, that yield patches.

They decide and run nothing: the runtime runs a planner as a task. May import `agents`, `workflow`, `tools`,
`models`, `memory`, `scheduler` (its states) and `graph`.
"""

from __future__ import annotations

from collections.abc import Callable

from orrery.planners.drafting import adraft, draft
from orrery.planners.protocol import Checking, Goal, Planner, View, check
from orrery.registry import Registry

planners: Registry[Callable[[], Planner]] = Registry("planner", group="orrery.planners")
"""Factories of planners, by name. Those that come with Orrery are entry points like any other's."""

__all__ = ["Checking", "Goal", "Planner", "View", "adraft", "check", "draft", "planners"]
