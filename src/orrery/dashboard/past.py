"""Past: every change of state of a run, for whoever travels in its time."""

from __future__ import annotations

from orrery.dashboard.rows import Past
from orrery.dashboard.spectator import STATES, Spectator


def past_of(spectator: Spectator) -> Past:
    """Every change of state, as of the spectator's last look."""
    with spectator.lock:
        steps, machine = spectator.steps, spectator.machine
        return Past(
            tasks=tuple(steps.tasks),
            states=STATES,
            seq=tuple(steps.seq),
            at=tuple(round(at, 4) for at in steps.at),
            task=tuple(steps.task),
            state=tuple(steps.state),
            started_at=machine.started_at,
            until=machine.seq,
        )
