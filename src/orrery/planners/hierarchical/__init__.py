"""Hierarchical planning: an agent that plans and reviews, over specialists that are agents with tools of their own.

Not for what one tool does, nor for what one agent can keep in mind: there every hand-over costs a call. May import
`agents`, `workflow`, `tools`, `models` and `graph`.
"""

from orrery.planners.hierarchical.planner import HierarchicalPlanner
from orrery.planners.hierarchical.specialists import Specialist, specialists

__all__ = ["HierarchicalPlanner", "Specialist", "specialists"]
