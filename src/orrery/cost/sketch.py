"""Sketch: the distribution of a quantity in little memory, from which quantiles are read.

Values are counted in buckets whose bounds grow by a constant factor, so every quantile is right to within `ERROR` of
itself, however long the tail, in whatever order they come, and old ones may fade; the P2 algorithm (Jain and Chlamtac,
1985), which keeps five markers, can do neither. A value that is out of range counts as the nearest that is in it, so
one absurd figure moves a quantile no further than any other figure would.

Source: DDSketch (Masson, Rim and Lee, 2019), with weights for counts. Where they collapse the lowest buckets, we bound
the range instead: from a nanosecond to millions of years there are 1,325 buckets, of which the attempts at one task
fill a few dozen.
"""

from __future__ import annotations

import math

import msgspec

from orrery.cost.spread import NOTHING, Spread

ERROR = 0.02
"""The relative error of a quantile."""
LEAST, MOST = 1e-9, 1e14
"""What is smaller counts as zero, what is larger as this."""
CUT = 3.0
"""By how much a value may stand out from the 90th percentile in a mean."""

_GROWTH = math.log((1 + ERROR) / (1 - ERROR))
_CENTRE = 2 / (1 + (1 + ERROR) / (1 - ERROR))


class Sketch(msgspec.Struct):
    """Counts of values of at least 0, by size.

    Attributes:
        buckets: the weight of the values in each bucket, by the logarithm of its upper bound.
        zeros: the weight of values below `LEAST`.
    """

    buckets: dict[int, float] = {}
    zeros: float = 0.0

    def add(self, value: float, weight: float = 1.0) -> None:
        """Count a value. What is no number, or below 0, is not counted."""
        if not value >= 0:
            return
        if value < LEAST:
            self.zeros += weight
            return
        bucket = math.ceil(math.log(min(value, MOST)) / _GROWTH)
        self.buckets[bucket] = self.buckets.get(bucket, 0.0) + weight

    def fade(self, factor: float) -> None:
        """Let everything so far count for less."""
        self.zeros *= factor
        self.buckets = {bucket: faded for bucket, weight in self.buckets.items() if (faded := weight * factor) > 1e-6}

    @property
    def weight(self) -> float:
        """How much was counted."""
        return self.zeros + math.fsum(self.buckets.values())

    def quantile(self, share: float) -> float:
        """The value below which a share of the weight lies; 0 where nothing was counted."""
        left = share * self.weight - self.zeros
        if left <= 0 or not self.buckets:
            return 0.0
        bucket = 0
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 1e-9:
                break
        return _value_of(bucket)

    def mean(self) -> float:
        """The mean, with every value beyond `CUT` times the 90th percentile counted as that; 0 where nothing was."""
        weight = self.weight
        if not weight:
            return 0.0
        most = CUT * self.quantile(0.9)
        total = math.fsum(min(_value_of(bucket), most) * counted for bucket, counted in self.buckets.items())
        return total / weight

    def spread(self) -> Spread:
        """The 10th, 50th and 90th percentile."""
        if not self.buckets:
            return NOTHING
        return Spread(self.quantile(0.1), self.quantile(0.5), self.quantile(0.9))


def _value_of(bucket: int) -> float:
    return math.exp(bucket * _GROWTH) * _CENTRE
