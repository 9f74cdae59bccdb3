"""What a run did, read off its own events: which attempts ran when, what ran at once, what was healed and resumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orrery import tracing
from orrery.journal import Journal
from orrery.runtime.history import fold
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine


class Attempt(NamedTuple):
    """One attempt; times in seconds since the run's start, without the time in which no process drove the run.

    Args:
        family: the task it is one of: its id, or what stands before the "/".
        lane: which row of its executor it is drawn in; attempts of one lane do not overlap.
        failure: what went wrong, if something did.
    """

    task: str
    family: str
    number: int
    executor: str
    began_s: float
    ended_s: float
    failure: str | None
    lane: int = 0

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.ended_s - self.began_s


class Resumption(NamedTuple):
    """One time that the run was taken up again.

    Args:
        at_s: when, on the same clock as the attempts.
        done_before: tasks that had finished by then.
        ran_again: those of them that were started once more; none, or a promise is broken.
        ran_after: tasks that were started afterwards.
    """

    at_s: float
    done_before: int
    ran_again: int
    ran_after: int


@dataclass(frozen=True)
class Account:
    """A run in numbers.

    Args:
        run: its name.
        attempts: those that came to an end, in the order in which they began.
        tasks: how many different tasks ran.
        wall_s: how long the run was driven.
        work_s: all attempts one after the other.
        most_at_once: how many attempts ran at once at most.
        busiest: of those, how many by family.
        retries: attempts that followed a failed one; those that repeat what a crash interrupted are none.
        healed: tasks that failed and succeeded later.
        resumptions: each time it was taken up again, in order.
    """

    run: str
    attempts: tuple[Attempt, ...]
    tasks: int
    wall_s: float
    work_s: float
    most_at_once: int
    busiest: dict[str, int]
    retries: int
    healed: int
    resumptions: tuple[Resumption, ...]

    @property
    def speed_up(self) -> float:
        """How many times as fast as one task after the other."""
        return self.work_s / self.wall_s if self.wall_s else 1.0

    def of(self, executor: str) -> tuple[int, float, float]:
        """Of one executor: how many tasks, their seconds in all, and from the first's beginning to the last's end."""
        own = [one for one in self.attempts if one.executor == executor]
        if not own:
            return 0, 0.0, 0.0
        span = max(one.ended_s for one in own) - min(one.began_s for one in own)
        return len({one.task for one in own}), sum(one.seconds for one in own), span


def read_account(journal: Journal, run: str) -> Account:
    """The account of a run in a store. Raises UnknownRunError, CorruptionError, ReplayDivergedError."""
    reader = _Reader()
    machine = fold(journal, run, watch=reader.take).machine
    attempts = _in_lanes(reader.attempts)
    most, busiest = _most_at_once(attempts)
    failed = {(one.task, one.number) for one in attempts if one.failure}
    return Account(
        run=run,
        attempts=tuple(attempts),
        tasks=len({one.task for one in attempts}),
        wall_s=reader.clock(machine.now),
        work_s=sum(one.seconds for one in attempts),
        most_at_once=most,
        busiest=busiest,
        retries=sum((one.task, one.number - 1) in failed for one in attempts),
        healed=len({one.task for one in attempts if one.failure} & reader.succeeded.keys()),
        resumptions=tuple(reader.resumptions()),
    )


class _Reader:
    """Takes the events of a run and keeps what the account needs."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.succeeded: dict[str, int] = {}
        self._begun_at = 0.0
        self._dead_s = 0.0
        self._last_at = 0.0
        self._seq = 0
        self._starts: dict[str, list[int]] = defaultdict(list)
        self._open = tracing.Attempts()
        self._resumed: list[tuple[int, float]] = []

    def clock(self, at: float) -> float:
        """Seconds of driven time."""
        return max(0.0, at - self._begun_at - self._dead_s)

    def take(self, event: ev.AnyEvent, machine: Machine) -> None:
        self._seq += 1
        ended = self._open.take(event)
        if ended is not None and ended.outcome in ("succeeded", "failed"):
            self._keep(ended, machine, event.failure.message if isinstance(event, ev.TaskFailed) else None)
        match event:
            case ev.RunStarted():
                self._begun_at = event.at
            case ev.RunResumed():
                self._dead_s += event.at - self._last_at
                self._resumed.append((self._seq, self.clock(event.at)))
                self._open.doubt(event.at)  # what was under way hardly comes to an end
            case ev.TaskStarted():
                self._starts[event.task].append(self._seq)
            case ev.TaskSucceeded():
                self.succeeded[event.task] = self._seq
            case ev.TaskExpanded():  # it only made its children, which did the work
                self._starts.pop(event.task, None)
        self._last_at = event.at

    def _keep(self, ended: tracing.Attempt, machine: Machine, failure: str | None) -> None:
        executor = machine.records[ended.task].task.executor
        family = ended.task.partition("/")[0]
        times = self.clock(ended.began_at), self.clock(ended.ended_at)
        self.attempts.append(Attempt(ended.task, family, ended.number, executor, *times, failure))

    def resumptions(self) -> Iterable[Resumption]:
        """Each time the run was taken up, with what was done before and what ran after."""
        for place, at_s in self._resumed:
            before = {task for task, done in self.succeeded.items() if done < place}
            after = {task for task, starts in self._starts.items() if starts[-1] > place}
            yield Resumption(at_s, len(before), len(before & after), len(after))


def _in_lanes(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts by their beginning, each in the lowest lane of its executor that is free."""
    in_order = sorted(attempts, key=lambda one: (one.began_s, one.ended_s, one.task))
    by_executor: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(in_order):
        by_executor[one.executor].append(place)
    for places in by_executor.values():
        spans = [(in_order[place].began_s, in_order[place].ended_s) for place in places]
        for place, lane in zip(places, tracing.lanes(spans), strict=True):
            in_order[place] = in_order[place]._replace(lane=lane)
    return in_order


def _most_at_once(attempts: Sequence[Attempt]) -> tuple[int, dict[str, int]]:
    """How many attempts ran at once at most, and how many of each family did so then."""
    changes = sorted(
        change for one in attempts for change in ((one.began_s, 1, one.family), (one.ended_s, -1, one.family))
    )
    now: dict[str, int] = defaultdict(int)
    most: dict[str, int] = {}
    for _, change, family in changes:
        now[family] += change
        if sum(now.values()) > sum(most.values()):
            most = {family: count for family, count in now.items() if count}
    return sum(most.values()), dict(sorted(most.items(), key=lambda pair: (-pair[1], pair[0])))
