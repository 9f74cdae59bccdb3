"""Predict: what a whole run of a graph would take, by list scheduling in virtual time.

Tasks start when what they wait for has ended and a slot is free, the longest remaining path first: the scheduler's own
rule (see `scheduler.ranking`), with its own estimates, so that contention comes out as it will be. Every task takes its
median time. Of a for-each every item takes another quantile, so that many items take their mean and a few are long.

How far the total may be off is summed up along the chain of tasks that decides it, as in PERT (Malcolm et al., 1959):
what was declared or learned of different tasks errs independently, and squares are added; what nobody knows may err in
one direction everywhere, and is added as it is.

The effort is n log n in tasks, edges and items; a for-each of more than `MOST_ITEMS` items is simulated in bundles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from statistics import NormalDist

import msgspec

from orrery.cost.calls import ModelCall
from orrery.cost.cost import Cost, CostModel
from orrery.cost.platform import Platform
from orrery.cost.spread import NOTHING, Spread
from orrery.graph.edge import Edge
from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId
from orrery.graph.task import Task
from orrery.scheduler.asking import PERSON
from orrery.scheduler.pools import Pools, demand_of

MOST_ITEMS = 2_000
LIKELY = 0.5
"""A task that runs with less than this chance is left out of the schedule; its money and tokens count by the chance."""
_GOLDEN = (math.sqrt(5) - 1) / 2


class Foreseen(msgspec.Struct, frozen=True, gc=False):
    """What is expected of one task.

    Args:
        cost: of one attempt, of one item where it has a for-each.
        chance: that it runs at all.
        items: how many there are; 1 without a for-each.
        begins_s, ends_s: after the start of the run. Where it is not expected to run, both
            are when it is passed over.
    """

    cost: Cost
    chance: float
    items: int
    begins_s: float
    ends_s: float


class Prediction(msgspec.Struct, frozen=True):
    """What a run would take.

    Args:
        seconds: from its start to its end.
        work_s: all attempts one after the other.
        money, tokens: in all, each task by its chance to run.
        critical_path: the tasks that decide the end, first to last; each waits for the one before it, or for its slot.
        tasks: what is expected of each task.
        asks: the tasks that ask a person, in order; their time is not reckoned.
    """

    seconds: Spread
    work_s: Spread
    money: Spread
    tokens: Spread
    critical_path: tuple[TaskId, ...]
    tasks: Mapping[TaskId, Foreseen]
    asks: tuple[TaskId, ...] = ()


def predict(graph: Graph, costs: CostModel) -> Prediction:
    """What a run of the graph would take on the cost model's platform, with nothing else running there."""
    return _Schedule(graph, costs).prediction()


