"""Rates: who may ask a provider now, and who waits until when.

`Allowance` decides and nothing else: no clock, no waiting; time comes in as an argument. Its limits hold over every
window of 60 seconds, not only over calendar minutes. Those who ask are served in the order in which they came:
nobody overtakes, so a large request is not starved by small ones. `Gate` waits for the decisions.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from orrery.models.config import Provider

WINDOW_S = 60.0


@dataclass(eq=False)
class Ticket:
    """One call: the tokens it is expected to take until it is known what it took, and when it was let in."""

    tokens: int
    at: float | None = None


class Allowance:
    """The limits of one provider, and who is within them.

    Args:
        requests_per_minute, tokens_per_minute: in any window of 60 seconds; None: no limit.
        concurrency: calls at once; None: no limit.
    """

    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrency: int | None = None,
    ) -> None:
        self._requests, self._tokens, self._concurrency = requests_per_minute, tokens_per_minute, concurrency
        self._queue: deque[Ticket] = deque()
        self._recent: deque[Ticket] = deque()
        self._inside: dict[Ticket, None] = {}
        self._closed_until = 0.0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def inside(self) -> int:
        """How many calls are under way."""
        return len(self._inside)

    def enter(self, ticket: Ticket) -> None:
        """Take a place at the end of the queue."""
        self._queue.append(ticket)

    def leave(self, ticket: Ticket, *, tokens: int | None = None) -> None:
        """A call has ended, or nobody waits for it any more.

        Args:
            tokens: what it really took; None: unknown, so the expectation stands.
        """
        if ticket.at is None:
            self._queue.remove(ticket)
            return
        self._inside.pop(ticket, None)
        if tokens is not None:
            ticket.tokens = tokens

    def close(self, until: float) -> None:
        """Let nobody in before that time: the provider asked for a pause."""
        self._closed_until = max(self._closed_until, until)

    def admit(self, now: float) -> list[Ticket]:
        """Those who may go now, in their order; they are inside from here on."""
        self._forget(now)
        admitted = []
        while self._queue and self._due(self._queue[0], now) == now:
            ticket = self._queue.popleft()
            ticket.at = now
            self._inside[ticket] = None
            self._recent.append(ticket)
            admitted.append(ticket)
        return admitted

    def next_due(self, now: float) -> float | None:
        """When somebody may be let in by the passing of time alone; None if nobody waits, or for a call to end only."""
        self._forget(now)
        return self._due(self._queue[0], now) if self._queue else None

    def _forget(self, now: float) -> None:
        # Compared as a sum, as `_due` reckons it: with a difference, a ticket may seem to be within by a rounding.
        while self._recent and self._recent[0].at is not None and self._recent[0].at + WINDOW_S <= now:
            self._recent.popleft()

    def _due(self, ticket: Ticket, now: float) -> float | None:
        """When the first in the queue may go, as things stand; None: when a call has ended."""
        if self._concurrency is not None and len(self._inside) >= self._concurrency:
            return None
        due = max(now, self._closed_until)
        if self._requests is not None and len(self._recent) >= self._requests:
            due = max(due, self._gone(len(self._recent) - self._requests))
        if self._tokens is not None:
            # What is more than a whole window's tokens goes alone, or it would never go.
            excess = sum(one.tokens for one in self._recent) + min(ticket.tokens, self._tokens) - self._tokens
            for position, one in enumerate(self._recent):
                if excess <= 0:
                    break
                excess -= one.tokens
                due = max(due, self._gone(position))
        return due

    def _gone(self, position: int) -> float:
        at = self._recent[position].at
        assert at is not None
        return at + WINDOW_S


class Gate:
    """Waits at an `Allowance`, on one event loop.

    Args:
        now: the clock in seconds; the loop's own unless given.
    """

    def __init__(self, allowance: Allowance, *, now: Callable[[], float] | None = None) -> None:
        self._allowance = allowance
        self._loop = asyncio.get_running_loop()
        self._now = now or self._loop.time
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def passing(self, tokens: int) -> AsyncIterator[Passage]:
        """Wait until a call of about so many tokens may be made; the call is what happens inside the block."""
        ticket, passage = Ticket(tokens), Passage(self)
        let_in = self._waiting[ticket] = self._loop.create_future()
        self._allowance.enter(ticket)
        try:
            self._turn()
            await let_in
            yield passage
        finally:
            self._waiting.pop(ticket, None)
            self._allowance.leave(ticket, tokens=passage.tokens)
            self._turn()

    def pause(self, seconds: float) -> None:
        """Let nobody in for a while: the provider asked for it."""
        self._allowance.close(self._now() + seconds)
        self._turn()

    def _turn(self) -> None:
        now = self._now()
        for ticket in self._allowance.admit(now):
            let_in = self._waiting.pop(ticket, None)
            if let_in is not None and not let_in.done():
                let_in.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        due = self._allowance.next_due(now)
        self._timer = None if due is None else self._loop.call_later(max(0.0, due - now), self._turn)


@dataclass
class Passage:
    """A call that was let in; `tokens` is what it took, once that is known."""

    gate: Gate
    tokens: int | None = None


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, tuple[Provider, Gate]]] = WeakKeyDictionary()


def gate(name: str, provider: Provider) -> Gate:
    """The gate of a provider on the running loop; a new one when its limits were changed."""
    gates = _gates.setdefault(asyncio.get_running_loop(), {})
    known = gates.get(name)
    if known is None or known[0] != provider:
        allowance = Allowance(
            requests_per_minute=provider.requests_per_minute,
            tokens_per_minute=provider.tokens_per_minute,
            concurrency=provider.concurrency,
        )
        known = gates[name] = provider, Gate(allowance)
    return known[1]
