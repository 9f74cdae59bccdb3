"""Pools: how much of each named resource is free, shared by all runs of a process.

Executors are resources too: an attempt holds one slot of its executor besides what its task names.
"""

from __future__ import annotations

from collections.abc import Mapping

from orrery.graph.task import Task

Demand = tuple[tuple[str, int], ...]
"""What an attempt holds while it is in flight: (resource, amount), the executor first."""


def demand_of(task: Task) -> Demand:
    """What one attempt of a task holds."""
    if not task.limits.resources:
        return ((task.executor, 1),)
    return ((task.executor, 1), *sorted(task.limits.resources.items()))


class Pools:
    """Free amounts by resource name.

    Args:
        capacity: resource → how much there is. A resource that is not named has no limit.
    """

    def __init__(self, capacity: Mapping[str, int] | None = None) -> None:
        self.capacity = dict(capacity or {})
        self.free = dict(self.capacity)

    def fits(self, demand: Demand) -> bool:
        """Whether an attempt could start now."""
        free = self.free
        for name, amount in demand:  # noqa: SIM110 - a generator would cost more than the look itself
            if free.get(name, amount) < amount:
                return False
        return True

    def could_ever_fit(self, demand: Demand) -> str | None:
        """The resource of which there will never be enough, or None."""
        for name, amount in demand:
            if self.capacity.get(name, amount) < amount:
                return name
        return None

    def acquire(self, demand: Demand) -> None:
        """Take what an attempt holds."""
        free = self.free
        for name, amount in demand:
            if name in free:
                free[name] -= amount

    def release(self, demand: Demand) -> None:
        """Give back what an attempt held."""
        free = self.free
        for name, amount in demand:
            if name in free:
                free[name] += amount
