"""The pipeline: one pass after the other, each checked from outside, its change taken as a patch.

A pass that raises, or breaks its word (`check`), is named with its fault and skipped; the graph goes on as it was.
So a pass of a third party can be wrong without harm, and every rewrite is a small patch that a person can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from orrery.cost import CostModel
from orrery.errors import PatchRefused, Problem
from orrery.graph.diff import diff
from orrery.graph.graph import Graph
from orrery.graph.patch import Patch
from orrery.graph.ref import TaskId
from orrery.passes.check import faults
from orrery.passes.rewritten import Note, Pass, Rewritten

Clock = Callable[[], float]
"""Seconds from some beginning, never going back."""

MOST_REASONS = 3
"""How many reasons a patch repeats; the notes have them all."""


class Step(msgspec.Struct, frozen=True):
    """What one pass did.

    Args:
        name: of the pass.
        before, after: the graph; the same object where the pass changed nothing or was skipped.
        patch: leads from the one to the other.
        notes: what it did, considered and left; of one that was skipped, what it would have done.
        became: which task does the work of one that is gone.
        faults: why it was skipped; empty where it was not.
        seconds: how long it took, checks included; 0 without a clock.
    """

    name: str
    before: Graph
    after: Graph
    patch: Patch = Patch()
    notes: tuple[Note, ...] = ()
    became: dict[TaskId, TaskId] = {}
    faults: tuple[Problem, ...] = ()
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether the graph is another one."""
        return bool(self.patch.edits)


class Pipeline(msgspec.Struct, frozen=True):
    """What all passes made of a graph.

    Args:
        before, after: the graph as it was given, and as it is to be run.
        steps: one for each pass, in order.
    """

    before: Graph
    after: Graph
    steps: tuple[Step, ...] = ()

    @property
    def patches(self) -> tuple[Patch, ...]:
        """Those that lead from `before` to `after`, one for each pass that changed something."""
        return tuple(step.patch for step in self.steps if step.changed)

    def notes(self) -> Iterator[tuple[str, Note]]:
        """Every note with the name of its pass, those of skipped passes left out."""
        for step in self.steps:
            if not step.faults:
                yield from ((step.name, note) for note in step.notes)

    def became(self, task: TaskId) -> TaskId | None:
        """Which task of `after` does the work of one of `before`; None where it was not needed."""
        found = task
        for step in self.steps:
            found = step.became.get(found, found)
            if found not in step.after:
                return None
        return found


def rewrite(
    graph: Graph, costs: CostModel, steps: Iterable[tuple[str, Pass]], *, clock: Clock | None = None
) -> Pipeline:
    """The graph after all passes, and what each of them did.

    Time is that of the passes plus that of their checks, see `check`: near-linear in the graph.

    Args:
        costs: what tasks would take, and what there is to run on.
        steps: the passes with their names, in order; `named(DEFAULT)` for the usual ones.
        clock: read before and after each pass; without one no time is told.
    """
    done: list[Step] = []
    now = graph
    for name, one in steps:
        began = clock() if clock is not None else 0.0
        step = apply(name, one, now, costs)
        if clock is not None:
            step = msgspec.structs.replace(step, seconds=clock() - began)
        done.append(step)
        now = step.after
    return Pipeline(graph, now, tuple(done))


def apply(name: str, one: Pass, graph: Graph, costs: CostModel) -> Step:
    """One pass, checked. Never raises: what is wrong with the pass is told in the step."""
    place = f"pass {name!r}"
    try:
        made = one(graph, costs)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whoever wrote it, the workflow must go on without it
        return Step(name, graph, graph, faults=(Problem("pass/raised", place, f"{type(error).__name__}: {error}"),))
    if why := _misshapen(made):
        return Step(name, graph, graph, faults=(Problem("pass/raised", place, why),))
    if made.graph is graph and not made.became:
        return Step(name, graph, graph, notes=made.notes)
    try:
        patch = diff(graph, made.graph, by=f"pass:{name}", because=_because(made.notes))
        found = faults(graph, made) or _unfit(graph, made.graph, patch, place)
    except Exception as error:  # noqa: BLE001 - a value that cannot be compared was put in by the pass
        found = [Problem("pass/raised", place, f"its graph cannot be compared: {type(error).__name__}: {error}")]
    if found:
        return Step(name, graph, graph, notes=made.notes, faults=tuple(found))
    after = made.graph if patch.edits else graph
    return Step(name, graph, after, patch, made.notes, dict(made.became))


def _misshapen(made: Any) -> str:
    """Why what a pass returned cannot be looked at; "" where it can. Nothing else checks what stands in a struct."""
    if not isinstance(made, Rewritten):
        return f"a pass returns Rewritten, not {type(made).__name__}"
    if not isinstance(made.graph, Graph):
        return f"its graph is of type {type(made.graph).__name__}"
    try:
        plain = msgspec.to_builtins((made.notes, dict(made.became)))
        msgspec.convert(plain, tuple[tuple[Note, ...], dict[TaskId, TaskId]])
    except (TypeError, ValueError) as error:  # a ValidationError is a ValueError
        return f"its notes or what became of tasks are not what they should be: {error}"
    return ""


def _unfit(before: Graph, after: Graph, patch: Patch, place: str) -> list[Problem]:
    """Why the difference is none that a run would take: it is made and verified once more, by the graph itself."""
    if not patch.edits:
        return []
    try:
        made = before.apply(patch)
    except PatchRefused as error:
        return list(error.problems)
    return [] if made == after else [Problem("pass/raised", place, "the patch that it amounts to makes another graph")]


def _because(notes: Iterable[Note]) -> str:
    reasons = list(dict.fromkeys(note.because for note in notes if note.kind == "made"))
    more = f"; and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return "; ".join(reasons[:MOST_REASONS]) + more
