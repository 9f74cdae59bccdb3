"""Patch: the only way a graph ever changes. A list of edits, applied whole or not at all.

Here as for tasks, edges, events and records, `gc=False`: none of them can be part of a reference cycle, and
a collector that visits hundreds of thousands of them on every pass doubled the cost of a large run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from orrery.graph.edge import Edge
from orrery.graph.ref import TaskId
from orrery.graph.task import Task


class Add(msgspec.Struct, frozen=True, tag="add", gc=False):
    """Put a new task into the graph."""

    task: Task


class Drop(msgspec.Struct, frozen=True, tag="drop", gc=False):
    """Take a task out, with its own incoming edges; refused while anything still depends on it."""

    task: TaskId


class Replace(msgspec.Struct, frozen=True, tag="replace", gc=False):
    """Put another task in the place of the one that has its id; explicit edges stay."""

    task: Task


class Link(msgspec.Struct, frozen=True, tag="link", gc=False):
    """Add an explicit edge, or put another in its place."""

    edge: Edge


class Unlink(msgspec.Struct, frozen=True, tag="unlink", gc=False):
    """Remove an explicit edge."""

    source: TaskId
    target: TaskId


class SetOutputs(msgspec.Struct, frozen=True, tag="outputs", gc=False):
    """Say anew what the workflow returns: names to values with Ref leaves."""

    outputs: dict[str, Any]


Edit = Add | Drop | Replace | Link | Unlink | SetOutputs


class Patch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A small list of edits with its author and reason.

    Edits are read in order; only the graph after the last one must be valid, so a patch may pass through
    states that are not. `by` names who asked ("planner", a task id, a person), `because` says why.
    """

    edits: tuple[Edit, ...] = ()
    by: str = ""
    because: str = ""

    def then(self, later: Patch) -> Patch:
        """One patch that does this and then `later`; edits that undo each other cancel."""
        return Patch(compact((*self.edits, *later.edits)), self.by or later.by, self.because or later.because)

    def touched(self) -> dict[TaskId, None]:
        """The tasks whose definition or incoming edges it changes, in order, each once."""
        touched: dict[TaskId, None] = {}
        for edit in self.edits:
            match edit:
                case Add(task) | Replace(task):
                    touched[task.id] = None
                case Drop(task_id):
                    touched[task_id] = None
                case Link(edge):
                    touched[edge.target] = None
                case Unlink(_, target):
                    touched[target] = None
                case SetOutputs():
                    pass
        return touched


def compact(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The shortest list with the same effect that local rules find.

    Of several `SetOutputs` the last counts; a task replaced right after it was added is added as it
    ends up; a task added and dropped again, with nothing said of it in between, was never there.
    """
    kept: list[Edit | None] = []
    added_at: dict[TaskId, int] = {}
    outputs_at: int | None = None
    for edit in edits:
        match edit:
            case SetOutputs():
                if outputs_at is not None:
                    kept[outputs_at] = None
                outputs_at = len(kept)
            case Add(task):
                added_at[task.id] = len(kept)
            case Replace(task) if task.id in added_at:
                kept[added_at[task.id]] = Add(task)
                continue
            case Drop(task_id) if task_id in added_at:
                kept[added_at.pop(task_id)] = None
                kept = [None if _targets(earlier, task_id) else earlier for earlier in kept]
                continue
            case _:
                pass
        kept.append(edit)
    return tuple(edit for edit in kept if edit is not None)


def _targets(edit: Edit | None, task: TaskId) -> bool:
    """Whether an edit is about an explicit edge into a task."""
    return (isinstance(edit, Link) and edit.edge.target == task) or (isinstance(edit, Unlink) and edit.target == task)
