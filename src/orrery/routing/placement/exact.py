"""Exact: the best placement there is, with the proof, by constraint programming (OR-tools CP-SAT)."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orrery.errors import MissingExtraError
from orrery.routing.placement.problem import Problem
from orrery.routing.placement.schedule import SAME, Schedule, simulate

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

TICKS = 1_000_000
"""Time is counted in whole parts of the longest that the answer could take, so many; a rounding of one in a million."""
LIMIT = 5.0
"""The solver's own measure of work, on a usual machine about seconds; the same limit gives the same answer."""


@dataclass(frozen=True)
class Exact:
    """What the solver found.

    Args:
        schedule: the best one: never worse than the one it was given to begin with.
        proven: whether no placement in no order can be faster (with a deadline that can be met: cheaper), but for the
            rounding of time.
        bound: seconds (with a deadline that can be met: dollars) which nothing beats.
    """

    schedule: Schedule
    proven: bool
    bound: float


def available() -> bool:
    """Whether the extra that brings the solver is installed; nothing is loaded."""
    return importlib.util.find_spec("ortools") is not None


def exact(problem: Problem, first: Schedule, deadline_s: float | None = None, *, limit: float = LIMIT) -> Exact:
    """The best placement *and* order: the fastest, of equally fast ones the cheapest; with a deadline the cheapest.

    If the deadline cannot be met, it is the fastest. Exponential at worst; see `Exact.proven`.

    Args:
        first: a placement to begin with, such as that of `search`.
        limit: the most work, in the solver's measure; not wall time, so that equal problems have equal answers.

    Raises:
        MissingExtraError: the extra "plan" is not installed.
    """
    if not len(problem):
        return Exact(first, True, 0.0)
    model = _Model(problem, first)
    tempting = any(max(row) > min(row) for row in problem.money)
    if deadline_s is None or first.makespan > deadline_s or not tempting:
        fastest = model.least_seconds(first, limit)
        if not tempting:
            return fastest
        first = fastest.schedule
        if deadline_s is None or first.makespan > deadline_s:
            cheap = model.least_money(first, first.makespan * SAME, limit)
            return Exact(cheap.schedule, fastest.proven, fastest.bound)
    return model.least_money(first, deadline_s, limit)


