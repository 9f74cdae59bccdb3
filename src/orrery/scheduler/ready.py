"""ReadyQueue: what could start now, by demand and priority. Never scanned: a heap per distinct demand."""

from __future__ import annotations

from heapq import heappop, heappush

from orrery.scheduler.pools import Demand
from orrery.scheduler.record import Record
from orrery.scheduler.states import State

Entry = tuple[float, int, Record]


class ReadyQueue:
    """Ready records, longest remaining path first, ties in the order of addition.

    Entries whose record has moved on (cancelled, held, dropped) are discarded when they come up.
    """

    __slots__ = ("lanes",)

    def __init__(self) -> None:
        self.lanes: dict[Demand, list[Entry]] = {}

    def push(self, record: Record) -> None:
        """Put a record into its lane."""
        heap = self.lanes.get(record.demand)
        if heap is None:
            heap = self.lanes[record.demand] = []
        heappush(heap, (-record.rank, record.order, record))

    def head(self, demand: Demand) -> Entry | None:
        """The first startable entry of a lane, stale ones before it discarded."""
        heap = self.lanes[demand]
        while heap:
            record = heap[0][2]
            if record.held == 0 and (record.state is State.READY or record.hedging) and record.demand == demand:
                return heap[0]
            heappop(heap)
        del self.lanes[demand]
        return None

    def pop(self, demand: Demand) -> Record:
        """Take the entry that `head` showed."""
        heap = self.lanes[demand]
        record = heappop(heap)[2]
        if not heap:
            del self.lanes[demand]
        return record

    def __contains__(self, record: Record) -> bool:
        return any(entry[2] is record for entry in self.lanes.get(record.demand, ()))
