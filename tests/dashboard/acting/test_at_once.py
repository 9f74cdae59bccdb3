"""Words that come at once to a run that nobody drives are taken in one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from tests.dashboard.logs import Log

from orrery.dashboard import acting
from orrery.dashboard.begun import Done
from orrery.graph import Graph, Task
from orrery.journal import Lease
from orrery.journal.memory import MemoryJournal
from orrery.scheduler.events import Event


class Busy(MemoryJournal):
    """While the first word is written, the second one comes."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        super().__init__()
        self.pool = pool
        self.second: Future[Done] | None = None
        self.is_armed = False

    def append(self, batches: Sequence[tuple[Lease, Sequence[Event]]]) -> None:
        if self.is_armed:
            self.is_armed = False
            self.second = self.pool.submit(acting.cancel, self, "r", "enough")
            wait([self.second], 0.3)  # it must not be answered before this one is written
        super().append(batches)


def test_the_second_of_two_words_is_not_left_to_a_driver_that_is_none() -> None:
    with ThreadPoolExecutor() as pool:
        journal = Busy(pool)
        log = Log(journal, "r", Graph([Task("a", "work")]))
        journal.release(log.lease)
        journal.is_armed = True
        assert acting.pause(journal, "r").outcome == "applied"
        assert journal.second is not None
        assert journal.second.result(10).outcome == "applied"
        journal.close()