class _Schedule:
    """A run in virtual time. Tasks are known by their position in a topological order, attempts by their number."""

    def __init__(self, graph: Graph, costs: CostModel) -> None:
        self._graph = graph
        self._tasks = graph.in_order()
        self._costs = [costs.estimate(task) for task in self._tasks]
        self._items = [_count(cost.items) for cost in self._costs]
        position = {task.id: n for n, task in enumerate(self._tasks)}
        incoming = [graph.incoming(task.id) for task in self._tasks]
        self._chances = _chances(self._tasks, self._costs, incoming, position)
        self._after: list[list[tuple[int, bool]]] = [[] for _ in self._tasks]  # (target, whether it must wait)
        platform = costs.platform
        self._pools = Pools(_capacity(platform))
        self._demands = [self._demand(task, platform) for task in self._tasks]
        size = len(self._tasks)
        self._hard, self._soft = [0] * size, [0] * size
        for n, edges in enumerate(incoming):
            hard = 0
            for edge in edges:
                hard += edge.hard
                self._after[position[edge.source]].append((n, edge.hard))
            self._hard[n], self._soft[n] = min(self._tasks[n].join or hard, hard), len(edges) - hard
        self._ranks = _ranks(self._tasks, self._after)
        self._begun: list[float | None] = [None] * size
        self._ended: list[float | None] = [None] * size
        self._left = [0] * size  # items that have not ended; `_waiting`: that have not begun
        self._waiting = [0] * size
        self._ready_by: list[tuple[float, int]] = [(0.0, -1)] * size  # since when, and the attempt that made it so
        self._last = [-1] * size  # the attempt that ended last, of a task or of what let it be passed over
        self._lanes: dict[tuple[tuple[str, int], ...], list[tuple[float, int]]] = {}
        self._due: list[tuple[float, int]] = []  # (end, attempt)
        self._known: dict[int, list[float]] = {}
        self._attempts: list[tuple[int, int]] = []  # (task, the attempt that it waited for; -1: none)
        self._run()

    def _demand(self, task: Task, platform: Platform) -> tuple[tuple[str, int], ...]:
        """What an attempt holds of what is scarce; what could never be had is taken for all there is."""
        demand = dict(demand_of(task))
        call = ModelCall.of(task)
        if call is not None and call.model is not None:
            demand[_slots_of(call.model or platform.default_model)] = 1
        capacity = self._pools.capacity
        return tuple((name, min(amount, capacity[name])) for name, amount in demand.items() if name in capacity)

    # -- time --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        for n in range(len(self._tasks)):
            if not self._hard[n] and not self._soft[n] and self._ended[n] is None:
                self._trigger(n, 0.0, -1)
        self._start_waiting(0.0, -1)
        while self._due:
            now, attempt = heappop(self._due)
            n = self._attempts[attempt][0]
            self._pools.release(self._demands[n])
            self._left[n] -= 1
            if not self._left[n]:
                self._end(n, now, attempt)
            self._start_waiting(now, attempt)

    def _trigger(self, first: int, now: float, attempt: int) -> None:
        """Let a task go; what is passed over has ended at once, and so on."""
        ahead = [first]
        while ahead:
            n = ahead.pop()
            if self._begun[n] is not None:
                continue
            self._begun[n], self._ready_by[n] = now, (now, attempt)
            items = 0 if self._chances[n] < LIKELY or self._tasks[n].executor == PERSON else self._items[n]
            if items:
                self._left[n] = self._waiting[n] = min(items, MOST_ITEMS)
                if self._demands[n]:
                    heappush(self._lanes.setdefault(self._demands[n], []), (-self._ranks[n], n))
                else:
                    self._left[n] = 1  # nothing is scarce, so only the longest item counts
                    self._begin(n, now, attempt, max(self._durations(n)))
            else:
                self._ended[n], self._last[n] = now, attempt
                ahead.extend(self._freed(n))

    def _end(self, n: int, now: float, attempt: int) -> None:
        self._ended[n], self._last[n] = now, attempt
        for target in self._freed(n):
            self._trigger(target, now, attempt)

    def _freed(self, n: int) -> list[int]:
        """The tasks that need wait no longer, now that one has ended."""
        freed = []
        for target, is_hard in self._after[n]:
            counts = self._hard if is_hard else self._soft
            counts[target] -= 1
            if self._hard[target] <= 0 and self._soft[target] <= 0 and self._begun[target] is None:
                freed.append(target)
        return freed

    def _start_waiting(self, now: float, freed_by: int) -> None:
        """Begin attempts while there is room, the longest remaining path first; ties in the order of the graph."""
        while True:
            best: tuple[float, int] | None = None
            for demand, lane in self._lanes.items():
                if self._pools.fits(demand) and (best is None or lane[0] < best):
                    best = lane[0]
            if best is None:
                return
            n = best[1]
            demand = self._demands[n]
            self._pools.acquire(demand)
            self._waiting[n] -= 1
            since, by = self._ready_by[n]
            bundle = max(1.0, self._items[n] / MOST_ITEMS)
            seconds = self._durations(n)[-1 - self._waiting[n]] * bundle
            self._begin(n, now, by if since == now else freed_by, seconds)
            if not self._waiting[n]:
                heappop(self._lanes[demand])
                if not self._lanes[demand]:
                    del self._lanes[demand]

    def _begin(self, n: int, now: float, waited_for: int, seconds: float) -> None:
        heappush(self._due, (now + seconds, len(self._attempts)))
        self._attempts.append((n, waited_for))

    def _durations(self, n: int) -> list[float]:
        """How long each item takes; of more than `MOST_ITEMS`, as many that stand for all."""
        found = self._known.get(n)
        if found is None:
            found = self._known[n] = _spread_over(self._costs[n], self._items[n])
        return found

    # -- what comes of it --------------------------------------------------------------------------------------

    def prediction(self) -> Prediction:
        """The prediction, from the schedule as it went."""
        money, tokens, work = _Sum(), _Sum(), _Sum()
        tasks: dict[TaskId, Foreseen] = {}
        for n, task in enumerate(self._tasks):
            cost, chance, items = self._costs[n], self._chances[n], self._items[n]
            begun, ended = self._begun[n] or 0.0, self._ended[n] or 0.0
            tasks[task.id] = Foreseen(cost, chance, items, begun, ended)
            money.add(cost.money, chance * items)
            tokens.add(cost.prompt_tokens, chance * items)
            tokens.add(cost.answer_tokens, chance * items)
            if task.executor != PERSON:
                work.add(self._work(n), chance)
        chain = self._chain()
        asks = tuple(task.id for task in self._graph if task.executor == PERSON)
        path = tuple(dict.fromkeys(self._tasks[n].id for n in chain))
        return Prediction(self._total(chain), work.spread(), money.spread(), tokens.spread(), path, tasks, asks)

    def _work(self, n: int) -> Spread:
        """All attempts at a task, one after the other."""
        cost, items = self._costs[n], self._items[n]
        if items == 1:
            return cost.seconds
        mean = cost.seconds.mid if cost.seconds.mean is None else cost.seconds.mean
        return Spread(min(cost.seconds.low, mean), mean, max(cost.seconds.high, mean)).times(items)

    def _chain(self) -> list[int]:
        """The tasks of the attempts that decided the end, first to last; one of several items stands there as often."""
        last = max(range(len(self._tasks)), key=lambda n: (self._ended[n] or 0.0, -n), default=None)
        attempt = -1 if last is None else self._last[last]
        chain: list[int] = []
        while attempt >= 0:
            n, attempt = self._attempts[attempt]
            chain.append(n)
        return chain[::-1]

    def _total(self, chain: list[int]) -> Spread:
        total = max((ended for ended in self._ended if ended is not None), default=0.0)
        squares, sums = [0.0, 0.0], [0.0, 0.0]
        for n in chain:
            cost = self._costs[n]
            seconds = _settled(cost)
            known = cost.seconds.mean is not None or cost.source in ("declared", "learned")
            for side, off in enumerate((seconds.mid - seconds.low, seconds.high - seconds.mid)):
                if known:
                    squares[side] = math.hypot(squares[side], off)
                else:
                    sums[side] += off
        return Spread(max(0.0, total - squares[0] - sums[0]), total, total + squares[1] + sums[1])


