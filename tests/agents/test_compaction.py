"""A conversation is shortened without ever separating a tool call from its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orrery.agents.compaction import compact, cut, digest, tokens_of, whole_before
from orrery.models.request import CHARS_PER_TOKEN

Message = dict[str, Any]


def call(call_id: str, name: str = "read", args: Any = None) -> Message:
    return {"part_kind": "tool-call", "tool_name": name, "args": args or {}, "tool_call_id": call_id}


def returned(call_id: str, content: Any = "x", name: str = "read") -> Message:
    return {"part_kind": "tool-return", "tool_name": name, "content": content, "tool_call_id": call_id}


def said(text: str) -> Message:
    return {"part_kind": "text", "content": text}


def told(text: str) -> Message:
    return {"part_kind": "user-prompt", "content": text}


def response(*parts: Message) -> Message:
    return {"kind": "response", "parts": list(parts)}


def request(*parts: Message) -> Message:
    return {"kind": "request", "parts": list(parts)}


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Well-formed conversations: every call has one result, at once or some messages later; ids may be used again."""
    messages: list[Message] = [request(told(draw(st.text(max_size=40))))]
    for turn in range(draw(st.integers(0, 12))):
        prefix = draw(st.sampled_from(["call", f"call-{turn}"]))
        ids = [f"{prefix}-{number}" for number in range(draw(st.integers(0, 3)))]
        messages.append(response(said(draw(st.text(max_size=200))), *map(call, ids)))
        while ids:  # the results come in one message or in several
            part = ids[: draw(st.integers(1, len(ids)))]
            ids = ids[len(part) :]
            messages.append(request(*(returned(each, draw(st.text(max_size=200))) for each in part)))
        if draw(st.booleans()):
            messages.append(request(told(draw(st.text(max_size=80)))))
    return messages


def orphans(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Calls without a result, and results without a call before them."""
    found, waiting = [], []
    for message in messages:
        for part in message["parts"]:
            if part["part_kind"] == "tool-call":
                waiting.append(part["tool_call_id"])
            elif part["part_kind"] == "tool-return":
                if part["tool_call_id"] in waiting:
                    waiting.remove(part["tool_call_id"])
                else:
                    found.append(f"result {part['tool_call_id']}")
    return [*found, *(f"call {each}" for each in waiting)]


@given(conversations(), st.integers(0, 1_000), st.sampled_from(["", "request", "response"]))
def test_after_any_cut_neither_side_has_a_call_without_its_result_or_a_result_without_its_call(
    messages: list[Message], most: int, before: str
) -> None:
    assert orphans(messages) == []
    old, kept = cut(messages, most, before=before)
    assert before in ("", *(message["kind"] for message in kept[:1])) or not kept
    assert [*old, *kept] == messages
    assert orphans(old) == []
    assert orphans(kept) == []
    assert sum(map(tokens_of, kept)) <= most


@given(conversations(), st.integers(0, 1_000))
def test_what_is_kept_is_the_longest_end_that_fits_and_can_stand_alone(messages: list[Message], most: int) -> None:
    _, kept = cut(messages, most)
    for longer in range(len(kept) + 1, len(messages) + 1):
        end = messages[len(messages) - longer :]
        assert sum(map(tokens_of, end)) > most or orphans(end) or orphans(messages[: len(messages) - longer])


@given(conversations())
def test_cutting_again_what_was_kept_changes_nothing(messages: list[Message]) -> None:
    _, kept = cut(messages, 200)
    assert cut(kept, 200) == ([], kept)


@given(
    st.lists(st.sampled_from([call("a"), returned("a"), call("b"), returned("b"), said("x"), told("y")]), max_size=12)
)
def test_a_conversation_that_was_broken_before_is_broken_no_further(parts: list[Message]) -> None:
    messages = [{"kind": "request", "parts": [part]} for part in parts]
    for most in (0, 5, 20, 40):
        old, kept = cut(messages, most)
        assert [*old, *kept] == messages
        assert len(orphans(old)) + len(orphans(kept)) == len(orphans(messages))


def test_an_id_that_is_used_again_does_not_tie_the_turns_together() -> None:
    messages = [response(call("0")), request(returned("0")), response(call("0")), request(returned("0"))]
    assert whole_before(messages) == [True, False, True, False, True]


def test_where_the_last_exchange_is_too_long_nothing_is_kept() -> None:
    messages = [request(told("go")), response(call("a")), request(returned("a", "x" * 4_000))]
    assert cut(messages, 100) == (messages, [])


def test_a_digest_names_what_was_said_and_done() -> None:
    text = digest(
        [
            request(told("go")),
            response(said("I look it up"), call("a", args={"path": "x.py"})),
            request(returned("a", {"lines": 3})),
        ],
        1_000,
    )
    assert text.splitlines() == [
        "it was told go",
        "the agent said I look it up",
        'called read with {"path": "x.py"}',
        'read returned {"lines": 3}',
    ]


@given(conversations(), st.integers(50, 2_000))
def test_a_digest_is_as_short_as_it_is_to_be_and_says_what_it_leaves_out(messages: list[Message], most: int) -> None:
    text = digest(messages, most)
    whole = digest(messages, 10**9)
    assert len(text) <= most + len("[100 lines are left out here]\n")
    assert text == whole or "lines are left out here" in text


def test_tokens_are_counted_by_what_the_model_reads_and_not_by_what_is_noted_beside_it() -> None:
    plain = response(said("x" * 40 * CHARS_PER_TOKEN))
    noted = {**plain, "usage": {"input_tokens": 10**6}, "provider_details": "y" * 10_000}
    assert tokens_of(plain) == tokens_of(noted) == 44


@given(conversations(), st.integers(0, 1_000))
def test_a_compacted_conversation_has_its_opening_a_summary_and_whole_exchanges(
    messages: list[Message], most: int
) -> None:
    first, *rest = messages
    made = compact.function([first], rest, most)
    (opening,) = made["opening"]
    assert opening["parts"][0] == first["parts"][0]
    assert ("a summary of the earlier turns" in opening["parts"][-1]["content"]) == (len(made["kept"]) < len(rest))
    assert orphans([opening, *made["kept"]]) == []
    assert made["kept"] == rest[len(rest) - len(made["kept"]) :]
    again = compact.function([first], made["kept"], most, earlier=made["summary"])
    assert again == made
