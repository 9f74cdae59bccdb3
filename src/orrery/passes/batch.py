"""Batch: one workflow and many rows become one graph, in which equal work exists once.

A row is the inputs of one run of the workflow. Two rows need the same work of a task where they agree in every input on
which it depends, through however many tasks; so a key is made of the task as it is written, once, and of the digests
of those inputs, not of the task as it would be. Of ten thousand rows that ask five hundred different things, five
hundred tasks are made.

What may not be shared (`effects.may_share`), or rests on something that may not, is done for every row by itself.

Cost: for each row the digests of its inputs and one look-up for each task; for each distinct task what it costs to
make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from orrery.errors import GraphError, InputError, Problem, suggestion
from orrery.graph.edge import Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.keys import content_key, value_key
from orrery.graph.nest import with_refs, with_refs_in_task
from orrery.graph.query import returned
from orrery.graph.ref import INPUTS, PSEUDO_SOURCES, Path, Ref, TaskId
from orrery.graph.task import Task, refs_in
from orrery.graph.verify import task_problems
from orrery.passes.effects import may_share

Row = Mapping[str, Any]
"""The inputs of one run, by name."""

Key = bytes
"""What work is, whoever needs it: 32 bytes, the same in every process."""

MOST_REMEMBERED = 100_000
"""Digests, and keys of one task, that are remembered; then all are forgotten: memory does not grow with the table."""


class Consolidated(msgspec.Struct, frozen=True):
    """Many rows through one plan.

    Args:
        graph: it has no inputs any more; its outputs are those of all rows, see `outputs`.
        rows: which rows need a task, in order.
        outputs: of each row, what the workflow returns for it: its name → its name among the outputs of the graph.
        keys: of each task that may be shared, what it computes.
        refused: rows that cannot be run, each with the reason; nothing of them is in the graph.
    """

    graph: Graph
    rows: Mapping[TaskId, Sequence[int]]
    outputs: Mapping[int, Mapping[str, str]]
    keys: Mapping[TaskId, Key]
    refused: Mapping[int, str] = {}


class RowKeys:
    """What each task of a workflow would compute for a row, without making it.

    Args:
        graph: the workflow, with `Ref(INPUTS, (name, ...))` where a row's values belong.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.order = [task.id for task in graph.in_order()]
        self._paths: dict[Path, int] = {}  # of inputs, numbered
        self._forms: dict[TaskId, _Form] = {}
        self._digests: dict[tuple[type, Any], bytes] = {}
        for task_id in self.order:
            form = self._form(graph[task_id])
            if form is not None:
                self._forms[task_id] = form
        self._needed = [*self._paths, *self._paths_not_keyed()]

    @property
    def keyed(self) -> tuple[TaskId, ...]:
        """The tasks that have keys, in a topological order; the others are each row's own."""
        return tuple(self._forms)

    def is_plain(self, task: TaskId) -> bool:
        """Whether all that others want of a task is that it succeeds; so its value may stand in its place."""
        form = self._forms.get(task)
        return form is not None and form.is_plain

    def keys(self, row: Row) -> dict[TaskId, Key]:
        """The key of every task that may be shared, in a topological order.

        Raises:
            InputError: the row lacks an input, or a part of one.
        """
        digests = [self._digest(_part(row, path)) for path in self._needed]
        keys: dict[TaskId, Key] = {}
        for task, form in self._forms.items():
            about = tuple([digests[number] for number in form.inputs])
            key = form.known.get(about)
            if key is None:
                holes = [digests[hole] if isinstance(hole, int) else keys[hole] for hole in form.holes]
                key = sha256(b"".join((form.digest, *holes))).digest()
                if len(form.known) >= MOST_REMEMBERED:
                    form.known.clear()
                form.known[about] = key
            keys[task] = key
        return keys

    def _digest(self, value: Any) -> bytes:
        kind = type(value)
        if kind is not str and kind is not int:  # 0.0 and -0.0 are equal, and not the same
            return bytes.fromhex(value_key(value))
        found = self._digests.get((kind, value))
        if found is None:
            found = bytes.fromhex(value_key(value))
            if len(self._digests) >= MOST_REMEMBERED:
                self._digests.clear()
            self._digests[kind, value] = found
        return found

    def _paths_not_keyed(self) -> list[Path]:
        """The inputs that only tasks without keys read: a row that lacks them is refused all the same."""
        return list(
            dict.fromkeys(
                ref.path
                for task in self.graph
                if task.id not in self._forms
                for ref in task.refs()
                if ref.task == INPUTS and ref.path not in self._paths
            )
        )

    def _form(self, task: Task) -> _Form | None:
        incoming = self.graph.incoming(task.id)
        if not may_share(task) or any(edge.source not in self._forms for edge in incoming):
            return None
        if task.place is not None and any(True for _ in refs_in((task.place.beside, task.place.apart))):
            return None  # it matters where the others ran
        holes: list[int | TaskId] = []

        def hole(ref: Ref) -> Ref:
            if ref.task == INPUTS:
                holes.append(self._paths.setdefault(ref.path, len(self._paths)))
                return Ref(f"#{len(holes)}")
            if ref.task in PSEUDO_SOURCES:
                return ref
            holes.append(ref.task)
            return Ref(f"#{len(holes)}", ref.path)

        # Conditions apart: a hole in one is a name like any other, and nothing is computed here.
        when = None if task.when is None else (task.when.source, with_refs(task.when.names, hole))
        written = with_refs_in_task(msgspec.structs.replace(task, when=None), hole, [])
        edges: list[Any] = []
        for edge in incoming:
            holes.append(edge.source)
            on = [edge.on.source, with_refs(edge.on.names, hole)] if isinstance(edge.on, Expr) else edge.on
            edges.append([on, edge.hard])
        outgoing = self.graph.outgoing(task.id)
        is_plain = all(edge.hard and edge.on == "success" and self.graph[edge.target].join is None for edge in outgoing)
        beside = {
            "when": when,
            "edges": edges,
            "executor": task.executor,
            "effects": msgspec.to_builtins(task.effects),
            "limits": msgspec.to_builtins(task.limits),
            "join": task.join,
            # Where more is asked of it than that it succeeds, only the same task of another row is the same.
            "task": None if is_plain else task.id,
        }
        numbers = {f"#{number + 1}": str(number) for number in range(len(holes))}
        said = content_key(Task(written.id, written.op, {"args": written.args, "beside": beside}, each=written.each,
                                place=written.place), numbers)  # fmt: skip
        inputs: dict[int, None] = {}
        for one in holes:
            inputs.update(dict.fromkeys((one,) if isinstance(one, int) else self._forms[one].inputs))
        return _Form(bytes.fromhex(said), tuple(holes), tuple(sorted(inputs)), is_plain, {})


