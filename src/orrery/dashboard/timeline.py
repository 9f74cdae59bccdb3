"""Timeline: the attempts of a run, and the chain of them that it waited for."""

from __future__ import annotations

from typing import cast

from orrery.dashboard.rows import AttemptRow, Timeline
from orrery.dashboard.spectator import Spectator
from orrery.tracing import Attempt, critical_path
from orrery.tracing.attempts import Ending


def timeline_of(spectator: Spectator) -> Timeline:
    """The attempts and the critical path, as of the spectator's last look."""
    with spectator.lock:
        rows = spectator.attempts()
        path = critical_path(spectator.machine, map(_attempt, rows))
        at, waited = spectator.machine.started_at, list[float]()
        for attempt in path:
            waited.append(round(max(0.0, attempt.ended_at - at), 6))
            at = max(at, attempt.ended_at)
    return Timeline(tuple(rows), tuple((attempt.task, attempt.number) for attempt in path), tuple(waited))


def _attempt(row: AttemptRow) -> Attempt:
    outcome = cast("Ending", row.outcome)
    return Attempt(row.task, row.number, row.queued_at, row.began_at, row.ended_at, outcome)
