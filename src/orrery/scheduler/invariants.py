"""Invariants: what must hold of a run after every event. Recomputed from scratch, so slow; for tests."""

from __future__ import annotations

from collections.abc import Iterator

from orrery.errors import InvariantError
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.scheduler import Scheduler
from orrery.scheduler.states import ENDED, State
from orrery.scheduler.triggers import count


def check(scheduler: Scheduler) -> None:
    """Raises InvariantError with everything that does not hold."""
    broken = [text for machine in scheduler.machines.values() for text in broken_in(machine)]
    broken.extend(_broken_pools(scheduler))
    if broken:
        raise InvariantError("; ".join(broken))


def broken_in(machine: Machine) -> Iterator[str]:
    """Every invariant that does not hold of one run."""
    records = machine.records
    if list(records) != [t for t in records if t in machine.graph.tasks] or len(records) != len(machine.graph.tasks):
        yield "records and tasks differ"
    opened = sum(record.state not in ENDED for record in records.values())
    if opened != machine.open:
        yield f"{opened} tasks are open, counted {machine.open}"
    if machine.state == "running" and opened == 0 and machine.patched and not machine.edits:
        yield "nothing is open, but the run has not ended"
    if machine.state != "running" and opened:
        yield f"the run has ended with {opened} tasks open"
    for record in records.values():
        yield from _broken_record(machine, record)
    in_flight = {task for task, r in records.items() if r.state in (State.RUNNING, State.STOPPING)}
    if in_flight != set(machine.in_flight):
        yield f"in flight are {sorted(in_flight)}, noted are {sorted(machine.in_flight)}"


def _broken_record(machine: Machine, record: Record) -> Iterator[str]:
    task, state = record.task.id, record.state
    if (state in (State.RUNNING, State.STOPPING)) != bool(record.live):
        yield f"{task} is {state.value} with live attempts {record.live}"
    if state is State.READY and record.held == 0 and record not in machine.ready:
        yield f"{task} is ready but not in the queue"
    if state is State.SUCCEEDED and record.value is None and record.attempt == 0:
        yield f"{task} succeeded without an attempt"
    if (state is State.FAILED) and record.failure is None:
        yield f"{task} failed without a failure"
    if state is State.WAITING:
        needs, slack, soft = record.needs, record.slack, record.soft
        count(machine, record)
        if (needs, slack, soft) != (record.needs, record.slack, record.soft):
            yield f"{task} counts {(needs, slack, soft)}, its edges say {(record.needs, record.slack, record.soft)}"
        if record.slack < 0 or (record.needs <= 0 and record.soft == 0):
            yield f"{task} waits though it could be decided"
    if state not in (State.WAITING, State.SKIPPED, State.CANCELLED) and record.task.join is None:
        for source, edge in machine.graph.incoming[task].items():
            origin = machine.records[source]
            if edge.hard and origin.parent != task and origin.state not in ENDED:
                yield f"{task} is {state.value} before {source} has ended"
    if state in (State.RETRYING,) and not any(
        kind == "retry" and subject == task for _, kind, subject, _ in machine.timers.entries()
    ):
        yield f"{task} pauses without a timer"
    if state is State.STOPPING and not any(
        kind == "grace" and subject == task for _, kind, subject, _ in machine.timers.entries()
    ):
        yield f"{task} is being stopped without a timer"


def _broken_pools(scheduler: Scheduler) -> Iterator[str]:
    pools = scheduler.pools
    held = dict.fromkeys(pools.capacity, 0)
    for machine in scheduler.machines.values():
        attempts = [record for record in machine.records.values() for _ in record.live]
        for record in (*attempts, *machine.lingering.values()):
            for name, amount in record.demand:
                if name in held:
                    held[name] += amount
    for name, amount in held.items():
        if pools.free[name] != pools.capacity[name] - amount:
            yield f"{name}: {amount} held of {pools.capacity[name]}, but {pools.free[name]} free"
        if pools.free[name] < 0:
            yield f"{name} is overdrawn by {-pools.free[name]}"
