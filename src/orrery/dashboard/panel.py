"""Panel: everything about one task of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from orrery.dashboard.happenings import logs_of
from orrery.dashboard.rows import Input, TaskPanel, Told, Value
from orrery.dashboard.spectator import Spectator, sources
from orrery.dashboard.values import load, value_of
from orrery.errors import Failure, OrreryError, UnknownNameError
from orrery.graph.edge import Edge
from orrery.graph.ref import INDEX, ITEM, PSEUDO_SOURCES, Ref
from orrery.graph.resolve import resolve
from orrery.graph.task import Effects, refs_in
from orrery.graph.text import statement
from orrery.graph.values import Blob, decode
from orrery.journal import BlobStore
from orrery.scheduler import story
from orrery.scheduler.growth import why_locked
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.states import State
from orrery.telling.plain import plain_failure

MOST_WAITED, MOST_DELAYED = 100, 1_000
MOST_CHARS = 20_000
"""Of a definition, a traceback or what a program wrote."""


def panel_of(spectator: Spectator, task: str, *, logs: tuple[Told, ...] | None = None) -> TaskPanel:
    """Everything about a task, as of the spectator's last look. Raises UnknownNameError, StoreError.

    Args:
        logs: what its attempts said, for who knows it already; read unless given.
    """
    machine, blobs = spectator.machine, spectator.journal.blobs
    with spectator.lock:
        record, row = machine.records.get(task), spectator.row(task)
        if record is None or row is None:
            raise UnknownNameError("task", task, islice(machine.records, 2_000))
        incoming = machine.graph.incoming[task]
        grown = [source for source in incoming if machine.records[source].parent == task]
        waits = [source for source in incoming if machine.records[source].is_open]
        failure = record.failure if record.state in (State.FAILED, State.CANCELLED) else None
        locked = "the run has ended" if machine.state != "running" else why_locked(machine, task) or ""
        panel = TaskPanel(
            row,
            story(machine, task)[:MOST_CHARS],
            inputs=tuple(_inputs(machine, record, blobs)),
            output=_output(machine, record, blobs),
            failure=plain_failure(failure),
            detail=_detail(failure)[:MOST_CHARS],
            attempts=spectator.seen[task].attempts_by(machine.now),
            waits_for=tuple(waits[:MOST_WAITED]) if record.is_open else (),
            delays=tuple(islice(delayed_by(machine, task), MOST_DELAYED)),
            children=len(grown),
            editable=not locked,
            locked=locked,
            definition=statement(record.task, machine.graph.explicit.get(task, {}).values())[:MOST_CHARS],
            effects=_effects(record.task.effects),
        )
    return msgspec.structs.replace(panel, logs=logs_of(spectator, task) if logs is None else logs)


def outputs_of(spectator: Spectator) -> dict[str, Value]:
    """What a run returns, by name, as far as it was produced."""
    machine, blobs = spectator.machine, spectator.journal.blobs
    with spectator.lock:
        return {
            name: _shown(machine, value, blobs, name)
            for name, value in machine.graph.outputs.items()
            if machine.is_available(value) and _are_there(machine, value)
        }


def value_at(spectator: Spectator, *, task: str = "", output: str = "") -> Any:
    """The whole result of a task, or an output. Raises UnknownNameError where there is none, StoreError."""
    machine, blobs = spectator.machine, spectator.journal.blobs

    def fetch(blob: Blob) -> Any:
        return decode(blobs.get(blob))

    with spectator.lock:
        if task:
            record = machine.records.get(task)
            if record is None:
                raise UnknownNameError("task", task, islice(machine.records, 2_000))
            if record.state is State.FAILED:
                return record.failure
            if record.state is State.SUCCEEDED:
                return machine.results.look_up(Ref(task), fetch)
            raise UnknownNameError("output", task, ())
        outputs = machine.graph.outputs
        value = outputs.get(output)
        if output not in outputs or not machine.is_available(value) or not _are_there(machine, value):
            raise UnknownNameError("output", output, outputs)
        try:
            return machine.results.fill(value, fetch)
        except LookupError:
            raise UnknownNameError("output", output, outputs) from None


def delayed_by(machine: Machine, task: str) -> Iterator[str]:
    """The tasks that were skipped or cancelled, fail or still wait because of a task that has not ended well."""
    records, graph = machine.records, machine.graph
    seen = {task}
    ahead = [task]
    while ahead:
        source = records[ahead.pop(0)]
        if source.state is State.SUCCEEDED:
            continue
        for name in graph.outgoing[source.task.id]:
            if name not in seen and _is_held_up(source, records[name], graph.incoming[name][source.task.id]):
                seen.add(name)
                ahead.append(name)
                yield name


def _is_held_up(source: Record, target: Record, edge: Edge) -> bool:
    """Whether a task waits for one that has not ended, or did not do what it would because of one that has."""
    if source.parent == target.task.id:
        return target.state in (State.GROWN, State.FAILED, State.CANCELLED)
    if source.is_open:
        return target.state is State.WAITING
    if target.state is State.FAILED:  # it was given a failure, and failed over it
        return source.state is State.FAILED and source.task.id in sources(target.task.args)
    fires = edge.on == "completion" or (edge.on == "failure" and source.state is State.FAILED)
    return edge.hard and not fires and target.state in (State.SKIPPED, State.CANCELLED)


def _inputs(machine: Machine, record: Record, blobs: BlobStore) -> Iterator[Input]:
    task = record.task
    given: dict[str, Any] = dict(task.args)
    if task.each is not None:
        given = {"each": task.each.over, **given}
    for name, value in given.items():
        yield Input(name, _shown(machine, value, blobs, name), sources(value))


def _shown(machine: Machine, value: Any, blobs: BlobStore, name: str) -> Value:
    """A value with references, as it is shown: with what they stand for, as far as that is there."""
    if not _are_there(machine, value):
        missing = [ref.task for ref in refs_in(value) if _is_missing(machine, ref)]
        return Value("none", text=f"waits for {', '.join(dict.fromkeys(missing[:10]))}")

    def look_up(ref: Ref) -> Any:
        if ref.task in (ITEM, INDEX):
            return ".".join((ref.task, *map(str, ref.path)))
        blob = machine.results.blob_of(ref)
        return blob if blob is not None else machine.results.look_up(ref, lambda blob: load(blob, blobs))

    try:
        return value_of(resolve(value, look_up), blobs, name=name)
    except (LookupError, OrreryError, msgspec.DecodeError) as error:
        return Value("error", text=str(error.args[0]) if error.args else str(error))


def _are_there(machine: Machine, value: Any) -> bool:
    return not any(_is_missing(machine, ref) for ref in refs_in(value))


def _is_missing(machine: Machine, ref: Ref) -> bool:
    record = None if ref.task in PSEUDO_SOURCES else machine.records.get(ref.task)
    return record is not None and record.is_open


def _output(machine: Machine, record: Record, blobs: BlobStore) -> Value | None:
    if record.state is not State.SUCCEEDED:
        return None
    size = len(record.value) if record.value is not None else 0
    shown = _shown(machine, Ref(record.task.id), blobs, record.task.id.rpartition("/")[2])
    return msgspec.structs.replace(shown, size_bytes=shown.size_bytes or size)


def _detail(failure: Failure | None) -> str:
    """The traceback of a failure, or else of what caused it."""
    while failure is not None:
        if failure.detail:
            return failure.detail
        failure = failure.cause
    return ""


def _effects(effects: Effects) -> str:
    parts: Mapping[str, tuple[str, ...]] = {"reads": effects.reads, "writes": effects.writes}
    return "; ".join([effects.kind, *(f"{verb} {', '.join(names)}" for verb, names in parts.items() if names)])