class _Form(msgspec.Struct):
    """A task as far as it is the same for every row.

    Args:
        digest: of the task with numbered holes where references stand.
        holes: what belongs there: the number of an input, or a task.
        inputs: the numbers of all inputs on which it depends, through other tasks too.
        known: the digests of these inputs → the key.
    """

    digest: bytes
    holes: tuple[int | TaskId, ...]
    inputs: tuple[int, ...]
    is_plain: bool
    known: dict[tuple[bytes, ...], Key]


def consolidate(
    graph: Graph,
    rows: Iterable[Row] | Mapping[int, Row],
    *,
    known: Mapping[Key, Any] | None = None,
    keys: RowKeys | None = None,
) -> Consolidated:
    """One graph that does for all rows what the workflow does for each, equal work once.

    A task of row 7 is called "r7/task"; one that several rows need is called after the first of them. What the workflow
    returns for row 7 under "answer" is the output "r7.answer"; of a workflow without outputs, every task for which no
    other waits is one.

    Args:
        rows: in their order, counted from 0, or by their numbers.
        known: results that are there already, by key: they are put in as their values where the workflow asks no more
            of the task than that it succeeded, and what is needed for nothing else is left out with it. Large values
            may be given as blobs; a blob is not looked into.
        keys: those of the graph, if they were made before: they remember what they have seen.
    """
    made = keys if keys is not None else RowKeys(graph)
    building = _Building(made, known or {})
    for number, row in rows.items() if isinstance(rows, Mapping) else enumerate(rows):
        building.add(number, row)
    return building.done()


