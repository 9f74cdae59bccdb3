"""Spread: a number that is not known exactly, as three percentiles."""

from __future__ import annotations

import math

import msgspec


class Spread(msgspec.Struct, frozen=True, gc=False):
    """The 10th, 50th and 90th percentile of a quantity; never negative, always finite.

    Sums and products act on each percentile alone: exact for the median of one path, and too wide rather than too
    narrow for the rest, as independent deviations would partly cancel.
    """

    low: float
    mid: float
    high: float

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.mid <= self.high < math.inf):
            raise ValueError(f"percentiles must be finite, not negative and in order, not {self}")

    @classmethod
    def exactly(cls, value: float) -> Spread:
        """A number that is known."""
        return cls(value, value, value)

    @classmethod
    def about(cls, value: float, factor: float) -> Spread:
        """A number known up to a factor either way."""
        return cls(value / factor, value, value * factor)

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def times(self, factor: float) -> Spread:
        """Every percentile multiplied by a factor of at least 0."""
        return Spread(self.low * factor, self.mid * factor, self.high * factor)


NOTHING = Spread.exactly(0.0)
