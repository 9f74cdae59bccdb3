"""Pictures of graphs that have not run: their tasks as rows."""

from __future__ import annotations

from collections.abc import Iterable

from orrery.cost import Prediction
from orrery.dashboard.rows import Need, TaskRow
from orrery.dashboard.seen import line, model_of
from orrery.dashboard.weighed import Picture
from orrery.graph.edge import Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.task import Task
from orrery.scheduler.states import State


def picture_of(graph: Graph, prediction: Prediction | None = None) -> Picture:
    """A graph as rows of tasks that wait.

    Args:
        prediction: what is expected of the tasks: how long each takes, and whence that is known.
    """
    rows = []
    for task in graph:
        seen = prediction.tasks.get(task.id) if prediction is not None else None
        seconds = seen.cost.seconds.mid * seen.items if seen is not None else task.estimate.seconds
        because = line(seen.cost.because) if seen is not None else ""
        rows.append(waiting_row(task, graph.incoming(task.id), estimate_s=seconds, because=because))
    return Picture(tuple(rows))


def waiting_row(task: Task, incoming: Iterable[Edge], *, estimate_s: float, because: str = "") -> TaskRow:
    """A task that has not been added to any run; `estimate_s` in seconds."""
    return TaskRow(
        task.id,
        task.op,
        State.WAITING.value,
        0,
        0,
        label=task.label,
        each=task.each is not None,
        needs=tuple(
            Need(edge.source, edge.on.source if isinstance(edge.on, Expr) else edge.on, edge.hard)
            for edge in incoming
            if not edge.source.startswith("@")
        ),
        executor=task.executor,
        model=model_of(task),
        estimate_s=estimate_s,
        because=because,
    )


__all__ = ["picture_of", "waiting_row"]