def _spread_over(cost: Cost, items: int) -> list[float]:
    """How long items take, each by itself: all of them, or `MOST_ITEMS` that stand for more.

    The spread of what nobody knows says nothing of how much items differ, so each takes the median then.
    """
    seconds, count = _settled(cost), min(items, MOST_ITEMS)
    if items <= 1 or not (cost.seconds.mean is not None or cost.source == "learned"):
        return [seconds.mid] * count
    found = [quantile(seconds, z) for z in _Z[:count]]
    total = math.fsum(found)
    scale = seconds.mean * count / total if seconds.mean is not None and total > 0 else 1.0
    return [one * scale for one in found]


class _Sum:
    """A sum of spreads; as Spread adds, without making one for every term."""

    def __init__(self) -> None:
        self.low = self.mid = self.high = 0.0

    def add(self, spread: Spread, times: float) -> None:
        if spread is not NOTHING:
            self.low += spread.low * times
            self.mid += spread.mid * times
            self.high += spread.high * times

    def spread(self) -> Spread:
        return Spread(self.low, self.mid, self.high)


def quantile(spread: Spread, z: float) -> float:
    """The value at a number of standard deviations: log-normal between the percentiles, straight on beyond them."""
    other = spread.high if z > 0 else spread.low
    share = abs(z) / _Z90
    if share > 1 or spread.mid <= 0 or other <= 0:
        straight = other + (other - spread.mid) * (share - 1)
        return max(0.0, straight) if z > 0 else min(max(0.0, straight), spread.mid)
    return spread.mid * float((other / spread.mid) ** share)


