"""Who may come in, and how fast: wrong tokens by address, frames by principal. Times come in; nothing is read here."""

from __future__ import annotations

from typing import NamedTuple

from orrery.fleet.hub.settings import Settings

MOST_ADDRESSES = 10_000


class Refusal(NamedTuple):
    """What follows from a refused attempt.

    Args:
        wait_s: how long the other end is asked to wait.
        unnoted: how many like it went unnoted before; None: this one goes unnoted, too.
    """

    wait_s: float
    unnoted: int | None


class _Address:
    __slots__ = ("count", "last_at", "quiet_until", "unnoted")

    def __init__(self) -> None:
        self.count = self.unnoted = 0
        self.last_at = self.quiet_until = 0.0


class Door:
    """Counts refused attempts by address.

    A good token always gets in: tokens are too long to be guessed, and if a wrong one could shut out the rest of its
    address, anybody behind the same router could. What the count limits is the log, and the pace of honest losers.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._addresses: dict[str, _Address] = {}

    def refused(self, peer: str, at: float) -> Refusal:
        """Somebody at `peer` (an address with its port) was turned away."""
        host = host_of(peer)
        found = self._addresses.pop(host, None)
        if found is None or at - found.last_at > 10 * self._settings.failure_wait_s:
            found = _Address()
        self._addresses[host] = found  # the latest last
        if len(self._addresses) > MOST_ADDRESSES:
            del self._addresses[next(iter(self._addresses))]
        found.count += 1
        found.last_at = at
        over = found.count - self._settings.failures_max
        wait_s = 0.0 if over < 0 else min(self._settings.failure_wait_s, 2.0 ** min(over, 30))
        if at < found.quiet_until:
            found.unnoted += 1
            return Refusal(wait_s, None)
        found.quiet_until = at + wait_s
        unnoted, found.unnoted = found.unnoted, 0
        return Refusal(wait_s, unnoted)


class Pace:
    """A bucket of frames that fills at a steady rate."""

    __slots__ = ("_at", "_left")

    def __init__(self, settings: Settings, at: float) -> None:
        self._left, self._at = settings.frames_burst, at

    def allows(self, settings: Settings, count: int, at: float) -> bool:
        """Take `count` frames out, if they are there."""
        self._left = min(settings.frames_burst, self._left + (at - self._at) * settings.frames_per_s)
        self._at = at
        if self._left < count:
            return False
        self._left -= count
        return True


def host_of(peer: str) -> str:
    """The address in `peer` without its port, if it has one."""
    host, colon, port = peer.rpartition(":")
    return host if colon and port.isdecimal() else peer
