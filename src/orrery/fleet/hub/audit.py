"""Audit: what happened to whom, written into the registry's log; what others can cause at will only now and then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from orrery.errors import StoreError
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hub.settings import Settings

AT_WILL = (
    *("refused", "cut", "error", "untrue", "session-lost", "replaced"),
    *("device-came", "device-went", "device-gone"),
)
"""Records that others can cause as often as they like. Each is written now and then only, or they would drive all the
rest out of the log, and the hub would do nothing but write."""
MOST_CAUSERS = 10_000
"""Of so many it is known for each kind how often they caused it; the latest stay."""
_LOG = logging.getLogger("orrery.fleet")


class Audit:
    """The log of one hub.

    Args:
        settings: after how many repetitions one is not written, and for how long.
        now: the hub's clock.
    """

    def __init__(self, registry: Registry, settings: Settings, now: Callable[[], float]) -> None:
        self._registry, self._now = registry, now
        self._repeats = {kind: Repeats(settings) for kind in AT_WILL}

    def note(self, kind: str, principal: str, detail: str = "", *, by: str = "") -> float:
        """Write a record, unless its like was written a moment ago.

        Args:
            by: who caused it, where many principals can be one; empty: the principal did.

        Returns: for how many seconds whoever caused it is to be asked to wait; 0 unless they did so often.
        """
        wait_s, at = 0.0, self._now()
        if (repeats := self._repeats.get(kind)) is not None:
            wait_s, unwritten = repeats.count(by or principal, at)
            if unwritten is None:
                return wait_s
            detail += f" ({unwritten} more before)" if unwritten else ""
        try:
            self._registry.note(at, kind, principal, detail)
        except StoreError as error:  # a full disk must not end the hub
            _LOG.error("not in the audit log (%s): %s %s %s", error, kind, principal, detail)
        return wait_s


class Repeat(NamedTuple):
    """What follows when something was caused once more.

    Args:
        wait_s: how long whoever caused it is asked to wait.
        unwritten: how many like it went unwritten before; None: this one goes unwritten, too.
    """

    wait_s: float
    unwritten: int | None


class _Causer:
    __slots__ = ("count", "last_at", "quiet_until", "unwritten")

    def __init__(self) -> None:
        self.count = self.unwritten = 0
        self.last_at = self.quiet_until = 0.0


class Repeats:
    """Counts how often somebody caused one kind of thing.

    It shuts nobody out. A good token always gets in: tokens are too long to be guessed, and if a wrong one could shut
    out the rest of its address, anybody behind the same router could. What the count limits is the log, and the pace of
    honest losers.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._causers: dict[str, _Causer] = {}

    def count(self, by: str, at: float) -> Repeat:
        """It was caused once more, by somebody."""
        found = self._causers.pop(by, None)
        if found is None or at - found.last_at > 10 * self._settings.failure_wait_s:
            found = _Causer()
        self._causers[by] = found  # the latest last
        if len(self._causers) > MOST_CAUSERS:
            del self._causers[next(iter(self._causers))]
        found.count += 1
        found.last_at = at
        over = found.count - self._settings.failures_max
        wait_s = 0.0 if over < 0 else min(self._settings.failure_wait_s, 2.0 ** min(over, 30))
        if at < found.quiet_until:
            found.unwritten += 1
            return Repeat(wait_s, None)
        found.quiet_until = at + wait_s
        unwritten, found.unwritten = found.unwritten, 0
        return Repeat(wait_s, unwritten)
