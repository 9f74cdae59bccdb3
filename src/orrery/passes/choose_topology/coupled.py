"""Coupled: a graph as arrays, with the couplings between its tasks, for decisions that look at every edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId
from orrery.graph.task import Effects, Task
from orrery.passes.effects import Touch

FIXED: Final = -1.0
"""Stands for the weight of an edge that stays whatever the shape."""
MOST_SECONDS: Final = 1e15
"""Thirty million years; what is estimated longer counts as this, so that sums stay numbers."""
_NOTHING: Final = Touch()
_UNNAMED: Final = ""
"""Stands for what a task writes that does not say what."""
_NAMES: Final = 31
"""How many names of what is touched are told apart."""


class Coupled(NamedTuple):
    """A graph whose tasks are numbers, in a topological order, and so are its edges, by their targets.

    Flat lists: a list for each task would be visited by the collector again and again, which took as long as the rest.

    Args:
        names: the tasks.
        seconds: how long each takes.
        into: the edges into task n are those from into[n] up to, not including, into[n + 1].
        source: where each edge comes from.
        weight: of each edge that is free to go, a coupling, in [0, 1]: how much better the target does that has seen
            the source. `FIXED` for hard edges, and for soft ones that order effects which meet or make a reference
            soft.
        free: for each task whether any edge into it is free.
        bound: how many soft edges are fixed.
        order: the tasks by the longest path behind them over all edges, longest first; a topological order too.
        path_s: the longest path over all edges.
        work_s: all tasks' seconds together.
    """

    names: list[TaskId]
    seconds: list[float]
    into: list[int]
    source: list[int]
    weight: list[float]
    free: bytearray
    bound: int
    order: list[int]
    path_s: float
    work_s: float

    def order_over(self, kept: bytearray) -> list[int]:
        """The tasks by the longest path behind them over some of the edges, as workers take them where only these are.

        Args:
            kept: for each edge whether it counts.
        """
        return _longest_first(_behind(self.seconds, self.into, self.source, kept))


def coupled(graph: Graph, seconds: Callable[[Task], float]) -> Coupled:
    """The arrays of a graph, in time proportional to its tasks and edges, and a sort.

    Args:
        seconds: how long a task takes; not negative, never NaN.
    """
    tasks = list(graph)
    edges = _edges(graph, tasks)
    if edges is None:
        tasks = graph.in_order()
        edges = _edges(graph, tasks)
        assert edges is not None
    into, source, weight = edges
    took = [min(seconds(task), MOST_SECONDS) for task in tasks]
    bound, free = _bind(tasks, into, source, weight)
    behind = _behind(took, into, source)
    return Coupled(
        names=[task.id for task in tasks],
        seconds=took,
        into=into,
        source=source,
        weight=weight,
        free=free,
        bound=bound,
        order=_longest_first(behind),
        path_s=max(behind, default=0.0),
        work_s=sum(took),
    )


def _edges(graph: Graph, tasks: list[Task]) -> tuple[list[int], list[int], list[float]] | None:
    """`into`, `source` and `weight`; None if the tasks are in no topological order, which they mostly are as added."""
    number: dict[TaskId, int] = {}
    into, source, weight = [0], [], []
    for task in tasks:
        for edge in graph.incoming(task.id):
            at = number.get(edge.source)
            if at is None:
                return None
            source.append(at)
            weight.append(FIXED if edge.hard else edge.weight)
        number[task.id] = len(number)
        into.append(len(source))
    return into, source, weight


def _behind(seconds: list[float], into: list[int], source: list[int], kept: bytearray | None = None) -> list[float]:
    """For each task the seconds of the longest path that begins with it."""
    behind = list(seconds)
    for task in range(len(seconds) - 1, -1, -1):
        rest = behind[task]
        for edge in range(into[task], into[task + 1]):
            before = source[edge]
            if seconds[before] + rest > behind[before] and (kept is None or kept[edge]):
                behind[before] = seconds[before] + rest
    return behind


def _longest_first(behind: list[float]) -> list[int]:
    return sorted(range(len(behind)), key=behind.__getitem__, reverse=True)  # stable: ties stay topological


def _bind(tasks: list[Task], into: list[int], source: list[int], weight: list[float]) -> tuple[int, bytearray]:
    """Fix the soft edges that must stay; how many they are, and for each task whether any into it is left free.

    A path over soft edges may be all that orders two effects, so it is not enough to look at the two ends of an edge:
    one stays if anything before it meets anything behind it. What is touched is a set of bits, which names share once
    there are more of them than bits: then an edge may stay that need not, never the reverse.
    """
    free = bytearray(len(tasks))
    if not any(each >= 0 for each in weight):
        return 0, free
    bits: dict[str, int] = {}
    before, behind = [], []  # what a task, and all before (behind) it, touch: they meet where a bit is in both
    masks: dict[Effects, tuple[int, int]] = {}  # most tasks have the effects of others
    for task in tasks:
        mask = masks.get(task.effects)
        if mask is None:
            touch = Touch.of(task) or _NOTHING
            reads = _mask(sorted(touch.reads), bits)
            writes = _mask([_UNNAMED] if touch.unknown else sorted(touch.writes), bits)
            mask = masks[task.effects] = (writes | reads << _NAMES, writes | reads | writes << _NAMES)
        before.append(mask[0])
        behind.append(mask[1])
    if any(before):
        for target in range(len(tasks) - 1, -1, -1):
            touched = behind[target]
            for edge in range(into[target], into[target + 1]):
                behind[source[edge]] |= touched
        for target in range(len(tasks)):
            for edge in range(into[target], into[target + 1]):
                before[target] |= before[source[edge]]
    bound = 0
    for target, task in enumerate(tasks):
        for edge in range(into[target], into[target + 1]):
            if weight[edge] >= 0 and (
                before[source[edge]] & behind[target]
                or task.join is not None  # one that needs k of n deals with failures, those behind soft edges too
                or any(ref.task == tasks[source[edge]].id for ref in task.refs())  # without the edge it were hard
            ):
                weight[edge] = FIXED
                bound += 1
            elif weight[edge] >= 0:
                free[target] = True
    return bound, free


def _mask(names: Iterable[str], bits: dict[str, int]) -> int:
    mask = 0
    for name in names:
        mask |= 1 << bits.setdefault(name, len(bits) % _NAMES)
    return mask
