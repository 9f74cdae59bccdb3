"""AgentSpec: what an agent is, as plain data that a task's arguments can hold.

Tools are named, never held: an `Offered` says under which name the model sees one, which operation it is, and which
arguments are settled already. So an agent that was written into a log can be taken up by another process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from orrery.errors import AgentDefinitionError, OrreryError, suggestion
from orrery.graph import Task, TaskId
from orrery.tools import Tool, tool, tools
from orrery.workflow import code
from orrery.workflow.step import Step
from orrery.workflow.trace import op_of

MAX_DEPTH: Final = 4
RECALL: Final = "memory.recall"
REMEMBER: Final = "memory.remember"
RUN: Final = "agent.run"
"""The operation that an agent is."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_MAX_NAME_CHARS = 60


class Offered(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool as an agent has it.

    Args:
        name: as the model sees it: letters, digits, "_" and "-".
        op: the operation: a registered tool, or a function as `workflow.code` names it.
        bound: arguments that are settled, which the model neither sees nor gives.
        description: instead of the tool's own.
        parameters: the JSON Schema of the arguments that are left; empty takes the tool's own.
    """

    name: str
    op: str
    bound: dict[str, Any] = {}
    description: str = ""
    parameters: dict[str, Any] = {}


class AgentSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent is.

    Args:
        name: what the ids of its tasks are made from, and what other agents know it by.
        instructions: what it is to keep to, besides the goal.
        model: "PROVIDER:MODEL" or an alias; None takes the default model.
        tools: what it may call.
        style: "react" (one tool in a turn), "wide" (several at once), "code" (it writes programs).
        max_turns: the most calls of the model for turns.
        width: the most tools that are called in one turn of "wide" and "code".
        widths: how that changes: "constant", "descending" (one less in each turn), or "halved" (halved after a
            turn in which a service said that it was asked too often, and one more after any other).
        schema: the JSON Schema that the answer must satisfy; None asks for text.
        corrections: how often an answer that does not satisfy it is sent back.
        approve: "ask" asks a person as the policy says, "yes" does all that it allows, "refuse" does only
            what needs no asking. Agents below it do as it does, unless they say "refuse".
        memory: which notes it recalls at its start, and may look up and add to: "" (none), those of the "run", or those
            of the "user", which later runs find too.
        max_tokens: the most tokens that its model calls may use; None sets no limit.
        tool_timeout_s: how long a call of a tool may take that has no limit of its own.
        result_chars: the most characters of one result that the model is shown.
        window_tokens: what fits into the model; None takes what the catalog says of it.
        compact_at: the share of the window from which older turns are replaced by a summary.
        summary: who writes it: "model", or "digest" (by structure, without a model).
        settings: temperature and the like, as for `model.chat`.
        cache: a turn that is equal to one that was answered before may be answered from the cache.
        depth: how deep agents below it may be nested.
    """

    name: str = "agent"
    instructions: str = ""
    model: str | None = None
    tools: tuple[Offered, ...] = ()
    style: Literal["react", "wide", "code"] = "wide"
    max_turns: int = 20
    width: int = 8
    widths: Literal["constant", "descending", "halved"] = "halved"
    schema: dict[str, Any] | None = None
    corrections: int = 2
    approve: Literal["ask", "yes", "refuse"] = "ask"
    memory: Literal["", "run", "user"] = ""
    max_tokens: int | None = None
    tool_timeout_s: float = 120.0
    result_chars: int = 16_000
    window_tokens: int | None = None
    compact_at: float = 0.6
    summary: Literal["model", "digest"] = "model"
    settings: dict[str, Any] = {}
    cache: bool = True
    depth: int = MAX_DEPTH

    def as_arguments(self) -> dict[str, Any]:
        """The arguments of `agent.run` that say the same; those left at their defaults are left out."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {**plain, "tools": list(plain["tools"])} if self.tools else plain

    @property
    def offered(self) -> tuple[Offered, ...]:
        """All that it may call: its tools, and those of its memory."""
        if not self.memory:
            return self.tools
        recall = Offered("recall", RECALL, {"scope": self.recalls})
        return _named_apart((*self.tools, recall, Offered("remember", REMEMBER, {"scope": self.memory})))

    @property
    def recalls(self) -> str:
        """The notes that it finds, as `memory.recall` names them."""
        return "run" if self.memory == "run" else "both"

    @property
    def nesting(self) -> int:
        """How many levels of agents stand below it."""
        below = [spec_from(each.bound).nesting for each in self.tools if each.op == RUN]
        return 1 + max(below) if below else 0


def spec_from(arguments: Mapping[str, Any]) -> AgentSpec:
    """The spec that arguments of `agent.run` describe, checked; tools may be names or `Offered` as data.

    Raises:
        AgentDefinitionError: a part cannot be what it is; the message names it.
    """
    known = AgentSpec.__struct_fields__
    for name in arguments:
        if name not in known:
            raise AgentDefinitionError(f"an agent has no {name!r}; {suggestion(name, known)}")
    offered = tuple(offer(thing) for thing in arguments.get("tools", ()))
    try:
        spec = msgspec.convert({**arguments, "tools": ()}, AgentSpec)
    except msgspec.ValidationError as error:
        raise AgentDefinitionError(f"the agent {arguments.get('name', 'agent')!r} cannot be so: {error}") from error
    spec = msgspec.structs.replace(spec, tools=_named_apart(offered))
    _check(spec)
    return spec


def _check(spec: AgentSpec) -> None:
    whose = f"the agent {spec.name!r}"
    if not spec.name or not spec.name.isprintable() or "/" in spec.name:
        raise AgentDefinitionError(f"{spec.name!r} cannot name an agent: use printable characters without '/'")
    for name in ("max_turns", "width", "tool_timeout_s", "result_chars"):
        if not getattr(spec, name) > 0:
            raise AgentDefinitionError(f"{whose}: {name} must be above zero, not {getattr(spec, name)}")
    if spec.corrections < 0 or not 0 < spec.compact_at <= 1:
        raise AgentDefinitionError(f"{whose}: corrections start at zero, and compact_at lies in (0, 1]")
    if spec.nesting > spec.depth:
        raise AgentDefinitionError(
            f"{whose}: agents are nested {spec.nesting} levels deep below it, and {spec.depth} is its limit; "
            "raise depth, or let it call fewer agents that call agents"
        )


def offer(thing: Any) -> Offered:
    """What a model is offered of a thing: a tool, a function, a name of one, an agent, or an `Offered` as data.

    Raises:
        AgentDefinitionError: it is none of these.
    """
    if isinstance(thing, Offered):
        return thing
    if isinstance(thing, Mapping):
        try:
            return msgspec.convert(thing, Offered)
        except msgspec.ValidationError as error:
            raise AgentDefinitionError(f"a tool of an agent cannot be {thing!r:.80}: {error}") from error
    if callable(own := getattr(thing, "offered", None)):
        made: Offered = own()
        return made
    if isinstance(thing, str):
        found = tool_of(thing)
        return Offered(safe_name(found.name), thing)
    if isinstance(thing, Tool):
        return Offered(safe_name(thing.name), op_of(thing))
    if isinstance(thing, Step):
        return offer(thing.function)
    if callable(thing):
        return Offered(safe_name(getattr(thing, "__name__", type(thing).__name__)), code.name_of(thing))
    raise AgentDefinitionError(
        f"{thing!r:.80} cannot be a tool of an agent; give a function, a tool, the name of one, or another agent"
    )


def safe_name(name: str) -> str:
    """The name as every provider takes it: letters, digits, "_" and "-", and not too many."""
    return _UNSAFE.sub("_", name)[:_MAX_NAME_CHARS] or "tool"


def _named_apart(offered: Sequence[Offered]) -> tuple[Offered, ...]:
    taken: dict[str, Offered] = {}
    for each in offered:
        name, count = each.name, 1
        while name in taken and taken[name] != each:
            count += 1
            name = f"{each.name}_{count}"
        taken.setdefault(name, msgspec.structs.replace(each, name=name) if name != each.name else each)
    return tuple(taken.values())


def tool_of(op: str) -> Tool[..., Any]:
    """The tool that an operation is; a plain function is made one.

    Raises:
        AgentDefinitionError: there is none of that name, or it cannot be loaded.
    """
    try:
        if not op.startswith((code.PYTHON, code.LOCAL)):
            return tools.get(op)
        found = code.find(op)
    except OrreryError as error:
        raise AgentDefinitionError(f"the tool {op!r} of an agent cannot be had: {error}") from error
    return as_tool(found, op)


def own_task(made: Tool[..., Any], task: TaskId, args: Mapping[str, Any]) -> Task:
    """A task that is part of an agent. What it does is registered nowhere, for nobody else could make use of it."""
    return msgspec.structs.replace(made.task(task, args), op=code.name_of(made.function))


def as_tool(found: Any, op: str) -> Tool[..., Any]:
    """A tool over whatever stands under a name: a tool, a step of flows, a function."""
    if isinstance(found, Tool):
        return found
    if isinstance(found, Step):
        own = found.own
        function: Callable[..., Any] = found.function
        return Tool(
            function,
            name=function.__name__,
            effects=own.effects,
            executor=own.executor,
            timeout_s=own.limits.timeout_s,
        )
    if not callable(found):
        raise AgentDefinitionError(f"the tool {op!r} of an agent is a {type(found).__name__}, which cannot be called")
    return tool(name=getattr(found, "__name__", "tool").strip("<>"))(found)
