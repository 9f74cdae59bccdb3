"""Every wire format through the library that its users use, streamed and not."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest
from pydantic_ai.messages import ModelRequest, ModelResponse, SystemPromptPart, ToolReturnPart, UserPromptPart

from orrery.models.simulated import INSTANT, Answer, Asked, Call, Script, SimulatedServer
from orrery.models.simulated.answer import Split
from orrery.models.simulated.asked import KINDS, Kind
from tests.models.simulated.clients import ADD, SUM, ask, client

TEXT = 'Grüße aus Łódź ☃ 🪐,\nund noch eine Zeile.\n\x85 \u2028 "quoted" \\ \r\n'
each_format = pytest.mark.parametrize("kind", KINDS)
streamed_or_not = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def said(kind: Kind, script: Script, *messages: Any, split: Split = "tokens", **options: Any) -> ModelResponse:
    """What the client makes of one answer of this script."""

    async def go() -> ModelResponse:
        async with (
            SimulatedServer(script, timing=INSTANT, split=split) as server,
            client(server, kind) as model,
        ):
            return await ask(model, list(messages) or "Hello", **options)

    return asyncio.run(go())


@each_format
@streamed_or_not
def test_a_text_arrives_as_it_was_said(kind: Kind, streamed: bool) -> None:
    response = said(kind, lambda asked: TEXT, split="chars", streamed=streamed)
    assert response.text == TEXT
    assert response.finish_reason == "stop"
    assert response.model_name == "simulated"


@each_format
@streamed_or_not
def test_several_calls_in_one_answer_arrive_with_text_before_them(kind: Kind, streamed: bool) -> None:
    def script(asked: Asked) -> Answer:
        assert [(tool.name, tool.description) for tool in asked.tools] == [("add", "The sum of two numbers.")]
        assert asked.tools[0].parameters["required"] == ["a"]
        return Answer("Let me add.", (Call("add", {"a": 1, "b": "ü☃"}), Call("add", {"a": 2})))

    response = said(kind, script, streamed=streamed, tools=[ADD], split="chars")
    assert response.text == "Let me add."
    assert [call.args_as_dict() for call in response.tool_calls] == [{"a": 1, "b": "ü☃"}, {"a": 2}]
    ids = {call.tool_call_id for call in response.tool_calls}
    assert len(ids) == 2
    assert all(ids)


@each_format
@streamed_or_not
def test_calls_without_arguments_or_text_arrive(kind: Kind, streamed: bool) -> None:
    response = said(kind, lambda asked: Answer(calls=(Call("now"),)), streamed=streamed, tools=[ADD])
    assert [(call.tool_name, call.args_as_dict()) for call in response.tool_calls] == [("now", {})]
    assert not response.text


@each_format
@streamed_or_not
def test_a_conversation_with_results_reaches_the_script_as_the_same_messages(kind: Kind, streamed: bool) -> None:
    async def converse() -> SimulatedServer:
        async with SimulatedServer(script, timing=INSTANT) as server, client(server, kind) as model:
            first = ModelRequest(parts=[SystemPromptPart("Be exact."), UserPromptPart("What is 1 + 2?")])
            answer = await ask(model, [first], streamed=streamed, tools=[ADD])
            returned = [
                ToolReturnPart(call.tool_name, f"sum {number}", tool_call_id=call.tool_call_id)
                for number, call in enumerate(answer.tool_calls)
            ]
            last = await ask(model, [first, answer, ModelRequest(parts=returned)], streamed=streamed, tools=[ADD])
            assert last.text == "It is sum 1."
            return server

    def script(asked: Asked) -> Answer | str:
        if asked.results:
            return f"It is {asked.results[-1].text}."
        return Answer("I add.", (Call("add", {"a": 1}), Call("add", {"a": 2})))

    asked = asyncio.run(converse()).requests[-1]
    assert asked.kind == kind
    assert asked.system == "Be exact."
    assert asked.text == "What is 1 + 2?"
    assert asked.turn == 1
    assert [(result.name, result.text) for result in asked.results] == [("add", "sum 0"), ("add", "sum 1")]
    assert [one.role for one in asked.messages] == ["system", "user", "assistant", "tool"]
    assert [(call.name, call.args) for call in asked.messages[2].calls] == [("add", {"a": 1}), ("add", {"a": 2})]


@each_format
@streamed_or_not
def test_the_schema_of_structured_output_reaches_the_script(kind: Kind, streamed: bool) -> None:
    def script(asked: Asked) -> Answer:
        assert asked.output is not None
        assert asked.output["properties"]["sum"] == {"type": "integer"}
        return Answer.json({"sum": 3})

    assert said(kind, script, streamed=streamed, output=SUM).text == '{"sum":3}'


@each_format
@streamed_or_not
def test_usage_is_what_was_read_written_and_cached(kind: Kind, streamed: bool) -> None:
    prompt = "word " * 40

    async def twice() -> tuple[ModelResponse, ModelResponse, SimulatedServer]:
        async with (
            SimulatedServer(lambda asked: "x" * 37, timing=INSTANT) as server,
            client(server, kind) as model,
        ):
            first = await ask(model, prompt, streamed=streamed)
            return first, await ask(model, prompt + "and more", streamed=streamed), server

    first, second, server = asyncio.run(twice())
    read = -(-len("user: " + prompt) // 4)
    assert (first.usage.input_tokens, first.usage.output_tokens, first.usage.cache_read_tokens) == (read, 10, 0)
    assert second.usage.input_tokens == read + 2
    assert second.usage.cache_read_tokens == read // 16 * 16
    counts = server.counts
    assert (counts.calls, counts.answered, counts.output_tokens) == (2, 2, 20)
    assert (counts.input_tokens, counts.cached_tokens, counts.prefix_hits) == (2 * read + 2, read // 16 * 16, 1)
    assert counts.models["simulated"].calls == 2


@each_format
@streamed_or_not
def test_the_most_tokens_end_an_answer_with_length(kind: Kind, streamed: bool) -> None:
    response = said(kind, lambda asked: "abcd" * 100, streamed=streamed, max_tokens=5)
    assert response.text == "abcd" * 5
    assert response.finish_reason == "length"


@pytest.mark.parametrize("kind", ["openai-chat", "anthropic", "google", "ollama"])
@streamed_or_not
def test_a_stop_text_ends_an_answer(kind: Kind, streamed: bool) -> None:
    with warnings.catch_warnings():  # OpenAI's library says that it does not pass stop texts on to every model
        warnings.simplefilter("ignore")
        response = said(kind, lambda asked: "one END two", streamed=streamed, stop_sequences=["END"])
    if kind != "openai-chat":
        assert response.text == "one "


@each_format
@streamed_or_not
def test_a_refusal_is_seen_as_one(kind: Kind, streamed: bool) -> None:
    response = said(kind, lambda asked: Answer(refusal="No."), streamed=streamed)
    assert response.finish_reason == "content_filter"
    assert not response.tool_calls


@each_format
@streamed_or_not
def test_an_empty_answer_is_one(kind: Kind, streamed: bool) -> None:
    response = said(kind, lambda asked: "", streamed=streamed)
    assert not response.text
    assert not response.tool_calls
    assert response.usage.output_tokens == 0


@each_format
def test_a_key_that_must_be_known_is_sent_by_every_client(kind: Kind) -> None:
    async def go() -> str | None:
        async with (
            SimulatedServer(timing=INSTANT, token="secret") as server,
            client(server, kind, key="secret") as model,
        ):
            return (await ask(model, "Hello", streamed=False)).text

    assert asyncio.run(go()) == "You said: Hello"
