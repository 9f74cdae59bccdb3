"""Asking: attempts given to a hub one at a time, many at once, or at a steady pace; and how long each took."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from orrery.bench.fleet_speed.deeds import NOTHING
from orrery.errors import OutsideError
from orrery.fleet.client import Answer, HubClient
from orrery.fleet.messages import Assign, Reject, Result, Source
from orrery.graph import values
from orrery.graph.place import Place

WITHIN_S = 120.0
"""How long a measurement may take."""
_numbers = itertools.count(1)


class Answered(NamedTuple):
    """How long all took, and each of them, in seconds."""

    seconds: float
    each_s: Sequence[float]

    @property
    def rate(self) -> float:
        """How many a second."""
        return len(self.each_s) / self.seconds


def attempt(
    op: str = NOTHING, args: Mapping[str, Any] | None = None, *, on: str = "", sources: tuple[Source, ...] = ()
) -> Assign:
    """An attempt at a task that nobody has asked for before."""
    number = next(_numbers)
    data = values.encode(dict(args or {}))
    return Assign(
        work=f"speed@1/{number}#1",
        key=f"speed@1/{number}",
        run="speed",
        task=str(number),
        attempt=1,
        op=op,
        args=data,
        digest=hashlib.sha256(op.encode() + b"\0" + data).hexdigest(),
        effects="pure",
        place=Place(on=(on,)) if on else Place(),
        seconds=0.001,
        sources=sources,
    )


async def ask(client: HubClient, assign: Assign) -> Result:
    """Have an attempt made; its result is forgotten where it was kept. Raises OutsideError if it does not succeed."""
    ended: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def hear(answer: Answer) -> None:
        if isinstance(answer, Result) and answer.status == "succeeded":
            ended.set_result(answer)
        elif isinstance(answer, Result | Reject):
            ended.set_exception(OutsideError(f"{assign.op} was not done: {answer}"))

    client.submit(assign, hear)
    async with asyncio.timeout(WITHIN_S):
        result = await ended
    client.forget(assign.work)
    return result


class Crowd:
    """Many attempts under way at once.

    Args:
        make: makes the next attempt.
    """

    def __init__(self, client: HubClient, make: Callable[[], Assign] = attempt) -> None:
        self._client, self._make = client, make
        self._each_s: list[float] = []
        self._under_way = 0
        self._left = 0
        self._refills = False

    async def at_once(self, count: int, under_way: int) -> Answered:
        """So many attempts, never more than `under_way` at a time, each begun when another has ended."""
        self._begin(count, refills=True)
        began = time.perf_counter()
        for _ in range(min(under_way, count)):
            self._ask()
        await self._wait()
        return Answered(time.perf_counter() - began, self._each_s)

    async def at_pace(self, count: int, per_s: float) -> Answered:
        """So many attempts, one every `1 / per_s` seconds, however long they take."""
        self._begin(count, refills=False)
        began = time.perf_counter()
        for number in range(count):
            late_s = time.perf_counter() - began - number / per_s
            if late_s < 0:
                await asyncio.sleep(-late_s)
            self._ask()
        await self._wait()
        return Answered(time.perf_counter() - began, self._each_s)

    def _begin(self, count: int, *, refills: bool) -> None:
        self._left, self._refills, self._each_s = count, refills, []
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def _wait(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            await self._done

    def _ask(self) -> None:
        assign = self._make()
        self._left -= 1
        self._under_way += 1
        began, perf_counter = time.perf_counter(), time.perf_counter

        def hear(answer: Answer) -> None:
            if isinstance(answer, Result):
                self._each_s.append(perf_counter() - began)
                self._client.forget(assign.work)
                self._ended(answer if answer.status != "succeeded" else None)
            elif isinstance(answer, Reject):
                self._ended(answer)

        self._client.submit(assign, hear)

    def _ended(self, wrong: Answer | None) -> None:
        self._under_way -= 1
        if self._done.done():
            return
        if wrong is not None:
            self._done.set_exception(OutsideError(f"an attempt was not done: {wrong}"))
        elif self._left and self._refills:
            self._ask()
        elif not self._left and not self._under_way:
            self._done.set_result(None)
