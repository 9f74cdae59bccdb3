"""Every run of a list is counted in its turn, however many others change or cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.dashboard.logs import Log

from orrery.dashboard import listing
from orrery.dashboard.listing import Listing
from orrery.dashboard.spectators import Spectators
from orrery.errors import CorruptionError
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from orrery.scheduler.events import AnyEvent


class Damaged(MemoryJournal):
    """Counts what is read; one run cannot be."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()

    def read(self, run: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        self.reads[run] += 1
        if run == "damaged":
            raise CorruptionError("it is damaged")
        return super().read(run, after)


@pytest.fixture
def journal() -> Iterator[Damaged]:
    found = Damaged()
    yield found
    found.close()


def begun(journal: MemoryJournal, run: str) -> Log:
    return Log(journal, run, Graph([Task(f"t{number}", "work") for number in range(20)]))


def test_one_that_goes_on_leaves_the_others_their_turn(journal: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_COUNTED_S", 0.0)  # one run for every list
    for number in range(3):
        begun(journal, f"r{number}")
    going_on = begun(journal, "newest")
    runs = Listing(journal, Spectators(journal))
    for number in range(8):
        going_on.did(f"t{number}", float(number), number + 1.0)
        page = runs.page()
    assert [line.tasks for line in page.runs] == [20, 20, 20, 20]
    assert page.runs[0].done in (7, 8)


def test_one_that_cannot_be_read_is_tried_again_when_it_has_grown(journal: Damaged) -> None:
    damaged = begun(journal, "damaged")
    runs = Listing(journal, Spectators(journal))
    for _ in range(5):
        assert runs.page().runs[0].tasks is None
    assert journal.reads["damaged"] == 1
    damaged.say(ev.RunPaused(1.0))
    runs.page()
    assert journal.reads["damaged"] == 2
