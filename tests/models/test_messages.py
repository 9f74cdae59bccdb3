"""Messages as data: nothing is lost on the way into the journal and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orrery.errors import ArgumentError
from orrery.graph.values import decode, encode
from orrery.models.messages import ModelMessage, ModelRequest, ToolReturnPart, from_data, prompt, to_data
from tests.models.conversations import COUNT, FILE, conversations, written

RECORDED: list[list[dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))
MADE = conversations()
KINDS = {
    "builtin-tool-call",
    "builtin-tool-return",
    "compaction",
    "file",
    "retry-feedback",
    "system-prompt",
    "text",
    "thinking",
    "tool-call",
    "tool-return",
    "user-prompt",
}


def test_the_recorded_conversations_are_those_of_the_generator() -> None:
    assert len(RECORDED) == COUNT == 200
    assert FILE.read_text(encoding="utf-8") == written(), "run: python -m tests.models.conversations"


def test_the_recorded_conversations_have_parts_of_every_kind() -> None:
    parts = [part for conversation in RECORDED for message in conversation for part in message["parts"]]
    assert {part["part_kind"] for part in parts} == KINDS
    contents = [item for part in parts if isinstance(part.get("content"), list) for item in part["content"]]
    kinds = {item.get("kind") for item in contents if isinstance(item, dict)}
    assert {"image-url", "audio-url", "document-url", "binary", "cache-point"} <= kinds


@pytest.mark.parametrize("number", range(COUNT))
def test_a_recorded_conversation_survives_both_ways(number: int) -> None:
    recorded, made = RECORDED[number], MADE[number]
    read = from_data(recorded)
    assert read == made
    assert to_data(read) == recorded
    journaled = decode(encode(recorded))
    assert journaled == recorded
    assert from_data(journaled) == made


def test_data_may_come_in_nested_lists_as_references_deliver_it() -> None:
    first, second = RECORDED[0], RECORDED[1]
    assert from_data([first, [second, []]]) == [*MADE[0], *MADE[1]]
    mixed: list[ModelMessage | dict[str, Any]] = [MADE[0][0], *first[1:]]
    assert from_data(mixed) == MADE[0]


def test_what_a_tool_returned_keeps_its_nothing() -> None:
    (message,) = from_data(to_data([ModelRequest(parts=[ToolReturnPart("t", None, tool_call_id="1")])]))
    part = message.parts[0]
    assert isinstance(part, ToolReturnPart)
    assert part.content is None
    nested = ToolReturnPart("t", {"a": None, "b": [None]}, tool_call_id="1")
    (message,) = from_data(to_data([ModelRequest(parts=[nested])]))
    assert message.parts[0] == nested


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (["hello"], "message 0 is a str; to_data makes maps of them"),
        (
            [{"kind": "request", "parts": [{"part_kind": "tool-return"}]}],
            "message 0 is none of a model's: request.parts",
        ),
        ([*RECORDED[0], {"role": "user", "content": "hi"}], f"message {len(RECORDED[0])} is none of a model's"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(data: list[Any], said: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        from_data(data)
    assert str(caught.value).startswith(said)


def test_a_prompt_has_its_system_text_first() -> None:
    (message,) = prompt("hi", system="be brief")
    assert [part.part_kind for part in message.parts] == ["system-prompt", "user-prompt"]
