"""Equal work is done once: inside one graph, and across many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from orrery.cost import CostModel
from orrery.cost.calls import ModelCall
from orrery.graph.edge import Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.keys import content_key
from orrery.graph.nest import with_refs, with_refs_in_task
from orrery.graph.patch import Drop, Edit, Link, Patch, Replace, SetOutputs, Unlink
from orrery.graph.query import returned
from orrery.graph.ref import Ref, TaskId
from orrery.graph.task import Limits, Task, refs_in
from orrery.models.request import CHARS_PER_TOKEN
from orrery.passes.effects import may_share
from orrery.passes.rewritten import Note, Rewritten

LEAST_PREFIX_CHARS = 64
"""A beginning that calls share is told of from this length on: about a block of a model server's prefix cache."""


def merge_shared(graph: Graph, costs: CostModel) -> Rewritten:
    """One execution for tasks that may be shared and compute the same from the same, under the same conditions.

    Two tasks are one if operation, arguments, for-each and place are equal (`graph.keys`), and all that the key leaves
    out as well: executor, effects, limits, condition, `join`, and the edges into them. The first one stays.

    They are left apart where one task could not stand for both: a third task waits for both, on different outcomes or
    needing only k of n; the failure of one is dealt with and that of the other is not; or nobody reads them and the
    workflow names no outputs, so that their names are all by which their results are found.

    Calls to one model that begin alike are noted: a server with a prefix cache reads the beginning once. They are not
    ordered, since a call that waits for another to have read it waits longer than reading takes.

    Cost: linear in the graph and the length of its arguments; sorting prompts adds a logarithm.
    """
    merging = _Merging(graph)
    for task in graph.in_order():
        merging.look_at(task)
    notes = [*merging.notes(costs), *_prefixes(graph, merging.heirs, costs)]
    if not merging.heirs:
        return Rewritten(graph, tuple(notes))
    return Rewritten(merging.graph_after(), tuple(notes), merging.heirs)


def merge_graphs(graphs: Sequence[Graph], costs: CostModel) -> tuple[Rewritten, list[dict[TaskId, TaskId]]]:
    """Many graphs as one, equal work once, and for each of them which task of the whole does the work of its own.

    Tasks and outputs of graph 7 are called "g7/task" and "g7.output". All of them read the same inputs of the run; rows
    with different inputs are `batch`'s.
    """
    tasks: list[Task] = []
    edges: list[Edge] = []
    outputs: dict[str, Any] = {}
    for number, graph in enumerate(graphs):
        prefix = f"g{number}/"

        def moved(ref: Ref, graph: Graph = graph, prefix: str = prefix) -> Ref:
            return Ref(prefix + ref.task, ref.path) if ref.task in graph else ref

        tasks.extend(msgspec.structs.replace(with_refs_in_task(task, moved, []), id=prefix + task.id) for task in graph)
        edges.extend(
            msgspec.structs.replace(edge, source=prefix + edge.source, target=prefix + edge.target)
            for edge in graph.edges.values()
        )
        outputs |= {f"g{number}.{name}": with_refs(value, moved) for name, value in returned(graph).items()}
    merged = merge_shared(Graph(tasks, edges, outputs), costs)
    names = [
        {task.id: merged.became.get(f"g{number}/{task.id}", f"g{number}/{task.id}") for task in graph}
        for number, graph in enumerate(graphs)
    ]
    return merged, names