def _z_of(item: int) -> float:
    share = (0.5 + item * _GOLDEN) % 1.0
    return _NORMAL.inv_cdf(min(max(share, 0.01), 0.99))


_NORMAL = NormalDist()
_Z90 = _NORMAL.inv_cdf(0.9)
_Z = tuple(_z_of(item) for item in range(MOST_ITEMS))
"""The quantiles of items in turn, spread evenly however many there are: multiples of the golden ratio (Weyl)."""


def _settled(cost: Cost) -> Spread:
    return cost.seconds if cost.settled_s is None else cost.settled_s


def _count(items: Spread | None) -> int:
    return 1 if items is None else round(min(items.mid, 1e9))


def _slots_of(model: str) -> str:
    return f"model:{model}"


def _capacity(platform: Platform) -> dict[str, int]:
    """What there is of everything that is scarce; of nothing less than 1, or a run would never end."""
    found = dict(platform.capacity)
    for name, model in platform.models.items():
        if (slots := model.calls_at_once) is not None:
            found[_slots_of(name)] = slots
    return {name: amount for name, amount in found.items() if amount > 0}


def _ranks(tasks: Sequence[Task], after: Sequence[Sequence[tuple[int, bool]]]) -> list[float]:
    """The priorities that the scheduler will give: the longest remaining path by what the tasks themselves estimate."""
    ranks = [0.0] * len(tasks)
    for n in range(len(tasks) - 1, -1, -1):
        seconds = tasks[n].estimate.seconds
        longest = 0.0
        for target, _ in after[n]:
            longest = max(longest, ranks[target])
        ranks[n] = longest + (seconds if 0 <= seconds < math.inf else 0.0)
    return ranks


def _chances(
    tasks: Sequence[Task], costs: Sequence[Cost], incoming: Sequence[Sequence[Edge]], position: Mapping[TaskId, int]
) -> list[float]:
    """The chance of each task to run in a run that goes well: as it was learned, else by its edges.

    A condition of which nothing is known counts as true: what is left out costs less than was said.
    """
    found: list[float] = []
    for task, cost, edges in zip(tasks, costs, incoming, strict=True):
        if cost.runs is not None:
            found.append(min(max(cost.runs, 0.0), 1.0))
            continue
        fires = []
        for edge in edges:
            if edge.hard:
                source = position[edge.source]
                chance = found[source]
                if edge.on == "failure":
                    chance *= _fails(tasks[source], costs[source])
                fires.append(1.0 if edge.on == "completion" else chance)
        wanted = min(task.join or len(fires), len(fires))
        found.append(sorted(fires, reverse=True)[wanted - 1] if wanted else 1.0)
    return found


def _fails(task: Task, cost: Cost) -> float:
    """The chance that a task fails for good: with a for-each, that one of its items does, unless it accepts that."""
    fails = min(max(cost.fails, 0.0), 1.0)
    if task.each is None:
        return fails
    return 0.0 if task.each.accept_errors else 1 - (1 - fails) ** _count(cost.items)
