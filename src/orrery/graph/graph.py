"""Graph: a workflow as a value. Tasks, explicit edges, and what the workflow returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from orrery.errors import GraphError, PatchRefused
from orrery.graph.edge import Edge
from orrery.graph.live import LiveGraph
from orrery.graph.patch import Add, Edit, Link, Patch, SetOutputs
from orrery.graph.ref import TaskId
from orrery.graph.task import Task

EdgeKey = tuple[TaskId, TaskId]


class Graph:
    """An immutable workflow graph. Making one verifies it.

    Args:
        tasks: in any order; iteration and text keep the order given.
        edges: the explicit edges; a `Ref` in a task's arguments needs none.
        outputs: names to what the workflow returns under them: plain data with `Ref` leaves.

    Raises:
        GraphError: with every problem at once.
    """

    __slots__ = ("_edges", "_live", "_outputs", "_tasks", "_was_patched")

    def __init__(
        self,
        tasks: Iterable[Task] = (),
        edges: Iterable[Edge] = (),
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        live = LiveGraph()
        edits: list[Edit] = [*map(Add, tasks), *map(Link, edges)]
        if outputs:
            edits.append(SetOutputs(dict(outputs)))
        problems = live.apply(Patch(tuple(edits)))
        if isinstance(problems, list):
            raise GraphError(problems)
        self._adopt(live, was_patched=False)

    def _adopt(self, live: LiveGraph, *, was_patched: bool) -> None:
        self._was_patched = was_patched
        self._live = live  # never changed from here on: a patch works on a copy
        self._tasks = MappingProxyType(live.tasks)
        self._edges = MappingProxyType(
            {(source, target): edge for target, edges in live.explicit.items() for source, edge in edges.items()}
        )
        self._outputs = MappingProxyType(live.outputs)

    @property
    def tasks(self) -> Mapping[TaskId, Task]:
        """The tasks by id, in the order in which they were added."""
        return self._tasks

    @property
    def edges(self) -> Mapping[EdgeKey, Edge]:
        """The explicit edges by (source, target)."""
        return self._edges

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the workflow returns: names to values with Ref leaves."""
        return self._outputs

    def incoming(self, task: TaskId) -> tuple[Edge, ...]:
        """The edges into a task, explicit and implied, in reading order."""
        return tuple(self._live.incoming[task].values())

    def outgoing(self, task: TaskId) -> tuple[Edge, ...]:
        """The edges out of a task, in the order in which they were made."""
        return tuple(self._live.incoming[target][task] for target in self._live.outgoing[task])

    def between(self, source: TaskId, target: TaskId) -> Edge | None:
        """The edge from one task to another, explicit or implied; None if there is none."""
        return self._live.incoming[target].get(source)

    def in_order(self) -> list[Task]:
        """The tasks in a topological order; those that do not depend on each other stay as they were added."""
        return self._live.in_order()

    def apply(self, patch: Patch) -> Graph:
        """The graph after a patch; this one stays as it is. Raises PatchRefused with every problem."""
        return self.apply_invertibly(patch)[0]

    def apply_invertibly(self, patch: Patch) -> tuple[Graph, Patch]:
        """The graph after a patch, and the patch that leads back. Raises PatchRefused."""
        live = self._live.copy()
        inverse = live.apply(patch)
        if isinstance(inverse, list):
            raise PatchRefused(inverse)
        graph = Graph.__new__(Graph)
        graph._adopt(live, was_patched=True)
        return graph, inverse

    def live(self) -> LiveGraph:
        """A live graph that begins as this one, exactly as `as_patch` would build it."""
        if self._was_patched:  # its edges may stand in another order than a fresh graph's
            live = LiveGraph()
            live.apply(self.as_patch())
            return live
        return self._live.copy()

    def as_patch(self, *, by: str = "", because: str = "") -> Patch:
        """The patch that builds this graph from nothing."""
        edits: list[Edit] = [*map(Add, self._tasks.values()), *map(Link, self._edges.values())]
        if self._outputs:
            edits.append(SetOutputs(dict(self._outputs)))
        return Patch(tuple(edits), by=by, because=because)

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    def __getitem__(self, task: TaskId) -> Task:
        return self._tasks[task]

    def __eq__(self, other: object) -> bool:
        """Whether tasks, edges and outputs are equal; the order of addition does not count."""
        return (
            isinstance(other, Graph)
            and self._tasks == other._tasks
            and self._edges == other._edges
            and self._outputs == other._outputs
        )

    __hash__ = None  # type: ignore[assignment]  # arguments hold lists and maps; `keys` has content keys

    def __repr__(self) -> str:
        return f"<Graph {len(self._tasks)} tasks, {sum(map(len, self._live.incoming.values()))} edges>"
