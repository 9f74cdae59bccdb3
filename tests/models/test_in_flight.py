"""Equal calls at once: one is made, and all have its answer, whoever of them is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orrery.errors import ModelError
from orrery.models import Reply, Request, in_flight
from orrery.models.call import complete, stream
from orrery.models.messages import ModelResponse, TextPart, prompt
from orrery.models.request import Spent
from orrery.models.simulated import Answer, Fault
from orrery.tools import LocalContext
from tests.simulated import Simulated


def request(text: str = "hi", **given: Any) -> Request:
    return Request("sim-openai-chat:simulated", tuple(prompt(text)), **given)


class Asked:
    """A provider that answers when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.go = asyncio.Event()

    async def __call__(self) -> Reply:
        self.calls += 1
        number = self.calls
        await self.go.wait()
        return Reply(ModelResponse([TextPart(str(number))]), str(number), Spent())


def begun(key: str, ask: Asked, timeout_s: float | None = None) -> asyncio.Task[tuple[Reply, bool]]:
    return asyncio.create_task(in_flight.answer(key, ask, timeout_s))


async def a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def told(story: Callable[[Asked], Any]) -> Any:
    async def tell() -> Any:
        return await story(Asked())

    return asyncio.run(tell())


def test_whoever_waits_is_cancelled_alone() -> None:
    async def story(ask: Asked) -> None:
        one, two, three = (begun("k", ask) for _ in range(3))
        await a_moment()
        two.cancel()
        await a_moment()
        assert two.cancelled()
        ask.go.set()
        assert [(reply.text, other) for reply, other in (await one, await three)] == [("1", False), ("1", True)]
        assert ask.calls == 1

    told(story)


def test_where_the_one_who_asks_is_cancelled_the_next_asks() -> None:
    async def story(ask: Asked) -> None:
        one, two, three = (begun("k", ask) for _ in range(3))
        await a_moment()
        one.cancel()
        await a_moment()
        assert (one.cancelled(), two.done(), three.done(), ask.calls) == (True, False, False, 2)
        ask.go.set()
        assert [(reply.text, other) for reply, other in (await two, await three)] == [("2", False), ("2", True)]

    told(story)


def test_other_calls_and_later_ones_are_made_for_themselves() -> None:
    async def story(ask: Asked) -> None:
        ask.go.set()
        both = await asyncio.gather(begun("k", ask), begun("other", ask))
        assert [other for _, other in both] == [False, False]
        assert not (await begun("k", ask))[1]
        assert ask.calls == 3

    told(story)


def test_who_waits_too_long_says_so() -> None:
    async def story(ask: Asked) -> None:
        one, two = begun("k", ask), begun("k", ask, timeout_s=0.01)
        with pytest.raises(ModelError, match=r"an equal call did not end within 0\.01 s"):
            await two
        ask.go.set()
        assert (await one)[0].text == "1"

    told(story)


def test_twenty_equal_calls_at_once_are_one_and_paid_once(simulated: Simulated, ctx: LocalContext) -> None:
    server = simulated(lambda asked: "one\ntwo\n")

    async def streamed() -> list[str | Reply]:
        return [piece async for piece in stream(request(), ctx)]

    async def story() -> tuple[list[Reply], list[str | Reply]]:
        streaming = asyncio.create_task(streamed())
        replies = await asyncio.gather(*(complete(request(), ctx) for _ in range(20)))
        return list(replies), await streaming

    replies, pieces = asyncio.run(story())
    assert server.counts.calls == 1
    last = pieces[-1]
    assert isinstance(last, Reply)
    assert sorted(reply.recalled for reply in (*replies, last)) == [False] + [True] * 20
    assert {reply.text for reply in replies} == {"one\ntwo\n"}
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "one\ntwo\n"
    assert len({id(reply.message) for reply in replies}) == 20
    (paid,) = (reply for reply in (*replies, last) if not reply.recalled)
    assert ctx.tokens == paid.spent.tokens


def test_calls_that_want_no_cache_are_all_made(simulated: Simulated) -> None:
    server = simulated(lambda asked: "again")

    async def story() -> None:
        await asyncio.gather(*(complete(request(cache=False)) for _ in range(3)))

    asyncio.run(story())
    assert server.counts.calls == 3


def test_an_error_is_everybodys_and_asked_for_once(simulated: Simulated) -> None:
    server = simulated(lambda asked: Answer("no"), faults=[Fault("status", 503)])

    async def story() -> list[Any]:
        return await asyncio.gather(*(complete(request()) for _ in range(5)), return_exceptions=True)

    found = asyncio.run(story())
    assert {type(one) for one in found} == {ModelError}
    assert len({(str(one), one.status, one.severity) for one in found}) == 1
    assert server.counts.calls == 1
