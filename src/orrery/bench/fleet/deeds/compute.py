"""Compute: count words, train and judge tiny models; a little arithmetic and a wait that stands for the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from orrery.bench.fleet.deeds import files
from orrery.bench.fleet.deeds.pace import pause
from orrery.bench.fleet.setting import chance
from orrery.runtime.context import Context

WORD = re.compile(r"[a-z']+")


def count_words(text: str, wait_s: float = 0.4, mark: str = "", *, ctx: Context) -> dict[str, int]:
    """How often each word occurs.

    Args:
        mark: a file that is written before the work begins, so that others see that it has.
    """
    if mark:
        files.begun(mark, ctx=ctx)
    pause(wait_s)
    return counted(text)


def counted(text: str) -> dict[str, int]:
    """How often each word occurs."""
    return dict(Counter(WORD.findall(text.lower())))


def must_be_equal(values: Sequence[Any]) -> Any:
    """What all of these are. Raises ValueError if they are not alike."""
    if any(value != values[0] for value in values):
        raise ValueError(f"they differ: {', '.join(map(str, values))}")
    return values[0]


def add_up(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Counts of parts as those of the whole, the most frequent first."""
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))


def train(points: Sequence[Sequence[float]], rate: float, wait_s: float = 0.6, seed: int = 1) -> dict[str, float]:
    """A straight line fitted to points (x, y) by 200 steps of gradient descent at the given rate.

    Returns: {"rate", "slope", "offset", "loss"}, the loss on these points.
    """
    slope, offset = chance(seed).uniform(-1, 1), 0.0
    for _ in range(200):
        errors = [(slope * x + offset - y, x) for x, y in points]
        slope -= rate * sum(error * x for error, x in errors) / len(errors)
        offset -= rate * sum(error for error, _ in errors) / len(errors)
    pause(wait_s)
    return {"rate": rate, "slope": slope, "offset": offset, "loss": loss(points, slope, offset)}


def best(models: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The model with the least loss."""
    return min(models, key=lambda model: model["loss"])


def judge(model: Mapping[str, float], points: Sequence[Sequence[float]], wait_s: float = 0.4) -> dict[str, float]:
    """The model's rate, and its loss on other points."""
    pause(wait_s)
    return {"rate": model["rate"], "loss": loss(points, model["slope"], model["offset"])}


def loss(points: Sequence[Sequence[float]], slope: float, offset: float) -> float:
    """The mean squared error of a line, to six digits."""
    return round(sum((slope * x + offset - y) ** 2 for x, y in points) / len(points), 6)
