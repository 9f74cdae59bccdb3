"""A seeded world: one integer makes a graph, its durations and every misfortune, and runs the real scheduler.

The world is a second driver. It has a virtual clock, executors that answer late, twice, wrongly or never,
a process that dies at any moment, a wall clock that jumps, people who edit, pause and answer, and a real
journal in memory. After every turn all invariants of the scheduler are checked; at every crash the log is
folded again and held against what was promised:

  * P1: a task whose success is in the log is still succeeded after the crash, and never starts again;
  * P2: a task starts at most once, plus once for every failure, loss, hedge, re-run or crash it met;
  * P3: the fold of the log is the state of the run that wrote it;
  * P4: the run ends.

A failing seed is reproduced by `run_world(seed)` alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

import msgspec

from orrery.errors import Failure, InternalError, OrreryError
from orrery.graph.edge import Edge
from orrery.graph.graph import Graph
from orrery.graph.nest import expanded, nested
from orrery.graph.patch import Add, Drop, Edit, Link, Patch, Replace, SetOutputs, Unlink
from orrery.graph.ref import Ref, TaskId
from orrery.graph.task import Estimate, Task
from orrery.graph.values import encode
from orrery.journal.memory import MemoryJournal
from orrery.runtime.history import fold
from orrery.scheduler import events as ev
from orrery.scheduler.commands import CancelTask, StartTask
from orrery.scheduler.invariants import check
from orrery.scheduler.machine import Machine
from orrery.scheduler.scheduler import Scheduler, Turn
from orrery.scheduler.snapshot import freeze, thaw
from orrery.scheduler.states import ENDED, State
from orrery.testing.graphs import random_graph

RUN = "world"
CAPACITY = {"inline": 4, "gpu": 2, "net": 2}
MAX_TURNS = 20_000


class WorldError(InternalError):
    """A promise was broken in a seeded world; the message holds the command that reproduces it."""

    code = "world"

    def __init__(self, seed: int, what: str) -> None:
        self.seed = seed
        super().__init__(f"seed {seed}: {what}; reproduce: orrery bench world --seed {seed} --seeds 1")


@dataclass
class WorldReport:
    """What happened in one world."""

    seed: int
    state: str = ""
    tasks: int = 0
    events: int = 0
    turns: int = 0
    crashes: int = 0
    edits: int = 0
    refused: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    virtual_s: float = 0.0


def run_world(seed: int, *, tasks: int | None = None, journal: MemoryJournal | None = None) -> WorldReport:
    """Live through the world that a seed makes, and leave its log in a journal. Raises WorldError."""
    world = _World(seed, tasks, journal or MemoryJournal())
    try:
        return world.live()
    except WorldError:
        raise
    except (OrreryError, AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
        raise WorldError(seed, f"{type(error).__name__}: {error}") from error


class _World:
    def __init__(self, seed: int, tasks: int | None, journal: MemoryJournal) -> None:
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - the point is that it can be repeated
        self.report = WorldReport(seed)
        self.now = 1_000_000.0
        self.journal = journal
        self.ended: set[str] = set()
        self.starts: dict[str, int] = {}
        self.excuses: dict[str, int] = {}
        self.unanswered: dict[str, int] = {}
        self.agenda: list[tuple[float, int, int, Callable[[], list[ev.Event]]]] = []
        self.noted = 0
        self.life = 0
        self.added = 0
        self.trouble = self.chance.choice((0.0, 0.05, 0.2))
        size = tasks if tasks is not None else self.chance.randint(1, 24)
        self.graph = random_graph(seed, tasks=size, resources=("gpu", "net"))
        self.options = ev.RunOptions(
            seed=seed,
            budget=self._budget(),
            caps=ev.GrowthCaps(tasks=120, width=self.chance.choice((20, 40)), depth=3),
            fail_fast=self.chance.random() < 0.1,
            grace_s=self.chance.choice((0.5, 5.0)),
        )

    def _budget(self) -> ev.Budget:
        roll = self.chance.random()
        if roll < 0.1:
            return ev.Budget(money=self.chance.uniform(0, 20))
        if roll < 0.2:
            return ev.Budget(wall_s=self.chance.uniform(1, 60))
        return ev.Budget()

    # -- the life of a run ----------------------------------------------------------------------------

    def live(self) -> WorldReport:
        self.lease = self.journal.create(RUN, self.now)
        self.scheduler = Scheduler(CAPACITY)
        self.machine = self.scheduler.admit(Machine(RUN))
        start = ev.RunStarted(self.now, RUN, options=self.options)
        self._turn([start, ev.GraphPatched(self.now, self.graph.as_patch())])
        self._plan_interference()
        while self.machine.state == "running":
            self.report.turns += 1
            if self.report.turns > MAX_TURNS:
                raise WorldError(self.seed, f"P4: the run does not end: {self.machine!r}")
            self._advance()
        self._check_fold()
        self.report.state = self.machine.state
        self.report.tasks = len(self.machine.records)
        self.report.events = self.journal.head(RUN)
        self.report.virtual_s = self.now - 1_000_000.0
        return self.report

    def _advance(self) -> None:
        """Let time pass to whatever comes first, and take it in."""
        due = self.scheduler.next_due()
        arrived: list[ev.Event] = []
        if self.agenda and (due is None or self.agenda[0][0] <= due):
            at, _, life, act = heappop(self.agenda)
            self.now = max(self.now, at)
            if life in (self.life, -1):
                arrived = act()
        elif due is not None:
            self.now = max(self.now, due)
            arrived = [ev.TimeReached(self.now)]
        else:
            asking = [task for task, record in self.machine.records.items() if record.state is State.ASKING]
            if self.machine.paused:
                arrived = [ev.RunContinued(self.now)]
            elif asking:
                arrived = [self._answer(asking[0])]
            else:
                raise WorldError(self.seed, f"P4: nothing will ever happen again: {self.machine!r}")
        if self.chance.random() < self.trouble * 0.1:
            self._count("clock jump")
            arrived = [msgspec.structs.replace(event, at=event.at + self.chance.uniform(-50, 5)) for event in arrived]
        self._turn(arrived)
        if self.chance.random() < self.trouble * 0.1:
            self._crash()

    def _turn(self, arrived: list[ev.Event]) -> None:
        before = {task for task in self.ended if task in self.machine.records}
        turn = self.scheduler.turn([(RUN, event) for event in arrived], self.now)
        log = turn.log.get(RUN, [])
        check(self.scheduler)
        if log and self.journal.head(RUN) and self.chance.random() < self.trouble * 0.05:
            self._crash()  # before the append: none of this turn ever happened
            return
        if log:
            self.journal.append([(self.lease, log)])
        self._note(log, before)
        if log and self.chance.random() < self.trouble * 0.05:
            self._crash()  # after the append: it happened, but nothing of it was carried out
            return
        self._carry_out(turn)

    def _note(self, log: list[ev.Event], ended_before: set[str]) -> None:
        """Hold what became durable against the promises."""
        for event in log:
            match event:
                case ev.TaskStarted(_, task, attempt):
                    if self.unanswered.get(task, 0) > 0:
                        self._excuse(task)  # a hedge: the attempt before it still runs
                    self.unanswered[task] = self.unanswered.get(task, 0) + 1
                    self.starts[task] = self.starts.get(task, 0) + 1
                    if task in ended_before:
                        raise WorldError(self.seed, f"P1: {task} ended and started again (attempt {attempt})")
                    if self.starts[task] > 1 + self.excuses.get(task, 0):
                        raise WorldError(self.seed, f"P2: {task} started {self.starts[task]} times without a reason")
                case ev.RetryScheduled(_, task):
                    self.unanswered[task] = 0
                    self._excuse(task)
                case ev.AttemptLost(_, task) | ev.TaskStopped(_, task):
                    self.unanswered[task] = self.unanswered.get(task, 0) - 1
                    self._excuse(task)
                case ev.TaskFailed(_, task):
                    self.unanswered[task] = self.unanswered.get(task, 0) - 1
                case ev.TaskAnswered(_, task, "rerun"):
                    self._excuse(task)
                case ev.PatchRejected():
                    self.report.refused += 1
        for task, record in self.machine.records.items():
            if record.state in ENDED:
                self.ended.add(task)

    def _excuse(self, task: str) -> None:
        self.excuses[task] = self.excuses.get(task, 0) + 1

    def _crash(self) -> None:
        """The process dies; another one takes the run over from its log."""
        self.report.crashes += 1
        self.life += 1
        history = fold(self.journal, RUN)
        machine = history.machine
        self._check_snapshot(machine)
        if machine.state != "running":
            self.machine = machine
            return
        for task in self.ended:
            record = machine.records.get(task)
            if record is not None and record.state not in ENDED:
                raise WorldError(self.seed, f"P1: {task} had ended and is {record.state.value} after a crash")
        self.unanswered.clear()
        for task, record in machine.in_flight.items():
            for _ in record.live:
                self._excuse(task)
        self.journal.release(self.lease)
        self.lease = self.journal.acquire(RUN, self.now)
        self.now += self.chance.uniform(0, 10)
        resumed = machine.handle(ev.RunResumed(self.now, self.lease.epoch))
        assert resumed is not None
        log = [resumed, *machine.decisions]
        machine.decisions.clear()
        machine.cancels.clear()
        self.journal.append([(self.lease, log)])
        self.scheduler = Scheduler(CAPACITY)
        self.machine = self.scheduler.admit(machine)
        self._note(log, set())
        check(self.scheduler)
        self._turn([ev.TimeReached(self.now)])

    def _check_snapshot(self, folded: Machine) -> None:
        """A snapshot taken half-way, gone on from, must lead to the same state as the whole log."""
        events = list(self.journal.read(RUN))
        half = Machine(RUN)
        cut = self.chance.randint(1, len(events))
        while cut < len(events) and isinstance(events[cut][1], ev.Decision):
            cut += 1  # a snapshot is taken when all decisions have been written
        for _, event in events[:cut]:
            half.replay(event)
        thawed = thaw(freeze(half))
        assert thawed is not None
        for _, event in events[cut:]:
            thawed.replay(event)
        if freeze(thawed) != freeze(folded):
            raise WorldError(self.seed, f"P3: a snapshot after event {cut} leads elsewhere than the log")

    def _check_fold(self) -> None:
        folded = fold(self.journal, RUN).machine
        for task, record in self.machine.records.items():
            twin = folded.records.get(task)
            if twin is None or (twin.state, twin.attempt, twin.value) != (record.state, record.attempt, record.value):
                raise WorldError(self.seed, f"P3: {task} is {record!r}, the fold of the log says {twin!r}")
        if folded.state != self.machine.state:
            raise WorldError(self.seed, f"P3: the run has {self.machine.state}, its fold {folded.state}")

    # -- executors ------------------------------------------------------------------------------------

    def _later(self, seconds: float, act: Callable[[], list[ev.Event]], *, survives: bool = False) -> None:
        self.noted += 1
        heappush(self.agenda, (self.now + seconds, self.noted, -1 if survives else self.life, act))

    def _carry_out(self, turn: Turn) -> None:
        for cancel in turn.cancels:
            self._cancel(cancel)
        for start in turn.starts:
            self._start(start)

    def _cancel(self, cancel: CancelTask) -> None:
        if self.chance.random() < self.trouble:
            self._count("cancel ignored")
            return
        delay = self.chance.uniform(0, 1)
        self._later(delay, lambda: [ev.TaskStopped(self.now, cancel.task, cancel.attempt)])

    def _start(self, start: StartTask) -> None:
        task, attempt = start.task, start.attempt
        each = task.each
        if each is not None:
            explicit = self.machine.graph.explicit.get(task.id, {}).values()
            patch, result = expanded(task, len(each.over), incoming=explicit)
            grown = ev.TaskExpanded(self.now, task.id, attempt, patch, result, each.accept_errors)
            self._later(0, lambda: [grown])
            return
        seconds = task.estimate.seconds * self.chance.lognormvariate(0, 0.5)
        roll = self.chance.random()
        answer = self._good_answer(task, attempt)
        if roll < self.trouble * 0.5:
            self._count("failure")
            failure = Failure("ValueError", "planted", severity=self.chance.choice(("transient", "permanent")))
            answer = lambda: [ev.TaskFailed(self.now, task.id, attempt, failure)]  # noqa: E731
        elif roll < self.trouble * 0.7:
            self._count("lost worker")
            answer = lambda: [ev.AttemptLost(self.now, task.id, attempt, "planted")]  # noqa: E731
        elif roll < self.trouble * 0.8 and task.limits.timeout_s is not None:
            self._count("no answer")
            return
        elif roll < self.trouble * 0.9:
            self._count("late answer")
            seconds += 100
        self._later(seconds, answer)
        if self.chance.random() < self.trouble * 0.3:
            self._count("repeated answer")
            self._later(seconds + self.chance.uniform(0, 20), answer, survives=True)

    def _good_answer(self, task: Task, attempt: int) -> Callable[[], list[ev.Event]]:
        roll = self.chance.random()
        owner = self._tail_call_for(task)
        if owner is not None and roll < 0.7:
            self._count("tail call")
            patch, result = nested(self._small_loop(), under=f"{owner}/{task.id.rpartition('/')[2]}-then")
            return lambda: [ev.TaskExpanded(self.now, task.id, attempt, patch, result, beside=True)]
        if roll < 0.04:
            inner = random_graph(self.chance.randrange(10**6), tasks=self.chance.randint(1, 5), each=0, resources=())
            patch, result = nested(self.chance.choice((inner, self._small_loop())), under=task.id)
            return lambda: [ev.TaskExpanded(self.now, task.id, attempt, patch, result)]
        if roll < 0.06:
            return lambda: [ev.TaskExpanded(self.now, task.id, attempt, self._some_patch())]
        usage = ev.Usage(money=self.chance.uniform(0, 1)) if self.chance.random() < 0.3 else None
        value = msgspec.Raw(encode(self.chance.choice((0, 1, "ok", None, [1, 2]))))
        return lambda: [ev.TaskSucceeded(self.now, task.id, attempt, value, usage)]

    def _small_loop(self) -> Graph:
        """A graph whose result is its last task's, which may therefore make a tail call."""
        tasks = [Task(str(i), "work", {"n": Ref(str(i - 1))} if i else {}) for i in range(self.chance.randint(1, 3))]
        return Graph(tasks, outputs={"result": Ref(tasks[-1].id)})

    def _tail_call_for(self, task: Task) -> TaskId | None:
        parent = self.machine.records[task.id].parent
        owner = self.machine.records.get(parent) if parent is not None else None
        return parent if owner is not None and owner.tree == Ref(task.id) else None

    # -- people ---------------------------------------------------------------------------------------

    def _plan_interference(self) -> None:
        for _ in range(self.chance.randint(0, 4)):
            self._later(self.chance.uniform(0, 30), self._edit, survives=True)
        if self.chance.random() < 0.15:
            self._later(self.chance.uniform(0, 20), lambda: [ev.RunPaused(self.now)], survives=True)
            self._later(self.chance.uniform(20, 40), lambda: [ev.RunContinued(self.now)], survives=True)
        if self.chance.random() < 0.08:
            self._later(self.chance.uniform(0, 30), lambda: [ev.RunCancelRequested(self.now)], survives=True)
        if self.chance.random() < 0.2:
            self._later(self.chance.uniform(0, 10), self._open_edit, survives=True)
        for _ in range(6):
            self._later(self.chance.uniform(0, 60), self._answer_somebody, survives=True)

    def _open_edit(self) -> list[ev.Event]:
        held = tuple(task for task in self.machine.records if self.chance.random() < 0.3)
        if self.chance.random() < 0.7:
            self._later(self.chance.uniform(0, 5), lambda: [ev.EditClosed(self.now, "edit")], survives=True)
        return [ev.EditOpened(self.now, "edit", held, self.now + 10)]

    def _edit(self) -> list[ev.Event]:
        self.report.edits += 1
        return [ev.GraphPatched(self.now, self._some_patch())]

    def _some_patch(self) -> Patch:
        """An edit like a person's: usually sensible, sometimes not."""
        graph, chance = self.machine.graph, self.chance
        known = list(graph.tasks) or ["nobody"]
        edits: list[Edit] = []
        for _ in range(chance.randint(1, 3)):
            roll = chance.random()
            some, other = chance.choice(known), chance.choice(known)
            if roll < 0.4:
                self.added += 1
                edits.append(
                    Add(Task(f"new{self.added}", "work", {"x": Ref(some)}, estimate=Estimate(chance.random())))
                )
            elif roll < 0.55:
                edits.append(Link(Edge(some, other, on=chance.choice(("success", "failure", "completion")))))
            elif roll < 0.65:
                edits.append(Drop(some))
            elif roll < 0.8:
                old = graph.tasks.get(some, Task(some, "work"))
                edits.append(Replace(msgspec.structs.replace(old, op="other")))
            elif roll < 0.9:
                edits.append(SetOutputs({"out": Ref(some)}))
            else:
                edits.append(Unlink(some, other))
        return Patch(tuple(edits), by="person")

    def _answer_somebody(self) -> list[ev.Event]:
        asking = [task for task, record in self.machine.records.items() if record.state is State.ASKING]
        return [self._answer(self.chance.choice(asking))] if asking else []

    def _answer(self, task: str) -> ev.Event:
        verdict = self.chance.choice(("approve", "deny", "rerun"))
        return ev.TaskAnswered(self.now, task, verdict)  # type: ignore[arg-type]

    def _count(self, fault: str) -> None:
        self.report.faults[fault] = self.report.faults.get(fault, 0) + 1


__all__ = ["CAPACITY", "WorldError", "WorldReport", "run_world"]
