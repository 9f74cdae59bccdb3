"""A graph as it is shown: boxes for tasks or for groups of tasks, and arrows between them.

Nobody reads 10,000 boxes. Tasks that do the same with the same neighbours become one box ("x 240"); if that
is not enough, so does everything that grew under one task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orrery.graph.edge import Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId
from orrery.graph.task import Task

FEW_TWINS = 3
"""From this many on, equal siblings are shown as one."""

TIMES = "\N{MULTIPLICATION SIGN}"

STATES: Mapping[str, tuple[str, str]] = {
    "failed": ("failed", "✘"),
    "asking": ("asking", "?"),
    "running": ("running", "▶"),
    "grown": ("running", "▶"),
    "retrying": ("retrying", "↻"),
    "stopping": ("retrying", "◼"),
    "ready": ("ready", "◆"),
    "waiting": ("waiting", "○"),
    "succeeded": ("succeeded", "✔"),
    "cancelled": ("skipped", "⊘"),
    "skipped": ("skipped", "↷"),
    "gone": ("failed", "-"),
    "new": ("succeeded", "+"),
    "changed": ("running", "~"),
}
"""State → (colour, glyph), most urgent first: a group shows the most urgent of its tasks.

The last three are of tasks in a comparison of two graphs.
"""
NO_STATE = ("none", "●")


@dataclass(frozen=True, slots=True)
class Box:
    """One task, or several that are shown as one."""

    key: str
    title: str
    op: str
    tasks: tuple[TaskId, ...]
    seconds: float
    place: str = ""

    @property
    def count(self) -> int:
        return len(self.tasks)

    def detail(self, separator: str = "  ") -> str:
        """Operation, number, place and estimate, for the second line."""
        number = f"{TIMES} {self.count}" if self.count > 1 else ""
        parts = [self.op, number, self.place, short_seconds(self.seconds)]
        return separator.join(part for part in parts if part)

    def state(self, states: Mapping[TaskId, str] | None) -> str:
        """The most urgent state of its tasks; "" if none is known."""
        found = {state for task in self.tasks if (state := (states or {}).get(task))}
        return next((state for state in STATES if state in found), min(found, default=""))


@dataclass(frozen=True, slots=True)
class Arrow:
    """All edges from the tasks of one box to those of another."""

    source: str
    target: str
    hard: bool
    label: str


@dataclass(frozen=True, slots=True)
class View:
    """Boxes by key, in a topological order, and the arrows between them."""

    boxes: Mapping[str, Box]
    arrows: tuple[Arrow, ...]


def view(graph: Graph, *, most: int) -> View:
    """The graph in at most about `most` boxes, if grouping can do it; whole if it has no more tasks."""
    key_of = {task.id: task.id for task in graph}
    if len(graph) > most:
        key_of = _twins(graph)
    if len(set(key_of.values())) > most:
        for levels in range(max((task.count("/") for task in key_of), default=0), 0, -1):
            coarser = {
                task: key if task.count("/") < levels else "/".join(task.split("/")[:levels])
                for task, key in key_of.items()
            }
            if _ordered(graph, coarser) is not None:
                key_of = coarser
            if len(set(key_of.values())) <= most:
                break
    return _grouped(graph, key_of)


def with_twins(graph: Graph) -> View:
    """The graph with equal siblings as one box each."""
    return _grouped(graph, _twins(graph))


def _twins(graph: Graph) -> dict[TaskId, str]:
    """Task → key of its box: tasks with the same operation and the same edges share one."""
    groups: dict[object, list[TaskId]] = {}
    for task in graph:
        into = frozenset((edge.source, edge.hard, _label(edge)) for edge in graph.incoming(task.id))
        out = frozenset((edge.target, edge.hard, _label(edge)) for edge in graph.outgoing(task.id))
        home = "" if into or out else task.id.rpartition("/")[0]
        groups.setdefault((task.op, task.executor, into, out, home), []).append(task.id)
    apart = {task.id: task.id for task in graph}
    folded = dict(apart)
    for members in groups.values():
        if len(members) >= FEW_TWINS:
            key = f"{members[0]}\n"  # no id contains a line's end, so this key is no task's
            parents = {task.rpartition("/")[0] for task in members}
            parent = parents.pop()
            apart |= dict.fromkeys(members, key)
            folded |= dict.fromkeys(members, parent if not parents and parent in graph else key)
    # What grew under a task is shown in its place, unless somebody linked it so that this would make a loop.
    return folded if _ordered(graph, folded) is not None else apart


def _grouped(graph: Graph, key_of: Mapping[TaskId, str]) -> View:
    members: dict[str, list[Task]] = {}
    for task in graph:
        members.setdefault(key_of[task.id], []).append(task)
    order = _ordered(graph, key_of)
    assert order is not None  # groups that would close a loop were not made
    edges: dict[tuple[str, str], list[Edge]] = {}
    for task in graph:
        for edge in graph.incoming(task.id):
            pair = key_of[edge.source], key_of[edge.target]
            if pair[0] != pair[1]:
                edges.setdefault(pair, []).append(edge)
    return View(
        {key: _box(key, members[key]) for key in order},
        tuple(Arrow(*pair, any(edge.hard for edge in found), _labels(found)) for pair, found in edges.items()),
    )


def _box(key: str, tasks: Sequence[Task]) -> Box:
    if len(tasks) == 1:
        title = tasks[0].label or tasks[0].id
    elif key.endswith("\n"):
        title = _common_start([task.id for task in tasks]) + "*"
    else:
        title = f"{key}/*"
        tasks = [task for task in tasks if task.id != key]  # the parent stands for its children
    ops = dict.fromkeys(task.op for task in tasks)
    op = next(iter(ops)) if len(ops) == 1 else f"{len(ops)} operations"
    return Box(
        key,
        printable(title),
        printable(op),
        tuple(task.id for task in tasks),
        max(task.estimate.seconds for task in tasks),
        _place(tasks),
    )


def _place(tasks: Sequence[Task]) -> str:
    """Where in a fleet the tasks run; empty where it is this machine."""
    places = dict.fromkeys("" if task.place is None else task.place.shown() for task in tasks)
    return printable(next(iter(places))) if len(places) == 1 else "on several devices"


def _common_start(ids: Sequence[TaskId]) -> str:
    first, last = min(ids), max(ids)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:same].rstrip("0123456789")


def _ordered(graph: Graph, key_of: Mapping[TaskId, str]) -> list[str] | None:
    """The keys in a topological order that follows a path as long as it can, or None if grouping made a loop."""
    after: dict[str, dict[str, None]] = {key_of[task.id]: {} for task in graph}
    waits = dict.fromkeys(after, 0)
    for task in graph.in_order():
        for edge in graph.outgoing(task.id):
            source, target = key_of[edge.source], key_of[edge.target]
            if source != target and target not in after[source]:
                after[source][target] = None
                waits[target] += 1
    free = [key for key in reversed(after) if waits[key] == 0]
    order: list[str] = []
    while free:
        key = free.pop()
        order.append(key)
        ready: list[str] = []
        for target in after[key]:
            waits[target] -= 1
            if waits[target] == 0:
                ready.append(target)
        free.extend(reversed(ready))
    return order if len(order) == len(after) else None


def _label(edge: Edge) -> str:
    if isinstance(edge.on, Expr):
        return f"if {printable(edge.on.source)}"
    return {"success": "", "failure": "on failure", "completion": "in any case"}[edge.on]


def _labels(edges: Iterable[Edge]) -> str:
    return ", ".join(dict.fromkeys(label for edge in edges if (label := _label(edge))))


def short_seconds(seconds: float) -> str:
    """A duration for people: "250 ms", "2.5 s", "3 min", "2 h"."""
    if seconds <= 0:
        return ""
    for limit, unit, name in ((1, 0.001, "ms"), (120, 1, "s"), (7_200, 60, "min")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 3_600:,.0f} h"


def printable(text: str) -> str:
    """The text without what would move a cursor or break a document: each such character becomes "�"."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shortened(text: str, chars: int) -> str:
    """The text, cut in the middle if it is longer than that."""
    if len(text) <= chars:
        return text
    head = max(0, (chars - 1) * 2 // 3)
    return text[:head] + "…" + text[len(text) - max(0, chars - 1 - head) :] if chars > 1 else text[:chars]
