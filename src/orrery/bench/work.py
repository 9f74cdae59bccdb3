"""The work of the tasks that are timed: as little as there can be, so that what is left is overhead."""

from __future__ import annotations

import asyncio

STEP = "py:orrery.bench.work:step"


async def step(x0: int = 0, x1: int = 0) -> int:
    """One turn of the event loop, then a small number made from the dependencies' results."""
    await asyncio.sleep(0)
    return (x0 + x1 + 1) & 1023
