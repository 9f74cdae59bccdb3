"""Rivals: the two programs that `overhead` compares, each timed on one shape."""

from __future__ import annotations

import asyncio
import tempfile
import time
from typing import Literal

from orrery.bench.shapes import Shape, workflow
from orrery.bench.timing import Pairs, in_turns
from orrery.bench.work import STEP, step
from orrery.errors import InternalError
from orrery.journal.protocol import Durability
from orrery.runtime.session import Session

Store = Literal["memory", "durable", "full"]
"""In memory; SQLite that survives the death of the process, which is the default; SQLite that survives a power cut."""


async def compare(shape: Shape, store: Store, *, repeats: int) -> Pairs:
    """Time both in turns, and check every time that ours computed what the rival did."""
    expected = (await bare(shape))[-1]

    async def baseline() -> float:
        began = time.perf_counter()
        await bare(shape)
        return time.perf_counter() - began

    async def ours() -> float:
        return await orrery_seconds(shape, store, expected)

    return await in_turns(baseline, ours, repeats=repeats)


async def bare(shape: Shape) -> list[int]:
    """What one would write by hand: a task per node, which awaits those it depends on and then the function."""
    tasks: list[asyncio.Task[int]] = []

    async def node(needs: tuple[int, ...]) -> int:
        return await step(*[await tasks[need] for need in needs])

    tasks.extend(asyncio.create_task(node(tuple(needs))) for needs in shape)
    return [await task for task in tasks]


async def orrery_seconds(shape: Shape, store: Store, expected: int | None = None) -> float:
    """Seconds from `start` to the result, in a fresh session; making the graph and opening the store not counted.

    Raises: InternalError if the run did not succeed, or its result is not the expected one.
    """
    graph = workflow(shape, STEP)
    durability: Durability = "full" if store == "full" else "process"
    with tempfile.TemporaryDirectory(prefix="orrery-bench-") as folder:
        url = "memory:" if store == "memory" else f"sqlite:///{folder}/runs.db"
        # Taking in the largest graphs holds the loop up for longer than the watchdog likes, and it would say so.
        async with Session(url, durability=durability, watch_s=60.0) as session:
            began = time.perf_counter()
            result = await session.start(graph, folder=folder).wait()
            seconds = time.perf_counter() - began
    last = result.outputs.get("last")
    if result.state != "succeeded" or (expected is not None and last != expected):
        raise InternalError(f"a run that was timed {result.state} with {last!r} in place of {expected!r}")
    return seconds
