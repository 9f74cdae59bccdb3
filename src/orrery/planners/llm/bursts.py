"""Two small bridges: what came of a stream since one last looked, and a coroutine in the form of a planner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from orrery.graph import Patch

T = TypeVar("T")
Apply = Callable[[Patch], Awaitable[None]]
"""Changes the graph, and returns when that is durable. Raises PatchRefused."""


async def bursts(stream: AsyncGenerator[T]) -> AsyncGenerator[list[T]]:
    """The items of a stream, those together that came while nobody looked.

    So a plan that comes in faster than patches become durable is planned in few, large patches.
    """
    waiting: list[T] = []
    stirred = asyncio.Event()

    async def listen() -> None:
        try:
            async with aclosing(stream):
                async for item in stream:
                    waiting.append(item)
                    stirred.set()
        finally:
            stirred.set()

    listening = asyncio.create_task(listen())
    try:
        while True:
            await stirred.wait()
            stirred.clear()
            if waiting:
                came = waiting[:]
                waiting.clear()
                yield came
            elif listening.done():
                await listening  # raises what the stream raised
                return
            if listening.done():
                stirred.set()
    finally:
        listening.cancel()
        await asyncio.wait([listening])


async def as_patches(plan: Callable[[Apply], Awaitable[None]]) -> AsyncGenerator[Patch]:
    """The patches that a coroutine applies, as an async generator; a refusal is raised in the coroutine."""
    offered: asyncio.Queue[tuple[Patch, asyncio.Future[None]] | None] = asyncio.Queue(1)

    async def apply(patch: Patch) -> None:
        decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await offered.put((patch, decided))
        await decided

    async def whole() -> None:
        try:
            await plan(apply)
        finally:
            await offered.put(None)

    planning = asyncio.create_task(whole())
    try:
        while (offer := await offered.get()) is not None:
            patch, decided = offer
            try:
                yield patch
            except Exception as refusal:  # noqa: BLE001 - it is the coroutine's to handle
                decided.set_exception(refusal)
            else:
                decided.set_result(None)
        await planning
    finally:
        planning.cancel()
        await asyncio.wait([planning])
