"""Calibrate: how far estimates were off, task by task, kind by kind, and in all.

An error is the distance of estimate and actual as a share of the actual, with a millisecond, a token or a hundredth of
a cent as the least actual: what is nearly nothing is not off by much. The bias is the median of actual by estimate:
above 1 where things take longer than was thought. The coverage is the share of actual values within the 10th to 90th
percentile; 80 % would be right.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from orrery.cost.cost import Source
from orrery.cost.predict import Foreseen, Prediction
from orrery.cost.spread import Spread
from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId
from orrery.graph.task import Task
from orrery.scheduler import events as ev
from orrery.tracing import Attempt, Attempts

LEAST_S, LEAST_TOKENS, LEAST_MONEY = 1e-3, 1.0, 1e-4


class Pair(msgspec.Struct, frozen=True, gc=False):
    """One quantity, as it was estimated and as it was."""

    estimate: Spread
    actual: float
    least: float = LEAST_S

    @property
    def error(self) -> float:
        """The distance of the median from the actual, as a share of the actual."""
        return abs(self.estimate.mid - self.actual) / max(self.actual, self.least)

    @property
    def ratio(self) -> float:
        """Actual by estimate."""
        return max(self.actual, self.least) / max(self.estimate.mid, self.least)

    @property
    def is_covered(self) -> bool:
        """Whether the actual lies within the spread."""
        return self.estimate.low <= self.actual <= self.estimate.high


class TaskRow(msgspec.Struct, frozen=True):
    """One task of the graph, estimate against actual; of a for-each all items together.

    Args:
        ran: whether it was begun; what was not has an actual of 0.
        attempts: how many succeeded.
        seconds: all attempts that succeeded, one after the other.
        begins_s, ends_s: after the start of the run; the estimate has no spread.
        source, because: whence the estimate is.
    """

    task: TaskId
    op: str
    ran: bool
    attempts: int
    seconds: Pair
    tokens: Pair
    money: Pair
    begins_s: Pair
    ends_s: Pair
    source: Source
    because: str


class KindRow(msgspec.Struct, frozen=True):
    """All attempts at one operation.

    Args:
        attempts: those that succeeded, and so were compared.
        error: the median absolute relative error of their seconds.
        bias: the median of actual by estimate.
        coverage: the share of them within the 10th to 90th percentile that was estimated.
        sources: whence the estimates are, the most frequent first.
    """

    op: str
    attempts: int
    error: float
    bias: float
    coverage: float
    sources: tuple[Source, ...]


class Calibration(msgspec.Struct, frozen=True):
    """Estimate against actual.

    Args:
        seconds: of the run, from its start to its end.
        work_s, tokens, money: of all attempts that succeeded.
        tasks: in the order of the graph; tasks that ask a person are left out.
        kinds: by operation, the one that took most seconds first.
        unforeseen: tasks that were not in the graph and did not come from one that was.
    """

    seconds: Pair
    work_s: Pair
    tokens: Pair
    money: Pair
    tasks: tuple[TaskRow, ...]
    kinds: tuple[KindRow, ...]
    unforeseen: int = 0


def compare(graph: Graph, prediction: Prediction, events: Iterable[ev.Event]) -> Calibration:
    """How far a prediction was off, held against the events of the run that followed.

    Args:
        graph: that was predicted.
        events: of the run, all of them; of one that is still going on, as far as it has come.
    """
    run = _Run(graph, prediction)
    for event in events:
        run.take(event)
    asked = set(prediction.asks)
    rows = [
        _row(graph[name], foreseen, run.of(name)) for name, foreseen in prediction.tasks.items() if name not in asked
    ]
    done = [one for name in prediction.tasks if name not in asked for one in run.of(name)]
    return Calibration(
        Pair(prediction.seconds, run.seconds),
        Pair(prediction.work_s, sum(one.seconds for one in done)),
        Pair(prediction.tokens, sum(one.tokens for one in done), LEAST_TOKENS),
        Pair(prediction.money, sum(one.money for one in done), LEAST_MONEY),
        tuple(rows),
        tuple(_kinds(graph, prediction, run)),
        run.unforeseen,
    )


class _Done(NamedTuple):
    """One task that succeeded, or item of one: its last attempt, and all that it grew into."""

    seconds: float
    tokens: float
    money: float
    began_s: float
    ended_s: float

    def with_more(self, other: _Done) -> _Done:
        """Both together: as long as from the first's beginning to the last's end."""
        began, ended = min(self.began_s, other.began_s), max(self.ended_s, other.ended_s)
        return _Done(ended - began, self.tokens + other.tokens, self.money + other.money, began, ended)


class _Run:
    """What became of the tasks that were foreseen. Reads events; what a task grew into counts as its own."""

    def __init__(self, graph: Graph, prediction: Prediction) -> None:
        self._each = {name: graph[name].each is not None for name in prediction.tasks}
        self._open = Attempts()
        self._done: dict[TaskId, dict[TaskId, _Done]] = {}
        self._began_at = self._last_at = 0.0
        self.unforeseen = 0

    @property
    def seconds(self) -> float:
        """From the start of the run to its last event."""
        return max(0.0, self._last_at - self._began_at)

    def of(self, task: TaskId) -> list[_Done]:
        """What was done: once, or once for each item."""
        return list(self._done.get(task, {}).values())

    def take(self, event: ev.Event) -> None:
        """Note what an event says."""
        if isinstance(event, ev.RunStarted):
            self._began_at = event.at
        elif isinstance(event, ev.RunResumed):
            self._open.doubt(self._last_at)
        attempt = self._open.take(event)
        self._last_at = max(self._last_at, event.at)
        if attempt is not None and attempt.outcome in ("succeeded", "grown"):
            self._keep(attempt, getattr(event, "usage", None) or ev.Usage())

    def _keep(self, attempt: Attempt, usage: ev.Usage) -> None:
        owner, below = attempt.task, ""
        while owner not in self._each:
            owner, slash, part = owner.rpartition("/")
            below = f"/{part}{below}"
            if not slash:
                self.unforeseen += 1
                return
        if self._each[owner] and not below:
            return  # it only made its items
        item = f"{owner}/{below.split('/')[1]}" if self._each[owner] else owner
        one = _Done(
            attempt.seconds,
            float(usage.tokens),
            usage.money,
            attempt.began_at - self._began_at,
            attempt.ended_at - self._began_at,
        )
        done = self._done.setdefault(owner, {})
        done[item] = done[item].with_more(one) if item in done else one


def _row(task: Task, foreseen: Foreseen, done: Sequence[_Done]) -> TaskRow:
    cost, items = foreseen.cost, foreseen.items
    begins = min((one.began_s for one in done), default=0.0)
    ends = max((one.ended_s for one in done), default=0.0)
    return TaskRow(
        task.id,
        task.op,
        bool(done),
        len(done),
        Pair(cost.seconds.times(items), sum(one.seconds for one in done)),
        Pair(cost.tokens.times(items), sum(one.tokens for one in done), LEAST_TOKENS),
        Pair(cost.money.times(items), sum(one.money for one in done), LEAST_MONEY),
        Pair(Spread.exactly(foreseen.begins_s), begins),
        Pair(Spread.exactly(foreseen.ends_s), ends),
        cost.source,
        cost.because,
    )


def _kinds(graph: Graph, prediction: Prediction, run: _Run) -> Iterator[KindRow]:
    """By operation; the one that took most comes first."""
    pairs: dict[str, list[Pair]] = {}
    sources: dict[str, Counter[Source]] = {}
    for name, foreseen in prediction.tasks.items():
        op = graph[name].op
        for one in run.of(name):
            pairs.setdefault(op, []).append(Pair(foreseen.cost.seconds, one.seconds))
            sources.setdefault(op, Counter())[foreseen.cost.source] += 1
    for op, found in sorted(pairs.items(), key=lambda kind: (-sum(pair.actual for pair in kind[1]), kind[0])):
        yield KindRow(
            op,
            len(found),
            statistics.median(pair.error for pair in found),
            statistics.median(pair.ratio for pair in found),
            sum(pair.is_covered for pair in found) / len(found),
            tuple(source for source, _ in sources[op].most_common()),
        )
