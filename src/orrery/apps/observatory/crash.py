"""The crash of `--crash`: SIGKILL to this very process, once half of what is left to do is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

from orrery.runtime import Run
from orrery.scheduler import Event, State
from orrery.scheduler import events as ev

FAN_OUT = "measure"
"""Before this task has grown, most of the run's tasks are not known yet, so there is no half of them."""

Farewell = Callable[[int, int], None]
"""What is said before the end: tasks that are done, tasks that there are; those that only make others left out."""


class Crash:
    """An observer that kills this process. It is told only of what is durable, so what it counts is not lost."""

    def __init__(self, farewell: Farewell) -> None:
        self._farewell = farewell
        self._run: Run | None = None
        self._at = 0

    def watch(self, run: Run) -> None:
        """Let this be the run in whose midst it happens."""
        self._run = run
        done, total = self._counts()
        self._at = done + (total - done) // 2 if self._has_grown() else 0

    def take(self, _run: str, events: Sequence[Event]) -> None:
        """Something is durable now."""
        if self._run is None or not any(isinstance(event, ev.TaskSucceeded) for event in events):
            return
        if not self._has_grown():
            return
        done, total = self._counts()
        if done >= (self._at or total // 2):
            self._farewell(done, total)
            os.kill(os.getpid(), signal.SIGKILL)

    def _has_grown(self) -> bool:
        assert self._run is not None
        return any(task.startswith(f"{FAN_OUT}/") for task in self._run.machine.records)

    def _counts(self) -> tuple[int, int]:
        assert self._run is not None
        records = [record for record in self._run.machine.records.values() if record.task.each is None]
        return sum(record.state is State.SUCCEEDED for record in records), len(records)
