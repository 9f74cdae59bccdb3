"""Runs that are looked at are folded once, as long as they are among the last or somebody follows them."""

from __future__ import annotations

import pytest
from tests.dashboard.logs import Log

from orrery.dashboard import spectators
from orrery.dashboard.spectators import MOST_KEPT, Spectators
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal


def test_who_looks_again_gets_the_same_and_a_wrong_name_drives_nobody_out(journal: MemoryJournal) -> None:
    for number in range(MOST_KEPT + 1):
        Log(journal, f"r{number}", Graph([Task("a", "work")]))
    kept = Spectators(journal)
    followed = kept.of("r0")
    first = id(kept.of("r1"))
    for number in range(2 * MOST_KEPT):
        kept.of(f"nobody{number}")
        assert kept.seen(f"nobody{number}") is None
    assert id(kept.of("r1")) == first
    for number in range(1, MOST_KEPT + 1):
        kept.of(f"r{number}")
    assert kept.of("r0") is followed
    kept.close()
    assert kept.seen("r0") is None


def test_few_are_kept_of_large_ones_and_the_last_always(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spectators, "MOST_TASKS", 25)
    kept = Spectators(journal)
    for run in ("first", "second", "third"):
        Log(journal, run, Graph([Task(f"t{number}", "work") for number in range(10)]))
        kept.of(run).catch_up()
    kept.of("third")
    assert [kept.seen(run) is not None for run in ("first", "second", "third")] == [False, True, True]
    Log(journal, "large", Graph([Task(f"t{number}", "work") for number in range(30)]))
    kept.of("large").catch_up()
    kept.of("large")
    assert [kept.seen(run) is not None for run in ("second", "third", "large")] == [False, False, True]
