"""Health: how steadily a device is heard of. One drop-out is forgiven at once; what keeps dropping out is shaky.

Every drop-out adds one to a count that halves in `HALF_S`. Above `SHAKY_ABOVE` a device is shaky, and stays so until
the count is below `STEADY_BELOW`: between the two nothing changes, so a device that comes and goes once a second is
shaky all the time, and is not chosen and left in turns.
"""

from __future__ import annotations

from math import log2
from typing import Literal

Level = Literal["online", "shaky", "away", "gone"]

HALF_S = 20.0
SHAKY_ABOVE = 1.5
STEADY_BELOW = 0.5
MOST = 4.0
"""However often it dropped out: a minute of calm, and it is steady again."""
MISSED_BEATS = 2.5
"""So many heartbeats without a word are a drop-out, though the connection stands."""


class Health:
    """What is known of one device's presence.

    Args:
        heartbeat_s: how often it is to be heard of.
        lease_s: how long after it was last heard of its leases run.
    """

    __slots__ = ("_drops", "_drops_at", "_heartbeat_s", "connected", "gone", "heard_at", "lease_s", "quiet", "shaky")

    def __init__(self, at: float, *, heartbeat_s: float, lease_s: float) -> None:
        self._heartbeat_s, self.lease_s = heartbeat_s, lease_s
        self._drops, self._drops_at = 0.0, at
        self.heard_at = at
        self.connected = False
        self.quiet = False
        self.shaky = False
        self.gone = True

    @property
    def level(self) -> Level:
        """In one word."""
        if self.connected:
            return "shaky" if self.shaky or self.quiet else "online"
        return "gone" if self.gone else "away"

    @property
    def lease_ends_at(self) -> float:
        """When its leases end, unless it is heard of."""
        return self.heard_at + self.lease_s

    def came(self, at: float) -> None:
        """It is connected."""
        if self.connected:
            self._drop(at)  # a second connection: the first one broke, and nobody noticed
        self.connected, self.gone = True, False
        self.heard(at)
        self._settle(at)

    def went(self, at: float, *, clean: bool) -> None:
        """Its connection is gone."""
        if self.connected and not clean:
            self._drop(at)
        self.connected = self.quiet = False

    def heard(self, at: float) -> None:
        """Something came from it."""
        self.heard_at = max(self.heard_at, at)
        self.quiet = False
        self.gone = self.gone and not self.connected

    def passed(self, at: float) -> bool:
        """Take note of the time. True: its leases have just ended."""
        self._settle(at)
        if self.connected and not self.quiet and at >= self._missed_at:
            self.quiet = True
            self._drop(at)
        if self.gone or at < self.lease_ends_at:
            return False
        self.gone = True
        return True

    def due(self) -> float | None:
        """When `passed` would change something, if nothing is heard."""
        times = [] if self.gone else [self.lease_ends_at]
        if self.connected and not self.quiet:
            times.append(self._missed_at)
        if self.shaky:
            times.append(self._drops_at + HALF_S * log2(self._drops / STEADY_BELOW) + 1e-3)
        return min(times, default=None)

    @property
    def _missed_at(self) -> float:
        return self.heard_at + MISSED_BEATS * self._heartbeat_s

    def _count(self, at: float) -> float:
        return float(self._drops * 0.5 ** (max(0.0, at - self._drops_at) / HALF_S))

    def _drop(self, at: float) -> None:
        self._drops, self._drops_at = min(MOST, self._count(at) + 1.0), max(at, self._drops_at)
        self.shaky = self.shaky or self._drops > SHAKY_ABOVE

    def _settle(self, at: float) -> None:
        if self.shaky and self._count(at) < STEADY_BELOW:
            self.shaky = False
