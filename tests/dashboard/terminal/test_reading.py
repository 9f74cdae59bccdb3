"""What a look could not tell is told by the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orrery.dashboard.spectator import Spectator
from orrery.dashboard.terminal.reading import Reader
from orrery.errors import StoreError
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal
from orrery.scheduler.events import AnyEvent

from ..logs import Log


class Busy(MemoryJournal):
    """Fails at one of the reads to come."""

    until = 0

    def read(self, run: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        self.until -= 1
        if self.until == 0:
            raise StoreError("it is busy")
        return super().read(run, after)


@pytest.mark.parametrize("read", [1, 2, 3])
def test_what_changed_is_told_also_after_a_look_in_whose_midst_the_store_was_busy(read: int) -> None:
    journal = Busy()
    log = Log(journal, "r", Graph([Task("a", "work")]))
    reader = Reader(Spectator(journal, "r"))
    reader.look("a")
    log.did("a", 1.0, 2.0)
    journal.until = read
    with pytest.raises(StoreError):
        reader.look("a")
    look = reader.look("a")
    assert look.change is not None
    assert [row.state for row in look.change.tasks] == ["succeeded"]
    assert [one.type for one in look.told] == ["TaskStarted", "TaskSucceeded", "RunEnded"]
    assert look.panel is not None
    assert reader.look("a") == (None, (), None)
    journal.close()