class _Building:
    """The consolidated graph as it grows, row by row."""

    def __init__(self, keys: RowKeys, known: Mapping[Key, Any]) -> None:
        self.keys, self.known = keys, known
        graph = self.graph = keys.graph
        self.returned = returned(graph)
        read = {ref.task for value in self.returned.values() for ref in refs_in(value)}
        self.roots = {
            task.id for task in graph if task.id in read or not graph.outgoing(task.id) or not may_share(task)
        }
        self.parts: dict[TaskId, list[Path]] = {}  # which parts of a task's result are read
        for value in (*(ref for task in graph for ref in task.refs()), *self.returned.values()):
            for ref in refs_in(value):
                self.parts.setdefault(ref.task, []).append(ref.path)
        self.edges_into: dict[TaskId, list[Edge]] = {}
        for edge in graph.edges.values():
            self.edges_into.setdefault(edge.target, []).append(edge)
        self.nodes: dict[Key, TaskId] = {}
        self.node_keys: dict[TaskId, Key] = {}
        self.tasks: dict[TaskId, Task] = {}
        self.edges: dict[tuple[TaskId, TaskId], Edge] = {}
        self.rows: dict[TaskId, list[int]] = {}
        self.outputs: dict[str, Any] = {}
        self.names: dict[int, dict[str, str]] = {}
        self.refused: dict[int, str] = {}
        self.usable: dict[tuple[TaskId, Key], bool] = {}

    def add(self, number: int, row: Row) -> None:
        """Take in a row, or note why it cannot be."""
        try:
            keys = self.keys.keys(row)
            found = self._found(keys) if self.known else {}
            needed = self._needed(found) if found else self.keys.order
            nodes, fresh = self._nodes(number, needed, keys)
            tasks = [self._task(task, nodes, found, row) for task in fresh]
            outputs = {
                name: with_refs(value, lambda ref: _placed(ref, nodes, found, row))
                for name, value in self.returned.items()
            }
        except InputError as error:
            self.refused[number] = str(error)
            return
        except GraphError as error:
            self.refused[number] = "; ".join(f"{problem.place}: {problem.message}" for problem in error.problems)
            return
        for task_id, task in zip(fresh, tasks, strict=True):
            self.tasks[task.id] = task
            self.rows[task.id] = []
            if task_id in keys:
                self.nodes[keys[task_id]] = task.id
                self.node_keys[task.id] = keys[task_id]
            for edge in self.edges_into.get(task_id, ()):
                if edge.source in nodes:
                    placed = msgspec.structs.replace(edge, source=nodes[edge.source], target=task.id)
                    self.edges[placed.key] = placed
        for node in dict.fromkeys(nodes.values()):
            self.rows[node].append(number)
        names = self.names[number] = {name: f"r{number}.{name}" for name in outputs}
        for name, value in outputs.items():
            self.outputs[names[name]] = value

    def done(self) -> Consolidated:
        """The whole."""
        graph = Graph(self.tasks.values(), self.edges.values(), self.outputs)
        return Consolidated(graph, self.rows, self.names, self.node_keys, self.refused)

    def _nodes(
        self, number: int, needed: Iterable[TaskId], keys: Mapping[TaskId, Key]
    ) -> tuple[dict[TaskId, TaskId], list[TaskId]]:
        """Which task of the whole does each task of this row, and those that must be made for it."""
        nodes: dict[TaskId, TaskId] = {}
        fresh: list[TaskId] = []
        here: dict[Key, TaskId] = {}
        for task in needed:
            key = keys.get(task)
            node = None if key is None else self.nodes.get(key) or here.get(key)
            if node is None:
                node = f"r{number}/{task}"
                fresh.append(task)
                if key is not None:
                    here[key] = node
            nodes[task] = node
        return nodes, fresh

    def _found(self, keys: Mapping[TaskId, Key]) -> dict[TaskId, Any]:
        """The tasks whose results are there already, with these."""
        found: dict[TaskId, Any] = {}
        for task, key in keys.items():
            if key in self.known and self.keys.is_plain(task):
                value = self.known[key]
                usable = self.usable.get((task, key))
                if usable is None:
                    usable = self.usable[task, key] = all(_has(value, path) for path in self.parts.get(task, ()))
                if usable:
                    found[task] = value
        return found

    def _needed(self, found: Mapping[TaskId, Any]) -> list[TaskId]:
        """The tasks that must still be done, in order. What led to nothing but a result that is there need not be."""
        needed: set[TaskId] = set()
        for task in reversed(self.keys.order):
            if task not in found and (
                task in self.roots or any(edge.target in needed for edge in self.graph.outgoing(task))
            ):
                needed.add(task)
        return [task for task in self.keys.order if task in needed]

    def _task(self, task_id: TaskId, nodes: Mapping[TaskId, TaskId], found: Mapping[TaskId, Any], row: Row) -> Task:
        problems: list[Problem] = []
        moved = with_refs_in_task(self.graph[task_id], lambda ref: _placed(ref, nodes, found, row), problems)
        made = msgspec.structs.replace(moved, id=nodes[task_id])
        problems.extend(task_problems(made))
        if problems:
            raise GraphError(problems)
        return made


def _placed(ref: Ref, nodes: Mapping[TaskId, TaskId], found: Mapping[TaskId, Any], row: Row) -> Any:
    """What stands in a reference's place in the consolidated graph."""
    if ref.task == INPUTS:
        return _part(row, ref.path)
    if ref.task in PSEUDO_SOURCES:
        return ref
    node = nodes.get(ref.task)
    if node is not None:
        return Ref(node, ref.path)
    value = found[ref.task]
    for step in ref.path:
        value = value[step]
    return value


def _part(row: Row, path: Path) -> Any:
    value: Any = dict(row) if not path else row
    for depth, step in enumerate(path):
        if isinstance(value, Mapping):
            if step in value:
                value = value[step]
                continue
            what = f"input {path[0]!r}" if depth else "the row"
            raise InputError(f"{what} has no {step!r}; {suggestion(str(step), map(str, value))}")
        if isinstance(value, list | tuple) and type(step) is int and -len(value) <= step < len(value):
            value = value[step]
            continue
        raise InputError(f"input {path[0]!r} has no part {step!r} there: it is of type {type(value).__name__}")
    return value


def _has(value: Any, path: Path) -> bool:
    for step in path:
        if isinstance(value, dict):
            if step not in value:
                return False
        elif not (isinstance(value, list | tuple) and type(step) is int and -len(value) <= step < len(value)):
            return False
        value = value[step]
    return True
