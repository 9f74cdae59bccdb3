"""Driver: the run of a drill as a process of its own, so that it can be killed.

Run as `python -m orrery.bench.fleet_drills.driver FILE`, where the file has the order as JSON. It begins the run, or
goes on with it where its store has it, and answers for the person who is asked.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from orrery.fleet.hubs import HubAddress
from orrery.graph.codec import graph_from_json
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.runtime.session import Run, Session
from orrery.scheduler.events import Event, PersonAsked
from orrery.scheduler.states import State

RUN = "drill"
Verdict = Literal["deny", "rerun"]


class Order(msgspec.Struct, frozen=True):
    """What to run.

    Args:
        graph: as JSON.
        store: the URL of the store.
        verdict: what a person says who is asked about a task whose fate nobody knows.
    """

    graph: str
    store: str
    hub: HubAddress
    verdict: Verdict = "deny"


async def drive(order: Order, folder: Path) -> None:
    """Bring the run to its end."""
    run: Run | None = None

    def hear(_run: str, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, PersonAsked) and run is not None:
                asyncio.get_running_loop().call_soon(run.answer, event.task, order.verdict, None)

    executors = {"fleet": FleetExecutor(order.hub)}
    async with Session(order.store, executors=executors, observers=(hear,)) as session:
        begun = any(summary.run == RUN and summary.events for summary in session.journal.runs())
        run = session.resume(RUN) if begun else session.start(graph_from_json(order.graph), run=RUN, folder=folder)
        for record in run.machine.records.values():
            if record.state is State.ASKING:  # whoever was to answer has died
                run.answer(record.task.id, order.verdict)
        await run.wait()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    asyncio.run(drive(msgspec.json.decode(place.read_bytes(), type=Order), place.parent))


__all__ = ["RUN", "Order", "Verdict"]
