"""A graph of tools that need some things and give others: the way to what is wanted, and on when a tool fails.

`tools` is the graph, `reading` makes it of a file, `way` finds the cheapest way, `cut` proves that there is none,
`health` is what is known of the tools, `heal` decides what follows from a failure, `picture` draws it. Decides; runs
nothing, which is for `planners.routed`.
"""

from orrery.routing.tool_graph.cut import Proof, prove
from orrery.routing.tool_graph.heal import Compensation, Decision, Escalation, Frontier, Made, Reroute, decide
from orrery.routing.tool_graph.health import Failed, Health, Limited, Monitor, ProbeLost, Trusted, Worked
from orrery.routing.tool_graph.picture import as_mermaid
from orrery.routing.tool_graph.reading import load_tools, tool_graph
from orrery.routing.tool_graph.tools import Artefact, Tool, ToolGraph
from orrery.routing.tool_graph.way import Way, cheapest

__all__ = [
    "Artefact",
    "Compensation",
    "Decision",
    "Escalation",
    "Failed",
    "Frontier",
    "Health",
    "Limited",
    "Made",
    "Monitor",
    "ProbeLost",
    "Proof",
    "Reroute",
    "Tool",
    "ToolGraph",
    "Trusted",
    "Way",
    "Worked",
    "as_mermaid",
    "cheapest",
    "decide",
    "load_tools",
    "prove",
    "tool_graph",
]
