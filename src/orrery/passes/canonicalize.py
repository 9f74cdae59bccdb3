"""One normal form: what is written in two ways and means one thing is written in one, so that other passes see it.

Every rewrite here leaves a run as it is, event for event but for the order of events of one instant: the same tasks
run, are skipped and fail, with the same results. Where that is not certain the graph is left.

Cost: linear. Of the tasks that may keep the order of a soft edge, at most `MOST_LOOKED_AT` are tried.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from orrery.cost import CostModel
from orrery.graph.edge import Edge
from orrery.graph.graph import Graph
from orrery.graph.patch import Edit, Patch, Replace, SetOutputs, Unlink
from orrery.graph.task import Task
from orrery.graph.template import Template, joined
from orrery.passes.rewritten import Note, Rewritten

MOST_LOOKED_AT = 64


def canonicalize(graph: Graph, _costs: CostModel) -> Rewritten:
    """The graph in normal form.

      * A condition that is true whatever the results goes. One that is false whatever the results stays: its task is
        skipped in every run, and those behind it are told so.
      * Templates: texts that touch are joined, empty ones go, and one without references is a text.
      * `join` goes where it asks for all of the edges, and all are hard and on success.
      * A retry of one attempt is none.
      * An explicit edge goes that says what a reference says already, and a soft one whose order a hard one keeps
        through a third task.

    A for-each over a literal list stays, even of one item or none: its result is a list, and no other task's is.
    """
    notes: list[Note] = []
    edits: list[Edit] = []
    for task in graph:
        edges = graph.incoming(task.id)
        changed = _task(task, edges, notes)
        if changed is not task:
            edits.append(Replace(changed))
        edits.extend(_edges(graph, changed, edges, notes))
    outputs = {name: _value(value) for name, value in graph.outputs.items()}
    if any(outputs[name] is not value for name, value in graph.outputs.items()):
        notes.append(Note("made", (), "outputs: a template without references is a text"))
        edits.append(SetOutputs(outputs))
    if not edits:
        return Rewritten(graph, tuple(notes))
    return Rewritten(graph.apply(Patch(tuple(edits))), tuple(notes))


def _task(task: Task, edges: tuple[Edge, ...], notes: list[Note]) -> Task:
    changes: dict[str, Any] = {}
    args = {name: _value(value) for name, value in task.args.items()}
    if any(args[name] is not value for name, value in task.args.items()):
        changes["args"] = args
        notes.append(Note("made", (task.id,), "a template is written as short as it can be"))
    if task.when is not None:
        verdict = task.when.constant()
        if verdict is True:
            changes["when"] = None
            notes.append(Note("made", (task.id,), f"its condition {task.when.source!r} is always true"))
        elif verdict is False:
            why = f"its condition {task.when.source!r} is never true; it stays, so that those behind it are skipped"
            notes.append(Note("rejected", (task.id,), why))
    if task.join is not None and _needs_all(task, edges):
        changes["join"] = None
        notes.append(Note("made", (task.id,), f"it needs {task.join} of {task.join} edges, which is all"))
    retry = task.limits.retry
    if retry is not None and retry.attempts <= 1:
        changes["limits"] = msgspec.structs.replace(task.limits, retry=None)
        notes.append(Note("made", (task.id,), "a retry of one attempt is none"))
    return msgspec.structs.replace(task, **changes) if changes else task


def _needs_all(task: Task, edges: tuple[Edge, ...]) -> bool:
    # With any other edge than a hard one on success, or in a for-each, `join` also says that failures are accepted.
    return task.each is None and len(edges) == task.join and all(edge.hard and edge.on == "success" for edge in edges)


def _value(value: Any) -> Any:
    """The value with its templates in normal form; the same object where nothing changes."""
    kind = type(value)
    if kind is Template:
        return _template(value)
    if kind is dict:
        pairs = {key: _value(inner) for key, inner in value.items()}
        return pairs if any(pairs[key] is not value[key] for key in value) else value
    if kind is list or kind is tuple:
        items = [_value(inner) for inner in value]
        return kind(items) if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def _template(template: Template) -> Template | str:
    parts = joined(template.parts)
    if not any(True for _ in template.refs()):
        return "".join(map(str, parts))
    return template if len(parts) == len(template.parts) else Template(parts)


def _edges(graph: Graph, task: Task, edges: tuple[Edge, ...], notes: list[Note]) -> list[Edit]:
    """The explicit edges into a task that say nothing new."""
    gone: list[Edit] = []
    implied = {ref.task for ref in task.refs()}
    for edge in edges:
        if edge.key not in graph.edges:
            continue
        if edge.source in implied:
            # A for-each with `join` hands its explicit edges on to its items.
            if edge == Edge(edge.source, task.id) and not (task.each is not None and task.join is not None):
                gone.append(Unlink(edge.source, task.id))
                why = f"the edge from {edge.source!r} says what the reference to it says"
                notes.append(Note("made", (task.id,), why))
        elif not edge.hard and (through := _through(graph, task, edge, edges)) is not None:
            gone.append(Unlink(edge.source, task.id))
            why = f"it comes after {edge.source!r} in any case, through {through!r}"
            notes.append(Note("made", (task.id,), why))
    return gone


def _through(graph: Graph, task: Task, soft: Edge, edges: tuple[Edge, ...]) -> str | None:
    """A task between the ends of a soft edge that keeps their order.

    The task runs only if that one succeeded, so it was triggered, so all for which it waits had ended.
    """
    if task.join is not None:
        return None
    for edge in islice(edges, MOST_LOOKED_AT):
        if not edge.hard or edge.on in ("completion", "failure") or graph[edge.source].join is not None:
            continue
        if graph.between(soft.source, edge.source) is not None:
            return edge.source
    return None
