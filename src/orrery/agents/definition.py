"""Agent: an agent as a Python value. A step of flows, a tool of other agents, and runnable by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from orrery.agents import run as running
from orrery.agents.spec import RUN, AgentSpec, Offered, offer, safe_name, spec_from
from orrery.errors import FlowError
from orrery.graph import INPUTS, Graph, Ref
from orrery.tools.schema import schema_of
from orrery.workflow.trace import open_trace
from orrery.workflow.workflow import InputSpec, Workflow

GOAL_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "goal": {"type": "string", "description": "what it is to reach, with all that it has to know"},
        "data": {"description": "what the goal is about, if it is more than a few words"},
    },
    "required": ["goal"],
    "additionalProperties": False,
}
"""What a model gives to an agent that it calls as a tool."""


class Agent:
    """A model with tools and instructions, which is given goals.

        helper = Agent(tools=["files.read", "files.glob"], instructions="Answer in one sentence.")

        @flow
        def report(folder: str):
            return helper(text("What is in {}?", folder))

        run(report, folder="docs")         # as a step of a flow
        run(helper, goal="What is here?")  # by itself
        Agent(tools=[helper])              # as a tool of another agent

    Args:
        tools: functions, tools, their names, other agents, or what `agent(...)` makes of anything else.
        instructions: what it is to keep to, besides the goal.
        model: "PROVIDER:MODEL" or an alias; the default model unless given.
        name: what its tasks are called, and what other agents know it by.
        description: what it is good for, in a sentence, for agents that may call it.
        output: a type (a dataclass, a TypedDict, `list[int]`) or a JSON Schema that the answer must satisfy.
        more: whatever else an `AgentSpec` has, such as `max_turns`, `width` and `approve`.

    Raises:
        AgentDefinitionError: it cannot be as it is described.
    """

    def __init__(
        self,
        *,
        tools: Iterable[Any] = (),
        instructions: str = "",
        model: str | None = None,
        name: str = "agent",
        description: str = "",
        style: Literal["react", "wide", "code"] = "wide",
        output: Any = None,
        **more: Any,
    ) -> None:
        given: dict[str, Any] = {"name": name, "instructions": instructions, "model": model, "style": style, **more}
        if output is not None:
            given["schema"] = dict(output) if isinstance(output, Mapping) else schema_of(output)
        self.spec: AgentSpec = spec_from({**given, "tools": [offer(thing) for thing in tools]})
        self.description = description or instructions.strip().partition("\n")[0] or "An agent that reaches a goal."

    def __call__(self, goal: str, data: Any = None) -> Any:
        """A step of the flow that is being traced: what comes of it is the agent's answer.

        Args:
            goal: what is to be reached; it may hold results of other steps, by `orrery.text`.
            data: what the goal is about, which the model reads as data; may be the result of another step.

        Raises:
            FlowError: no flow is being traced.
        """
        trace = open_trace()
        if trace is None:
            raise FlowError(
                f"an agent is called inside a @flow; here, write run({self.spec.name}, goal=...) to have its answer"
            )
        given: dict[str, Any] = {"goal": goal, **self.spec.as_arguments()}
        if data is not None:
            given["data"] = data
        return trace.tool_call(running.run, (), given, name=self.spec.name)

    def workflow(self, **_static: Any) -> Workflow:
        """The workflow of one task that `orrery.run` runs; its inputs are the goal and the data."""
        args = {"goal": Ref(INPUTS, ("goal",)), "data": Ref(INPUTS, ("data",)), **self.spec.as_arguments()}
        name = self.spec.name
        graph = Graph([running.run.task(name, args)], outputs={"result": Ref(name)})
        inputs = {"goal": InputSpec("goal", "string"), "data": InputSpec("data", default=None)}
        return Workflow(name, graph, inputs, description=self.description)

    def offered(self) -> Offered:
        """The agent as a tool of another one."""
        return Offered(safe_name(self.spec.name), RUN, self.spec.as_arguments(), self.description, dict(GOAL_SCHEMA))

    def __repr__(self) -> str:
        return f"<Agent {self.spec.name}>"
