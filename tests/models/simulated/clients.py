"""The real clients, one for each wire format, pointed at a simulated server."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition

from orrery.models.simulated import SimulatedServer
from orrery.models.simulated.asked import Kind

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Reading the certificates of all authorities takes longer than a whole test, and nothing here is encrypted."""
ADD = ToolDefinition(
    name="add",
    description="The sum of two numbers.",
    parameters_json_schema={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    },
)
SUM = OutputObjectDefinition(
    name="Sum",
    json_schema={
        "type": "object",
        "properties": {"sum": {"type": "integer"}},
        "required": ["sum"],
        "additionalProperties": False,
    },
)


@asynccontextmanager
async def client(server: SimulatedServer, kind: Kind, *, key: str = "key") -> AsyncIterator[Model[Any]]:
    """A client of the format's own library, as its users make it; its connections end with it."""
    url, name = server.base_url(kind), "simulated"
    async with httpx2.AsyncClient(timeout=20, verify=NO_AUTHORITIES) as http:
        match kind:
            case "openai-chat":
                yield OpenAIChatModel(name, provider=OpenAIProvider(base_url=url, api_key=key, http_client=http))
            case "openai-responses":
                yield OpenAIResponsesModel(name, provider=OpenAIProvider(base_url=url, api_key=key, http_client=http))
            case "anthropic":
                provider = AnthropicProvider(base_url=url, api_key=key, http_client=http)
                # By its name the client would not know that this model can be held to a schema.
                yield AnthropicModel(name, provider=provider, profile=ModelProfile(supports_json_schema_output=True))
            case "google":
                yield GoogleModel(name, provider=GoogleProvider(base_url=url, api_key=key, http_client=http))
            case "ollama":
                yield OllamaModel(name, provider=OllamaProvider(base_url=url, api_key=key, http_client=http))


async def ask(
    model: Model[Any],
    messages: str | Sequence[ModelMessage],
    *,
    streamed: bool,
    tools: Sequence[ToolDefinition] = (),
    output: OutputObjectDefinition | None = None,
    **settings: Any,
) -> ModelResponse:
    """One request through the client, to the whole message."""
    history = [ModelRequest.user_text_prompt(messages)] if isinstance(messages, str) else list(messages)
    parameters = ModelRequestParameters(function_tools=list(tools))
    if output is not None:
        parameters = ModelRequestParameters(output_mode="native", output_object=output)
    wanted: Any = settings or None
    if not streamed:
        return await model_request(model, history, model_settings=wanted, model_request_parameters=parameters)
    async with model_request_stream(
        model, history, model_settings=wanted, model_request_parameters=parameters
    ) as response:
        async for _ in response:
            pass
        return response.get()
