"""What a simulated model is asked: one form for all wire formats, which is also what scripts read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import msgspec

from orrery.models.request import Offer

Role = Literal["system", "user", "assistant", "tool"]
Kind = Literal["openai-chat", "openai-responses", "anthropic", "google", "ollama"]
KINDS: tuple[Kind, ...] = ("openai-chat", "openai-responses", "anthropic", "google", "ollama")


@dataclass(frozen=True)
class Call:
    """A tool call: the tool's name, its arguments, and the id by which its result refers to it.

    Args:
        args: an object; or a text, sent as it is, for arguments that are no JSON.
        id: made up by the server where it is left empty.
    """

    name: str
    args: Mapping[str, Any] | str = field(default_factory=dict)
    id: str = ""

    @cached_property
    def written(self) -> str:
        """The arguments as the JSON text that the model writes."""
        return self.args if isinstance(self.args, str) else msgspec.json.encode(self.args).decode()

    @property
    def value(self) -> Any:
        """The arguments as a value, for formats that send them as one; a text that is no JSON under "text"."""
        if not isinstance(self.args, str):
            return self.args
        try:
            found = msgspec.json.decode(self.args)
        except (msgspec.DecodeError, RecursionError):
            return {"text": self.args}
        return found if isinstance(found, dict) else {"text": self.args}


@dataclass(frozen=True)
class Result:
    """What a tool gave back: the call's id, the tool's name and the result as text."""

    id: str
    name: str
    text: str


@dataclass(frozen=True)
class Message:
    """One message of the conversation: text, calls by the model, or results of tools."""

    role: Role
    text: str = ""
    calls: tuple[Call, ...] = ()
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Asked:
    """One request to a model, whatever the format it came in.

    Args:
        model: the name as it was sent.
        messages: the conversation, oldest first; system prompts first.
        tools: what the model may call.
        output: the JSON Schema that the answer must satisfy, {} for any JSON object; None asks for text.
        must_call: the model is told to call a tool.
        max_tokens: the most it may write.
        stops: texts at which it must end.
        settings: what else was set, as it was sent: temperature, seed and the like.
        stream: whether the answer is to be streamed.
        usage: whether a stream is to say what it used; only OpenAI's chat format leaves the choice.
        kind: the wire format.
        number: how many requests this server had had, this one included.
    """

    model: str
    messages: tuple[Message, ...] = ()
    tools: tuple[Offer, ...] = ()
    output: Mapping[str, Any] | None = None
    must_call: bool = False
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    usage: bool = True
    kind: Kind = "openai-chat"
    number: int = 0

    @property
    def text(self) -> str:
        """The newest text of the user."""
        return next((one.text for one in reversed(self.messages) if one.role == "user" and one.text), "")

    @property
    def system(self) -> str:
        """The system prompts, joined."""
        return "\n".join(one.text for one in self.messages if one.role == "system")

    @property
    def results(self) -> tuple[Result, ...]:
        """The results of tools that came in since the model last spoke."""
        found: list[Result] = []
        for message in reversed(self.messages):
            if message.role == "assistant":
                break
            found[:0] = message.results
        return tuple(found)

    @property
    def turn(self) -> int:
        """How often the model has spoken in this conversation."""
        return sum(one.role == "assistant" for one in self.messages)

    @cached_property
    def prompt(self) -> str:
        """All that the model reads, as one text: tools, then messages. Its length is what is paid for."""
        lines = [msgspec.json.encode([t.name, t.description, t.parameters]).decode() for t in self.tools]
        for message in self.messages:
            lines.append(f"{message.role}: {message.text}")
            lines += [f"call {call.name} {call.written}" for call in message.calls]
            lines += [f"result {result.name} {result.text}" for result in message.results]
        return "\n".join(lines)

    @cached_property
    def digest(self) -> str:
        """Equal for requests that ask the same of the same model, in whichever format and under whichever ids."""
        return hashlib.sha256(f"{self.model}\n{self.prompt}\n{_schema(self.output)}".encode()).hexdigest()


def together(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages with results that follow each other in one; some formats send one message for each."""
    found: list[Message] = []
    for message in messages:
        if message.results and found and found[-1].results:
            found[-1] = replace(message, results=(*found[-1].results, *message.results))
        else:
            found.append(message)
    return tuple(found)


def _schema(output: Mapping[str, Any] | None) -> str:
    return msgspec.json.encode(output, order="deterministic").decode()
