"""Bursts: what came of a stream since one last looked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


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
