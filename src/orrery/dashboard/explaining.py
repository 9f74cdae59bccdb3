"""Explaining: what a workflow would take, what passes make of it, and for a run what it took instead.

A run is explained by the graph that it began with, which is in its log: no code of its author is loaded, and what has
become of the file since does not matter. Its estimates are those of the moment at which it began: only earlier runs
teach.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from orrery.cost import Calibration, Prediction, compare, predict
from orrery.cost.calibrate import Pair
from orrery.dashboard import targets
from orrery.dashboard.board import Board
from orrery.dashboard.picture import picture_of
from orrery.dashboard.seen import line
from orrery.dashboard.weighed import Explained, PassDone, Spread
from orrery.errors import UnknownRunError
from orrery.graph.graph import Graph
from orrery.graph.values import decode
from orrery.passes.pipeline import Step
from orrery.runtime.explain import Explanation, explain
from orrery.runtime.reach import as_machine, within_reach
from orrery.scheduler import events as ev
from orrery.telling.passes import saved, told_note, unexplained, why_skipped
from orrery.telling.printable import printable
from orrery.workflow.workflow import Workflow, inputs_of

MOST_TASKS, MOST_NOTES = 100, 50
"""Tasks whose estimates are told, the worst first; notes of one pass."""


def explain_target(board: Board, target: str) -> Explained:
    """What a workflow would take, and what passes would make of it. Raises what `targets.load` raises."""
    found, problem = _explained(board, targets.load(board.journal, board.folder, target))
    return _told(found, problem=problem)


def explain_run(board: Board, run: str) -> Explained:
    """What a run was expected to take before it began, and what it took.

    Raises: UnknownRunError, CorruptionError; ModelSettingsError: the settings of the models cannot be read.
    """
    events = [event for _, event in board.journal.read(run)]
    started = events[0] if events else None
    first = next((event.patch for event in events if isinstance(event, ev.GraphPatched)), None)
    if not isinstance(started, ev.RunStarted) or first is None:
        raise UnknownRunError(f"run {run!r} has no graph yet, so there is nothing to explain")
    graph = Graph().apply(first)
    workflow = Workflow(run, graph, inputs_of(graph), source=started.target)
    found, problem = _explained(board, workflow, decode(bytes(started.inputs)), before=run)
    ran, is_rewritten = _began_with(graph, events)
    prediction = predict(ran, found.costs_of(ran)) if is_rewritten else found.before
    return _told(found, compare(ran, prediction, events), problem=problem, is_rewritten=is_rewritten)


def _began_with(graph: Graph, events: Iterable[ev.AnyEvent]) -> tuple[Graph, bool]:
    """The graph with which a run really began, and whether passes had rewritten it."""
    is_rewritten = False
    for event in events:
        if isinstance(event, ev.TaskStarted):
            break
        if isinstance(event, ev.GraphPatched) and event.patch.by.startswith("pass:"):
            graph, is_rewritten = graph.apply(event.patch), True
    return graph, is_rewritten


def _explained(
    board: Board, workflow: Workflow, inputs: dict[str, Any] | None = None, *, before: str = ""
) -> tuple[Explanation, str]:
    """The explanation, and why the devices of a fleet are not in it, where there should be some."""
    reach = within_reach(board.hub)
    problem = ""
    if reach.unanswered is not None:
        problem = f"reckoned for this machine alone, since the hub does not answer: {printable(str(reach.unanswered))}"
    devices = {view.name: as_machine(view) for view in reach.devices}
    return explain(workflow, inputs, journal=board.journal, devices=devices, before=before), problem


def _told(
    found: Explanation, actual: Calibration | None = None, *, problem: str = "", is_rewritten: bool = False
) -> Explained:
    """What is shown of it.

    Args:
        actual: what a run took.
        is_rewritten: it ran as the passes had left it, so that its figures belong beside those of the rewritten graph.
    """
    pipeline = found.pipeline
    rows = [row for row in actual.tasks if row.ran] if actual is not None else []
    rows.sort(key=lambda row: -abs(row.seconds.actual - row.seconds.estimate.mid))
    return Explained(
        found.workflow.source,
        picture_of(pipeline.before, found.before),
        picture_of(pipeline.after, found.after),
        tuple(map(_pass_done, pipeline.steps)),
        foreseen=tuple(_totals(found.before, None if is_rewritten else actual)),
        rewritten=tuple(_totals(found.after, actual if is_rewritten else None)),
        tasks=tuple(_spread(row.task, row.seconds, "s", line(row.because)) for row in rows[:MOST_TASKS]),
        median_error=statistics.median(row.seconds.error for row in rows) if rows else None,
        problem=problem,
    )


def _totals(prediction: Prediction, actual: Calibration | None) -> Iterator[Spread]:
    for name, spread, pair, unit in (
        ("time", prediction.seconds, actual.seconds if actual else None, "s"),
        ("one after the other", prediction.work_s, actual.work_s if actual else None, "s"),
        ("tokens", prediction.tokens, actual.tokens if actual else None, "tokens"),
        ("money", prediction.money, actual.money if actual else None, "$"),
    ):
        if unit == "s" or spread.high or (pair is not None and pair.actual):
            took = pair.actual if pair is not None else None
            yield Spread(name, spread.mid, spread.low, spread.high, took, unit)


def _spread(name: str, pair: Pair, unit: str, source: str) -> Spread:
    return Spread(name, pair.estimate.mid, pair.estimate.low, pair.estimate.high, pair.actual, unit, source)


def _pass_done(step: Step) -> PassDone:
    notes = [f"{told_note(note)}{saved(note)}" for note in step.notes if note.kind == "made"]
    notes += [f"left: {told_note(note)}" for note in step.notes if note.kind == "rejected"]
    if step.changed and not any(note.kind == "made" for note in step.notes):
        notes.insert(0, unexplained(step))
    more = [f"and {len(notes) - MOST_NOTES:,} more"] if len(notes) > MOST_NOTES else []
    return PassDone(
        step.name,
        len(step.before),
        len(step.after),
        _edges(step.before),
        _edges(step.after),
        step.seconds,
        notes=() if step.faults else tuple(printable(note) for note in notes[:MOST_NOTES] + more),
        skipped=why_skipped(step) if step.faults else "",
    )


def _edges(graph: Graph) -> int:
    return sum(len(graph.incoming(task.id)) for task in graph)


__all__ = ["explain_run", "explain_target"]
