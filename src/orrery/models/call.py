"""Asking a model: the answer as it streams in, and one `Reply` at the end.

A call waits at its provider's gate, then listens. Whatever goes wrong becomes a `ModelError` that says whether trying
again may help; trying again itself is for the scheduler. What was used up is told to the task's context even if
the call failed, as far as it is known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from orrery.errors import ArgumentError, ModelError, OrreryError, suggestion
from orrery.models import catalog, config, in_flight, providers, rates
from orrery.models.answers import misfits, read_json
from orrery.models.config import Named, Provider, Settings, default_model
from orrery.models.hearing import Clock, Heard, TooLongError, most_chars
from orrery.models.keys import Key, find_key
from orrery.models.request import CHARS_PER_TOKEN, Reply, Request, Spent

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse

_EXPECTED_ANSWER_TOKENS = 1000
_WRAPPED = "answer"
_OWN_SETTINGS = ("openai_", "anthropic_", "google_")


class Listener(Protocol):
    """Who is told how far a call is and what it used up: a tool's context is one."""

    @property
    def folder(self) -> Path:
        """The run's working folder."""

    def progress(self, fraction: float | None, note: str = "") -> None:
        """Say how far the call is."""

    def usage(self, *, money: float = 0.0, tokens: int = 0) -> None:
        """Add to what was consumed."""


async def ready() -> None:
    """Load what talks to models: in a thread, for it takes a second in which nothing else could go on.

    To be awaited before a conversation is put together; later calls cost next to nothing.
    """
    await asyncio.to_thread(import_module, "orrery.models.messages")


async def complete(request: Request, ctx: Listener | None = None) -> Reply:
    """The whole answer. Raises what `stream` raises."""
    return await _Call.of(request, ctx).answered(hear=_unheard)


