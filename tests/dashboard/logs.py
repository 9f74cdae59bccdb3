"""Runs for the dashboard to look at, told event by event, with times that a test chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from orrery.dashboard.board import Board
from orrery.graph import Graph
from orrery.graph.values import encode
from orrery.journal import Journal
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine


class Log:
    """A run that is driven by hand: what the scheduler concludes stands in its log as well."""

    def __init__(self, journal: Journal, run: str, graph: Graph, *, at: float = 0.0, target: str = "") -> None:
        self.journal, self.machine = journal, Machine(run)
        self.lease = journal.create(run, at, target)
        self.say(ev.RunStarted(at, run, target=target))
        self.say(self.machine.open_with(graph, at=at))

    def say(self, *events: ev.Event) -> None:
        """Let things happen."""
        for event in events:
            taken = self.machine.handle(event)
            assert taken is not None, f"{event!r} says nothing new"
            self.journal.append([(self.lease, [taken, *self.machine.decisions])])
            self.machine.decisions.clear()

    def did(
        self,
        task: str,
        began: float,
        ended: float,
        *,
        started: float | None = None,
        value: Any = None,
        usage: ev.Usage | None = None,
        where: str = "",
    ) -> None:
        """A task's first attempt succeeds; it was handed out at `started`, when it began unless given."""
        self.say(
            ev.TaskStarted(began if started is None else started, task, 1),
            ev.TaskSucceeded(ended, task, 1, msgspec.Raw(encode(value)), usage, began_at=began, where=where),
        )


def board(journal: Journal, folder: Path | None = None) -> Board:
    """A board over a store."""
    return Board(journal, "", folder or Path())
