"""Runs that are looked at are folded once, as long as they are among the last or somebody follows them."""

from __future__ import annotations

from tests.dashboard.logs import Log

from orrery.dashboard.spectators import MOST_KEPT, Spectators
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal


def test_who_looks_again_gets_the_same_and_a_wrong_name_drives_nobody_out(journal: MemoryJournal) -> None:
    for number in range(MOST_KEPT + 1):
        Log(journal, f"r{number}", Graph([Task("a", "work")]))
    spectators = Spectators(journal)
    followed = spectators.of("r0")
    first = id(spectators.of("r1"))
    for number in range(2 * MOST_KEPT):
        spectators.of(f"nobody{number}")
        assert spectators.seen(f"nobody{number}") is None
    assert id(spectators.of("r1")) == first
    for number in range(1, MOST_KEPT + 1):
        spectators.of(f"r{number}")
    assert spectators.of("r0") is followed
    spectators.close()
    assert spectators.seen("r0") is None
