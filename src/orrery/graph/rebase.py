"""Rebase: a patch that was made for a graph as it was, for the graph as it is now."""

from __future__ import annotations

from typing import Any

import msgspec

from orrery.errors import PatchRefused, Problem
from orrery.graph.diff import same
from orrery.graph.graph import Graph
from orrery.graph.patch import Drop, Edit, Link, Patch, Replace, SetOutputs, Unlink, compact
from orrery.graph.ref import TaskId

CHANGED_MEANWHILE = "patch/changed-meanwhile"


def rebased(patch: Patch, before: Graph, now: Graph) -> Patch:
    """The patch that does to `now` what `patch` does to `before`, where `before` has become `now` in other hands.

    What others added, changed or dropped stays as they made it, and of the outputs only those change that the
    patch changes. What is away already need not be taken away.

    Raises PatchRefused: the patch changes what others have changed as well; names every such task and output.
    """
    problems: list[Problem] = []
    edits = [made for edit in compact(patch.edits) if (made := _rebased(edit, before, now, problems)) is not None]
    if problems:
        raise PatchRefused(problems)
    return msgspec.structs.replace(patch, edits=tuple(edits))


def _rebased(edit: Edit, before: Graph, now: Graph, problems: list[Problem]) -> Edit | None:
    match edit:
        case Drop(task_id):
            if task_id in before and task_id not in now:
                return None
            if _task_changed(task_id, before, now) or _edges_into(task_id, before) != _edges_into(task_id, now):
                problems.append(_changed(f"task {task_id!r}"))
        case Replace(task):
            if _task_changed(task.id, before, now):
                problems.append(_changed(f"task {task.id!r}"))
        case Link(edge):
            if before.edges.get((edge.source, edge.target)) != now.edges.get((edge.source, edge.target)):
                problems.append(_changed(f"edge {edge.source!r} -> {edge.target!r}"))
        case Unlink(source, target):
            if (source, target) in before.edges and (source, target) not in now.edges:
                return None
            if before.edges.get((source, target)) != now.edges.get((source, target)):
                problems.append(_changed(f"edge {source!r} -> {target!r}"))
        case SetOutputs(outputs):
            return _outputs(outputs, before, now, problems)
        case _:
            pass  # whether the name of a new task is still free is asked where the patch is applied
    return edit


def _outputs(wanted: dict[str, Any], before: Graph, now: Graph, problems: list[Problem]) -> Edit | None:
    merged = dict(now.outputs)
    for name in dict.fromkeys((*before.outputs, *wanted)):
        old, new, there = (found.get(name, _ABSENT) for found in (before.outputs, wanted, now.outputs))
        if same(old, new) or same(new, there):
            continue
        if not same(old, there):
            problems.append(_changed(f"output {name!r}"))
        elif new is _ABSENT:
            del merged[name]
        else:
            merged[name] = new
    return None if same(merged, dict(now.outputs)) else SetOutputs(merged)


_ABSENT = object()


def _task_changed(task: TaskId, before: Graph, now: Graph) -> bool:
    return task in before and not (task in now and same(before[task], now[task]))


def _edges_into(task: TaskId, graph: Graph) -> dict[TaskId, Any]:
    return {edge.source: edge for edge in graph.incoming(task)} if task in graph else {}


def _changed(place: str) -> Problem:
    return Problem(CHANGED_MEANWHILE, place, "it was changed or dropped meanwhile; look at it again, and change that")


__all__ = ["rebased"]
