"""Cost models for tests: one that is plain, and one that is as wrong as a cost model can be."""

from __future__ import annotations

import random

from orrery.cost import AS_WRITTEN, NOTHING, Cost, Option, Platform, Spread
from orrery.graph import Task


class Always:
    """The same cost for every task on every candidate."""

    def __init__(self, cost: Cost, platform: Platform | None = None) -> None:
        self.cost = cost
        self.platform = platform or Platform()

    def estimate(self, _task: Task, _option: Option = AS_WRITTEN) -> Cost:
        """What it always says."""
        return self.cost


LONG_TAILED = Always(Cost(Spread(0.3, 1.0, 6.0), source="learned", attempts=100.0))


class Wild:
    """Costs drawn anew for every task and candidate: nothing, next to nothing, enormous; the same for the same seed."""

    def __init__(self, seed: int, platform: Platform | None = None) -> None:
        self.seed = seed
        self.platform = platform or Platform()

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """What nobody should believe."""
        chance = random.Random(f"{self.seed} {task.id} {option}")

        def spread() -> Spread:
            drawn = sorted(chance.choice((0.0, 1e-9, 1.0, 10.0, 1e300)) * chance.random() for _ in range(3))
            return chance.choice((NOTHING, Spread(*drawn)))

        return Cost(
            spread(),
            spread(),
            spread(),
            spread(),
            spread(),
            spread(),
            chance.choice((None, 0.0, 0.5, 1.0)),
            chance.choice(("declared", "learned", "catalogue", "default")),
            attempts=chance.choice((0.0, 100.0)),
        )
