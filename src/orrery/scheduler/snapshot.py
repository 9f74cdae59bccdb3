"""Snapshot: the state of a run as bytes, so that a long log need not be folded from its beginning.

A short cut and never the truth: whatever cannot read a snapshot folds the log. `thaw(freeze(m))` goes on
exactly as `m` would, the order of every decision included.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph.edge import Edge
from orrery.graph.task import Task, TaskId
from orrery.graph.values import boxed, encode, from_ext, to_ext
from orrery.scheduler import events as ev
from orrery.scheduler.budgets import Ledger
from orrery.scheduler.codec import boxed_task
from orrery.scheduler.machine import Machine
from orrery.scheduler.pools import demand_of
from orrery.scheduler.record import Record
from orrery.scheduler.states import State
from orrery.scheduler.timers import Kind

FORM = 1
"""Changes with every change to what is kept; a snapshot of another form is not read."""


class _FrozenRecord(msgspec.Struct, array_like=True):
    task: TaskId
    state: str
    order: int
    parent: TaskId | None
    depth: int
    rank: float
    needs: int
    soft: int
    slack: int
    attempt: int
    live: tuple[int, ...]
    failed: int
    crashes: int
    ready_at: float | None
    hedging: bool
    stop: Failure | None
    cancelling: bool
    failure: Failure | None
    because: str
    poisoned: bool
    accept_errors: bool
    tree: Any
    value: bytes | None


class _Frozen(msgspec.Struct, array_like=True):
    form: int
    run: str
    seq: int
    state: ev.RunState
    failure: Failure | None
    started_at: float
    now: float
    epoch: int
    paused: bool
    cancelling: bool
    stopping: Failure | None
    patched: bool
    added: int
    options: ev.RunOptions
    ledger: Ledger
    inputs: bytes
    tasks: list[Task]
    explicit: dict[TaskId, list[Edge]]
    outgoing: dict[TaskId, list[TaskId]]
    outputs: dict[str, Any]
    records: list[_FrozenRecord]
    timers: list[tuple[float, Kind, str, int]]
    edits: dict[str, list[TaskId]]
    failed: list[TaskId]
    in_flight: list[TaskId]
    lingering: list[tuple[TaskId, int]]


_encoder = msgspec.msgpack.Encoder(enc_hook=to_ext)
_decoder = msgspec.msgpack.Decoder(_Frozen, ext_hook=from_ext)
_KEPT = [name for name in _FrozenRecord.__struct_fields__ if name not in ("task", "state", "order", "parent", "depth")]


def freeze(machine: Machine) -> bytes:
    """The state of a run between two events, its decisions having been taken."""
    graph = machine.graph
    frozen = _Frozen(
        form=FORM,
        run=machine.run,
        seq=machine.seq,
        state=machine.state,
        failure=machine.failure,
        started_at=machine.started_at,
        now=machine.now,
        epoch=machine.epoch,
        paused=machine.paused,
        cancelling=machine.cancelling,
        stopping=machine.stopping,
        patched=machine.patched,
        added=machine.added,
        options=machine.options,
        ledger=machine.ledger,
        inputs=encode(machine.results.inputs),
        tasks=[boxed_task(task) for task in graph.tasks.values()],
        explicit={target: list(edges.values()) for target, edges in graph.explicit.items()},
        outgoing={source: list(targets) for source, targets in graph.outgoing.items() if targets},
        outputs=boxed(graph.outputs),
        records=[_frozen_record(record) for record in machine.records.values()],
        timers=machine.timers.entries(),
        edits={edit: [record.task.id for record in held] for edit, held in machine.edits.items()},
        failed=list(machine.failed),
        in_flight=list(machine.in_flight),
        lingering=list(machine.lingering),
    )
    return _encoder.encode(frozen)


def thaw(data: bytes) -> Machine | None:
    """The machine that was frozen, or None if the bytes are of another form."""
    try:
        frozen = _decoder.decode(data)
    except msgspec.DecodeError:
        return None
    if frozen.form != FORM:
        return None
    machine = Machine(frozen.run)
    for name in ("seq", "state", "failure", "started_at", "now", "epoch", "paused", "cancelling", "stopping"):
        setattr(machine, name, getattr(frozen, name))
    machine.patched, machine.added = frozen.patched, frozen.added
    machine.options, machine.ledger = frozen.options, frozen.ledger
    machine.results.set_inputs(frozen.inputs)
    machine.graph.restore(frozen.tasks, frozen.explicit, frozen.outgoing, frozen.outputs)
    records = machine.records
    for kept in frozen.records:
        records[kept.task] = record = _thawed_record(kept, machine.graph.tasks[kept.task])
        if record.state is State.READY or record.hedging:
            machine.ready.push(record)
    for due, kind, subject, attempt in frozen.timers:
        machine.timers.set(due, kind, subject, attempt)
    for edit, held in frozen.edits.items():
        machine.edits[edit] = tuple(records[task] for task in held if task in records)
        for record in machine.edits[edit]:
            record.held += 1
    machine.failed.update(dict.fromkeys(frozen.failed))
    machine.in_flight.update((task, records[task]) for task in frozen.in_flight)
    machine.lingering.update((key, records[key[0]]) for key in frozen.lingering if key[0] in records)
    machine.open = sum(record.is_open for record in records.values())
    return machine


def _frozen_record(record: Record) -> _FrozenRecord:
    kept = {name: getattr(record, name) for name in _KEPT}
    kept["tree"] = boxed(record.tree)
    return _FrozenRecord(record.task.id, record.state.value, record.order, record.parent, record.depth, **kept)


def _thawed_record(kept: _FrozenRecord, task: Task) -> Record:
    record = Record(task, kept.order, demand_of(task), kept.parent, kept.depth)
    record.state = State(kept.state)
    for name in _KEPT:
        setattr(record, name, getattr(kept, name))
    return record
