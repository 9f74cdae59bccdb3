"""What goes wrong is seen on the wire as it would be with a real provider."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import RequestError
from orrery.models.simulated import INSTANT, Answer, Asked, Call, Fault, Script, SimulatedServer
from orrery.models.simulated.faults import FAULT_KINDS, FaultPlan, spoilt
from tests.models.simulated.raw import Heard, chat, post, send

TEXT = "This is an answer of some length, so that there is a middle to it."


def meet(
    fault: str | Fault,
    *,
    stream: bool = True,
    script: Script = lambda asked: TEXT,
    wait_s: float = 10.0,
    most: int = 1 << 24,
) -> Heard:
    """What a client hears when its request meets a fault."""

    async def go() -> Heard:
        async with SimulatedServer(script, timing=INSTANT, faults=[fault]) as server:
            heard = await send(server, chat(stream=stream), wait_s=wait_s, most=most)
            assert server.counts.failed == 1
            assert server.counts.answered == 0
            return heard

    return asyncio.run(go())


def test_a_status_comes_with_retry_after_in_seconds_and_milliseconds() -> None:
    heard = meet("429,retry-after=1.5")
    assert heard.status == 429
    assert (heard.headers["retry-after"], heard.headers["retry-after-ms"]) == ("2", "1500")
    assert json.loads(heard.body)["error"]["type"] == "rate_limit_error"


def test_a_reset_is_a_real_one_and_comes_after_what_was_sent() -> None:
    heard = meet("reset,after=4")
    assert (heard.end, heard.status) == ("reset", 200)
    assert heard.text == TEXT[:16]


def test_a_reset_of_an_answer_that_is_not_streamed_comes_within_its_body() -> None:
    heard = meet("reset", stream=False)
    assert (heard.end, heard.status) == ("reset", 200)


def test_a_stall_is_silence_with_the_connection_open() -> None:
    heard = meet("stall,after=4", wait_s=0.2)
    assert (heard.end, heard.text) == ("open", TEXT[:16])


def test_an_endless_stream_goes_on() -> None:
    heard = meet("endless", most=200_000)
    assert (heard.end, len(heard.body) >= 200_000) == ("open", True)
    assert meet("endless", stream=False, most=50_000).body.strip() == b""


def test_a_cut_ends_the_message_properly_within_its_json() -> None:
    heard = meet("cut")
    assert heard.end == "whole"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        _ = heard.events
    whole = meet("cut", stream=False)
    assert whole.end == "whole"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(whole.body)


@pytest.mark.parametrize("stream", [False, True])
def test_the_wrong_content_type_is_a_page(stream: bool) -> None:
    heard = meet("content-type", stream=stream)
    assert (heard.status, heard.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert heard.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize("stream", [False, True])
def test_garbage_is_neither_json_nor_utf8(stream: bool) -> None:
    heard = meet("garbage", stream=stream)
    assert heard.end == "whole"
    with pytest.raises(UnicodeDecodeError):
        heard.body.decode()


def calls_heard(fault: str) -> str:
    def script(asked: Asked) -> Answer:
        return Answer(calls=(Call("add", {"a": 1, "b": 2}),))

    heard = meet(fault, stream=False, script=script)
    return str(json.loads(heard.body)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])


def test_what_the_model_writes_breaks_off_or_has_keys_twice() -> None:
    assert calls_heard("truncated") == '{"a":1'
    assert calls_heard("duplicate-keys") == '{"a":null,"a":1,"b":2}'


@pytest.mark.parametrize(
    ("kind", "text"), [("empty", ""), ("prose", f"```json\n{TEXT}\n```"), ("truncated", TEXT[: len(TEXT) // 2])]
)
def test_what_the_model_says_is_changed(kind: str, text: str) -> None:
    heard = meet(kind)
    assert heard.end == "whole"
    assert text in heard.text
    assert (kind == "prose") == (heard.text not in TEXT)


def test_a_refusal_takes_the_answers_place() -> None:
    deltas = [event["choices"][0]["delta"] for event in meet("refusal").events]
    assert "".join(delta.get("refusal") or "" for delta in deltas) == "I cannot help with that."
    assert not any(delta.get("content") for delta in deltas)


def test_a_script_may_give_a_fault_itself() -> None:
    async def go() -> Sequence[int]:
        async with SimulatedServer(script, timing=INSTANT) as server:
            found = [(await send(server, chat())).status for _ in range(3)]
            assert (server.counts.calls, server.counts.failed, server.counts.answered) == (3, 1, 2)
            return found

    def script(asked: Asked) -> Answer | Fault:
        return Fault("status", status=503) if asked.number == 2 else Answer("fine")

    assert asyncio.run(go()) == [200, 503, 200]


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/v1beta/models/m:generateContent", "/api/chat"])
def test_every_format_meets_faults_with_its_own_error_body(path: str) -> None:
    async def go() -> Heard:
        async with SimulatedServer(timing=INSTANT, faults=["503"]) as server:
            message = {"role": "user", "content": "hi"}
            body = {"model": "m", "max_tokens": 5, "input": "hi", "messages": [message], "contents": []}
            return await send(server, post(path, body))

    heard = asyncio.run(go())
    assert heard.status == 503
    assert b"this is fault 503" in heard.body


def numbers(fault: str, count: int = 40, *, seed: int = 0) -> list[int]:
    """Which of the first calls meet a fault."""
    plan = FaultPlan([fault], seed=seed)
    return [number for number in range(1, count + 1) if plan.draw(Asked("m", number=number)) is not None]


def test_conditions_choose_the_calls() -> None:
    assert numbers("500,call=3") == [3]
    assert numbers("500,first=3") == [1, 2, 3]
    assert numbers("500,every=10") == [10, 20, 30, 40]
    assert numbers("500,every=10,most=2") == [10, 20]
    assert numbers("500,model=other") == []


def test_chance_follows_from_the_seed_alone() -> None:
    found = numbers("500,chance=0.2", 1000)
    assert found == numbers("500,chance=0.2", 1000)
    assert found != numbers("500,chance=0.2", 1000, seed=1)
    assert 150 < len(found) < 250


def test_a_fault_can_wait_for_a_text() -> None:
    plan = FaultPlan(["reset,matches=weather in \\w+"])
    asked = [Asked("m", number=number) for number in (1, 2)]
    assert [plan.draw(one) for one in asked] == [None, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rest", "did you mean 'reset'"),
        ("429,after=x", "no number"),
        ("429,afters=3", "did you mean 'after'"),
        ("200", "is no error"),
        ("reset,chance=2", "chance is 0 to 1"),
        ("reset,matches=(", "no regular expression"),
    ],
)
def test_a_fault_that_is_written_wrong_is_explained(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message.replace("(", r"\(")):
        Fault.parse(text)


@given(st.sampled_from(FAULT_KINDS), st.integers(0, 9), st.integers(1, 9))
def test_what_is_written_is_what_is_meant(kind: str, after: int, every: int) -> None:
    fault = Fault.parse(f"{kind}, after={after}, every={every}")
    assert (fault.kind, fault.after, fault.every) == (kind, after, every)
    answer = Answer(TEXT, (Call("f", {"a": random.Random(after).random()}),))
    assert (spoilt(answer, fault) == answer) == (
        kind in ("status", "reset", "stall", "cut", "content-type", "garbage")
    ) or kind == "duplicate-keys"
