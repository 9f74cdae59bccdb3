"""Spread: a number that is not known exactly, as three percentiles."""

from __future__ import annotations

import math

import msgspec


class Spread(msgspec.Struct, frozen=True, gc=False):
    """The 10th, 50th and 90th percentile of a quantity; never negative, always finite.

    Sums and products act on each percentile alone: exact for the median of one path, and too wide rather than too
    narrow for the rest, as independent deviations would partly cancel.

    Args:
        mean: as it was measured, single outliers cut off; None: nobody has. A sum has one if both terms do.
    """

    low: float
    mid: float
    high: float
    mean: float | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.mid <= self.high < math.inf):
            raise ValueError(f"percentiles must be finite, not negative and in order, not {self}")
        if self.mean is not None and not 0 <= self.mean < math.inf:
            raise ValueError(f"a mean must be finite and not negative, not {self.mean}")

    @classmethod
    def exactly(cls, value: float) -> Spread:
        """A number that is known."""
        return cls(value, value, value)

    @classmethod
    def about(cls, value: float, factor: float) -> Spread:
        """A number known up to a factor either way."""
        return cls(value / factor, value, value * factor)

    def __add__(self, other: Spread) -> Spread:
        mean = None if self.mean is None or other.mean is None else self.mean + other.mean
        return Spread(self.low + other.low, self.mid + other.mid, self.high + other.high, mean)

    def times(self, factor: float) -> Spread:
        """All of it multiplied by a factor of at least 0."""
        mean = None if self.mean is None else self.mean * factor
        return Spread(self.low * factor, self.mid * factor, self.high * factor, mean)

    def at_most(self, other: Spread) -> Spread:
        """The smaller one of each percentile; nobody has measured the mean of that."""
        return Spread(min(self.low, other.low), min(self.mid, other.mid), min(self.high, other.high))


NOTHING = Spread.exactly(0.0)
