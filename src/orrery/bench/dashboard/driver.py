"""Driver: drives one run in a process of its own, into a store on disk.

`python -m orrery.bench.dashboard.driver LOAD` takes a `Load` as JSON. It prints a line when the run has begun, and
another when it has ended: seconds and state.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final, Literal

import msgspec

from orrery.bench.dashboard import work
from orrery.runtime.executors.inline import InlineExecutor
from orrery.runtime.session import Session

Shape = Literal["layers", "for-each"]
SHAPES: Final[tuple[Shape, ...]] = ("layers", "for-each")


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """A run to be driven.

    Args:
        run: its name.
        store: the URL of its store.
        shape: of its graph, which has so many `tasks`.
        per_s, notes: as `work.Manner` has them.
        busy_s: seconds that each task keeps a processor at work.
        at_once: tasks that are under way at once.
        seed: of the graph.
    """

    run: str
    store: str
    shape: Shape
    tasks: int
    per_s: float = 0.0
    notes: int = 0
    busy_s: float = 0.0
    at_once: int = 64
    seed: int = 1


class Ended(msgspec.Struct, frozen=True):
    """How a run ended, and how long it took."""

    state: str
    seconds: float


async def drive(load: Load) -> None:
    """Drive it to its end."""
    work.behave(work.Manner(load.per_s, load.notes, work.rounds_of(load.busy_s)))
    graph = work.layers(load.tasks, load.seed) if load.shape == "layers" else work.for_each(load.tasks)
    # Taking in so large a graph holds the loop up for longer than the watchdog likes, and it would say so.
    async with Session(load.store, executors={"inline": InlineExecutor(load.at_once)}, watch_s=60.0) as session:
        began = time.perf_counter()
        run = session.start(graph, run=load.run)
        print("begun", flush=True)
        result = await run.wait()
        seconds = time.perf_counter() - began
    print(msgspec.json.encode(Ended(result.state, seconds)).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(drive(msgspec.json.decode(sys.argv[1], type=Load)))
