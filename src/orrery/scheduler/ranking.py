"""Priority: the longest remaining estimated path from a task to the end of the graph.

Source: the upward rank of HEFT (Topcuoglu et al., 2002), without communication costs. Ranks of new tasks
are exact. Of the older tasks before them only as many are updated as are in proportion to the patch; a
rank that stays behind delays nothing that is ready, it only orders the queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orrery.graph.live import LiveGraph
from orrery.graph.ref import TaskId
from orrery.scheduler.record import Record
from orrery.scheduler.states import State

UPDATES_PER_TASK = 16


def rank(
    graph: LiveGraph, records: Mapping[TaskId, Record], fresh: Sequence[Record], changed: Sequence[Record]
) -> None:
    """Set the ranks of fresh and changed records, and carry the change to those before them."""
    position = graph.order.position
    work = sorted((*fresh, *changed), key=lambda record: position(record.task.id), reverse=True)
    for record in work:
        record.rank = _rank_of(record, graph, records)
    budget = UPDATES_PER_TASK * len(work) + UPDATES_PER_TASK
    queue = work
    while queue and budget > 0:
        before: dict[TaskId, Record] = {}
        for record in queue:
            for source in graph.incoming[record.task.id]:
                origin = records[source]
                if origin.rank < origin.task.estimate.seconds + record.rank and origin.state is State.WAITING:
                    before[source] = origin
        budget -= len(before)
        queue = sorted(before.values(), key=lambda record: position(record.task.id), reverse=True)
        for record in queue:
            record.rank = _rank_of(record, graph, records)


def _rank_of(record: Record, graph: LiveGraph, records: Mapping[TaskId, Record]) -> float:
    longest = 0.0
    for target in graph.outgoing[record.task.id]:
        longest = max(longest, records[target].rank)
    return record.task.estimate.seconds + longest
