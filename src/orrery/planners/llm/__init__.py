"""The planner that asks a model: a plan in lines, whose steps start while the rest is still being written.

`grammar` says what a line means, `reader` reads lines from a stream, `assembly` puts them in an order in which they
can be planned, and `draft` is all of a plan that came so far: none of them does I/O. `binding` makes tasks of steps and
steps of tasks, `dictation` asks a model for a plan until it is right, `joiner` is the task that looks at the results,
and `planner` brings them together.
"""

from orrery.planners.llm.options import Options
from orrery.planners.llm.planner import LlmPlanner

__all__ = ["LlmPlanner", "Options"]
