"""Providers: from "PROVIDER:MODEL" to a client that can be asked, in any of five wire formats.

The connections belong to the event loop: one HTTP client for all providers, opened when the loop first
needs it, and closed when the loop shuts down its generators, as `asyncio.run` does. The libraries of the
providers try nothing twice: trying again is the scheduler's, which knows limits and budgets.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from orrery.errors import MissingExtraError
from orrery.models.config import Named, Provider
from orrery.models.keys import Key

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

NO_KEY = "none"
"""What the libraries are given where no key is needed: they insist on one."""
MAX_CONNECTIONS = 1000
_CONNECT_S = 10.0
_SILENCE_MS = 600_000
"""Google's client wants a limit of its own; those of the call come first."""


async def model(named: Named, provider: Provider, key: Key) -> Model[Any]:
    """The model, ready to be asked on the running loop. Raises MissingExtraError."""
    connections = await _connections()
    wanted = (named, provider, key)
    if wanted not in connections.models:
        # In a thread, because a provider's library takes up to a second to import.
        connections.models[wanted] = await asyncio.to_thread(
            _build, named.model, provider, key.reveal() or NO_KEY, connections.client
        )
    return connections.models[wanted]


def _build(name: str, provider: Provider, secret: str, client: httpx2.AsyncClient) -> Model[Any]:
    try:
        match provider.kind:
            case "openai-chat":
                from pydantic_ai.models.openai import OpenAIChatModel
                from pydantic_ai.providers.openai import OpenAIProvider

                openai = OpenAIProvider(openai_client=_openai(provider, secret, client))
                return OpenAIChatModel(name, provider=openai, profile=_ENDS_WITH_REASON)
            case "openai-responses":
                from pydantic_ai.models.openai import OpenAIResponsesModel
                from pydantic_ai.providers.openai import OpenAIProvider

                openai = OpenAIProvider(openai_client=_openai(provider, secret, client))
                return OpenAIResponsesModel(name, provider=openai)
            case "ollama":
                from pydantic_ai.models.ollama import OllamaModel
                from pydantic_ai.providers.ollama import OllamaProvider

                ollama = OllamaProvider(openai_client=_openai(provider, secret, client))
                return OllamaModel(name, provider=ollama, profile=_ENDS_WITH_REASON)
            case "anthropic":
                from anthropic import AsyncAnthropic
                from pydantic_ai.models.anthropic import AnthropicModel
                from pydantic_ai.providers.anthropic import AnthropicProvider

                sdk = AsyncAnthropic(api_key=secret, base_url=provider.base_url, http_client=client, max_retries=0)
                return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=sdk))
            case "google":
                from google.genai import Client
                from google.genai.types import HttpOptions
                from pydantic_ai.models.google import GoogleModel
                from pydantic_ai.providers.google import GoogleProvider

                tls = {"verify": _tls()}  # it would read the certificates three times more, 0.1 s each
                options = HttpOptions(
                    base_url=provider.base_url,
                    httpx_async_client=client,
                    timeout=_SILENCE_MS,
                    client_args=tls,
                    async_client_args=tls,
                )
                google = Client(vertexai=False, api_key=secret, http_options=options)
                return GoogleModel(name, provider=GoogleProvider(client=google))
    except ImportError as error:
        raise MissingExtraError("models", needed_for=f"asking {name!r}") from error


_ENDS_WITH_REASON: Any = {"openai_chat_streaming_requires_finish_reason": True}
"""A stream without its last word was cut off: without this, half an answer would pass for a whole one."""


def _openai(provider: Provider, secret: str, client: httpx2.AsyncClient) -> Any:
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key=secret, base_url=provider.base_url, http_client=client, max_retries=0)


_received: ContextVar[list[httpx2.Response] | None] = ContextVar("received", default=None)


@contextmanager
def receiving(received: list[httpx2.Response]) -> Iterator[None]:
    """Inside the block, every HTTP answer that begins is put into the list."""
    token = _received.set(received)
    try:
        yield
    finally:
        _received.reset(token)


async def hang_up(received: list[httpx2.Response]) -> None:
    """Close the connections of answers that are not read to their end; the others are free already."""
    for response in received:
        await response.aclose()


async def _note(response: httpx2.Response) -> None:
    received = _received.get()
    if received is not None:
        received.append(response)


@dataclass
class _Connections:
    """What one loop holds; `life` is the suspended generator that closes the client."""

    client: httpx2.AsyncClient
    life: AsyncGenerator[httpx2.AsyncClient]
    models: dict[tuple[Named, Provider, Key], Model[Any]] = field(default_factory=dict)


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, _Connections] = WeakKeyDictionary()


async def _connections() -> _Connections:
    loop = asyncio.get_running_loop()
    if loop not in _open:
        life = _client_for_life()
        opened = _Connections(await anext(life), life)
        if loop in _open:  # somebody else was as quick
            await life.aclose()
        else:
            _open[loop] = opened
    return _open[loop]


@cache
def _tls() -> ssl.SSLContext:
    """The certificates of this machine, read once: it takes 0.1 s."""
    try:
        import httpx2
    except ImportError as error:
        raise MissingExtraError("models", needed_for="talking to models") from error
    return httpx2.create_ssl_context()


async def _client_for_life() -> AsyncGenerator[httpx2.AsyncClient]:
    # A loop closes its suspended generators when it ends, and this one closes the client.
    tls = await asyncio.to_thread(_tls)
    import httpx2

    async with httpx2.AsyncClient(
        verify=tls,
        timeout=httpx2.Timeout(None, connect=_CONNECT_S),  # the deadlines are the call's
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=100),
        headers={"user-agent": "orrery"},
        event_hooks={"response": [_note]},
    ) as client:
        yield client
