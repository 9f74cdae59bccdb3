"""The running server: its schedule, its limits, its counts, who may use it, and how it ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx2
import pytest

from orrery.errors import OutsideError, RequestError
from orrery.models.serving.prefixes import PrefixCache
from orrery.models.simulated import INSTANT, Answer, Asked, Counts, Limits, SimulatedServer, Timing
from orrery.models.simulated.limits import Gate
from tests.models.simulated.raw import Heard, chat, get, post, send
from tests.simulated import Simulated

LATE_S = 2.0
"""How late a busy machine may make what an idle one does within milliseconds."""


def with_server(server: SimulatedServer, use: Callable[[SimulatedServer], Awaitable[Heard]]) -> Heard:
    """What comes of a use of a running server."""

    async def go() -> Heard:
        async with server:
            return await use(server)

    return asyncio.run(go())


def test_no_token_comes_before_it_is_due_and_lateness_does_not_add_up() -> None:
    timing = Timing(first_s=0.1, tokens_per_s=200)
    server = SimulatedServer(lambda asked: "abcd" * 60, timing=timing)
    heard = with_server(server, lambda server: send(server, chat()))
    deltas = [when for when, event in zip(heard.times, heard.events, strict=False) if event["choices"]]
    tokens = deltas[1:61]  # the first one only says whose turn it is
    for number, when in enumerate(tokens):
        assert when >= 0.1 + number / 200 - 0.002  # clocks tick in milliseconds
        assert when <= 0.1 + number / 200 + LATE_S
    assert len(tokens) == 60


def test_an_answer_that_is_not_streamed_takes_as_long_as_one_that_is() -> None:
    server = SimulatedServer(lambda asked: "abcd" * 21, timing=Timing(first_s=0.1, tokens_per_s=100))
    heard = with_server(server, lambda server: send(server, chat(stream=False)))
    assert 0.298 <= heard.times[0] <= 0.3 + LATE_S


def test_a_script_can_state_the_time_of_one_answer() -> None:
    server = SimulatedServer(lambda asked: Answer("ab", first_s=0.15), timing=INSTANT)
    assert with_server(server, lambda server: send(server, chat())).times[0] >= 0.148


def test_a_prompt_that_was_read_before_is_not_read_again() -> None:
    async def twice() -> tuple[float, float]:
        timing = Timing(first_s=0.0, tokens_per_s=1e6, prefill_per_s=1000)
        async with SimulatedServer(lambda asked: "x", timing=timing) as server:
            first = await send(server, chat("abcd" * 300))
            second = await send(server, chat("abcd" * 300))
            assert server.counts.cached_tokens == 288
            return first.times[0], second.times[0]

    first, second = asyncio.run(twice())
    assert first >= 0.3
    assert second < first


def test_the_schedule_is_absolute() -> None:
    timing = Timing(first_s=0.4, tokens_per_s=50, prefill_per_s=100)
    assert [timing.due_s(token) for token in (0, 1, 2, 51)] == pytest.approx([0.4, 0.4, 0.42, 1.4])
    assert timing.due_s(1, uncached=50) == pytest.approx(0.9)
    with pytest.raises(RequestError, match="at least 0"):
        replace(timing, tokens_per_s=0)


def test_prefixes_are_shared_in_whole_blocks_and_forgotten_when_they_were_not_used_longest() -> None:
    cache = PrefixCache(2, most_blocks=4)
    assert [cache.read("m", text) for text in ("a" * 20, "a" * 20, "a" * 16 + "b" * 9, "b" * 20)] == [0, 4, 4, 0]
    assert cache.read("other", "a" * 20) == 0
    assert cache.read("m", "a" * 20) == 0
    assert PrefixCache(0).read("m", "a" * 100) == 0


def test_requests_over_a_limit_are_told_when_to_come_again() -> None:
    async def use(server: SimulatedServer) -> Heard:
        statuses = [(await send(server, chat())).status for _ in range(3)]
        assert answered == [1, 2]  # a refused request costs the script none of its answers
        assert statuses == [200, 200, 429]
        assert (server.counts.limited, server.counts.answered) == (1, 2)
        return await send(server, chat())

    def script(asked: Asked) -> str:
        answered.append(asked.number)
        return "yes"

    answered: list[int] = []
    limits = Limits(requests_per_minute=2)
    heard = with_server(SimulatedServer(script, timing=INSTANT, limits=limits), use)
    assert heard.status == 429
    assert 25 <= int(heard.headers["retry-after"]) <= 30
    assert "2 requests per minute" in heard.body.decode()


def test_calls_at_once_over_the_limit_are_refused() -> None:
    async def use(server: SimulatedServer) -> Heard:
        slow = asyncio.create_task(send(server, chat()))
        await arrived.wait()
        refused = await send(server, chat())
        slow.cancel()
        return refused

    def script(asked: Asked) -> str:
        arrived.set()
        return "slow"

    arrived = asyncio.Event()
    server = SimulatedServer(script, timing=Timing(first_s=30), limits=Limits(concurrency=1))
    assert with_server(server, use).status == 429


def test_a_client_that_waits_as_it_is_told_gets_through() -> None:
    gate = Gate(Limits(requests_per_minute=60, tokens_per_minute=600, burst_s=1))
    assert gate.refusal(0.0, tokens=5, running=0) is None
    at = 0.0
    for _ in range(50):
        refused = gate.refusal(at, tokens=5, running=0)
        assert refused is not None
        at += refused[1]
        assert gate.refusal(at, tokens=5, running=0) is None
    assert at == pytest.approx(50.0)
    gate.spend(30)  # the answer
    refused = gate.refusal(at + 1, tokens=5, running=0)
    assert refused is not None
    assert refused[1] == pytest.approx(2.0)  # 25 short after the debt, 10 of them paid back meanwhile
    assert gate.refusal(at + 9, tokens=5000, running=0) is None  # more than the bucket holds: once it is full


def test_counts_and_models_can_be_asked_for() -> None:
    async def use(server: SimulatedServer) -> Heard:
        for path in ("/v1/models", "/v1beta/models", "/api/tags"):
            assert b"simulated" in (await send(server, get(path))).body
        await send(server, chat())
        return await send(server, get("/__counts"))

    counts = json.loads(with_server(SimulatedServer(timing=INSTANT), use).body)
    assert (counts["calls"], counts["answered"], counts["models"]["simulated"]["calls"]) == (1, 1, 1)


def test_a_client_that_goes_away_interrupts_its_answer() -> None:
    async def use(server: SimulatedServer) -> Heard:
        heard = await send(server, chat(), most=600)
        while json.loads((await send(server, get("/__counts"))).body)["running"]:
            pass  # until the server has seen it
        return heard

    server = SimulatedServer(lambda asked: "abcd" * 100, timing=Timing(first_s=0, tokens_per_s=50))
    with_server(server, use)
    assert (server.counts.interrupted, server.counts.answered) == (1, 0)
    assert 0 < server.counts.output_tokens < 100


@pytest.mark.parametrize(
    ("request_bytes", "status", "message"),
    [
        (get("/nowhere"), 404, "nothing at /nowhere"),
        (get("/v1/messages"), 405, "takes POST"),
        (post("/v1/messages", b"{"), 400, "cannot be read"),
        (post("/v1/chat/completions", {"model": 1}), 400, "$.model"),
        (post("/v1/messages", b"x" * 5000), 413, "larger than 4096"),
        (b"nonsense\r\n\r\n", 400, "error"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 70_000, 431, "error"),
        (post("/v1/messages", b"{}", host="evil.example"), 403, "this machine only"),
        (post("/v1/messages", b"{}", headers={"Origin": "http://evil.example"}), 403, "may not use"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(request_bytes: bytes, status: int, message: str) -> None:
    server = SimulatedServer(timing=INSTANT, largest_bytes=4096)
    heard = with_server(server, lambda server: send(server, request_bytes))
    assert heard.status == status
    assert message in heard.body.decode()


def test_only_this_machine_may_use_it_unless_a_key_is_asked_for() -> None:
    with pytest.raises(RequestError, match="needs `exposed` and a token"):
        SimulatedServer(host="0.0.0.0")
    with pytest.raises(RequestError, match="needs `exposed` and a token"):
        SimulatedServer(host="0.0.0.0", exposed=True)


def test_a_key_that_is_wrong_is_refused() -> None:
    server = SimulatedServer(timing=INSTANT, token="secret")
    heard = with_server(server, lambda server: send(server, chat()))
    assert heard.status == 401
    assert b"secret" not in heard.body


def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    with SimulatedServer() as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OutsideError, match=f":{port}"), SimulatedServer(port=port):
            pass


def test_requests_on_one_connection_are_answered_in_order() -> None:
    async def use(server: SimulatedServer) -> Heard:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(chat("one", stream=False) + chat("two", stream=False))
        said = b""
        while said.count(b"You said") < 2:
            said += await reader.read(65536)
        writer.close()
        return Heard(body=said)

    body = with_server(SimulatedServer(timing=INSTANT), use).body
    assert body.index(b"You said: one") < body.index(b"You said: two")


def test_an_error_of_the_script_is_answered_and_comes_out_at_the_end() -> None:
    def script(asked: Asked) -> str:
        raise AssertionError("unexpected question")

    answers: list[httpx2.Response] = []

    def use() -> None:
        with SimulatedServer(script) as server:
            url = server.base_url("openai-chat") + "/chat/completions"
            answers.append(httpx2.post(url, json={"model": "m", "messages": []}))

    with pytest.raises(AssertionError, match="unexpected question"):
        use()
    assert answers[0].status_code == 422
    assert "unexpected question" in answers[0].text


def test_a_thousand_calls_are_quick_and_all_counted(simulated: Simulated) -> None:
    server = simulated(lambda asked: f"{asked.text} is fine")

    async def go() -> list[str]:
        limits = httpx2.Limits(max_connections=50)
        async with httpx2.AsyncClient(limits=limits, timeout=60) as client:

            async def one(number: int) -> str:
                message = {"role": "user", "content": f"call {number}"}
                body = {"model": "m", "messages": [message], "stream": number % 2 == 0}
                response = await client.post(server.base_url("openai-chat") + "/chat/completions", json=body)
                return response.text

            return await asyncio.gather(*map(one, range(1000)))

    began = time.monotonic()
    said = asyncio.run(go())
    assert time.monotonic() - began < 30
    assert all("fine" in text or "choices" in text for text in said)
    counts = server.counts
    assert (counts.calls, counts.answered, counts.running) == (1000, 1000, 0)
    assert len(server.requests) == 1000


@pytest.mark.parametrize("fault", ["stall", "endless", "reset,after=40"])
def test_it_ends_cleanly_while_answers_are_being_sent(fault: str) -> None:
    async def go() -> Counts:
        async with SimulatedServer(script, timing=Timing(0, 20), faults=[fault]) as server:
            clients = [asyncio.create_task(send(server, chat())) for _ in range(20)]
            await all_arrived.wait()
        heard = await asyncio.gather(*clients)
        assert {one.end for one in heard} <= {"closed", "reset", "whole"}
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
        return server.counts

    def script(asked: Asked) -> str:
        if asked.number == 20:
            all_arrived.set()
        return "abcd" * 50

    all_arrived = asyncio.Event()
    counts = asyncio.run(go())
    assert (counts.running, counts.failed) == (0, 20)


def test_it_can_be_used_from_a_thread_and_from_a_loop(simulated: Simulated) -> None:
    server = simulated(lambda asked: "hello")
    response = httpx2.post(server.base_url("ollama") + "/chat/completions", json={"model": "m", "messages": []})
    assert response.json()["choices"][0]["message"]["content"] == "hello"
    assert server.requests[0].kind == "ollama"
