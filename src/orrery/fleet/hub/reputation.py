"""Trust: how far a device's word is taken, from how its attempts ended. It falls at once and recovers slowly."""

from __future__ import annotations

from math import log2

FLOOR = 0.2
"""Below it a device gets no work until its trust has recovered."""
HALF_S = 1800.0
"""In this time half of the distrust is forgotten."""
UNTRUE = 0.6
"""What is left of the trust in a device that refuses what it offers."""
LEASE_LOST = 0.9
"""The same for one that vanished with work."""
WORKER_LOST = 0.95
"""The same for one whose worker vanished."""
GOOD = 0.1
"""The share of the distrust that one good end takes away."""


class Trust:
    """A number in [0, 1]; 1 until something speaks against it."""

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value, self._at = 1.0, 0.0

    def now(self, at: float) -> float:
        """The trust at a time."""
        if self._value == 1.0:
            return 1.0
        return float(1.0 - (1.0 - self._value) * 0.5 ** (max(0.0, at - self._at) / HALF_S))

    def fall(self, factor: float, at: float) -> None:
        """Something speaks against it."""
        self._value, self._at = self.now(at) * factor, at

    def rise(self, at: float) -> None:
        """An attempt ended well."""
        if self._value != 1.0:
            value = self.now(at)
            self._value, self._at = value + (1.0 - value) * GOOD, at

    def suffices_at(self, at: float) -> float:
        """When it is back at the floor."""
        value = self.now(at)
        return at if value >= FLOOR else at + HALF_S * log2((1.0 - value) / (1.0 - FLOOR)) + 1e-3
