"""Shapes: the graphs that are measured, as dependencies by position, and as workflows.

A shape lists for every task the positions of those it depends on, all of them earlier ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from orrery.graph import Estimate, Graph, Ref, Task

Shape = Sequence[Sequence[int]]
LAYER = 100
"""Tasks in a layer of a layered shape, whatever its size, so that only the size differs."""


def fan_out(tasks: int) -> Shape:
    """Tasks that depend on nothing."""
    return [()] * tasks


def chain(tasks: int) -> Shape:
    """Each task depends on the one before."""
    return [(), *((position,) for position in range(tasks - 1))]


def layered(tasks: int, seed: int) -> Shape:
    """Layers of 100 tasks, each with two dependencies drawn from the layer before."""
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    shape: list[Sequence[int]] = []
    for position in range(tasks):
        layer = position // LAYER
        before = range((layer - 1) * LAYER, layer * LAYER) if layer else range(0)
        shape.append(tuple(chance.sample(before, 2)) if before else ())
    return shape


def workflow(shape: Shape, op: str, seconds: Sequence[float] | None = None) -> Graph:
    """The shape as a graph whose tasks hand their dependencies' results to `op` as `x0`, `x1`, and so on.

    Args:
        seconds: each task's estimate.
    """
    tasks = []
    for position, needs in enumerate(shape):
        args = {f"x{place}": Ref(f"t{need}") for place, need in enumerate(needs)}
        estimate = Estimate() if seconds is None else Estimate(seconds=seconds[position])
        tasks.append(Task(f"t{position}", op, args, estimate=estimate))
    return Graph(tasks, outputs={"last": Ref(f"t{len(shape) - 1}")})


def random_shape(kind: str, tasks: int, chance: random.Random) -> Shape:
    """A shape of a kind: "layers", "series-parallel" or "random"."""
    return _KINDS[kind](tasks, chance)


def _wavy(tasks: int, chance: random.Random) -> Shape:
    """Layers of unequal width; each task depends on one to three of the layer before."""
    shape: list[Sequence[int]] = []
    before = range(0)
    while len(shape) < tasks:
        first = len(shape)
        for _ in range(min(chance.randint(1, 12), tasks - first)):
            count = min(len(before), chance.randint(1, 3))
            shape.append(tuple(sorted(chance.sample(before, count))))
        before = range(first, len(shape))
    return shape


def _series_parallel(tasks: int, chance: random.Random) -> Shape:
    """Parts put one after another or side by side, at random; a part in series waits for the ends of the one before."""
    shape: list[Sequence[int]] = []

    def part(size: int, after: tuple[int, ...]) -> tuple[int, ...]:
        if size == 1:
            shape.append(after)
            return (len(shape) - 1,)
        first = chance.randint(1, size - 1)
        if chance.random() < 0.4:
            return part(size - first, part(first, after))
        return part(first, after) + part(size - first, after)

    part(tasks, ())
    return shape


def _scattered(tasks: int, chance: random.Random) -> Shape:
    """Each task depends on up to four of the thirty before it."""
    shape: list[Sequence[int]] = []
    for position in range(tasks):
        near = range(max(0, position - 30), position)
        shape.append(tuple(sorted(chance.sample(near, min(len(near), chance.randint(0, 4))))))
    return shape


_KINDS: Mapping[str, Callable[[int, random.Random], Shape]] = {
    "layers": _wavy,
    "series-parallel": _series_parallel,
    "random": _scattered,
}
KINDS = tuple(_KINDS)
