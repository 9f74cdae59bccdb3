"""Others' agents as ours, with one line each: a function, a pydantic-ai agent, an agent that is reached by HTTP.

    summarise = agent(summarise_text)                      # a function of a text
    helper = agent(pydantic_ai.Agent("openai:gpt-5"))      # with the model and the tools that it has
    remote = agent("http://127.0.0.1:8000/run")            # POST {"goal", "data"} -> {"answer"}

Each is a tool of two arguments, `goal` and `data`: a step of flows, a tool of other agents, and in workflow files
`uses: py:my_module:helper`, or `uses: agent.remote` with a `url`. One that stands at the top level of a module is
found there by any process that goes on with a run; so is a remote one wherever it stands.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

from orrery.agents.conversation import labelled
from orrery.agents.definition import GOAL_SCHEMA, Agent
from orrery.agents.spec import Offered, safe_name
from orrery.errors import AgentDefinitionError, ContentError
from orrery.graph import Effects
from orrery.graph.task import EffectKind
from orrery.models.answers import read_json
from orrery.tools import Context, Tool, tool
from orrery.workflow.trace import op_of, open_trace

REMOTE_TIMEOUT_S = 300.0
_UNTOLD = "An agent that reaches a goal."


class Adapted(Tool[..., Any]):
    """Another's agent as a tool of a goal and data. Made by `agent`.

    Attributes:
        keeps_loop: it keeps connections that belong to one event loop, so it must always be called on the same.
    """

    keeps_loop = False

    def __init__(self, call: Callable[..., Any], module: str, name: str, description: str, effects: Effects) -> None:
        self._module = module
        call.__name__, call.__doc__ = name, description
        super().__init__(call, name=safe_name(name), effects=effects, description=description)

    @property
    def function(self) -> Callable[..., Any]:
        """The function that calls it; called by the name under which this tool stands in its module, if it does."""
        holder = vars(sys.modules[self._module]) if self._module in sys.modules else {}
        for name, value in holder.items():
            if value is self:
                self._call.__module__, self._call.__qualname__ = self._module, name
        return self._call

    @function.setter
    def function(self, call: Callable[..., Any]) -> None:
        self._call = call

    def offered(self) -> Offered:
        """The tool as another agent has it."""
        return Offered(self.name, op_of(self), {}, self.description, dict(GOAL_SCHEMA))


class RemoteAgent(Adapted):
    """An agent that is reached by HTTP. In a graph it is `agent.remote` with its address, and needs no module."""

    def __init__(self, url: str, module: str, name: str, description: str) -> None:
        async def call(goal: str, data: Any = None, *, ctx: Context) -> Any:
            return await remote.function(url, goal, data, ctx=ctx)

        super().__init__(call, module, name, description, remote.effects_for({"url": url}))
        self.limits = remote.limits
        self.url = url

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A step of the flow that is being traced; outside of one, a coroutine."""
        trace = open_trace()
        if trace is None:
            return self.function(*args, **kwargs)
        return trace.tool_call(remote, (self.url, *args), kwargs, name=self.name)

    def offered(self) -> Offered:
        """The tool as another agent has it."""
        return Offered(self.name, remote.name, {"url": self.url}, self.description, dict(GOAL_SCHEMA))


