"""Scheduler: the runs of one process, side by side. One turn: events in, a log and commands out.

The scheduler owns what runs share: the pools of slots and resources, and the choice of whose task starts
next. Between runs that choice is start-time fair queueing (Goyal et al., 1996): every run has a virtual
time that advances by the estimated seconds it is given, divided by its weight, and the run that is
furthest behind goes first. Within a run the longest remaining path goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from orrery.errors import Failure
from orrery.graph.task import Estimate
from orrery.scheduler.commands import CancelTask, StartTask
from orrery.scheduler.events import Event, TaskRefused, TaskStarted
from orrery.scheduler.machine import Machine
from orrery.scheduler.pools import Demand, Pools
from orrery.scheduler.record import Record


class Turn(msgspec.Struct):
    """What one turn amounts to.

    `log` is what must be durable before `starts` and `cancels` may be carried out.
    """

    log: dict[str, list[Event]] = {}
    starts: list[StartTask] = []
    cancels: list[CancelTask] = []


class Scheduler:
    """Runs that share capacity.

    Args:
        capacity: resource or executor name → how much there is; what is not named has no limit.
    """

    def __init__(self, capacity: Mapping[str, int] | None = None) -> None:
        self.pools = Pools(capacity)
        self.machines: dict[str, Machine] = {}
        self._virtual_now = 0.0

    def admit(self, machine: Machine) -> Machine:
        """Take in a run: a new one, or one folded from its log. It starts level with the others."""
        machine.pools = self.pools
        for record in machine.in_flight.values():  # what executors have that outlived an earlier driver
            for _ in record.live:
                self.pools.acquire(record.demand)
        machine.virtual_time = self._virtual_now
        self.machines[machine.run] = machine
        return machine

    def dismiss(self, run: str) -> None:
        """Forget a run that has ended, or that is driven elsewhere from now on."""
        machine = self.machines.pop(run)
        live = [record for record in machine.in_flight.values() for _ in record.live]
        for record in (*live, *machine.lingering.values()):
            self.pools.release(record.demand)

    def next_due(self) -> float | None:
        """When the earliest timer of any run is due, or None."""
        earliest: float | None = None
        for machine in self.machines.values():
            if machine.timers and (due := machine.next_due()) is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    def turn(self, inbox: Iterable[tuple[str, Event]], at: float, *, start: bool = True) -> Turn:
        """Take in what happened and decide what starts.

        Args:
            inbox: (run, event) in order of arrival; events of unknown runs are dropped.
            at: now, in seconds since the epoch.
            start: whether new attempts may start; a driver that is about to close wants none.
        """
        turn = Turn()
        log = turn.log
        for run, event in inbox:
            machine = self.machines.get(run)
            taken = machine.handle(event) if machine is not None else None
            if taken is not None:
                if run in log:
                    log[run].append(taken)
                else:
                    log[run] = [taken]
            if machine is not None and (machine.decisions or machine.cancels):
                _collect(machine, turn)
        if start:
            self._start_ready(at, turn)
        return turn

    def _start_ready(self, at: float, turn: Turn) -> None:
        """Start ready tasks while capacity lasts, the most deserving first."""
        while (choice := self._most_deserving()) is not None:
            machine, demand, verdict, alone = choice
            queue = machine.ready
            while True:
                record = queue.pop(demand)
                if verdict:
                    self._start(machine, record, at, turn)
                else:
                    self._refuse(machine, record, at, turn)
                if not alone:
                    break  # somebody else may deserve it more by now
                # A start frees nothing, so what could not go before it cannot go after it.
                entry = queue.head(demand) if demand in queue.lanes and machine.state == "running" else None
                if entry is None or (next_verdict := self._verdict(machine, entry[2])) is None:
                    return
                verdict = next_verdict

    def _most_deserving(self) -> tuple[Machine, Demand, bool, bool] | None:
        """The run and lane whose head goes next, whether it starts, and whether no other lane competes with it."""
        best: tuple[float, float, int, str] | None = None
        chosen: tuple[Machine, Demand, bool] | None = None
        alone = True
        for machine in self.machines.values():
            lanes = machine.ready.lanes
            if not lanes or machine.paused or machine.state != "running":
                continue
            for demand in tuple(lanes):
                entry = machine.ready.head(demand)
                if entry is None or (verdict := self._verdict(machine, entry[2])) is None:
                    continue
                desert = (machine.virtual_time, entry[0], entry[1], machine.run)
                alone = best is None
                if best is None or desert < best:
                    best, chosen = desert, (machine, demand, verdict)
        return None if chosen is None else (*chosen, alone)

    def _verdict(self, machine: Machine, record: Record) -> bool | None:
        """Whether a ready task starts now (True), never can (False), or waits (None)."""
        if not self.pools.fits(record.demand):
            return None if self.pools.could_ever_fit(record.demand) is None else False
        if machine.ledger.affords(record.task.estimate):
            return True
        return None if machine.in_flight else False  # running attempts may leave enough of the budget

    def _start(self, machine: Machine, record: Record, at: float, turn: Turn) -> None:
        task = record.task
        event = machine.handle(TaskStarted(max(at, machine.now), task.id, record.attempt + 1))
        if event is not None:
            turn.starts.append(StartTask(machine.run, task, record.attempt, record.rank))
            self._virtual_now = max(self._virtual_now, machine.virtual_time)
            machine.virtual_time = self._virtual_now + task.estimate.seconds / machine.options.weight
            turn.log.setdefault(machine.run, []).append(event)

    def _refuse(self, machine: Machine, record: Record, at: float, turn: Turn) -> None:
        refused = TaskRefused(max(at, machine.now), record.task.id, self._refusal(machine, record))
        if machine.handle(refused) is not None:
            turn.log.setdefault(machine.run, []).append(refused)
        _collect(machine, turn)

    def _refusal(self, machine: Machine, record: Record) -> Failure:
        """Why a ready task can never start."""
        short = self.pools.could_ever_fit(record.demand)
        if short is not None:
            there = self.pools.capacity[short]
            why = f"it asks for {dict(record.demand)[short]} of resource {short!r}, of which there are {there}"
            return Failure("NeverFits", why, code="never-fits", severity="permanent")
        why = _shortfall(machine, record.task.estimate)
        return Failure("BudgetExceeded", why, code="budget", severity="permanent")


def _collect(machine: Machine, turn: Turn) -> None:
    """Take what a run has decided, and what it wants to be ended, into the turn."""
    if machine.decisions:
        turn.log.setdefault(machine.run, []).extend(machine.decisions)
        machine.decisions.clear()
    turn.cancels.extend(machine.cancels)
    machine.cancels.clear()


def _shortfall(machine: Machine, estimate: Estimate) -> str:
    ledger = machine.ledger
    return (
        f"it is estimated at {estimate.money:g} in money and {estimate.tokens} tokens; "
        f"spent so far {ledger.money:g} and {ledger.tokens}, allowed {ledger.budget.money} and {ledger.budget.tokens}"
    )
