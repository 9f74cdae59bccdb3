"""Watching: what the operator changes in the registry while the hub runs, and what its next life has to know."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from orrery.fleet.hub.registry import Enrolled, Registry


class News(NamedTuple):
    """What has changed.

    Args:
        revoked: devices whose keys work no more.
        drained: devices that are to take nothing new; those in `undrained` may again.
        clients: every client that may speak; None: as before.
    """

    revoked: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    undrained: tuple[str, ...] = ()
    clients: frozenset[str] | None = None


class Watching:
    """A registry, looked at again and again.

    Args:
        at: now.
        kept_s: how long a device that does not come back is waited for.
    """

    def __init__(self, registry: Registry, at: float, *, kept_s: float) -> None:
        self._registry = registry
        registry.has_changed()
        self._devices = registry.devices()
        self.expected = registry.those_here(revoked_after=at - kept_s)
        """The devices that were there when the hub ended last."""
        self._overdue = dict.fromkeys(self.expected)
        self._overdue_at = at + kept_s

    def is_draining(self, device: str) -> bool:
        """Whether the operator wants a device to take nothing new."""
        found = self._devices.get(device)
        return found is not None and found.draining

    def look(self) -> News:
        """What another process has changed since the last call. Raises StoreError."""
        if not self._registry.has_changed():
            return News()
        before, self._devices = self._devices, self._registry.devices()
        revoked: list[str] = []
        drained: list[str] = []
        undrained: list[str] = []
        for name, device in self._devices.items():
            earlier = before.get(name)
            if device.revoked_at is not None:
                if earlier is None or device.revoked_at != earlier.revoked_at:
                    revoked.append(name)
            elif device.draining != _was_draining(earlier):
                (drained if device.draining else undrained).append(name)
        clients = frozenset(name for name, may in self._registry.clients().items() if may)
        return News(tuple(revoked), tuple(drained), tuple(undrained), clients)

    def give_up(self, at: float, there: Container[str]) -> None:
        """The next life of the hub need not wait for devices of the last one that never came back in this."""
        if self._overdue and at > self._overdue_at:
            for name in self._overdue:
                if name not in there:
                    self._registry.here(name, False)
            self._overdue = {}


def _was_draining(earlier: Enrolled | None) -> bool:
    return earlier is not None and earlier.draining and earlier.revoked_at is None
