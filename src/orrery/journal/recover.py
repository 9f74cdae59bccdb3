"""Reading a run back: from its last good snapshot, or from the start; and checking that all of it is there."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from orrery.errors import CorruptionError
from orrery.journal.protocol import Journal
from orrery.scheduler.events import AnyEvent


class Recovered(msgspec.Struct, frozen=True):
    """A run as far as it got.

    Args:
        snapshot: the state after event `seq`; None when the run is read from the start.
        seq: the last event that the snapshot covers, 0 without one.
        events: those after `seq` with their numbers, verified one by one as they are taken.
    """

    snapshot: bytes | None
    seq: int
    events: Iterator[tuple[int, AnyEvent]]


def recover(journal: Journal, run: str) -> Recovered:
    """What is needed to go on with a run. Raises UnknownRunError; taking its events may raise CorruptionError."""
    found = journal.load_snapshot(run)
    seq, snapshot = (0, None) if found is None else found
    journal.head(run)  # an unknown run is an error here, not at the first event
    return Recovered(snapshot, seq, journal.read(run, after=seq))


class Verification(msgspec.Struct, frozen=True):
    """How much of a run is what was written. `intact` events can be read; `problem` is empty when that is all."""

    run: str
    events: int
    intact: int
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


def verify(journal: Journal, run: str) -> Verification:
    """Read all of a run and say how far it is intact. Raises UnknownRunError."""
    events = journal.head(run)
    intact = 0
    try:
        for seq, _ in journal.read(run):
            intact = seq
    except CorruptionError as error:
        return Verification(run, events, intact, str(error))
    return Verification(run, events, intact)
