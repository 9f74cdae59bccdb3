"""The planner that keeps planning: after each batch of results a thinker edits what has not started.

`edits` says what a line means and what patch the lines amount to, `turns` reads off the graph what was thought
already, `thinker` is the model that thinks unless another one is named. Source: the constellation of UFO3 (Zhang et
al., 2025), whose orchestrator lets its agent edit the graph between the ends of tasks.
"""

from orrery.planners.constellation.planner import ConstellationPlanner

__all__ = ["ConstellationPlanner"]
