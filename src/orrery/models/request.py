"""Request and Reply: what is asked of a model, and what came of it.

Messages, tool calls and usage are pydantic-ai's own types; these two only hold them together with what
Orrery adds: a key, the price, the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse

CHARS_PER_TOKEN = 4
"""Of English prose 4 to 5, of code and JSON 3 to 4. To guess and to measure by without a tokenizer, never to charge."""


@dataclass(frozen=True)
class Offer:
    """A tool that a model may call.

    Args:
        name: as the model sees it; letters, digits, "_" and "-" only.
        parameters: the JSON Schema of the arguments.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """One call of a model.

    Args:
        model: "PROVIDER:MODEL", or an alias of the catalog.
        messages: the conversation so far, oldest first.
        tools: what the model may call.
        output: the JSON Schema that the answer must satisfy; None asks for text.
        settings: temperature, max_tokens and the like, as pydantic-ai's `ModelSettings` names them.
        timeout_s: the longest that the whole call may take.
        cache: whether an equal request that was answered before may be answered from the cache.
    """

    model: str
    messages: tuple[ModelMessage, ...]
    tools: tuple[Offer, ...] = ()
    output: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = 120.0
    cache: bool = True


@dataclass(frozen=True)
class Spent:
    """What a call consumed: tokens, money in US dollars, seconds; `first_s` is the time to the first piece.

    `priced` is False where nobody knows the price, so that `money` says nothing.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    money: float = 0.0
    seconds: float = 0.0
    first_s: float = 0.0
    priced: bool = True

    @property
    def tokens(self) -> int:
        """Read and written together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class Reply:
    """A model's whole answer.

    Args:
        message: pydantic-ai's message, to be put behind the conversation.
        text: its text parts, joined.
        output: the parsed answer where a schema was asked for.
        recalled: it came from the cache, and nothing was paid.
    """

    message: ModelResponse
    text: str
    spent: Spent
    output: Any = None
    recalled: bool = False
