"""What the tests of placement share: random problems, and the best placement by trying all."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

from hypothesis import strategies as st

from orrery.routing.placement import NEVER, Machine, Problem


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    jobs: int = 8,
    machines: int = 3,
    rules: bool = True,
    whole: bool = False,
    paid: bool | None = None,
) -> Problem:
    """A problem of at most so many jobs and machines; with `whole` in whole seconds, so that sums are exact."""
    count = draw(st.integers(1, machines))
    size = draw(st.integers(0, jobs))
    number = st.integers(0, 9).map(float) if whole else st.sampled_from([0.0, 1e-9, 0.1, 1.0, 3.7, 10.0, 1e6, 1e12])
    where = tuple(
        Machine(
            f"m{n}",
            draw(st.sampled_from([1, 1, 2, None])),
            draw(st.sampled_from([1.0, 2.0, math.inf] if whole else [1.0, 1e6, math.inf])),
            draw(st.sampled_from([0.0, 1.0] if whole else [0.0, 0.001, 5.0])),
        )
        for n in range(count)
    )
    seconds, needs = [], []
    for job in range(size):
        row = [draw(number) if draw(st.integers(0, 5)) else NEVER for _ in where]
        if min(row) == NEVER:
            row[draw(st.integers(0, count - 1))] = 1.0
        seconds.append(row)
        sources = draw(st.lists(st.integers(0, job - 1), max_size=3, unique=True)) if job else []
        needs.append(tuple((source, draw(st.sampled_from([0.0, 2.0, 4.0]))) for source in sources))
    is_paid = draw(st.booleans()) if paid is None else paid
    money = [[draw(st.integers(0, 9).map(float)) for _ in where] for _ in range(size)] if is_paid else []
    together: list[tuple[int, int]] = []
    apart: list[tuple[int, int]] = []
    if rules and size > 1 and draw(st.booleans()):
        pair = st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)
        a, b = draw(pair)
        if any(max(seconds[a][m], seconds[b][m]) < NEVER for m in range(count)):
            together.append((a, b))
        c, d = draw(pair)
        apart.append((c, d))
    return Problem(where, seconds, needs, money, together, apart)


def assignments(problem: Problem) -> Iterator[list[int]]:
    """Every assignment that breaks nothing."""
    for chosen in itertools.product(*problem.candidates):
        on = [chosen[group] for group in problem.group_of]
        if not problem.broken(on):
            yield on


def fastest_of(problem: Problem, on: list[int]) -> float:
    """The shortest makespan of an assignment: every order in which jobs could begin, tried out."""
    best = math.inf
    for order in itertools.permutations(range(len(problem))):
        best = min(best, _in_order(problem, on, order, best))
    return best


def _in_order(problem: Problem, on: list[int], order: tuple[int, ...], most: float) -> float:
    ends: dict[int, float] = {}
    free = [[0.0] * (machine.slots or len(order)) for machine in problem.machines]
    for job in order:
        here, begin = on[job], 0.0
        for source, size in problem.needs[job]:
            if source not in ends:
                return math.inf
            begin = max(begin, ends[source] + problem.transfer(size, on[source], here))
        slots = sorted(free[here])
        begin = max(begin, slots[0])
        ends[job] = begin + problem.seconds[job][here]
        if ends[job] >= most:
            return math.inf
        free[here] = [ends[job], *slots[1:]]
    return max(ends.values(), default=0.0)


def random_problem(seed: int, jobs: int, machines: int, *, slots: int = 1, paid: bool = False) -> Problem:
    """A problem of any size: each job needs up to three of the twenty before it."""
    chance = random.Random(seed)
    where = tuple(Machine(f"m{n}", slots, chance.choice([1e6, 1e7, 1e8]), 0.01) for n in range(machines))
    speeds = [chance.choice([0.5, 1.0, 2.0, 4.0]) for _ in where]
    work = [chance.lognormvariate(0, 1) for _ in range(jobs)]
    seconds = [[each / speed * chance.uniform(0.7, 1.4) for speed in speeds] for each in work]
    needs = []
    for job in range(jobs):
        near = range(max(0, job - 20), job)
        sources = sorted(chance.sample(near, min(len(near), chance.randint(0, 3))))
        needs.append(tuple((source, chance.lognormvariate(0, 1) * 1e6) for source in sources))
    money = [[each * speed * speed for each, speed in zip(row, speeds, strict=True)] for row in seconds] if paid else []
    return Problem(where, seconds, needs, money)
