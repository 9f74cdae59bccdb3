"""Operations for the tests of the runtime, named as "py:tests.runtime.steps:..."."""

from __future__ import annotations

import asyncio
import contextvars
import time
from pathlib import Path

from orrery.runtime.context import Context

MOOD = contextvars.ContextVar("MOOD", default="calm")
HERE = "py:tests.runtime.steps:"


async def double(x: int) -> int:
    return 2 * x


async def moody(x: object = None) -> str:
    before = MOOD.get()
    MOOD.set("spoiled")
    return before


async def forever(ctx: Context, x: object = None) -> None:
    ctx.progress(0.0, "waiting")
    await asyncio.Event().wait()


async def stubborn_but_done(x: object = None) -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "done all the same"
    return "unreachable"


def append(path: str, line: str, ctx: Context) -> str:
    with Path(path).open("a") as file:
        file.write(f"{line} {ctx.idempotency_key} {ctx.attempt}\n")
    return line


async def large(size: int) -> bytes:
    return b"x" * size


async def length(data: bytes) -> int:
    return len(data)


async def spoil(items: list[int]) -> int:
    items.append(99)
    return len(items)


def hog(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
