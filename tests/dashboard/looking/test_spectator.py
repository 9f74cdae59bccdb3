"""Whoever takes the changes of a spectator, at whatever moments, has the rows of the last of them."""

from __future__ import annotations

import random
import traceback

import pytest
from tests.dashboard.logs import Log

from orrery.dashboard.rows import Change, TaskRow
from orrery.dashboard.spectator import Spectator
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from orrery.scheduler.events import AnyEvent
from orrery.testing.world import RUN, run_world
from orrery.tracing.attempts import Ending


class Viewer:
    """Takes changes as a page does."""

    def __init__(self) -> None:
        self.seq = 0
        self.rows: dict[str, TaskRow] = {}
        self.outputs: dict[str, tuple[str, ...]] = {}

    def take(self, change: Change) -> None:
        for task in change.gone:
            del self.rows[task]
        self.rows |= {row.id: row for row in change.tasks}
        self.outputs = self.outputs if change.outputs is None else change.outputs
        self.seq = change.seq


def log_of(seed: int, *, tasks: int | None = None) -> list[AnyEvent]:
    journal = MemoryJournal()
    run_world(seed, tasks=tasks, journal=journal)
    return [event for _, event in journal.read(RUN)]


@pytest.mark.parametrize("block", range(6))
def test_changes_from_any_point_lead_to_the_rows_of_the_moment(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        check_world(seed)


def check_world(seed: int) -> None:
    chance = random.Random(seed)
    journal = MemoryJournal()
    lease = journal.create(RUN, 0.0)
    watching = Spectator(journal, RUN)
    viewers = [Viewer() for _ in range(4)]
    for event in log_of(seed):
        journal.append([(lease, [event])])
        assert watching.catch_up() == journal.head(RUN)
        for viewer in (viewers[0], *(one for one in viewers[1:] if chance.random() < 0.15)):
            viewer.take(watching.changed_after(viewer.seq))
        states = {task: record.state.value for task, record in watching.machine.records.items()}
        assert {task: row.state for task, row in viewers[0].rows.items()} == states, seed
        assert watching.head().counts == watching.machine.counts()
        if chance.random() < 0.15:
            compare(journal, watching, viewers[0], seed)
    for viewer in viewers:
        viewer.take(watching.changed_after(viewer.seq))
        compare(journal, watching, viewer, seed)


def compare(journal: MemoryJournal, watching: Spectator, viewer: Viewer, seed: int) -> None:
    fresh = Spectator(journal, RUN)
    fresh.catch_up()
    whole = fresh.changed_after(0)
    assert viewer.rows == {row.id: row for row in whole.tasks}, seed
    assert viewer.outputs == (whole.outputs or {}), seed
    assert [row.id for row in whole.tasks] == list(fresh.machine.records)
    assert watching.head() == whole.head


class Unforeseen(Spectator):
    """Fails over one event, as no event makes it."""

    def _settle(self, task: str, at: float, left: Ending, *, sure: bool) -> None:
        raise KeyError(task)


def test_what_was_taken_in_by_half_is_shown_by_nobody_and_told_again_without_end(journal: MemoryJournal) -> None:
    log = Log(journal, "r", Graph([Task("a", "work")]))
    watching = Unforeseen(journal, "r")
    lengths = []
    for _ in range(5):
        with pytest.raises(KeyError) as caught:
            watching.catch_up()
        lengths.append(len(list(traceback.walk_tb(caught.value.__traceback__))))
        if len(lengths) == 1:
            log.say(ev.RunPaused(1.0))
    assert lengths[1] == lengths[-1]
