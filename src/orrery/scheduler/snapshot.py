"""Snapshot: the state of a run as bytes, so that a long log need not be folded from its beginning.

A short cut and never the truth: whatever cannot read a snapshot folds the log. `thaw(freeze(m))` goes on
exactly as `m` would, the order of every decision included.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph.edge import Edge
from orrery.graph.ref import TaskId
from orrery.graph.values import boxed, encode, from_ext, to_ext
from orrery.scheduler import events as ev
from orrery.scheduler.budgets import Ledger
from orrery.scheduler.codec import boxed_task
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.run_record import Hold
from orrery.scheduler.states import State
from orrery.scheduler.timers import Kind

FORM = 3
"""Changes with every change to what is kept; a snapshot of another form is not read."""


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
    explicit: dict[TaskId, list[Edge]]
    outgoing: dict[TaskId, list[TaskId]]
    outputs: dict[str, Any]
    records: list[Record]
    timers: list[tuple[float, Kind, str, int]]
    edits: dict[str, tuple[list[TaskId], float]]
    failed: list[TaskId]
    in_flight: list[TaskId]
    lingering: list[tuple[TaskId, int]]


_encoder = msgspec.msgpack.Encoder(enc_hook=to_ext)
_decoder = msgspec.msgpack.Decoder(_Frozen, ext_hook=from_ext)


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
        explicit={target: list(edges.values()) for target, edges in graph.explicit.items()},
        outgoing={source: list(targets) for source, targets in graph.outgoing.items() if targets},
        outputs=boxed(graph.outputs),
        records=[_written(record) for record in machine.records.values()],
        timers=machine.timers.entries(),
        edits={edit: ([r.task.id for r in hold.records], hold.until) for edit, hold in machine.edits.items()},
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
    records = machine.records
    records.update((record.task.id, record) for record in frozen.records)
    tasks = [record.task for record in frozen.records]
    machine.graph.restore(tasks, frozen.explicit, frozen.outgoing, frozen.outputs)
    for record in frozen.records:
        if record.state is State.READY or record.hedging:
            machine.ready.push(record)
    for due, kind, subject, attempt in frozen.timers:
        machine.timers.set(due, kind, subject, attempt)
    for edit, (held, until) in frozen.edits.items():
        machine.edits[edit] = Hold(tuple(records[task] for task in held if task in records), until)
    machine.failed.update(dict.fromkeys(frozen.failed))
    machine.in_flight.update((task, records[task]) for task in frozen.in_flight)
    machine.lingering.update((key, records[key[0]]) for key in frozen.lingering if key[0] in records)
    machine.open = sum(record.is_open for record in records.values())
    return machine


def _written(record: Record) -> Record:
    """The record in the form in which its values survive: the record itself, nearly always."""
    task, tree = boxed_task(record.task), boxed(record.tree)
    if task is record.task and tree is record.tree:
        return record
    return msgspec.structs.replace(record, task=task, tree=tree)
