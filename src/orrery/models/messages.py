"""Messages as data, and back: the form in which conversations are journaled and handed from task to task.

The messages themselves are pydantic-ai's; this module only makes plain JSON data of them and names the few
that the rest of Orrery uses. Needs `orrery[models]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orrery.errors import ArgumentError, MissingExtraError

try:
    from pydantic import ValidationError
    from pydantic_ai.messages import (
        BinaryContent,
        ModelMessage,
        ModelMessagesTypeAdapter,
        ModelRequest,
        ModelResponse,
        RetryFeedbackPart,
        RetryInfo,
        SystemPromptPart,
        TextPart,
        ThinkingPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )
except ImportError as missing:
    raise MissingExtraError("models", needed_for="talking to models") from missing

Data = dict[str, Any]
"""One message as plain JSON data."""


def to_data(messages: Iterable[ModelMessage]) -> list[Data]:
    """The messages as JSON data: maps, lists, text, numbers; bytes become base64. What is not set is left out."""
    return [_lean(data) for data in ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")]


def _lean(message: Data) -> Data:
    """Without the None of fields that are not set: it halves what is journaled. What a tool returned is left alone."""
    kept = {name: value for name, value in message.items() if value is not None}
    kept["parts"] = [
        {name: value for name, value in part.items() if value is not None or name == "content"}
        for part in message["parts"]
    ]
    return kept


def from_data(data: Iterable[Any]) -> list[ModelMessage]:
    """The messages that `to_data` made; lists within the list are opened, and messages themselves may stand there.

    So a task can hand over a conversation and what was said since, each a reference of its own.

    Raises:
        ArgumentError: something in it is no message.
    """
    found: list[ModelMessage] = []
    for position, item in enumerate(_flat(data)):
        if isinstance(item, ModelRequest | ModelResponse):
            found.append(item)
            continue
        if not isinstance(item, Mapping):
            raise ArgumentError(f"message {position} is a {type(item).__name__}; to_data makes maps of them")
        try:
            found += ModelMessagesTypeAdapter.validate_python([dict(item)])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"][1:])
            raise ArgumentError(f"message {position} is none of a model's: {where}: {first['msg']}") from None
    return found


def _flat(data: Iterable[Any]) -> Iterator[Any]:
    for item in data:
        if isinstance(item, list | tuple):
            yield from _flat(item)
        else:
            yield item


def prompt(text: str, *, system: str | None = None, history: Iterable[tuple[str, str]] = ()) -> list[ModelMessage]:
    """The conversation that ends with what a person says.

    Args:
        system: what the model is told first.
        history: the questions before, each with its answer, oldest first.
    """
    parts: list[Any] = [SystemPromptPart(system)] if system else []
    messages: list[ModelMessage] = []
    for question, answer in history:
        messages += [ModelRequest(parts=[*parts, UserPromptPart(question)]), ModelResponse(parts=[TextPart(answer)])]
        parts = []
    return [*messages, ModelRequest(parts=[*parts, UserPromptPart(text)])]


def text_of(response: ModelResponse) -> str:
    """The text parts of an answer, joined."""
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))


def calls_of(response: ModelResponse) -> list[ToolCallPart]:
    """The tool calls that an answer asks for, in order."""
    return [part for part in response.parts if isinstance(part, ToolCallPart)]


__all__ = [
    "BinaryContent",
    "Data",
    "ModelMessage",
    "ModelRequest",
    "ModelResponse",
    "RetryFeedbackPart",
    "RetryInfo",
    "SystemPromptPart",
    "TextPart",
    "ThinkingPart",
    "ToolCallPart",
    "ToolReturnPart",
    "UserPromptPart",
    "calls_of",
    "from_data",
    "prompt",
    "text_of",
    "to_data",
]