def agent(
    what: Any, /, *, name: str | None = None, description: str | None = None, effects: EffectKind = "keyed"
) -> Adapted:
    """Anything that reaches goals, as a tool that takes a `goal` and `data`.

    Args:
        what: a function (its first argument takes the goal, its second the data), a pydantic-ai `Agent`, or a URL.
        name: what it is called; a function's own name unless given.
        description: what it is good for; the first paragraph of a function's docstring unless given.
        effects: what calling it does to the world, as for `tool`; a remote one writes to the network in any case.

    Raises:
        AgentDefinitionError: it is none of these.
    """
    module = sys._getframe(1).f_globals.get("__name__", "")
    if isinstance(what, str):
        if not what.startswith(("http://", "https://")):
            raise AgentDefinitionError(f"{what!r} is no agent; the URL of one begins with http:// or https://")
        return RemoteAgent(what, module, name or "remote_agent", description or f"The agent at {what}.")
    if _is_pydantic_agent(what):
        named = name or getattr(what, "name", None) or "pydantic_agent"
        about = description or getattr(what, "description", None) or _UNTOLD
        adapted = Adapted(_of_pydantic_agent(what), module, named, str(about), Effects(effects))
        adapted.keeps_loop = True
        return adapted
    if not callable(what) or isinstance(what, type | Agent):
        raise AgentDefinitionError(
            f"{what!r:.80} is no agent of others; give a function, a pydantic-ai Agent, or a URL. "
            "An Agent of ours is used as it is"
        )
    plain = cast("Callable[..., Any]", getattr(what, "function", what))
    about = description or (inspect.getdoc(plain) or "").partition("\n\n")[0] or _UNTOLD
    named = name or str(getattr(plain, "__name__", type(plain).__name__))
    return Adapted(_of_function(plain, named), module, named, about, Effects(effects))


def _of_function(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    parameters = inspect.signature(function).parameters.values()
    takes = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD and each.name != "ctx"]
    wants_context = any(each.name == "ctx" for each in parameters)
    needed = [each for each in parameters if each.default is each.empty and each.name not in (*takes[:2], "ctx")]
    if not takes or any(each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in needed):
        raise AgentDefinitionError(f"{name!r} cannot be an agent: it must take a goal, and at most data besides")

    # Not async, also where the function is: it gets a thread of its own, so that it cannot hold anything else up.
    def call(goal: str, data: Any = None, *, ctx: Context) -> Any:
        more = {"ctx": ctx} if wants_context else {}
        if data is None:
            return function(goal, **more)
        if len(takes) > 1:
            return function(goal, data, **more)
        return function(with_data(goal, data), **more)

    return call


def _is_pydantic_agent(what: Any) -> bool:
    loaded = sys.modules.get("pydantic_ai.agent")  # who has made one, has imported it
    return loaded is not None and isinstance(what, loaded.AbstractAgent)


def _of_pydantic_agent(what: Any) -> Callable[..., Awaitable[Any]]:
    async def call(goal: str, data: Any = None, *, ctx: Context) -> Any:
        done = await what.run(goal if data is None else with_data(goal, data))
        used = done.usage
        ctx.usage(tokens=used.input_tokens + used.output_tokens)
        return done.output

    return call


def with_data(goal: str, data: Any) -> str:
    """A goal and the data that came with it as one text, for agents that take no more than that."""
    return f"{goal}\n\n{labelled('the data that came with the goal', data)}"


@tool(name="agent.remote", effects="keyed", writes=("net:{url}",), timeout_s=REMOTE_TIMEOUT_S, estimate_s=10.0)
async def remote(url: str, goal: str, data: Any = None, *, ctx: Context) -> Any:
    """The answer of an agent that is reached by HTTP: POST {"goal", "data"} to it, and {"answer"} comes back.

    The same idempotency key goes with every attempt, so a server that knows such keys works once.

    Args:
        url: where it listens.
        goal: what it is to reach.
        data: what the goal is about.

    Raises:
        HttpError: it refused, or could not be reached.
        ContentError: it answered with something else.
    """
    from orrery.tools import http

    asked = {"goal": goal} if data is None else {"goal": goal, "data": data}
    headers = {"Idempotency-Key": ctx.idempotency_key}
    response = await http.post.function(
        url, json=asked, headers=headers, timeout_s=REMOTE_TIMEOUT_S, parse="text", ctx=ctx
    )
    try:
        answer = read_json(response["body"])
    except ValueError as error:
        raise ContentError(f"the agent at {url} did not answer in JSON: {error}") from error
    if not isinstance(answer, dict) or "answer" not in answer:
        raise ContentError(f'the agent at {url} must answer with {{"answer": ...}}, not with {answer!r:.80}')
    return answer["answer"]
