"""Listing: the runs of a store in lines, with what can be said of each at little cost."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from orrery.dashboard.rows import RunLine, RunList
from orrery.dashboard.spectators import Spectators
from orrery.errors import CorruptionError, OrreryError, ReplayDivergedError
from orrery.journal import Journal, RunSummary
from orrery.runtime.directory import standing, without_windows
from orrery.scheduler.machine import Machine
from orrery.scheduler.states import ENDED

MOST_EVENTS = 5_000
"""Of a longer run that nobody has looked at only the summary is told."""
MOST_COUNTED_S = 0.2
"""So long runs are counted for one list; those that are left have their turn at the next."""
MOST_REMEMBERED = 2_000
_ENDED = frozenset(state.value for state in ENDED)


class Count(NamedTuple):
    """How far a run was after event `seq`."""

    seq: int
    tasks: int
    done: int
    failed: int
    money: float
    tokens: int

    @classmethod
    def of(cls, machine: Machine, counts: dict[str, int]) -> Count:
        """The count of a folded run with so many tasks in each state."""
        done = sum(count for state, count in counts.items() if state in _ENDED)
        ledger = machine.ledger
        return cls(machine.seq, len(machine.records), done, len(machine.failed), ledger.money, ledger.tokens)


class Counted(NamedTuple):
    """A run that had so many events when it was counted; no tally where its log cannot be read."""

    events: int
    tally: Count | None


class Listing:
    """The lines of runs, each run counted once for every number of events that it had.

    Args:
        journal: the store.
        spectators: those whom somebody looks at, whose counts cost nothing.
    """

    def __init__(self, journal: Journal, spectators: Spectators) -> None:
        self._journal, self._spectators = journal, spectators
        self._counted: OrderedDict[str, Counted] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, *, state: str = "", q: str = "", skip: int = 0, most: int = 50) -> RunList:
        """Runs, the newest first.

        Args:
            state: only runs in this state.
            q: only runs whose name or target has this text in it, in whatever case.
            skip: how many of the newest to leave out.
            most: how many at the most.
        """
        runs = [run for run in without_windows(self._journal.runs()) if run.events or run.live]
        states: dict[str, int] = {}
        for run in runs:
            states[standing(run)] = states.get(standing(run), 0) + 1
        wanted = q.casefold()
        fitting = [
            run
            for run in reversed(runs)
            if state in ("", standing(run)) and (wanted in run.run.casefold() or wanted in run.target.casefold())
        ]
        return RunList(tuple(self._lines(fitting[skip : skip + most])), len(fitting), states)

    def _lines(self, runs: Sequence[RunSummary]) -> list[RunLine]:
        self._count_anew(runs)
        lines = []
        for run in runs:
            line = RunLine(run.run, standing(run), run.created_at, run.updated_at, run.events, run.target)
            known = self._known(run)
            if known is not None and (count := known.tally) is not None:
                tallied = (count.tasks, count.done, count.failed, count.money, count.tokens)
                line = RunLine(
                    line.run, line.state, line.created_at, line.updated_at, line.events, line.target, *tallied
                )
            lines.append(line)
        return lines

    def _count_anew(self, runs: Sequence[RunSummary]) -> None:
        """Count those that have grown, as many as there is time for and one at least.

        Those come first that were never counted, then those whose turn was longest ago: else a few that go on would
        take all the time of every list.
        """
        with self._lock:
            turns = {run: turn for turn, run in enumerate(self._counted, 1)}
        until: float | None = None
        for run in sorted(runs, key=lambda run: turns.get(run.run, 0)):
            known, looked = self._known(run), self._spectators.seen(run.run)
            if known is not None and known.events >= run.events:
                continue
            if looked is not None and looked.machine.seq >= run.events:
                count: Count | None = Count.of(looked.machine, looked.head().counts)
            elif run.events <= MOST_EVENTS and (until is None or time.monotonic() < until):
                until = until or time.monotonic() + MOST_COUNTED_S
                try:
                    count = self._folded(run.run)
                except OrreryError:  # it may be read at another time
                    continue
            else:
                continue
            self._remember(run.run, Counted(count.seq if count is not None else run.events, count))

    def _known(self, run: RunSummary) -> Counted | None:
        with self._lock:
            return self._counted.get(run.run)

    def _remember(self, run: str, counted: Counted) -> None:
        with self._lock:
            self._counted[run] = counted
            self._counted.move_to_end(run)
            while len(self._counted) > MOST_REMEMBERED:
                self._counted.popitem(last=False)

    def _folded(self, run: str) -> Count | None:
        """How far a run is; None where its log cannot be read, of which whoever opens it is told."""
        machine = Machine(run)
        try:
            for _, event in self._journal.read(run):
                machine.replay(event)
        except (CorruptionError, ReplayDivergedError):
            return None
        return Count.of(machine, machine.counts())
