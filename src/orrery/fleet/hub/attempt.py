"""Attempt: what a hub remembers of one attempt at a task, and the table of every legal step of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from orrery.errors import IllegalTransitionError
from orrery.fleet.messages import Assign, Effect, Result

if TYPE_CHECKING:
    from orrery.fleet.hub.known import KnownDevice
    from orrery.fleet.hub.queue import Line


class State(Enum):
    """Where an attempt stands."""

    NEW = "new"
    QUEUED = "queued"
    """It waits for a device."""
    BEHIND = "behind"
    """It waits for the end of an earlier attempt at the same task."""
    SOUGHT = "sought"
    """It was given to a device by an earlier life of the hub, and that device has not reported yet."""
    LEASED = "leased"
    """A device has it."""
    ADRIFT = "adrift"
    """The lease ended, and only that device knows what became of it."""
    ENDED = "ended"
    """It has its result, which is kept until the client says that it has it, too."""

    # Looked up several times an attempt; Enum's own hash is a Python function.
    __hash__ = object.__hash__


_NEW, _QUEUED, _BEHIND, _SOUGHT, _LEASED, _ADRIFT, _ENDED = State

STEPS: dict[State, frozenset[State]] = {
    _NEW: frozenset({_QUEUED, _BEHIND, _SOUGHT, _LEASED, _ENDED}),
    _QUEUED: frozenset({_BEHIND, _LEASED, _ENDED}),
    _BEHIND: frozenset({_QUEUED, _SOUGHT, _LEASED, _ENDED}),
    _SOUGHT: frozenset({_QUEUED, _BEHIND, _SOUGHT, _LEASED, _ENDED}),
    _LEASED: frozenset({_QUEUED, _LEASED, _ADRIFT, _ENDED}),
    _ADRIFT: frozenset({_QUEUED, _LEASED, _ENDED}),
    _ENDED: frozenset(),
}
"""Where an attempt may go from where it is."""


class Attempt:
    """One attempt.

    Args:
        assign: what was asked; of an orphan only the names are known.
        client: who asked last; empty for an orphan: a device has it, and whoever asked has not come yet.
        arrival: counts the attempts; of equal ranks the earlier goes first.

    Attributes:
        fence: of the latest lease; 0 if this hub gave none.
        holder: the device that has the lease, or had it last.
        known_as: the work under which the holder remembers the result.
        refused: the devices that said they cannot, with what they said.
        returned: how often each device gave it back without having done anything of it.
        queued_at: since when it waits for a device; `leased_at`: since when its holder has it.
        accepted: the holder has said that it will do it.
        stopping: why it is to stop, if it is; `overdue`: because its deadline has passed.
        forgotten: the client wants to hear no more of it.
        told: the client has been sent the latest news.
        after: the attempt at the same task that waits for the end of this one; `before`: the other way round.
        awaits: of one that is sought, the devices that may have it; `may_be_done`: or may have done it.
        line: where it waits.
        instead: why it is not on the device that it prefers.
    """

    __slots__ = (
        "accepted", "after", "arrival", "assign", "awaits", "because", "before", "client", "fence", "forgotten",
        "holder", "instead", "known_as", "leased_at", "line", "may_be_done", "overdue", "queued_at", "refused",
        "result", "returned", "state", "stopping", "told", "work",
    )  # fmt: skip

    def __init__(self, assign: Assign, client: str, arrival: int) -> None:
        self.assign, self.client, self.arrival = assign, client, arrival
        self.work = assign.work
        self.state = _NEW
        self.fence = 0
        self.holder: KnownDevice | None = None
        self.known_as = assign.work
        self.because = ""
        self.refused: dict[str, str] = {}
        self.returned: dict[str, int] = {}
        self.queued_at = self.leased_at = 0.0
        self.accepted = False
        self.stopping: str | None = None
        self.overdue = False
        self.forgotten = False
        self.told = True
        self.result: Result | None = None
        self.after: Attempt | None = None
        self.before: Attempt | None = None
        self.awaits: dict[str, None] = {}
        self.may_be_done = False
        self.line: Line | None = None
        self.instead = ""

    @property
    def harmless(self) -> bool:
        """Whether it may be done again without asking anybody."""
        return self.assign.effects in ("pure", "idempotent")

    @property
    def effect_unheard(self) -> Effect:
        """What is known of its effect while nothing was heard of its end."""
        return "none" if self.assign.effects == "pure" else "unknown"

    @property
    def orphan(self) -> bool:
        """Whether nobody has asked for it yet."""
        return not self.client

    def step(self, state: State) -> None:
        """Go to another state. Raises IllegalTransitionError if the table has no such step."""
        if state not in STEPS[self.state]:
            raise IllegalTransitionError(
                f"attempt {self.work!r} is {self.state.value} and cannot become {state.value} at once"
            )
        self.state = state

    def __repr__(self) -> str:
        where = f" on {self.holder.name}" if self.holder is not None else ""
        return f"<Attempt {self.work} {self.state.value}{where} fence {self.fence}>"
