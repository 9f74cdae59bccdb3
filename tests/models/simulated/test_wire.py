"""The codecs by themselves: whatever is said, in whatever pieces, is what is heard."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import RequestError
from orrery.models.simulated import Answer, Asked, Call
from orrery.models.simulated.answer import CHARACTERS_PER_TOKEN, Split, fitted, pieces, tokens
from orrery.models.simulated.asked import KINDS, Kind
from orrery.models.simulated.wire import Made, Wire, find_route
from tests.models.simulated.reading import hear_stream, hear_whole

PATHS: dict[Kind, str] = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    "ollama": "/api/chat",
}
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
calls = st.builds(Call, st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.dictionaries(st.text(max_size=6), values))
answers = st.builds(
    Answer,
    st.text(max_size=60),
    st.lists(calls, max_size=3).map(tuple),
) | st.builds(Answer, refusal=st.text(min_size=1, max_size=20))
splits: st.SearchStrategy[Split] = st.sampled_from(["tokens", "chars", "lines"])


def wire(kind: Kind) -> Wire:
    """The codec of a format."""
    route = find_route(PATHS[kind])
    assert route is not None
    assert route.kind == kind
    return route.wire


def made(answer: Answer) -> Made:
    """What the server would add."""
    return Made(7, 1_700_000_000, 20, 16, answer.tokens)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(answer=answers, split=splits, seed=st.integers(0, 999))
def test_a_stream_says_what_the_whole_answer_says(kind: Kind, answer: Answer, split: Split, seed: int) -> None:
    asked = Asked("simulated", stream=True, kind=kind)
    chunks = list(wire(kind).stream(asked, answer, pieces(answer, split, random.Random(seed)), made(answer)))
    text, refusal, said, stop = hear_stream(kind, [chunk.data for chunk in chunks])
    assert (text, refusal, said, stop) == hear_whole(kind, wire(kind).whole(asked, answer, made(answer)))
    assert said == [(call.name, call.args) for call in answer.calls]
    if kind == "ollama":  # it has no word for a refusal
        assert text == answer.text + answer.refusal
    else:
        assert (text, refusal) == (answer.text, answer.refusal)
    counted = [chunk.token for chunk in chunks]
    assert counted == sorted(counted)
    assert counted[-1] == answer.tokens


@settings(max_examples=50)
@given(answer=answers, split=splits, seed=st.integers(0, 999))
def test_pieces_are_the_answer_and_never_empty(answer: Answer, split: Split, seed: int) -> None:
    cut = list(pieces(answer, split, random.Random(seed)))
    for index, (part, text, call) in enumerate(answer.parts):
        own = [piece for piece in cut if piece.index == index]
        assert "".join(piece.text for piece in own) == text
        assert all(piece.part == part and piece.call == call and piece.text for piece in own)
    assert [piece.token for piece in cut] == sorted(piece.token for piece in cut)
    if split == "tokens":
        assert all(len(piece.text) <= CHARACTERS_PER_TOKEN for piece in cut)
    assert (cut[-1].token if cut else 0) == answer.tokens


@settings(max_examples=50)
@given(answer=answers, most=st.integers(1, 30))
def test_an_answer_never_exceeds_the_most_tokens(answer: Answer, most: int) -> None:
    if answer.refusal:
        return
    short = fitted(answer, Asked("simulated", max_tokens=most))
    assert short.tokens <= most or short == answer
    assert answer.text.startswith(short.text)
    assert (short.ending == "length") == (answer.tokens > most)


def test_tokens_are_characters_by_four_rounded_up() -> None:
    assert [tokens("x" * count) for count in (0, 1, 4, 5, 8, 9)] == [0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(body=st.binary(max_size=60) | st.just(b'{"model": 3}') | st.just(b"[" * 5000))
def test_a_body_that_cannot_be_read_is_a_request_error(kind: Kind, body: bytes) -> None:
    with pytest.raises(RequestError, match="body of the request cannot be read"):
        wire(kind).read(body)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 418, 429, 500, 503, 529])
def test_every_status_has_a_body_with_its_message(kind: Kind, status: int) -> None:
    assert b"because of reasons" in wire(kind).error(status, "because of reasons")


def test_the_model_and_the_way_are_read_from_googles_path() -> None:
    body = b'{"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}'
    streamed, whole = (
        find_route(f"/v1beta/models/tuned%20one:{verb}") for verb in ("streamGenerateContent", "generateContent")
    )
    assert streamed is not None
    assert whole is not None
    assert (streamed.read(body).stream, whole.read(body).stream) == (True, False)
    assert whole.read(body).model == "tuned%20one"


def test_arguments_that_are_no_json_arrive_as_they_were_written() -> None:
    answer = Answer(calls=(Call("f", '{"a": 1, "a":'),))
    chunks = wire("openai-chat").stream(Asked("m"), answer, pieces(answer, "tokens", random.Random(0)), made(answer))
    joined = b"".join(chunk.data for chunk in chunks)
    with pytest.raises(ValueError, match="Expecting value"):
        hear_stream("openai-chat", [joined])


def messages(kind: Kind) -> Any:
    """A body with unknown fields and parts, as newer clients send them."""
    told: dict[Kind, Any] = {
        "openai-chat": {
            "messages": [{"role": "user", "content": [{"type": "new", "x": 1}, {"type": "text", "text": "hi"}]}]
        },
        "openai-responses": {
            "input": [{"type": "new"}, {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]
        },
        "anthropic": {
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [{"type": "new"}, {"type": "text", "text": "hi"}]}],
        },
        "google": {"contents": [{"role": "user", "parts": [{"newPart": {}}, {"text": "hi"}]}]},
        "ollama": {"messages": [{"role": "user", "content": "hi", "images": []}]},
    }
    return {"model": "m", "something_new": {"a": 1}} | told[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_fields_that_are_not_known_are_passed_over(kind: Kind) -> None:
    assert wire(kind).read(json.dumps(messages(kind)).encode()).text == "hi"


def test_the_first_stop_text_ends_an_answer_and_is_named() -> None:
    asked = Asked("m", stops=("END", "STOP", "never"))
    answer = fitted(Answer("one STOP two END", (Call("f"),)), asked)
    assert (answer.text, answer.calls, answer.ending, answer.stopped_by) == ("one ", (), "stop", "STOP")
    assert b'"stop_sequence":"STOP"' in wire("anthropic").whole(asked, answer, made(answer))
