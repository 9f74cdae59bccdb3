"""The work of the tasks of a run that is looked at: so many events a second, with or without a processor at work."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from orrery.bench.shapes import layered, workflow
from orrery.graph import ITEM, Each, Graph, Ref, Task
from orrery.runtime.context import Context

STEP = "py:orrery.bench.dashboard.work:step"
_ITEMS = "py:orrery.bench.dashboard.work:items"


@dataclass(frozen=True)
class Manner:
    """How the tasks of this process go about it.

    Args:
        per_s: events a second that they make, all together; 0 is as many as they can.
        notes: how often each says how far it is.
        rounds: of a loop that each runs through, which nothing else in the process can do meanwhile.
    """

    per_s: float = 0.0
    notes: int = 0
    rounds: int = 0


class Pace:
    """Lets through so much a second."""

    def __init__(self, per_s: float) -> None:
        self._per_s, self._next = per_s, 0.0

    async def turn(self, events: int) -> None:
        """Wait until so many more may happen; time that was lost is made up for, up to half a second."""
        if not self._per_s:
            await asyncio.sleep(0)
            return
        now = time.monotonic()
        self._next = max(self._next, now - 0.5) + events / self._per_s
        await asyncio.sleep(max(0.0, self._next - now))


_manner, _pace = Manner(), Pace(0.0)


def behave(manner: Manner) -> None:
    """Let the tasks of this process work in this manner from now on."""
    global _manner, _pace
    _manner, _pace = manner, Pace(manner.per_s)


async def step(ctx: Context, x0: int = 0, x1: int = 0) -> int:
    """A small number, after the notes and the labour that were asked for."""
    for note in range(_manner.notes):
        await _pace.turn(1)
        ctx.progress((note + 1) / (_manner.notes + 1), f"part {note + 1} of {_manner.notes}")
    await _pace.turn(2)  # of its start and its end
    return (x0 + x1 + labour(_manner.rounds)) & 1023


def items(count: int) -> list[int]:
    """What a loop runs over."""
    return list(range(count))


def labour(rounds: int) -> int:
    """Keep the processor at work."""
    total = 1
    for number in range(rounds):
        total = (total * 31 + number) % 1_000_003
    return total


def rounds_of(seconds: float) -> int:
    """How many rounds take so long on this machine while nothing else is in their way."""
    sample, fastest = 20_000, float("inf")
    for _ in range(20):
        began = time.perf_counter()
        labour(sample)
        fastest = min(fastest, time.perf_counter() - began)
    return round(sample * seconds / fastest)


def layers(tasks: int, seed: int) -> Graph:
    """Tasks in layers of a hundred, each after two of the layer before."""
    return workflow(layered(tasks, seed), STEP)


def for_each(tasks: int) -> Graph:
    """One task for each item of a list."""
    listed = Task("list", _ITEMS, {"count": tasks})
    loop = Task("each", STEP, {"x0": Ref(ITEM)}, each=Each(Ref("list")))
    return Graph([listed, loop], outputs={"all": Ref("each")})
