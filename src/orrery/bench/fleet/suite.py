"""The suite: 55 requests in ten categories, in a fixed order."""

from __future__ import annotations

from orrery.bench.fleet.categories import (
    audit,
    build,
    deploy,
    drills,
    gather,
    handover,
    logs,
    placement,
    report,
    watch,
)
from orrery.bench.fleet.exercise import Exercise
from orrery.errors import UnknownNameError

EXERCISES: tuple[Exercise, ...] = tuple(
    exercise
    for category in (logs, build, gather, handover, watch, audit, deploy, report, placement, drills)
    for exercise in category.EXERCISES
)
CATEGORIES: tuple[str, ...] = tuple(dict.fromkeys(exercise.category for exercise in EXERCISES))


def chosen(only: str = "") -> list[Exercise]:
    """The requests of a category, the one named CATEGORY/NAME, or all. Raises UnknownNameError."""
    if not only:
        return list(EXERCISES)
    found = [exercise for exercise in EXERCISES if only in (exercise.category, exercise.full_name)]
    if not found:
        raise UnknownNameError("request", only, [*CATEGORIES, *(exercise.full_name for exercise in EXERCISES)])
    return found


__all__ = ["CATEGORIES", "EXERCISES", "chosen"]
