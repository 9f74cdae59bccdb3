"""The simulated server over real HTTP keeps to the same law as the simulation in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise

import pytest

from orrery.models.serving import Call, Piece, Timing, simulate
from orrery.models.simulated import Answer, Asked, SimulatedServer, tokens
from tests.models.simulated.raw import Heard, chat, send

LATE_S = 2.0
"""How late a busy machine may make what an idle one does within milliseconds."""
EARLY_S = 0.05
"""How much sooner a call may have come than its script saw it, on a busy machine."""

LAW = Timing(first_s=0.02, tokens_per_s=400, prefill_per_s=10_000, slots=2, slowdown=0.5)
DOCUMENT = "abcd" * 300


async def until(holds: Callable[[], bool]) -> None:
    """Return when something holds; what the server counts can only be looked at."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


def blocks(prompt: str) -> tuple[Piece, ...]:
    """A text as the server's prefix cache sees it: blocks of 16 tokens, and a rest that is not kept."""
    cut = [prompt[start : start + 64] for start in range(0, len(prompt), 64)]
    return tuple(Piece(text, tokens(text)) for text in cut)


def test_calls_over_http_are_served_as_the_simulation_says() -> None:
    """Nothing is sent before the simulation would, nothing much later, and what ends first there ends first here."""
    questions = [(f"{DOCUMENT}{'wxyz' * i}", 10 + 37 * i % 60, i % 2 == 0) for i in range(8)]
    came: list[tuple[float, Asked]] = []

    def script(asked: Asked) -> Answer:
        came.append((asyncio.get_running_loop().time(), asked))
        return Answer("abcd" * next(length for text, length, _ in questions if asked.text == text))

    async def load() -> list[float]:
        async with SimulatedServer(script, timing=LAW) as server:

            async def one(text: str, stream: bool) -> float:
                heard = await send(server, chat(text, stream=stream))
                assert heard.end == "whole"
                return asyncio.get_running_loop().time()

            found = await asyncio.gather(*(one(text, stream) for text, _, stream in questions))
            assert server.counts.answered == len(questions)
            return found

    measured = asyncio.run(load())
    start = came[0][0]
    order = {asked.text: place for place, (_, asked) in enumerate(came)}
    calls = [
        Call(blocks(asked.prompt), length, at=at - start)
        for at, asked in came
        for text, length, _ in questions
        if asked.text == text
    ]
    expected = [one.ended + start for one in simulate(calls, LAW).calls]
    pairs = [(expected[order[text]], seen) for (text, _, _), seen in zip(questions, measured, strict=True)]
    for due, seen in pairs:
        assert due - EARLY_S <= seen <= due + LATE_S
    ends = [seen for _, seen in sorted(pairs)]
    gaps = [after - before for (before, _), (after, _) in pairwise(sorted(pairs))]
    late = max(seen - due for due, seen in pairs)
    assert all(gap <= late or earlier < later for (earlier, later), gap in zip(pairwise(ends), gaps, strict=True))
    assert max(expected) - start > 0.3  # alone, the longest would take 0.2


def test_a_stream_slows_down_while_another_is_written_and_stands_still_while_a_prompt_is_read() -> None:
    async def load() -> tuple[Heard, float]:
        law = Timing(first_s=0.0, tokens_per_s=200, prefill_per_s=2000, slots=2)
        async with SimulatedServer(lambda asked: "abcd" * 40, timing=law) as server:
            loop = asyncio.get_running_loop()
            first = asyncio.create_task(send(server, chat("hi")))
            start = loop.time()
            await until(lambda: server.counts.output_tokens >= 5)
            second = asyncio.create_task(send(server, chat("abcd" * 400)))
            heard, _ = await asyncio.gather(first, second)
            return heard, loop.time() - start

    heard, _ = asyncio.run(load())
    times = heard.times[:41]
    assert max(after - before for before, after in pairwise(times)) >= 0.19
    assert times[-1] >= 39 / 200 + 0.19


def test_calls_that_nobody_waits_for_any_more_give_up_their_place() -> None:
    async def load() -> float:
        law = Timing(first_s=0.0, tokens_per_s=10, slots=1)
        async with SimulatedServer(
            lambda asked: Answer("abcd", endless=asked.text == "for ever"), timing=law
        ) as server:
            loop = asyncio.get_running_loop()
            endless = asyncio.create_task(send(server, chat("for ever")))
            await until(lambda: server.counts.output_tokens > 0)
            gone = asyncio.create_task(send(server, chat("gone", stream=False)))
            await until(lambda: server.counts.calls >= 2)
            waits = asyncio.create_task(send(server, chat("waits", stream=False)))
            await until(lambda: server.counts.calls >= 3)
            gone.cancel()
            await until(lambda: server.counts.interrupted > 0)
            assert not waits.done()
            endless.cancel()
            start = loop.time()
            assert (await waits).end == "whole"
            return loop.time() - start

    assert asyncio.run(load()) <= LATE_S


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_with_a_pace_of_its_own_keeps_it(stream: bool) -> None:
    async def load() -> Heard:
        law = Timing(first_s=0.0, tokens_per_s=1000, slots=4)
        answer = Answer("abcd" * 11, first_s=0.1, tokens_per_s=100)
        async with SimulatedServer(lambda asked: answer, timing=law) as server:
            return await send(server, chat(stream=stream))

    heard = asyncio.run(load())
    assert 0.2 - 0.004 <= heard.times[-1] <= 0.2 + LATE_S
    assert heard.end == "whole"


def test_a_server_with_slots_can_be_started_again() -> None:
    law = Timing(first_s=0.01, tokens_per_s=1000, slots=1)
    server = SimulatedServer(lambda asked: asked.text, timing=law)

    async def once() -> str:
        async with server:
            heard = await send(server, chat("again", stream=False))
            said: str = json.loads(heard.body)["choices"][0]["message"]["content"]
            return said

    assert [asyncio.run(once()) for _ in range(2)] == ["again", "again"]
