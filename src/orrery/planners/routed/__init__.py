"""Routes in a run: `route` grows into the cheapest way through a graph of tools, and heals it when a step fails.

All decisions are `orrery.routing`'s; here they become tasks, and what became of tasks becomes what is known. Not for
work whose steps are known beforehand: that is a workflow. May import `routing`, `workflow`, `tools`, `models` and
`graph`.
"""

from orrery.planners.routed.record import Answered, answers, health_of
from orrery.planners.routed.round import Round

__all__ = ["Answered", "Round", "answers", "health_of"]