async def stream(request: Request, ctx: Listener | None = None) -> AsyncGenerator[str | Reply]:
    """The answer's text, piece by piece as it comes, and last the `Reply`.

    Args:
        request: what is asked.
        ctx: who is told of progress, tokens and money.

    Raises:
        ModelError: there was no usable answer; `severity` says whether another try may help.
        UnknownNameError, ModelSettingsError, ModelKeyError, MissingExtraError: it could not be asked.
        ArgumentError: there is no such setting of a model.
    """
    call = _Call.of(request, ctx)
    # The call has a task of its own: whoever stops listening in the middle, or is cancelled, leaves a generator behind
    # that may be closed at any time and in any task, which the providers' libraries do not bear.
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    made = asyncio.create_task(call.answered(pieces.put_nowait))
    made.add_done_callback(lambda _task: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        reply = await made
        if reply.recalled:
            for line in reply.text.splitlines(keepends=True):
                yield line
        yield reply
    finally:
        made.cancel()
        await asyncio.wait([made])
        if not made.cancelled():
            made.exception()  # it was raised above, or nobody is there to hear of it


@dataclass
class _Call:
    """One call while it lasts."""

    request: Request
    settings: Settings
    named: Named
    ctx: Listener | None
    key: Key = field(init=False)
    spent: Spent = field(default_factory=Spent)
    _digest: str = ""

    def __post_init__(self) -> None:
        _check_settings(self.request.settings)
        self.key = find_key(self.provider.key_place)

    @classmethod
    def of(cls, request: Request, ctx: Listener | None) -> _Call:
        settings = config.settings()
        return cls(request, settings, settings.named(request.model), ctx)

    @property
    def provider(self) -> Provider:
        return self.settings.providers[self.named.provider]

    def _expected_tokens(self) -> int:
        """A guess at what the call will take, for the limit on tokens a minute; 0 where there is none."""
        if self.provider.tokens_per_minute is None:
            return 0
        read = sum(
            len(str(getattr(part, "content", ""))) for message in self.request.messages for part in message.parts
        )
        answer = self.request.settings.get("max_tokens") or _EXPECTED_ANSWER_TOKENS
        return read // CHARS_PER_TOKEN + int(answer)

    async def answered(self, hear: Callable[[str], object]) -> Reply:
        """The reply of an equal call in flight, or the one in the cache, or the provider's. Raises ModelError."""
        if not self.request.cache:
            return await self.made(hear)
        from orrery.models import cache
        from orrery.models.messages import from_data, to_data

        began = time.monotonic()
        same = self.settings.original(self.named)  # whichever replica answers, it is the same question
        self._digest = cache.digest(self.request, same, self.settings.providers[same.provider])
        path = cache.cache_path(self._folder)

        async def ask() -> Reply:
            return await self._recalled() or await self.made(hear)

        reply, another = await in_flight.answer((path, self._digest), ask, self.request.timeout_s)
        if not another:
            return reply
        (message,) = from_data(to_data([reply.message]))  # what one does to its message is not the other's business
        assert isinstance(message, type(reply.message))
        return self._again(message, began, "from an equal call")

    def _again(self, message: ModelResponse, began: float, whence: str) -> Reply:
        """A reply that was paid for before. Raises ModelError if its data does not fit."""
        from orrery.models.messages import text_of

        output = self._output(message)
        seconds = time.monotonic() - began
        if self.ctx is not None:
            self.ctx.progress(1.0, whence)
        return Reply(message, text_of(message), Spent(seconds=seconds, first_s=seconds), output, recalled=True)

    async def _recalled(self) -> Reply | None:
        """The reply that the cache holds; None without one."""
        from orrery.models import cache
        from orrery.models.messages import ModelResponse, from_data

        began = time.monotonic()
        kept = cache.open_cache(cache.cache_path(self._folder))
        data = await asyncio.to_thread(kept.get, self._digest)
        if data is None:
            return None
        try:
            (message,) = from_data([msgspec.json.decode(data)])
            assert isinstance(message, ModelResponse)
            return self._again(message, began, "from the cache")
        except (OrreryError, msgspec.DecodeError, AssertionError):  # of another version, which read answers otherwise
            await asyncio.to_thread(kept.drop, self._digest)
            return None

    @property
    def _folder(self) -> Path:
        return self.ctx.folder if self.ctx is not None else Path.cwd()

    async def made(self, hear: Callable[[str], object]) -> Reply:
        """Wait for the provider's limits, ask, and hand each piece of text to `hear`. Raises ModelError."""
        gate = rates.gate(self.named.provider, self.provider)
        async with gate.passing(self._expected_tokens()) as passage:
            try:
                response = await self._ask(hear)
            except ModelError as error:
                if error.status == 429 and error.retry_after_s is not None:
                    gate.pause(error.retry_after_s)
                raise
            finally:
                passage.tokens = self.spent.tokens or None
        return await self._reply(response)

    async def _ask(self, hear: Callable[[str], object]) -> ModelResponse:
        model = await providers.model(self.named, self.provider, self.key)
        clock = Clock(self.request.timeout_s, self.provider.idle_s)
        failure: Exception | None = None
        answer: Any = None
        received: list[Any] = []
        async with AsyncExitStack() as stack:
            stack.push_async_callback(providers.hang_up, received)  # not every library does when it is left
            try:
                with providers.receiving(received):
                    async with clock.limit():
                        answer = await stack.enter_async_context(self._opened(model))
                await self._listen(answer, clock, hear)
            except TimeoutError:
                failure = ModelError(f"{self.named}: {clock.said()}", severity="transient")
            except TooLongError as error:
                failure = ModelError(f"{self.named}: the answer did not end within {error}", severity="permanent")
            except Exception as error:  # noqa: BLE001 - any failure of a provider's library becomes one of ours
                failure = self._translated(error)
            finally:  # also where nobody listens any more: what was used up is paid for
                if answer is not None:
                    response: ModelResponse = answer.get()
                    self._account(response, clock)
        if failure is not None:
            raise failure from None  # outside of the handler: the foreign error may hold the key in what it says
        self._check(response)
        return response

    def _opened(self, model: Model[Any]) -> AbstractAsyncContextManager[StreamedResponse]:
        from pydantic_ai.direct import model_request_stream

        return model_request_stream(
            model,
            list(self.request.messages),
            model_settings=self._model_settings(model),
            model_request_parameters=_parameters(self.request, model),
        )

    async def _listen(self, answer: StreamedResponse, clock: Clock, hear: Callable[[str], object]) -> None:
        heard = Heard(most_chars(self.request.settings.get("max_tokens")))
        events = aiter(answer)
        while True:
            async with clock.limit():
                event = await anext(events, None)
            if event is None:
                return
            clock.heard()
            text = heard.take(event)
            if text:
                hear(text)
            if self.ctx is not None:
                so_far = answer.usage.output_tokens or heard.chars // CHARS_PER_TOKEN
                self.ctx.progress(None, f"{so_far} tokens")

    def _translated(self, error: Exception) -> OrreryError:
        from orrery.models.failures import translated

        return translated(error, self.named, self.key)

    def _model_settings(self, model: Model[Any]) -> Any:
        settings = {**self.request.settings, "max_retries": 0}
        if "parallel_tool_calls" in model.unsupported_settings:
            settings.pop("parallel_tool_calls", None)  # a wish, which agents see to themselves: not worth a warning
        return settings

    def _account(self, response: ModelResponse, clock: Clock) -> None:
        """Reckon what was used up and tell it."""
        used = response.usage
        money = catalog.cost(used, self.named, self.settings)
        if money is not None:
            used.cost = money
        self.spent = Spent(
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cached_tokens=used.cache_read_tokens,
            money=float(money or 0),
            seconds=clock.seconds(),
            first_s=clock.first_s(),
            priced=money is not None,
        )
        if self.ctx is not None:
            self.ctx.usage(money=self.spent.money, tokens=self.spent.tokens)
            self.ctx.progress(None, f"{self.spent.tokens} tokens, {_price(money)}")

    def _check(self, response: ModelResponse) -> None:
        """Whether it is a whole answer. Raises ModelError."""
        from orrery.models.failures import refused
        from orrery.models.messages import calls_of, text_of

        calls = calls_of(response)
        if response.finish_reason == "content_filter":
            raise refused(self.named, response, self.key)
        if response.state != "complete" or response.finish_reason is None:
            raise ModelError(f"{self.named}: the answer broke off before its end", severity="transient")
        if response.finish_reason == "error":
            raise ModelError(f"{self.named}: the model stopped with an error", severity="transient")
        for call in calls:
            self._check_arguments(call, cut_off=response.finish_reason == "length")
        if not calls and not text_of(response).strip():
            if response.finish_reason == "length":
                raise self._cut_off("before it began, the answer was")
            raise ModelError(f"{self.named}: the answer is empty", severity="transient")

    def _cut_off(self, what: str) -> ModelError:
        # At the limit that was asked for, another try ends there again; at the model's own, it may say less.
        if "max_tokens" in self.request.settings:
            return ModelError(f"{self.named}: {what} cut off at max_tokens; raise it", severity="permanent")
        return ModelError(f"{self.named}: {what} cut off at the most the model writes; max_tokens may raise that")

    def _check_arguments(self, call: Any, *, cut_off: bool) -> None:
        if isinstance(call.args, str) and call.args.strip():
            try:
                args = read_json(call.args)
            except ValueError as error:
                where = f"the arguments for {call.tool_name!r}"
                if cut_off:
                    raise self._cut_off(f"{where} were") from None
                raise ModelError(f"{self.named}: {where} are no JSON: {error}", severity="transient") from None
            if not isinstance(args, dict):
                raise ModelError(f"{self.named}: the arguments for {call.tool_name!r} are no object")

    def _output(self, message: ModelResponse) -> Any:
        """The answer as the data that was asked for; None where text was, or where tools are called first."""
        from orrery.models.messages import calls_of, text_of

        schema = self.request.output
        if schema is None or calls_of(message):
            return None
        text = text_of(message)
        try:
            value = read_json(text)
        except ValueError as error:
            if message.finish_reason == "length":
                raise self._cut_off("the answer was") from None
            said = self.key.redacted(text)[:200]
            why = self.key.redacted(f"the answer is not the JSON that was asked for: {error}: {said!r}")
            raise ModelError(f"{self.named}: {why}") from None
        if not _is_object(schema):
            value = value[_WRAPPED] if isinstance(value, dict) and set(value) == {_WRAPPED} else value
        wrong = misfits(value, schema)
        if wrong:
            said = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            raise ModelError(self.key.redacted(f"{self.named}: the answer does not fit what was asked for: {said}"))
        return value

    async def _reply(self, response: ModelResponse) -> Reply:
        """The reply to a call that went well; it is kept in the cache. Raises ModelError if its data does not fit."""
        from orrery.models import cache
        from orrery.models.messages import text_of, to_data

        output = self._output(response)
        if self._digest:
            kept = cache.open_cache(cache.cache_path(self._folder))
            await asyncio.to_thread(kept.put, self._digest, msgspec.json.encode(to_data([response])[0]))
        return Reply(response, text_of(response), self.spent, output)


def _unheard(_piece: str) -> None:
    """Nobody wants the pieces."""


def _check_settings(given: Mapping[str, Any]) -> None:
    """A name that no provider knows would be passed over in silence. Raises ArgumentError."""
    from pydantic_ai.settings import ModelSettings

    known = ModelSettings.__annotations__
    for name in given:
        if name not in known and not name.startswith(_OWN_SETTINGS):
            raise ArgumentError(f"there is no setting {name!r} of a model; {suggestion(name, known)}")


def _is_object(schema: Any) -> bool:
    return bool(schema.get("type") == "object")


def _parameters(request: Request, model: Model[Any]) -> ModelRequestParameters:
    """The tools and the schema in the library's own terms; providers want an object at the top of a schema."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    tools = [
        ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters))
        for tool in request.tools
    ]
    if request.output is None:
        return ModelRequestParameters(function_tools=tools)
    schema = dict(request.output)
    if not _is_object(schema):
        definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
        schema = {"type": "object", "properties": {_WRAPPED: schema}, "required": [_WRAPPED], **definitions}
    return ModelRequestParameters(
        function_tools=tools,
        output_mode="native" if model.profile.get("supports_json_schema_output") else "prompted",
        output_object=OutputObjectDefinition(json_schema=schema, name="answer"),
    )


def _price(money: Any) -> str:
    return "price unknown" if money is None else f"${money:.6f}"


__all__ = ["Listener", "complete", "default_model", "ready", "stream"]
