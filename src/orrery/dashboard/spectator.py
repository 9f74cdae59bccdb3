"""Spectator: one run, folded as its log grows, and the rows that changed after an event.

The machine says what state every task is in; the spectator only finds out which tasks to look at after an event, at the
cost of what the event changed. An event may change the task that it names, those that a patch touches, those for which
something is due, those in flight when their driver changes or everything is to end, and those about which the machine
has decided something. From a task that has ended, the change travels along its edges: to tasks that may go, or never
can, and to the task that grew it.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from itertools import islice
from typing import Any

from orrery.dashboard.rows import AttemptRow, Change, RunHead, TaskRow
from orrery.dashboard.seen import Seen, line
from orrery.graph.patch import Patch
from orrery.graph.ref import PSEUDO_SOURCES
from orrery.graph.task import refs_in
from orrery.journal import Journal
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.states import ENDED, State
from orrery.tracing.attempts import Ending

MOST_NAMED = 100
"""Of the tasks that failed, or that ask, so many are named in the head of a run."""
STATES = (*(state.value for state in State), "gone")
"""What a task can become, by number."""
_NUMBER = {state: number for number, state in enumerate(State)}
_GONE = len(STATES) - 1
_DECISIONS = frozenset(ev.Decision.__subclasses__())
_LOST: Ending = "lost"
_STOPPED: Ending = "stopped"


class Steps:
    """Every change of state of a run, as columns.

    Attributes:
        tasks: name -> its number.
        seq, at, task, state: number and time of the event, numbers of the task and of what it became.
    """

    __slots__ = ("at", "seq", "state", "task", "tasks")

    def __init__(self) -> None:
        self.tasks: dict[str, int] = {}
        self.seq, self.at = array("q"), array("d")
        self.task, self.state = array("I"), array("B")

    def add(self, seq: int, at: float, task: int, state: int) -> None:
        """Note what a task became."""
        self.seq.append(seq)
        self.at.append(at)
        self.task.append(task)
        self.state.append(state)


class Spectator:
    """Reads a run's log and keeps a row of every task. Safe to ask from several threads.

    Args:
        journal: where the run is.
        run: its whole name.

    Attributes:
        machine: the run as its log has it; read it under `lock`, never change it.
        lock: held by whoever reads `machine` and what is beside it.
        seen: what is known of each task beside its record, the one that changed last at the end.
        steps: every change of state.
        about: for every event the number that `steps` gives its task, plus one; 0 where it names none.
    """

    def __init__(self, journal: Journal, run: str) -> None:
        self.journal, self.run = journal, run
        self.machine = Machine(run)
        self.lock = threading.RLock()
        self.seen: OrderedDict[str, Seen] = OrderedDict()
        self.steps = Steps()
        self.about = array("I")
        self._gone: OrderedDict[str, int] = OrderedDict()
        self._counts = dict.fromkeys(State, 0)
        self._asking: dict[str, None] = {}
        self._outputs_changed = 0
        self._target, self._live, self._created_at = "", False, 0.0
        self._broken: Exception | None = None

    def catch_up(self) -> int:
        """Fold what the log has gained; the number of its last event.

        Raises: UnknownRunError; CorruptionError, ReplayDivergedError: the log cannot be read, or not by this version.
        """
        with self.lock:
            summary = self.journal.summary(self.run)
            self._live, self._created_at = summary.live, summary.created_at
            self._target = self._target or summary.target
            if self._broken is not None:
                raise self._broken.with_traceback(None)  # else it grew with every look, and with it what it holds
            if summary.events > self.machine.seq:
                for _seq, event in self.journal.read(self.run, after=self.machine.seq):
                    try:
                        self._take(event)
                    except Exception as error:  # half of it is taken in: the rows are no longer what the log says
                        self._broken = error
                        raise
            return self.machine.seq

    def changed_after(self, after: int) -> Change:
        """The rows that changed after event `after`, as of the last `catch_up`; all of them after an unknown one."""
        with self.lock:
            machine = self.machine
            after = after if after <= machine.seq else 0
            rows: list[TaskRow] = []
            for seen in reversed(self.seen.values()):
                if seen.changed <= after:
                    break
                rows.append(seen.told(machine))
            order = machine.records
            rows.sort(key=lambda row: order[row.id].order)
            gone: list[str] = []
            for task, seq in reversed(self._gone.items()):
                if seq <= after or after == 0:
                    break
                gone.append(task)
            outputs = self.outputs() if self._outputs_changed > after else None
            return Change(machine.seq, self.head(), tuple(rows), tuple(reversed(gone)), outputs)

    def row(self, task: str) -> TaskRow | None:
        """The row of one task; None where there is none."""
        with self.lock:
            seen = self.seen.get(task)
            return None if seen is None else seen.told(self.machine)

    def outputs(self) -> dict[str, tuple[str, ...]]:
        """What the run returns, as the tasks that each output comes from."""
        with self.lock:
            return {name: sources(value) for name, value in self.machine.graph.outputs.items()}

    def attempts(self) -> list[AttemptRow]:
        """Every attempt, in the order in which they were handed out; those that go on as if they ended now."""
        with self.lock:
            now = self.machine.now
            found = [row for seen in self.seen.values() for row in seen.attempts_by(now)]
        found.sort(key=lambda row: (row.queued_at, row.task, row.number))
        return found

    def numbers_about(self, task: str) -> list[int]:
        """The numbers of the events that name a task."""
        with self.lock:
            number = self.steps.tasks.get(task)
            return [] if number is None else [seq for seq, about in enumerate(self.about, 1) if about == number + 1]

    @property
    def ended(self) -> bool:
        """Whether the run is over and all of its log was read, so that nothing can change any more."""
        return self.machine.state != "running" and not self.machine.decisions

    @property
    def standing(self) -> str:
        """The state of the run: the machine's, or "paused" or "interrupted" of one that has not ended."""
        machine = self.machine
        if machine.state != "running":
            return machine.state
        return "paused" if machine.paused else "running" if self._live else "interrupted"

    def head(self) -> RunHead:
        """The run in short."""
        with self.lock:
            machine = self.machine
            ledger, records = machine.ledger, machine.records
            return RunHead(
                self.run,
                self.standing,
                self._live,
                machine.seq,
                machine.started_at or self._created_at,
                machine.now or self._created_at,
                target=self._target,
                counts={state.value: count for state, count in self._counts.items() if count},
                failed=tuple(islice(machine.failed, MOST_NAMED)),
                asking={task: line(records[task].because) for task in islice(self._asking, MOST_NAMED)},
                money=ledger.money,
                tokens=ledger.tokens,
                budget_money=ledger.budget.money,
                budget_tokens=ledger.budget.tokens,
                budget_wall_s=ledger.budget.wall_s,
                because=line(str(machine.failure)) if machine.failure is not None else "",
            )

    # -- one event ------------------------------------------------------------------------------------

    def _take(self, event: Any) -> None:
        machine, kind = self.machine, type(event)
        task = getattr(event, "task", None)
        if kind in _DECISIONS:  # what it tells of has happened with the event before it
            machine.replay(event)
            self._is_about(task)
            return
        patched = kind is ev.TaskExpanded or kind is ev.GraphPatched
        suspects: list[str] = []
        at, left = machine.now, _STOPPED
        if patched:
            suspects += self._rewired(event.patch)
        elif kind is ev.TimeReached:
            suspects += machine.timers.due_by(event.at)
        elif kind is ev.RunResumed:
            suspects += machine.in_flight
            left = _LOST
        stopping, cancelling, outputs = machine.stopping, machine.cancelling, machine.graph.outputs
        machine.replay(event)
        at = at if left is _LOST else machine.now
        if machine.decisions:
            suspects += [name for one in machine.decisions if (name := getattr(one, "task", None)) is not None]
        if machine.stopping is not stopping or machine.cancelling is not cancelling:
            suspects += machine.in_flight
        if machine.graph.outputs is not outputs:
            self._outputs_changed = machine.seq
        if task is not None and (seen := self.seen.get(task)) is not None:
            seen.hear(event)
            self._settle(task, at, left, sure=True)
        for name in suspects:
            self._settle(name, at, left, sure=patched)
        self._is_about(task)
        if kind is ev.RunStarted:
            self._target = event.target or self._target

    def _rewired(self, patch: Patch) -> list[str]:
        """The tasks whose definition or needs a patch changes."""
        touched = list(patch.touched())
        for task in touched:
            if (seen := self.seen.get(task)) is not None:
                seen.needs = None
        return touched

    def _settle(self, task: str, at: float, left: Ending, *, sure: bool) -> None:
        """Bring a task up to date, and all that follow from its end.

        Args:
            at: when attempts ended that are not live any more, and of whose end no event tells; `left`: how.
            sure: its row has changed, though its state may not show it.
        """
        if self._refresh(task, at, left, sure=sure):
            records, outgoing, seen = self.machine.records, self.machine.graph.outgoing, self.seen
            ended = [task]
            while ended:
                for target in outgoing[ended.pop()]:
                    known = seen.get(target)
                    if known is None or known.state is not records[target].state:
                        ended += [target] if self._refresh(target, at, left, sure=False) else []

    def _refresh(self, task: str, at: float, left: Ending, *, sure: bool) -> bool:
        """Bring one task up to date; whether it has ended by that."""
        machine = self.machine
        record = machine.records.get(task)
        if record is None:
            self._lose(task)
            return False
        now, seen = machine.seq, self.seen.get(task)
        if seen is None:
            number = self.steps.tasks.setdefault(task, len(self.steps.tasks))
            seen = self.seen[task] = Seen(record, number, now)
            self._gone.pop(task, None)
        was, state = seen.state, record.state
        if was is state and not sure and state is not State.STOPPING:
            return False
        if seen.open:
            seen.leave(record.live, at, left, decided=sure)
        seen.row = None
        if seen.changed != now:
            seen.changed = now
            self.seen.move_to_end(task)
        if was is state:
            return False
        counts = self._counts
        if was is not None:
            counts[was] -= 1
        counts[state] += 1
        if state is State.ASKING:
            self._asking[task] = None
        elif was is State.ASKING:
            del self._asking[task]
        seen.state = state
        self.steps.add(now, machine.now - machine.started_at, seen.number, _NUMBER[state])
        return state in ENDED

    def _lose(self, task: str) -> None:
        """Forget a task that a patch took away."""
        seen = self.seen.pop(task, None)
        if seen is not None and seen.state is not None:
            self._counts[seen.state] -= 1
            self._asking.pop(task, None)
            self._gone[task] = self.machine.seq
            self.steps.add(self.machine.seq, self.machine.now - self.machine.started_at, seen.number, _GONE)

    def _is_about(self, task: str | None) -> None:
        """Note the task of the event that was taken."""
        number = self.steps.tasks.get(task) if task is not None else None
        self.about.append(0 if number is None else number + 1)


def sources(value: object) -> tuple[str, ...]:
    """The tasks that a value with references comes from, each once."""
    return tuple(dict.fromkeys(ref.task for ref in refs_in(value) if ref.task not in PSEUDO_SOURCES))
