"""Agents: tasks that grow, turn by turn, from a goal to an answer.

One turn is two tasks: the call of a model, and the decision on its reply, which answers or grows into the tools that
were asked for and the next turn. `Agent` makes one, `agent` takes one of others, and `agent.run` is the operation.
May import `workflow`, `tools`, `memory`, `models`, `graph`, `registry` and `errors`; knows nothing of scheduling.
"""

from typing import TYPE_CHECKING

from orrery.lazy import exports

if TYPE_CHECKING:
    from orrery.agents.adapters import agent
    from orrery.agents.definition import Agent
    from orrery.agents.spec import AgentSpec

__all__ = ["Agent", "AgentSpec", "agent"]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Agent": "orrery.agents.definition",
        "AgentSpec": "orrery.agents.spec",
        "agent": "orrery.agents.adapters",
    },
)
