"""A planner written as a coroutine: what it applies is yielded, and what comes of that reaches it where it waits."""

from __future__ import annotations

import asyncio

import pytest

from orrery.errors import PatchRefused
from orrery.graph import Add, Patch, Task
from orrery.planners.driving import Apply, as_patches, drive


def patch(task: str) -> Patch:
    """A patch that adds a task."""
    return Patch((Add(Task(task, "x")),), because=task)


def test_a_refusal_is_raised_where_the_coroutine_applied() -> None:
    async def plan(apply: Apply) -> None:
        await apply(patch("a"))
        with pytest.raises(PatchRefused):
            await apply(patch("b"))
        await apply(patch("c"))

    async def apply(one: Patch) -> None:
        if one.because == "b":
            raise PatchRefused([])

    assert asyncio.run(drive(as_patches(plan), apply)) == (2, 1)


@pytest.mark.parametrize("refused", [False, True])
def test_a_coroutine_whose_time_runs_out_while_it_applies_goes_on(refused: bool) -> None:
    applied: list[str] = []

    async def whole() -> None:
        late = asyncio.Event()

        async def plan(apply: Apply) -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await apply(patch("a"))
            late.set()
            await apply(patch("b"))

        async def apply(one: Patch) -> None:
            await late.wait()
            applied.append(one.because)
            if refused and one.because == "a":
                raise PatchRefused([])

        await drive(as_patches(plan), apply)

    asyncio.run(whole())
    assert applied == ["a", "b"]
