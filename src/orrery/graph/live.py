"""LiveGraph: a graph that takes patches in time proportional to the patch, not to the graph.

It holds the tasks, the explicit edges, every edge (explicit or implied by a `Ref`) from both ends, and an
online topological order. A patch is first laid over the graph as a draft; only a draft without problems
is merged, so a refused patch leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

from orrery.errors import Problem, suggestion
from orrery.graph.edge import Edge
from orrery.graph.order import OnlineOrder
from orrery.graph.patch import Add, Drop, Edit, Link, Patch, Replace, SetOutputs, Unlink
from orrery.graph.ref import INPUTS, PSEUDO_SOURCES, TaskId
from orrery.graph.task import Task, refs_in
from orrery.graph.verify import edge_problems, join_problem, task_problems

Locked = Callable[[TaskId], str | None]
"""Why a task may not be edited any more ("it is running"), or None if it may."""

EdgesBySource = dict[TaskId, Edge]

MOST_SHOWN = 20
"""How many tasks of a circle a message names."""


def _unlocked(_task: TaskId) -> str | None:
    return None


class LiveGraph:
    """The mutable index of a graph. Read its mappings; change it only by `apply`.

    Attributes:
        tasks: id → task, in order of addition.
        explicit: target → {source → explicit edge}, only for targets that have one.
        incoming: target → {source → edge}, explicit and implied.
        outgoing: source → {target → None}.
        outputs: what the workflow returns.
    """

    def __init__(self) -> None:
        self.tasks: dict[TaskId, Task] = {}
        self.explicit: dict[TaskId, EdgesBySource] = {}
        self.incoming: dict[TaskId, EdgesBySource] = {}
        self.outgoing: dict[TaskId, dict[TaskId, None]] = {}
        self.outputs: dict[str, Any] = {}
        self.order = OnlineOrder(lambda task: self.outgoing[task], lambda task: self.incoming[task])

    def copy(self) -> LiveGraph:
        """An independent copy; the tasks and edges themselves are values and are shared."""
        twin = LiveGraph()
        twin.tasks, twin.outputs = dict(self.tasks), self.outputs
        twin.explicit = {target: dict(edges) for target, edges in self.explicit.items()}
        twin.incoming = {target: dict(edges) for target, edges in self.incoming.items()}
        twin.outgoing = {source: dict(targets) for source, targets in self.outgoing.items()}
        twin.order.adopt(self.order)
        return twin

    def restore(
        self,
        tasks: Iterable[Task],
        explicit: Mapping[TaskId, Iterable[Edge]],
        outgoing: Mapping[TaskId, Iterable[TaskId]],
        outputs: dict[str, Any],
    ) -> None:
        """Become a graph that was valid when it was taken down, the order of its edges included."""
        self.tasks = {task.id: task for task in tasks}
        self.explicit = {target: {edge.source: edge for edge in edges} for target, edges in explicit.items()}
        self.incoming = {task.id: _edges_into(task, self.explicit.get(task.id, {})) for task in self.tasks.values()}
        self.outgoing = {task: dict.fromkeys(outgoing.get(task, ())) for task in self.tasks}
        self.outputs = outputs
        for task in self.in_order():
            self.order.append(task.id)

    def in_order(self) -> list[Task]:
        """A topological order in which ties keep the order of addition."""
        waits = {task: len(edges) for task, edges in self.incoming.items()}
        return [self.tasks[task] for task in _sorted_by_edges(list(self.tasks), waits, self.outgoing)]

    def apply(self, patch: Patch, locked: Locked = _unlocked) -> Patch | list[Problem]:
        """Apply a patch whole and return its inverse, or change nothing and return every problem.

        Args:
            locked: asked for every task whose definition or incoming edges would change. Where it is given,
                the graph is in use, and a patch may not take away everything that it returns.
        """
        draft = _Draft(self, locked)
        for number, edit in enumerate(patch.edits):
            draft.edit(number, edit)
        draft.check()
        if draft.problems or not draft.merge():
            return draft.problems
        return Patch(
            tuple(reversed(draft.inverse)), by=patch.by, because=f"undo: {patch.because}" if patch.because else ""
        )


class _Draft:
    """A patch laid over a live graph: what would change, what is wrong with it, and the way back."""

    def __init__(self, live: LiveGraph, locked: Locked) -> None:
        self.live, self.locked = live, locked
        self.problems: list[Problem] = []
        self.inverse: list[Edit] = []
        self.tasks: dict[TaskId, Task | None] = {}  # changed tasks; None means dropped
        self.explicit: dict[TaskId, EdgesBySource] = {}  # explicit edges of touched targets
        self.incoming: dict[TaskId, EdgesBySource] = {}  # all edges of touched targets, filled by check
        self.outputs: dict[str, Any] | None = None
        self.outgoing_before: dict[TaskId, dict[TaskId, None]] = {}  # of sources that lose an edge

    # -- one edit at a time ---------------------------------------------------------------------------

    def edit(self, number: int, edit: Edit) -> None:
        """Lay one edit over the graph, or note why it makes no sense."""
        match edit:
            case Add(task):
                self._add(task)
            case Replace(task):
                old = self._changeable(number, "replaces", task.id)
                if old is not None:
                    self.tasks[task.id] = task
                    self._touch(task.id)
                    self.inverse.append(Replace(old))
            case Drop(task_id):
                old = self._changeable(number, "drops", task_id)
                if old is not None:
                    self.inverse.extend(Link(edge) for edge in self._touch(task_id).values())
                    self.explicit[task_id] = {}
                    self.tasks[task_id] = None
                    self.inverse.append(Add(old))
            case Link(edge):
                if self._changeable(number, "links into", edge.target) is not None:
                    edges = self._touch(edge.target)
                    before = edges.get(edge.source)
                    edges[edge.source] = edge
                    self.inverse.append(Link(before) if before else Unlink(edge.source, edge.target))
            case Unlink(source, target):
                if self._changeable(number, "unlinks from", target) is not None:
                    edges = self._touch(target)
                    if source in edges:
                        self.inverse.append(Link(edges.pop(source)))
                    else:
                        self.problems.append(
                            Problem(
                                "patch/no-edge", f"edit {number}", f"there is no explicit edge {source!r} -> {target!r}"
                            )
                        )
            case SetOutputs(outputs):
                self._set_outputs(number, outputs)

    def _add(self, task: Task) -> None:
        if self._task(task.id) is not None:
            self.problems.append(
                Problem("graph/duplicate-id", f"task {task.id!r}", "another task has this id; rename one of them")
            )
            return
        if task.id in self.live.tasks:  # dropped earlier in this patch, so it changes rather than appears
            self._touch(task.id)
        else:
            self.explicit[task.id] = {}
        self.tasks[task.id] = task
        self.inverse.append(Drop(task.id))

    def _set_outputs(self, number: int, outputs: dict[str, Any]) -> None:
        before = self.live.outputs if self.outputs is None else self.outputs
        if before and not outputs and self.locked is not _unlocked:  # a graph at rest may lose them
            self.problems.append(
                Problem("patch/drops-output", f"edit {number}", "it takes away everything that the workflow returns")
            )
        self.inverse.append(SetOutputs(before))
        self.outputs = outputs

    def _task(self, task_id: TaskId) -> Task | None:
        return self.tasks[task_id] if task_id in self.tasks else self.live.tasks.get(task_id)

    def _changeable(self, number: int, verb: str, task_id: TaskId) -> Task | None:
        """The task if it exists and may be changed; otherwise a problem is noted."""
        task = self._task(task_id)
        if task is None:
            known = [*self.live.tasks, *self.tasks] if len(self.live.tasks) <= 2_000 else self.tasks
            self.problems.append(
                Problem("patch/unknown-task", f"edit {number}", f"it {verb} {task_id!r}; {suggestion(task_id, known)}")
            )
        elif task_id in self.live.tasks and (why := self.locked(task_id)):
            self.problems.append(Problem("patch/locked", f"edit {number}", f"it {verb} {task_id!r}, but {why}"))
            return None
        return task

    def _touch(self, task_id: TaskId) -> EdgesBySource:
        edges = self.explicit.get(task_id)
        if edges is None:
            edges = self.explicit[task_id] = dict(self.live.explicit.get(task_id, ()))
        return edges

    # -- the graph as it would be ---------------------------------------------------------------------

    def check(self) -> None:
        """Note every problem of the graph as it would be, except cycles."""
        for task_id in [task_id for task_id, task in self.tasks.items() if task is None]:
            if task_id not in self.live.tasks:  # added and dropped by this patch: it was never there
                del self.tasks[task_id], self.explicit[task_id]
        for task_id, explicit in self.explicit.items():
            task = self._task(task_id)
            if task is None:
                continue
            if task_id in self.tasks:
                self.problems.extend(task_problems(task))
            for edge in explicit.values():
                self.problems.extend(edge_problems(edge))
            self.incoming[task_id] = edges = _edges_into(task, explicit)
            for source in edges:
                if self._task(source) is None:
                    self._dangling(f"task {task_id!r}", source)
                elif source == task_id and source not in explicit:
                    self.problems.append(
                        Problem(
                            "graph/self-loop", f"task {task_id!r}", "it refers to its own result; remove the reference"
                        )
                    )
            if task.join is not None and (problem := join_problem(task, edges)):
                self.problems.append(problem)
        for dropped in [task_id for task_id, task in self.tasks.items() if task is None]:
            for target in self.live.outgoing.get(dropped, ()):
                if target not in self.explicit:  # a touched target was looked at above
                    self._dangling(f"task {target!r}", dropped)
        self._check_outputs()

    def _check_outputs(self) -> None:
        gone = any(task is None for task in self.tasks.values())
        if self.outputs is None and not gone:
            return
        for name, value in (self.live.outputs if self.outputs is None else self.outputs).items():
            for ref in refs_in(value):
                if ref.task != INPUTS and self._task(ref.task) is None:
                    self._dangling(f"output {name!r}", ref.task)

    def _dangling(self, place: str, source: TaskId) -> None:
        known = [task for task in (*self.live.tasks, *self.tasks) if self._task(task) is not None][:2_000]
        self.problems.append(
            Problem(
                "graph/unknown-task", place, f"it needs {source!r}, which does not exist; {suggestion(source, known)}"
            )
        )

    # -- into the live graph --------------------------------------------------------------------------

    def merge(self) -> bool:
        """Make the draft real. False, with the loop as the problem and nothing changed, if it closes a cycle."""
        live = self.live
        fresh = {task_id: None for task_id in self.incoming if task_id not in live.tasks}
        ordered = self._order_of(fresh)
        if ordered is None:
            return False
        before = {task_id: live.incoming.get(task_id) for task_id in self.explicit}
        for task_id in ordered:
            live.order.append(task_id)
            live.outgoing[task_id] = {}
            live.incoming[task_id] = {}
        # Edges into fresh tasks come from older ones, which all stand before them; no search is needed.
        for task_id in ordered:
            live.incoming[task_id] = edges = self.incoming[task_id]
            for source in edges:
                live.outgoing[source][task_id] = None
        rewired = {task_id: self.incoming.get(task_id, {}) for task_id in self.explicit if task_id not in fresh}
        # What goes, goes first: an edge may be turned round by one patch, in either order of its edits.
        for task_id, edges in rewired.items():
            self._disconnect(task_id, edges)
        for task_id, edges in rewired.items():
            if not self._connect(task_id, edges):
                self._restore(before)
                return False
        self._adopt()
        return True

    def _order_of(self, fresh: dict[TaskId, None]) -> list[TaskId] | None:
        """The fresh tasks in a topological order, or None with the loop among them as a problem."""
        waits: dict[TaskId, int] = {}
        after: dict[TaskId, dict[TaskId, None]] = {task_id: {} for task_id in fresh}
        in_order = True
        seen: dict[TaskId, None] = {}
        for task_id in fresh:
            count = 0
            for source in self.incoming[task_id]:
                if source in fresh:
                    count += 1
                    after[source][task_id] = None
                    in_order = in_order and source in seen
            waits[task_id] = count
            seen[task_id] = None
        if in_order:
            return list(fresh)
        ordered = _sorted_by_edges(list(fresh), waits, after)
        if len(ordered) == len(fresh):
            return ordered
        placed = set(ordered)
        self._cycle(_find_loop({t: [s for s in self.incoming[t] if s in fresh] for t in fresh if t not in placed}))
        return None

    def _disconnect(self, task_id: TaskId, edges: EdgesBySource) -> None:
        """Take away the incoming edges whose sources are not among those of `edges`."""
        live = self.live
        old = live.incoming[task_id]
        for source in old:
            if source not in edges:
                self.outgoing_before.setdefault(source, dict(live.outgoing[source]))
                del live.outgoing[source][task_id]
        live.incoming[task_id] = {source: edge for source, edge in edges.items() if source in old}

    def _connect(self, task_id: TaskId, edges: EdgesBySource) -> bool:
        """Enter the new incoming edges. False, with the loop as the problem, if one closes a cycle."""
        live = self.live
        kept = live.incoming[task_id]
        for source, edge in edges.items():
            if source not in kept:
                loop = live.order.insert(source, task_id)
                if loop is not None:
                    self._cycle(loop)
                    return False
                kept[source] = edge
                live.outgoing[source][task_id] = None
        live.incoming[task_id] = edges
        return True

    def _restore(self, before: dict[TaskId, EdgesBySource | None]) -> None:
        """Put everything back, the order of edges included: the order in which tasks are told depends on it."""
        live = self.live
        for task_id, edges in before.items():
            for source in live.incoming[task_id]:
                if edges is None or source not in edges:
                    live.outgoing[source].pop(task_id, None)
        for task_id, edges in before.items():
            if edges is None:
                del live.incoming[task_id], live.outgoing[task_id]
                live.order.remove(task_id)
                continue
            live.incoming[task_id] = {
                source: edge for source, edge in edges.items() if task_id in live.outgoing[source]
            }
        # The order may have come to contradict an edge that was taken away.
        for task_id, edges in before.items():
            for source in edges or ():
                if source not in live.incoming[task_id]:
                    live.order.insert(source, task_id)
                    live.incoming[task_id][source] = (edges or {})[source]
                    live.outgoing[source][task_id] = None
        for task_id, edges in before.items():
            if edges is not None:
                live.incoming[task_id] = edges
        for source, targets in self.outgoing_before.items():
            live.outgoing[source] = {target: None for target in targets if source in live.incoming.get(target, ())}

    def _adopt(self) -> None:
        live = self.live
        for task_id, edges in self.explicit.items():
            if edges:
                live.explicit[task_id] = edges
            else:
                live.explicit.pop(task_id, None)
        for task_id, task in self.tasks.items():
            if task is not None:
                live.tasks[task_id] = task
            elif task_id in live.tasks:
                del live.tasks[task_id], live.incoming[task_id], live.outgoing[task_id]
                live.order.remove(task_id)
        if self.outputs is not None:
            live.outputs = self.outputs

    def _cycle(self, loop: list[TaskId]) -> None:
        shown = [*loop, loop[0]]
        if len(loop) > MOST_SHOWN:
            half = MOST_SHOWN // 2
            shown[half:-half] = [f"({len(loop) + 1 - 2 * half} more)"]
        self.problems.append(
            Problem(
                "graph/cycle",
                f"task {loop[0]!r}",
                f"these tasks wait for each other: {' -> '.join(shown)}; remove one of the edges",
            )
        )


def _edges_into(task: Task, explicit: EdgesBySource) -> EdgesBySource:
    """The edges into a task: the explicit ones, and one for every other source that it refers to."""
    edges = dict(explicit)
    for ref in task.refs():
        source = ref.task
        if source not in edges and source not in PSEUDO_SOURCES:
            edges[source] = Edge(source, task.id)
    return edges


def _sorted_by_edges(
    tasks: list[TaskId], waits: dict[TaskId, int], after: dict[TaskId, dict[TaskId, None]]
) -> list[TaskId]:
    """Kahn's algorithm with ties in the order given; tasks on or behind a loop are missing from the result."""
    rank = {task: position for position, task in enumerate(tasks)}
    free = [(rank[task], task) for task in tasks if waits[task] == 0]
    heapify(free)
    ordered: list[TaskId] = []
    while free:
        _, task = heappop(free)
        ordered.append(task)
        for target in after[task]:
            waits[target] -= 1
            if waits[target] == 0:
                heappush(free, (rank[target], target))
    return ordered


def _find_loop(before: dict[TaskId, list[TaskId]]) -> list[TaskId]:
    """A loop in a graph in which every node has a predecessor, in the direction of the edges."""
    node = next(iter(before))
    path: dict[TaskId, None] = {}
    while node not in path:
        path[node] = None
        node = next(source for source in before[node] if source in before)
    walked = list(path)
    return walked[walked.index(node) :][::-1]
