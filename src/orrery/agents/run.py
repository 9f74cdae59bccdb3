"""`agent.run`: from a goal to an answer. It grows into the brief and the first turn, and the turns do the rest."""

from __future__ import annotations

from typing import Any, Final

from orrery.agents.calls import offer_data
from orrery.agents.conversation import opening
from orrery.agents.spec import RECALL, RUN, AgentSpec, own_task, spec_from, tool_of
from orrery.agents.styles import answer_offer, system_prompt
from orrery.agents.turn import first_turn
from orrery.errors import OrreryError
from orrery.graph import Graph, Ref
from orrery.models.prompts import prompt
from orrery.tools import tool

WINDOW_TOKENS: Final = 32_000
"""What is taken to fit into a model of which nothing is known."""
_OWN = AgentSpec()


@tool(name=RUN, effects="idempotent", executor="inline")
def run(
    goal: str,
    data: Any = None,
    *,
    name: str = _OWN.name,
    instructions: str = _OWN.instructions,
    model: str | None = _OWN.model,
    tools: list[Any] | None = None,
    style: str = _OWN.style,
    max_turns: int = _OWN.max_turns,
    width: int = _OWN.width,
    widths: str = _OWN.widths,
    schema: dict[str, Any] | None = _OWN.schema,
    corrections: int = _OWN.corrections,
    approve: str = _OWN.approve,
    memory: str = _OWN.memory,
    max_tokens: int | None = _OWN.max_tokens,
    tool_timeout_s: float = _OWN.tool_timeout_s,
    result_chars: int = _OWN.result_chars,
    window_tokens: int | None = _OWN.window_tokens,
    compact_at: float = _OWN.compact_at,
    summary: str = _OWN.summary,
    settings: dict[str, Any] | None = None,
    cache: bool = _OWN.cache,
    depth: int = _OWN.depth,
) -> Graph:
    """Reach a goal by a model that calls tools: what comes of it is the agent's answer.

    Args:
        goal: what is to be reached, in plain words.
        data: what the goal is about; the model reads it as data, not as instructions.
        name: what other agents know it by.
        instructions: what it is to keep to, besides the goal.
        model: "PROVIDER:MODEL" or an alias; the default model unless given.
        tools: what it may call: names of tools, "py:module:function", or maps with "name", "op" and "bound".
        style: "react" (one tool in a turn), "wide" (several at once) or "code" (it writes programs).
        max_turns: the most turns.
        width: the most tools that are called in one turn.
        widths: "constant", "descending", or "halved" after a turn in which a service was asked too often.
        schema: the JSON Schema of the answer; text unless given.
        corrections: how often an answer that does not fit the schema is sent back.
        approve: "ask" a person as the policy says, "yes" to all that it allows, or "refuse" what it would ask for.
        memory: whose notes it recalls and may add to: those of the "run" or of the "user"; nobody's unless given.
        max_tokens: the most tokens that its model calls may use.
        tool_timeout_s: how long a call of a tool may take that has no limit of its own.
        result_chars: the most characters of one result that the model is shown.
        window_tokens: what fits into the model; as the catalog says unless given.
        compact_at: the share of the window from which older turns are summarised.
        summary: who summarises them: the "model", or a "digest" by structure.
        settings: temperature and the like, as for model.chat.
        cache: an equal turn that was answered before may be answered from the cache.
        depth: how deep agents below it may be nested.

    Raises:
        AgentDefinitionError: the agent cannot be as it is described.
    """
    given = {key: value for key, value in locals().items() if key not in ("goal", "data") and value is not None}
    spec = spec_from(given)
    told: dict[str, Any] = {"spec": spec.as_arguments(), "goal": goal}
    if data is not None:
        told["data"] = data
    before = []
    if spec.memory:
        before.append(tool_of(RECALL).task("recall", {"query": goal, "scope": spec.recalls}))
        told["memories"] = Ref("recall")
    return Graph([*before, own_task(brief, "brief", told), *first_turn(spec)], outputs={"result": Ref("1")})


@tool(name="agent.brief", effects="idempotent", executor="inline")
def brief(spec: dict[str, Any], goal: str, data: Any = None, memories: list[Any] | None = None) -> dict[str, Any]:
    """What all turns of an agent refer to: the opening of its conversation, its tools, its window.

    Args:
        spec: what the agent is.
        memories: what it remembers of earlier work.
    """
    agent = spec_from(spec)
    notes = [prompt("agents/last")] if agent.max_turns == 1 else []
    window = agent.window_tokens or _window(agent.model)
    offers = [offer_data(each) for each in agent.offered]
    if agent.schema is not None:
        offers.append(answer_offer(agent.schema))
    chars = max(500, min(agent.result_chars, window))
    first = opening(system_prompt(agent), goal, data=data, memories=memories or [], notes=notes, chars=chars)
    return {
        "messages": [first],
        "tools": offers,
        "spec": agent.as_arguments(),
        "goal": goal,
        "data": data,
        "window_tokens": window,
    }


def _window(model: str | None) -> int:
    """How many tokens the model can read, as far as it is known."""
    from orrery.models import catalog, config

    try:
        settings = config.settings()
        name = model or config.default_model()
        known = catalog.entry(settings.named(name), settings).window_tokens if name else None
    except OrreryError:  # whatever is wrong with the settings is said by the call of the model
        known = None
    return known or WINDOW_TOKENS
