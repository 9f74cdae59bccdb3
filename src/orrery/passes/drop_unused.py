"""Work that nobody wants is not done."""

from __future__ import annotations

from orrery.cost import CostModel
from orrery.graph.graph import Graph
from orrery.graph.patch import Drop, Edit, Patch, Unlink
from orrery.graph.ref import TaskId
from orrery.graph.task import Task, refs_in
from orrery.passes.effects import Touch, may_share
from orrery.passes.rewritten import Note, Rewritten


def drop_unused(graph: Graph, costs: CostModel) -> Rewritten:
    """Remove tasks whose result nobody reads, that change nothing outside, and that decide nothing about another.

    Wanted are the outputs, every task that may not be shared (it has effects, or asks a person), and every task that
    says what a failure means (a hard edge on failure or completion leads into it, or it needs k of n); and whatever
    those wait for. Of a graph without outputs every result is wanted.

    There is one difference that a run can show: a task that is dropped cannot fail any more. A run in which nothing
    failed but work that nobody wanted was no success, and now is one; its outputs are the same.

    Cost: linear.
    """
    if not graph.outputs:
        note = Note("rejected", (), "the workflow names no outputs, so every result is wanted")
        return Rewritten(graph, (note,) if len(graph) else ())
    wanted = _wanted(graph)
    gone = [task for task in graph if task.id not in wanted]
    if not gone:
        return Rewritten(graph)
    # An edge into what stays is a soft one here, and goes by itself; one into what goes is taken along.
    edits: list[Edit] = [
        Unlink(*edge.key) for task in gone for edge in graph.outgoing(task.id) if edge.target in wanted
    ]
    edits.extend(Drop(task.id) for task in gone)
    return Rewritten(graph.apply(Patch(tuple(edits))), tuple(_note(task, costs) for task in gone))


def _wanted(graph: Graph) -> set[TaskId]:
    order = [task.id for task in graph.in_order()]
    read = {ref.task for value in graph.outputs.values() for ref in refs_in(value)}
    between = _behind_effects(graph, order)
    wanted: set[TaskId] = set()
    for task_id in reversed(order):
        outgoing = graph.outgoing(task_id)
        if (
            task_id in read
            or not may_share(graph[task_id])
            or _judges(graph, graph[task_id])
            or any(edge.target in wanted and (edge.hard or task_id in between) for edge in outgoing)
        ):
            wanted.add(task_id)
    return wanted


def _judges(graph: Graph, task: Task) -> bool:
    """Whether others' failures are dealt with by this task being there."""
    return task.join is not None or any(
        edge.hard and edge.on in ("failure", "completion") for edge in graph.incoming(task.id)
    )


def _behind_effects(graph: Graph, order: list[TaskId]) -> set[TaskId]:
    """The tasks that come after one that touches something: an order between effects may hang on them."""
    behind: set[TaskId] = set()
    for task_id in order:
        if task_id in behind or Touch.of(graph[task_id]) is not None:
            behind.update(edge.target for edge in graph.outgoing(task_id))
    return behind


def _note(task: Task, costs: CostModel) -> Note:
    cost = costs.estimate(task)
    return Note(
        "made",
        (task.id,),
        "nobody reads its result, and it changes nothing outside",
        saves_s=cost.seconds.mid * cost.executions,
        saves_money=cost.money.mid * cost.executions,
        saves_tokens=cost.tokens.mid * cost.executions,
    )