class _Merging:
    """Which tasks have become which so far. Tasks are looked at in topological order, so sources are settled first."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.heirs: dict[TaskId, TaskId] = {}
        self._kept: dict[Any, list[TaskId]] = {}  # what is equal → those that stand for it
        self._out: dict[TaskId, dict[TaskId, Edge]] = {}  # of those: target → edge, of all that they stand for
        self._handled: dict[TaskId, object] = {}  # of those: the same for all that they stand for
        self._read = {(ref.task, task.id) for task in graph for ref in task.refs()}
        self._apart: list[tuple[TaskId, TaskId, str]] = []

    def look_at(self, task: Task) -> None:
        """Let an earlier task stand for this one, if one can."""
        if not may_share(task):
            return
        key = self._key(task)
        candidates = self._kept.setdefault(key, [])
        why = ""
        for heir in candidates[:4]:  # those that were left apart from each other
            why = self._obstacle(heir, task.id)
            if not why:
                self.heirs[task.id] = heir
                self._out[heir].update({edge.target: edge for edge in self.graph.outgoing(task.id)})
                return
        if candidates:
            self._apart.append((candidates[0], task.id, why))
        candidates.append(task.id)
        self._handled[task.id] = self._handling(task.id)
        self._out[task.id] = {edge.target: edge for edge in self.graph.outgoing(task.id)}

    def _key(self, task: Task) -> Any:
        def settled(ref: Ref) -> Ref:
            heir = self.heirs.get(ref.task)
            return ref if heir is None else Ref(heir, ref.path)

        sources = {ref.task: self.heirs.get(ref.task, ref.task) for ref in task.refs()}
        when = None if task.when is None else _said(task.when, with_refs(task.when.names, settled))
        edges = frozenset(
            (self.heirs.get(edge.source, edge.source), _said(edge.on, {}), edge.hard)
            for edge in self.graph.incoming(task.id)
        )
        shared = (task.executor, task.effects, _limits(task.limits), task.join, when, edges)
        return content_key(task, sources), *shared

    def _obstacle(self, heir: TaskId, other: TaskId) -> str:
        """Why one task cannot stand for another that computes the same; empty if it can."""
        graph, mine = self.graph, self._out[heir]
        theirs = {edge.target: edge for edge in graph.outgoing(other)}
        for target, edge in theirs.items():
            if target in mine:
                if graph[target].join is not None:
                    return f"{target!r} needs some of its edges, and waits for both"
                if (mine[target].on, mine[target].hard) != (edge.on, edge.hard):
                    return f"{target!r} waits for both, on different outcomes"
        if self._handled[heir] != self._handling(other):
            return "the failure of one is dealt with, and that of the other is not"
        if not graph.outputs and not (mine and theirs):
            return "the workflow names no outputs, so each result is wanted under its own name"
        return ""

    def _handling(self, task: TaskId) -> object:
        """Whether a failure of the task is dealt with by those behind it, as `scheduler.outcome` judges."""
        edges = self.graph.outgoing(task)
        if any(self.graph[edge.target].join is not None for edge in edges):
            return task  # it depends on what else happens: like no other
        return any(
            (edge.on == "failure" and edge.hard) or (edge.on == "completion" and edge.key in self._read)
            for edge in edges
        )

    def notes(self, costs: CostModel) -> list[Note]:
        """One for every task that stands for others, and for each that was left apart."""
        made: dict[TaskId, list[TaskId]] = {}
        for task, heir in self.heirs.items():
            made.setdefault(heir, []).append(task)
        notes: list[Note] = []
        for heir, others in made.items():
            cost = costs.estimate(self.graph[heir])
            spared = len(others) * cost.executions
            notes.append(
                Note(
                    "made",
                    (heir, *others),
                    f"{len(others) + 1} tasks compute the same; {heir!r} does it once",
                    saves_s=cost.seconds.mid * spared,
                    saves_money=cost.money.mid * spared,
                    saves_tokens=cost.tokens.mid * spared,
                )
            )
        notes.extend(
            Note("rejected", (one, other), f"they compute the same, but {why}")
            for one, other, why in self._apart
            if why
        )
        return notes

    def graph_after(self) -> Graph:
        """The graph with every merged task gone and its readers led to the one that stands for it."""
        graph, heirs = self.graph, self.heirs

        def settled(ref: Ref) -> Ref:
            heir = heirs.get(ref.task)
            return ref if heir is None else Ref(heir, ref.path)

        edits: list[Edit] = []
        for task in graph:
            if task.id in heirs:
                continue
            incoming = graph.incoming(task.id)
            if not any(edge.source in heirs for edge in incoming):
                continue
            edits.append(Replace(with_refs_in_task(task, settled, [])))
            for edge in incoming:
                if edge.source in heirs and edge.key in graph.edges:
                    edits.append(Unlink(*edge.key))
                    if graph.edges.get((heirs[edge.source], task.id)) is None:
                        edits.append(Link(msgspec.structs.replace(edge, source=heirs[edge.source])))
        edits.extend(map(Drop, heirs))
        outputs = {name: with_refs(value, settled) for name, value in graph.outputs.items()}
        if any(ref.task in heirs for value in graph.outputs.values() for ref in refs_in(value)):
            edits.append(SetOutputs(outputs))
        return graph.apply(Patch(tuple(edits)))


def _said(condition: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(condition, Expr):
        return condition.source, tuple(sorted((name, repr(ref)) for name, ref in names.items()))
    return condition


def _limits(limits: Limits) -> bytes:
    return msgspec.msgpack.encode(limits, order="sorted")


def _prefixes(graph: Graph, heirs: Mapping[TaskId, TaskId], costs: CostModel) -> Iterable[Note]:
    """The beginnings that calls to one model have in common, the longest that all of a group share."""
    beginnings: dict[str, list[tuple[str, TaskId]]] = {}
    for task in graph:
        call = ModelCall.of(task) if task.id not in heirs else None
        if call is None or call.model is None:
            continue
        text = ""
        for part in call.parts:
            if not isinstance(part, str):
                break
            text += part
        if len(text) >= LEAST_PREFIX_CHARS:
            beginnings.setdefault(call.model, []).append((text, task.id))
    for model, calls in beginnings.items():
        calls.sort()
        group: list[TaskId] = []
        shared = ""
        for text, caller in calls:
            common = _common(shared, text)
            if group and len(common) >= LEAST_PREFIX_CHARS:
                group.append(caller)
                shared = common
                continue
            yield from _prefix_note(model, shared, group, costs)
            group, shared = [caller], text
        yield from _prefix_note(model, shared, group, costs)


def _prefix_note(model: str, shared: str, group: Sequence[TaskId], costs: CostModel) -> Iterable[Note]:
    if len(group) < 2:
        return
    known = costs.platform.models.get(model or costs.platform.default_model)
    timing = known.timing if known is not None else None
    tokens = len(shared) // CHARS_PER_TOKEN
    if timing is not None and timing.block_tokens:
        tokens -= tokens % timing.block_tokens
    spared = tokens * (len(group) - 1)
    alike = f"{len(group)} calls begin with the same {tokens} tokens"
    if timing is None or not timing.block_tokens or not tokens:
        why = "it is not known to keep what it has read" if timing is None else "its server keeps no prefixes so short"
        yield Note("rejected", tuple(group), f"{alike}, but {why}")
        return
    yield Note(
        "rejected",
        tuple(group),
        f"{alike}, which the server keeps after the first; they need not wait for each other for that",
        saves_s=spared / timing.prefill_per_s,
        saves_tokens=float(spared),
    )


def _common(one: str, other: str) -> str:
    """The longest beginning of both, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return one[:low]
