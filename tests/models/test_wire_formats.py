"""One program, unchanged, against every wire format: real HTTP, through the real client libraries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orrery.models import Offer, Reply, Request
from orrery.models.call import complete, stream
from orrery.models.messages import (
    ModelMessage,
    ModelRequest,
    SystemPromptPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
    calls_of,
    prompt,
)
from orrery.models.simulated import Answer, Asked, Call
from orrery.tools import LocalContext
from tests.simulated import Simulated

KINDS = ("openai-chat", "openai-responses", "anthropic", "google", "ollama")
WEATHER = Offer(
    "weather",
    "The weather at a place.",
    {"type": "object", "properties": {"place": {"type": "string"}, "days": {"type": "integer"}}, "required": ["place"]},
)
PLACES = {
    "type": "object",
    "properties": {"places": {"type": "array", "items": {"type": "string"}}, "sure": {"type": "boolean"}},
    "required": ["places", "sure"],
    "additionalProperties": False,
}


def meteorologist(asked: Asked) -> Answer | str:
    """Looks two places up at once, then answers; where data is asked for, as data."""
    # A model that cannot be held to a schema is told it in its instructions.
    if asked.output is not None or '"places"' in asked.system:
        return Answer.json({"places": ["Oslo", "Łódź"], "sure": True})
    if asked.results:
        return "\n".join(f"{result.name}: {result.text}" for result in asked.results)
    if asked.tools:
        return Answer("I look.", (Call("weather", {"place": "Oslo", "days": 2}), Call("weather", {"place": "Łódź"})))
    return f"You said: {asked.text}"


def program(kind: str) -> dict[str, Any]:
    """What a user writes: it names a model, and nothing else depends on which."""
    model = f"sim-{kind}:simulated"

    async def converse() -> dict[str, Any]:
        pieces: list[str] = []
        async for piece in stream(Request(model, tuple(prompt("Hello, Grüße ☃! " * 10, system="Be brief.")))):
            if isinstance(piece, Reply):
                said = piece
            else:
                pieces.append(piece)
        conversation: list[ModelMessage] = prompt("How is the weather?")
        asked = await complete(Request(model, tuple(conversation), tools=(WEATHER,)))
        calls = calls_of(asked.message)
        results = [ToolReturnPart(c.tool_name, {"of": c.args_as_dict()}, tool_call_id=c.tool_call_id) for c in calls]
        conversation += [asked.message, ModelRequest(parts=results)]
        told = await complete(Request(model, tuple(conversation), tools=(WEATHER,)))
        data = await complete(Request(model, tuple(prompt("Which places?")), output=PLACES))
        return {"pieces": pieces, "said": said, "asked": asked, "calls": calls, "told": told, "data": data}

    return asyncio.run(converse(), debug=False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_program_passes_on_every_wire_format(kind: str, simulated: Simulated) -> None:
    server = simulated(meteorologist)
    found = program(kind)
    greeting = "You said: " + "Hello, Grüße ☃! " * 10
    assert "".join(found["pieces"]) == found["said"].text == greeting
    assert len(found["pieces"]) > 10, "it came in pieces"
    assert found["asked"].text == "I look."
    calls: list[ToolCallPart] = found["calls"]
    assert [(call.tool_name, call.args_as_dict()) for call in calls] == [
        ("weather", {"place": "Oslo", "days": 2}),
        ("weather", {"place": "Łódź"}),
    ]
    assert len({call.tool_call_id for call in calls}) == 2
    assert found["told"].text.count("weather: ") == 2
    assert found["data"].output == {"places": ["Oslo", "Łódź"], "sure": True}
    assert [asked.kind for asked in server.requests] == [kind] * 4
    assert server.requests[0].system == "Be brief."
    assert [tool.name for tool in server.requests[1].tools] == ["weather"]
    assert server.requests[1].tools[0].parameters["required"] == ["place"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_used_up_is_told_by_every_format(kind: str, simulated: Simulated, ctx: LocalContext) -> None:
    server = simulated(lambda asked: Answer("x" * 400, input_tokens=1000, output_tokens=100))
    reply = asyncio.run(complete(Request(f"sim-{kind}:simulated", tuple(prompt("hi"))), ctx))
    assert (reply.spent.input_tokens, reply.spent.output_tokens) == (1000, 100)
    assert not reply.spent.priced, "nobody knows what a simulated model costs"
    assert reply.spent.money == 0
    assert ctx.tokens == 1100
    assert ctx.progressed[-1] == (None, "1100 tokens, price unknown")
    assert any(note.endswith(" tokens") for _, note in ctx.progressed), "it said how far it was"
    assert server.counts.calls == 1


@pytest.mark.parametrize("kind", KINDS)
def test_text_comes_while_the_model_still_writes(kind: str, simulated: Simulated) -> None:
    simulated(lambda asked: "word " * 40, first_s=0.05, tokens_per_s=200)

    async def listen() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        began, first = loop.time(), 0.0
        async for piece in stream(Request(f"sim-{kind}:simulated", tuple(prompt("hi")))):
            if not first and isinstance(piece, str):
                first = loop.time() - began
        return first, loop.time() - began

    first, whole = asyncio.run(listen())
    assert whole - first > 0.1, "the first words were there long before the last"


@pytest.mark.parametrize("kind", KINDS)
def test_settings_reach_the_model(kind: str, simulated: Simulated) -> None:
    server = simulated(lambda asked: "short")
    settings = {"max_tokens": 77, "temperature": 0.25}
    asyncio.run(complete(Request(f"sim-{kind}:simulated", tuple(prompt("hi")), settings=settings)))
    (asked,) = server.requests
    assert asked.max_tokens == 77
    assert "0.25" in repr(asked.settings)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_no_object_is_wrapped_on_the_way(kind: str, simulated: Simulated) -> None:
    simulated(lambda asked: Answer.json({"answer": [1, 2, 3]}))
    wanted = {"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}
    reply = asyncio.run(complete(Request(f"sim-{kind}:simulated", tuple(prompt("count")), output=wanted)))
    assert reply.output == [1, 2, 3]


def test_a_call_without_arguments_is_a_call(simulated: Simulated) -> None:
    simulated(lambda asked: Answer(calls=(Call("weather", ""),)))
    for kind in ("openai-chat", "openai-responses", "anthropic"):
        reply = asyncio.run(complete(Request(f"sim-{kind}:simulated", tuple(prompt("hi")), tools=(WEATHER,))))
        assert calls_of(reply.message)[0].args_as_dict() == {}


def test_a_conversation_may_end_with_several_people_speaking(simulated: Simulated) -> None:
    server = simulated(lambda asked: "yes")
    parts: list[Any] = [SystemPromptPart("one"), UserPromptPart("two"), UserPromptPart("three")]
    asyncio.run(complete(Request("sim-anthropic:simulated", (ModelRequest(parts=parts),))))
    assert server.requests[0].system == "one"
