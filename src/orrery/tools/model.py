"""Models as tools: ask one a question, or carry on a conversation in which it may call tools.

A call is an ordinary task: streamed, cached, limited, paid for, tried again by the retry rule of its task, and
cancelled with it. Needs the extra `models`; what is asked and how stands in the settings of the models.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import msgspec

from orrery.errors import ModelSettingsError, Problem
from orrery.graph import Retry
from orrery.models import Offer, Reply, Request
from orrery.models.config import FILE_VARIABLE, MODEL_VARIABLE, default_model
from orrery.tools.context import ToolContext
from orrery.tools.tool import tool

ANSWER_WITHIN_S = 300.0
USUAL_S = 5.0
"""What a call counts as for the order of a run where nothing is known of it."""
_ATTEMPT_S = 900.0  # the answer, and the wait for the provider's limits before it
_AGAIN = Retry(attempts=4, backoff_s=1.0, max_backoff_s=30.0)  # a provider that is busy says for how long

_LEVELS = ((16384, "high"), (8192, "medium"), (2048, "low"))

ModelName = Annotated[str | None, 'as "PROVIDER:MODEL", or an alias; the default model unless given']


class ToolCall(TypedDict):
    """A tool that the model asks for; `id` ties the result to it."""

    id: str
    name: str
    args: dict[str, Any]


class Exchange(TypedDict):
    """A question that was asked, and the answer that came."""

    question: str
    answer: str


class Turn(TypedDict):
    """What a model said. `message` is to be put behind the conversation; `output` is the answer to a schema."""

    message: dict[str, Any]
    text: str
    calls: list[ToolCall]
    output: Any
    spent: dict[str, Any]


@tool(
    name="model.ask",
    effects="idempotent",
    reads=("model:{model}",),
    timeout_s=_ATTEMPT_S,
    retry=_AGAIN,
    estimate_s=USUAL_S,
)
async def ask(
    prompt: str,
    *,
    model: ModelName = None,
    system: str | None = None,
    history: list[Exchange] | None = None,
    schema: dict[str, Any] | None = None,
    temperature: float | None = None,
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None,
    thinking_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None,
    cache: bool = True,
    timeout_s: float = ANSWER_WITHIN_S,
    ctx: ToolContext | None = None,
) -> Any:
    """Ask a model: its answer as text, or as data where a schema is given.

    Args:
        system: what the model is told beforehand.
        history: what was asked and answered before in the same conversation, oldest first; [] begins one that no
            optimiser makes part of another.
        schema: the JSON Schema of the answer.
        temperature: 0 for the likeliest answer; the provider's own default unless given.
        max_tokens: the longest answer.
        thinking_tokens: about how many tokens of thought before the answer, as the nearest level below that
            the provider has; 0 for none; the model's own default unless given.
        cache: an equal question that was answered before may be answered from the cache, for nothing.
        timeout_s: the longest that the answer may take.
    """
    from orrery.models.call import complete, ready

    await ready()
    from orrery.models.messages import prompt as conversation

    given = {"temperature": temperature, "max_tokens": max_tokens, "thinking": thinking_level(thinking_tokens)}
    said = [(one["question"], one["answer"]) for one in history or ()]
    request = Request(
        model=_named(model),
        messages=tuple(conversation(prompt, system=system, history=said)),
        output=schema,
        settings={name: value for name, value in given.items() if value is not None},
        timeout_s=timeout_s,
        cache=cache,
    )
    reply = await complete(request, ctx)
    return reply.text if schema is None else reply.output


@tool(
    name="model.chat",
    effects="idempotent",
    reads=("model:{model}",),
    timeout_s=_ATTEMPT_S,
    retry=_AGAIN,
    estimate_s=USUAL_S,
)
async def chat(
    messages: list[Any],
    *,
    model: ModelName = None,
    tools: list[Offer] | None = None,
    schema: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    cache: bool = True,
    timeout_s: float = ANSWER_WITHIN_S,
    ctx: ToolContext | None = None,
) -> Turn:
    """One turn of a conversation: what the model says next, with the tools it wants called.

    Args:
        messages: the conversation as data; lists within the list are opened.
        tools: what the model may call, each with name, description and parameters (a JSON Schema).
        schema: the JSON Schema that the final answer must satisfy.
        settings: temperature, max_tokens, top_p, seed, stop_sequences, parallel_tool_calls, thinking and the like.
        cache: an equal turn that was answered before may be answered from the cache, for nothing.
        timeout_s: the longest that the answer may take.
    """
    from orrery.models.call import complete, ready

    await ready()
    from orrery.models.messages import from_data

    request = Request(
        model=_named(model),
        messages=tuple(from_data(messages)),
        tools=tuple(tools or ()),
        output=schema,
        settings=settings or {},
        timeout_s=timeout_s,
        cache=cache,
    )
    return turn(await complete(request, ctx))


def thinking_level(tokens: int | None) -> bool | str | None:
    """The level of thought for so many tokens: False for none, None for the model's own default.

    Providers agree on names, not on numbers. A level begins here at the lowest budget that one of them gives it: 2048,
    8192 and 16384 tokens for low, medium and high, by the tables of pydantic-ai 2.66.
    """
    if not tokens:
        return None if tokens is None else False
    return next((level for least, level in _LEVELS if tokens >= least), "minimal")


def turn(reply: Reply) -> Turn:
    """A reply as data that can be journaled."""
    from orrery.models.messages import calls_of, to_data

    return {
        "message": to_data([reply.message])[0],
        "text": reply.text,
        "calls": [
            {"id": call.tool_call_id, "name": call.tool_name, "args": call.args_as_dict()}
            for call in calls_of(reply.message)
        ],
        "output": reply.output,
        "spent": {**msgspec.to_builtins(reply.spent), "recalled": reply.recalled},
    }


def _named(model: str | None) -> str:
    name = model or default_model()
    if name is None:
        message = (
            f'no model is named, and there is no default; give one as model="PROVIDER:MODEL", set ${MODEL_VARIABLE}, '
            f"or write `default` into the file that ${FILE_VARIABLE} names"
        )
        raise ModelSettingsError([Problem("model-settings", "argument 'model'", message)])
    return name
