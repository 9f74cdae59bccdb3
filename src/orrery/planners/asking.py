"""Asking a model for data: a prompt file and a schema in, the data and what it took out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orrery.errors import PlannerOptionError
from orrery.models import Request
from orrery.tools.context import ToolContext

CHARS_PER_TOKEN = 3
"""Of a prompt, at least: what is estimated by it is never too low for text in a Latin script."""
MOST_TOKENS = 4096
"""The longest reply that is asked for where nothing else says how long it may be."""


TEXT: Mapping[str, Any] = {"type": "string"}


def object_of(**properties: Any) -> dict[str, Any]:
    """The JSON Schema of an object that has all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


class Told(NamedTuple):
    """What a model replied: the data, and the tokens that the call took."""

    data: Any
    tokens: int


async def ask(
    text: str,
    schema: Mapping[str, Any],
    ctx: ToolContext,
    *,
    model: str | None = None,
    tokens: int | None = None,
    timeout_s: float = 120.0,
) -> Told:
    """The data that a model replies with.

    Args:
        text: the whole prompt.
        schema: the JSON Schema of the data.
        model: whom to ask; None means the default model.
        tokens: what the call may use, read and written together; None sets no limit.

    Raises:
        PlannerOptionError: there is no model to ask.
        ModelError: it gave no usable answer.
    """
    from orrery.models.call import complete, ready

    await ready()
    from orrery.models.messages import prompt

    most = MOST_TOKENS if tokens is None else max(1, min(MOST_TOKENS, left_to_write(text, tokens)))
    request = Request(
        model_named(model),
        tuple(prompt(text)),
        output=schema,
        settings={"max_tokens": most},
        timeout_s=timeout_s,
    )
    reply = await complete(request, ctx)
    return Told(reply.output, 0 if reply.recalled else reply.spent.tokens)


def left_to_write(text: str, tokens: int) -> int:
    """How many tokens a reply to that prompt may have, if both together are to take so many."""
    return tokens - len(text) // CHARS_PER_TOKEN - 1


def model_named(model: str | None) -> str:
    """The model to ask: the one named, else the default. Raises PlannerOptionError."""
    from orrery.models.call import default_model

    found = model or default_model()
    if found is None:
        raise PlannerOptionError(
            "this planner asks a model, and none is named: give the option `model`, set ORRERY_MODEL, "
            "or write a `default` into .orrery/models.toml"
        )
    return found


__all__ = ["CHARS_PER_TOKEN", "MOST_TOKENS", "TEXT", "Told", "ask", "left_to_write", "model_named", "object_of"]
