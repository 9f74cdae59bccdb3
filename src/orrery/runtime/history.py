"""History: a run read back from its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orrery.errors import CorruptionError
from orrery.journal.protocol import Journal
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine


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
    machine = Machine(run)
    target = folder = ""
    for seq, event in journal.read(run):
        if until is not None and seq > until:
            break
        if isinstance(event, ev.RunStarted):
            target, folder = event.target, event.folder
        elif seq == 1:
            raise CorruptionError(f"the log of run {run!r} begins with {type(event).__name__}, not with RunStarted")
        machine.replay(event)
        if watch is not None:
            watch(event, machine)
    return History(machine, machine.seq, target, folder)
