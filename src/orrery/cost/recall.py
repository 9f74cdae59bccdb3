"""Recall: what was learned, summed up once for each kind of task, for a cost model that asks of many tasks."""

from __future__ import annotations

from typing import NamedTuple

from orrery.cost.learned import Found, Learned, Quantity
from orrery.cost.question import Question
from orrery.cost.sketch import Sketch
from orrery.cost.spread import NOTHING, Spread

ENOUGH = 2.5
"""As many recent attempts must a kind of task have seen to be asked before a rougher one."""


class Summary(NamedTuple):
    """A quantity of one experience.

    Args:
        spread: no narrower than so few attempts allow: one is good to a factor of 3, forty to a twentieth.
        weight: how much was seen.
    """

    spread: Spread
    weight: float


class Recall:
    """What was learned. Whatever is learned later changes no answer that was given.

    Args:
        learned: None: nothing.
    """

    def __init__(self, learned: Learned | None) -> None:
        self._learned = learned
        self._known: dict[tuple[Question, Quantity], Summary] = {}

    def __bool__(self) -> bool:
        return self._learned is not None

    def ladder(self, question: Question) -> list[Found]:
        """Every experience that says something of a question, the finest first."""
        return [] if self._learned is None else self._learned.ladder(question)

    def best(self, ladder: list[Found], quantity: Quantity) -> Found | None:
        """The finest of them that has seen enough of a quantity; where none has, the finest that has any."""
        best: Found | None = None
        for found in ladder:
            weight = self.summary(found, quantity).weight
            if weight >= ENOUGH:
                return found
            if weight > 0 and best is None:
                best = found
        return best

    def summary(self, found: Found, quantity: Quantity) -> Summary:
        """A quantity of an experience, summed up."""
        key = found.key, quantity
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _summed_up(found, quantity)
        return known

    def spread(self, question: Question, quantity: Quantity) -> Spread | None:
        """How a quantity is spread, by the best experience there is; None without one."""
        ladder = self.ladder(question)
        found = self.best(ladder, quantity)
        return None if found is None else self.summary(found, quantity).spread


def _summed_up(found: Found, quantity: Quantity) -> Summary:
    weight = found.experience.weight(quantity)
    seen = getattr(found.experience, quantity)
    if not isinstance(seen, Sketch):
        return Summary(NOTHING, weight)
    spread = seen.spread()
    low, mid, high = spread.low, spread.mid, spread.high
    if quantity != "items":  # of which every run has one, however many attempts they are
        factor = 1 + 2 / max(1, found.experience.attempts)
        low, high = min(low, mid / factor), max(high, mid * factor)
    return Summary(Spread(low, mid, high, seen.mean()), weight)