class _Model:
    """The problem as intervals of whole ticks: one for each job and machine, of which one is present."""

    def __init__(self, problem: Problem, first: Schedule) -> None:
        try:
            from ortools.sat.python import cp_model
        except ImportError as absent:
            raise MissingExtraError("plan", needed_for="proving a placement best") from absent
        self.problem, self.cp = problem, cp_model
        self.horizon = first.makespan
        self.tick = self.horizon / TICKS or 1.0

    def least_seconds(self, first: Schedule, limit: float) -> Exact:
        """The fastest, not slower than the first."""
        model, starts, chosen, ends = self._constrained(self._ticks(first.makespan) + self._slack())
        end = model.new_int_var(0, self._ticks(first.makespan) + self._slack(), "makespan")
        model.add_max_equality(end, ends)
        model.minimize(end)
        schedule, proven, bound = self._solved(model, starts, chosen, first, limit)
        best = first if schedule is None else min(schedule, first, key=lambda each: each.goal(None))
        return Exact(best, proven, bound * self.tick)

    def least_money(self, first: Schedule, deadline_s: float, limit: float) -> Exact:
        """The cheapest that meets the deadline, which the first one does."""
        money = self.problem.money
        unit = max(1e-300, math.fsum(max(row) for row in money)) / TICKS
        bound = 0.0
        # With slack for rounding no schedule in time is lost; if what was found is late by a rounding, again without.
        for slack in (self._slack(), 0):
            model, starts, chosen, _ = self._constrained(self._ticks(deadline_s) + slack)
            model.minimize(
                sum(
                    round(money[job][machine] / unit) * literal
                    for job in range(len(self.problem))
                    for machine, literal in chosen[self.problem.group_of[job]].items()
                )
            )
            schedule, proven, least = self._solved(model, starts, chosen, first, limit)
            bound = bound or least * unit
            if schedule is not None and schedule.makespan <= deadline_s:
                return Exact(min(schedule, first, key=lambda each: each.goal(deadline_s)), proven, bound)
        return Exact(first, False, bound)

    def _ticks(self, seconds: float) -> int:
        return min(100 * TICKS, round(seconds / self.tick))

    def _slack(self) -> int:
        """What rounding may add on the longest chain of jobs and movements."""
        return len(self.problem)

    def _constrained(
        self, horizon: int
    ) -> tuple[cp_model.CpModel, list[Any], list[dict[int, Any]], list[cp_model.IntVar]]:
        problem, model = self.problem, self.cp.CpModel()
        chosen: list[dict[int, Any]] = []
        for group, machines in enumerate(problem.candidates):
            literals = {machine: model.new_bool_var(f"g{group}m{machine}") for machine in machines}
            model.add_exactly_one(literals.values())
            chosen.append(literals)
        for group, others in problem.strangers.items():
            for other in others:
                for machine in sorted(chosen[group].keys() & chosen[other].keys()):
                    model.add_at_most_one(chosen[group][machine], chosen[other][machine])
        starts, ends = [], []
        intervals: list[list[Any]] = [[] for _ in problem.machines]
        for job in range(len(problem)):
            start, end = (model.new_int_var(0, horizon, f"{what}{job}") for what in ("s", "e"))
            lengths = {machine: self._ticks(problem.seconds[job][machine]) for machine in chosen[problem.group_of[job]]}
            literals = chosen[problem.group_of[job]]
            model.add(end == start + sum(length * literals[machine] for machine, length in lengths.items()))
            for machine, length in lengths.items():
                name = f"j{job}m{machine}"
                intervals[machine].append(model.new_optional_interval_var(start, length, end, literals[machine], name))
            starts.append(start)
            ends.append(end)
            for source, size in problem.needs[job]:
                self._wait(model, chosen, (source, job, size), start, ends[source])
        for each, here in zip(problem.machines, intervals, strict=True):
            if each.slots == 1:
                model.add_no_overlap(here)
            elif each.slots is not None and each.slots < len(here):
                model.add_cumulative(here, [1] * len(here), each.slots)
        return model, starts, chosen, ends

    def _wait(
        self, model: Any, chosen: list[dict[int, Any]], need: tuple[int, int, float], start: Any, end: Any
    ) -> None:
        """A job begins once what it needs is there, which depends on where both are."""
        source, job, size = need
        model.add(start >= end)
        if not size or self.problem.group_of[source] == self.problem.group_of[job]:
            return
        for here, left in chosen[self.problem.group_of[source]].items():
            for there, right in chosen[self.problem.group_of[job]].items():
                ticks = self._ticks(self.problem.transfer(size, here, there))
                if ticks:
                    model.add(start >= end + ticks).only_enforce_if(left, right)

    def _solved(
        self, model: Any, starts: Sequence[Any], chosen: Sequence[dict[int, Any]], first: Schedule, limit: float
    ) -> tuple[Schedule | None, bool, float]:
        problem = self.problem
        for job, start in enumerate(starts):
            model.add_hint(start, self._ticks(first.starts[job]))
        for group, literals in enumerate(chosen):
            for machine, literal in literals.items():
                model.add_hint(literal, machine == first.on[problem.groups[group][0]])
        solver = self.cp.CpSolver()
        parameters = solver.parameters
        parameters.max_deterministic_time = limit
        parameters.random_seed = 1
        parameters.num_workers = 1
        status = solver.solve(model)
        if status not in (self.cp.OPTIMAL, self.cp.FEASIBLE):
            return None, False, 0.0
        on = [
            next(machine for machine, literal in chosen[problem.group_of[job]].items() if solver.boolean_value(literal))
            for job in range(len(problem))
        ]
        began = [solver.value(start) for start in starts]
        return in_order(problem, on, began), status == self.cp.OPTIMAL, solver.best_objective_bound


def in_order(problem: Problem, on: Sequence[int], began: Sequence[float]) -> Schedule:
    """The schedule in which jobs take slots in the order in which they began, each as soon as it can.

    Or that of `simulate`, if it ends sooner: a rounded solution may be beaten by the rule.
    """
    free = [[0.0] * min(machine.slots or 0, len(problem)) for machine in problem.machines]
    last: list[list[int]] = [[-1] * len(slots) for slots in free]
    starts, ends, cause = [0.0] * len(problem), [0.0] * len(problem), [-1] * len(problem)
    for job in sorted(range(len(problem)), key=lambda each: (began[each], each)):
        here = on[job]
        for source, size in problem.needs[job]:
            comes = ends[source] + problem.transfer(size, on[source], here)
            if comes > starts[job] or cause[job] < 0:
                starts[job], cause[job] = max(comes, starts[job]), source
        if free[here]:
            slot = min(range(len(free[here])), key=lambda each: (free[here][each], each))
            if free[here][slot] > starts[job]:
                starts[job], cause[job] = free[here][slot], last[here][slot]
            free[here][slot], last[here][slot] = starts[job] + problem.seconds[job][here], job
        ends[job] = starts[job] + problem.seconds[job][here]
    ordered = Schedule(on, starts, ends, cause, problem.cost(on))
    ruled = simulate(problem, on)
    return ruled if ruled.makespan <= ordered.makespan else ordered
