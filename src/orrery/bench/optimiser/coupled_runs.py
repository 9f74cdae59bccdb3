"""A simulator of coupled graphs: one run of a plan on some workers, under the law of `passes.choose_topology.law`."""

from __future__ import annotations

import random
from collections import Counter
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from orrery.passes.choose_topology.coupled import Coupled
from orrery.passes.choose_topology.law import Law
from orrery.passes.choose_topology.shapes import Plan


class Luck(NamedTuple):
    """What chance has in store for a graph, the same whatever shape it is run in.

    Args:
        factor: for each task, by how much it takes longer than estimated.
        roll: for each edge a number in [0, 1); below the weight of a coupling, what was not seen strikes.
    """

    factor: list[float]
    roll: list[float]


def luck(graph: Coupled, seed: int, *, sigma: float = 0.3) -> Luck:
    """Chance by a seed.

    Args:
        sigma: how uncertain the estimates are: the deviation of the logarithm of a task's factor, whose mean is 1.
    """
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    return Luck(
        factor=[chance.lognormvariate(-sigma * sigma / 2, sigma) for _ in graph.names],
        roll=[chance.random() for _ in graph.source],
    )


class Ran(NamedTuple):
    """How a run went.

    Args:
        seconds: from the first start to the last end.
        redone: how many tasks were done again.
        order: the tasks as they started, those done again twice.
    """

    seconds: float
    redone: int
    order: list[int]


def simulate(graph: Coupled, plan: Plan, workers: int, law: Law, luck: Luck) -> Ran:
    """One run of a plan."""
    return _Run(graph, plan, workers, law, luck).to_its_end()


class _Run:
    def __init__(self, graph: Coupled, plan: Plan, workers: int, law: Law, luck: Luck) -> None:
        size = len(graph.names)
        self.graph, self.law, self.luck = graph, law, luck
        self.leads = {chain[0] for chain in plan.chains} if plan.led else set()
        self.edges = [range(graph.into[task], graph.into[task + 1]) for task in range(size)]
        self.waits_for = [
            dict.fromkeys(
                [graph.source[edge] for edge in edges if plan.kept[edge]] + ([chained] if chained >= 0 else [])
            )
            for edges, chained in zip(self.edges, plan.previous(size), strict=True)
        ]
        self.waiting = list(map(len, self.waits_for))
        self.after: list[list[int]] = [[] for _ in range(size)]
        for task, sources in enumerate(self.waits_for):
            for source in sources:
                self.after[source].append(task)
        self.behind = self._behind()
        self.ended = [False] * size
        self.done_once = [False] * size
        self.redo_waits: dict[int, dict[int, None]] = {}
        self.redo_of: dict[int, list[int]] = {}
        self.struck: dict[int, list[int]] = {}
        self.did = [-1] * size  # the worker who did it last
        self.free = list(range(workers))
        self.ready = [(-self.behind[task], task) for task in range(size) if not self.waiting[task]]
        heapify(self.ready)
        self.running: list[tuple[float, int, int]] = []  # (when it ends, task, worker)
        self.order: list[int] = []

    def _behind(self) -> list[float]:
        behind = list(self.graph.seconds)
        for task in reversed(self.graph.order):  # a topological order of every plan's edges
            rest = behind[task]
            for source in self.waits_for[task]:
                behind[source] = max(behind[source], self.graph.seconds[source] + rest)
        return behind

    def to_its_end(self) -> Ran:
        now = 0.0
        redone = 0
        while self.ready or self.running:
            while self.ready and self.free:
                _, task = heappop(self.ready)
                redone += self.done_once[task]
                self._start(task, now)
            now, task, worker = heappop(self.running)
            heappush(self.free, worker)
            self._stop(task)
        return Ran(now, redone, self.order)

    def _start(self, task: int, now: float) -> None:
        graph = self.graph
        self.order.append(task)
        seconds = graph.seconds[task] * self.luck.factor[task]
        if self.done_once[task]:
            worker = self._worker([task])
            told = int(any(self.did[source] != worker for source in self.struck[task]))
            took = self.law.rework * seconds + told * self.law.handover_s
        else:
            seen, struck = [], []
            for edge in self.edges[task]:
                source = graph.source[edge]
                if graph.weight[edge] < 0:
                    continue
                if self.ended[source]:
                    seen.append(source)
                elif self.luck.roll[edge] < graph.weight[edge]:
                    struck.append(source)
            if struck:
                self.struck[task] = struck
            worker = self._worker([*dict.fromkeys((*seen, *self.waits_for[task]))])
            told = sum(self.did[source] != worker for source in seen)
            took = seconds + told * self.law.handover_s + (self.law.lead_s if task in self.leads else 0.0)
        self.did[task] = worker
        heappush(self.running, (now + took, task, worker))

    def _worker(self, built_on: list[int]) -> int:
        """The free worker that did most of it; of several, or none, the lowest number."""
        did = Counter(self.did[source] for source in built_on)
        known = [(-count, worker) for worker, count in did.items() if worker in self.free]
        if not known:
            return heappop(self.free)
        worker = min(known)[1]
        self.free.remove(worker)
        heapify(self.free)
        return worker

    def _stop(self, task: int) -> None:
        if not self.done_once[task]:
            self.done_once[task] = True
            struck = self.struck.get(task)
            if struck is not None:
                left = {source: None for source in struck if not self.ended[source]}
                if left:
                    self.redo_waits[task] = left
                    for source in left:
                        self.redo_of.setdefault(source, []).append(task)
                else:
                    heappush(self.ready, (-self.behind[task], task))
                return
        self.ended[task] = True
        for after in self.after[task]:
            self.waiting[after] -= 1
            if not self.waiting[after]:
                heappush(self.ready, (-self.behind[after], after))
        for again in self.redo_of.pop(task, ()):
            left = self.redo_waits[again]
            del left[task]
            if not left:
                heappush(self.ready, (-self.behind[again], again))
