"""Driving: the patches of a planner, applied one after the other; and a planner written the other way round.

A planner yields a patch and is told at that `yield` what came of it. `drive` is the side that applies. Where many
functions of a planner patch, it is easier to write it as a coroutine that calls `apply`: `as_patches` makes a planner
of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple, cast

from orrery.errors import NotSerialisableError, PatchRefused
from orrery.graph import Patch

Apply = Callable[[Patch], Awaitable[None]]
"""Changes the graph, and returns when that is durable. Raises PatchRefused, NotSerialisableError."""


class Driven(NamedTuple):
    """How many patches of a planner were applied, and how many refused."""

    patches: int
    refused: int


async def drive(patches: AsyncIterator[Patch], apply: Apply) -> Driven:
    """Apply the patches of a planner; what refuses one is raised where it was yielded.

    Raises what the planner raises, a refusal that it does not handle among that.
    """
    made = refused = 0
    problem: Exception | None = None
    async with aclosing(cast("AsyncGenerator[Patch]", patches)) as planning:
        while True:
            try:
                patch = await (anext(planning) if problem is None else planning.athrow(problem))
            except StopAsyncIteration:
                return Driven(made, refused)
            problem = None
            if not patch.edits:
                continue
            try:
                await apply(patch)
                made += 1
            except (PatchRefused, NotSerialisableError) as error:
                problem = error
                refused += 1


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
            refusal: Exception | None = None
            try:
                yield patch
            except Exception as error:  # noqa: BLE001 - it is the coroutine's to handle
                refusal = error
            if decided.done():
                continue  # the coroutine waits for it no more: its time ran out meanwhile
            if refusal is None:
                decided.set_result(None)
            else:
                decided.set_exception(refusal)
        await planning
    finally:
        planning.cancel()
        await asyncio.wait([planning])


__all__ = ["Apply", "Driven", "as_patches", "drive"]
