"""Operations for the tests of batches, which count what they do. Named as "py:tests.runtime.batch_steps:..."."""

from __future__ import annotations

import asyncio
from collections import Counter

HERE = "py:tests.runtime.batch_steps:"
CALLS: Counter[tuple[str, object]] = Counter()
GATES: dict[object, asyncio.Event] = {}


async def double(x: int) -> int:
    CALLS["double", x] += 1
    await asyncio.sleep(0)
    if x in GATES:
        await GATES[x].wait()
    if x % 7 == 3:
        raise ValueError(f"no {x}, please")
    return 2 * x


async def add(x: int, y: int) -> int:
    CALLS["add", (x, y)] += 1
    await asyncio.sleep(0)
    return x + y


async def essay(x: int) -> str:
    CALLS["essay", x] += 1
    return f"{x} " * 10_000
