"""History: a run read back from its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orrery.errors import CorruptionError, UnknownRunError
from orrery.journal.protocol import Journal
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.snapshot import thaw


@dataclass(frozen=True)
class History:
    """A run as its log tells it: the folded machine, the number of its last event, and where its code lies."""

    machine: Machine
    seq: int
    target: str
    folder: str


def fold(
    journal: Journal, run: str, *, until: int | None = None, watch: Callable[[ev.AnyEvent, Machine], None] | None = None
) -> History:
    """Fold a run's events, up to number `until`, into its state.

    Args:
        watch: called with every event and the machine after it.

    Raises:
        UnknownRunError: there is no such run.
        CorruptionError: the log is damaged.
        ReplayDivergedError: this code would have decided otherwise; names the first event that differs.
    """
    started = _first_event(journal, run)
    machine = None if watch is not None or until is not None else _from_snapshot(journal, run)
    machine = machine or Machine(run)
    for seq, event in journal.read(run, after=machine.seq):
        if until is not None and seq > until:
            break
        machine.replay(event)
        if watch is not None:
            watch(event, machine)
    return History(machine, machine.seq, started.target, started.folder)


def _first_event(journal: Journal, run: str) -> ev.RunStarted:
    for _, event in journal.read(run):
        if isinstance(event, ev.RunStarted):
            return event
        raise CorruptionError(f"the log of run {run!r} begins with {type(event).__name__}, not with RunStarted")
    raise UnknownRunError(f"run {run!r} has a name and nothing else: its process died before it began; start it again")


def _from_snapshot(journal: Journal, run: str) -> Machine | None:
    kept = journal.load_snapshot(run)
    if kept is None:
        return None
    seq, state = kept
    machine = thaw(state)
    return machine if machine is not None and machine.seq == seq else None
