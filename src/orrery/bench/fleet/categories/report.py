"""report."""

from __future__ import annotations

from orrery.bench.fleet.exercise import Exercise

EXERCISES: tuple[Exercise, ...] = ()
