"""What every pass is held to, looked at from outside: the graph before, the graph after, and what became of whom.

  * Every hard edge of before is there after, between what its ends became, and fires on the same: as an edge, as a
    path that fires on the same, or inside one task. A task that waits for k of n waits for the same k of the same n.
    No task waits firmly for an older one that it did not wait for, and none has another condition of its own.
  * What may not be shared (`effects.may_share`) is there exactly once, with the same arguments but for new names, and
    nothing else that may not be shared has come in.
  * Two tasks whose order can be seen from outside (`effects.conflict`), and which were ordered, are ordered so still.
  * The outputs are those of before, name for name.

What it does not see: whether the work of a pure task is still the same work (the model of a call, say, may be chosen
anew), and whether a *new* task that stands between two old ones could fail where nothing could before.

Cost: a look at every task and every edge. Two questions need paths, and are asked only of what is not found at once:
a hard edge that is no edge any more, and a soft edge that is gone. They are answered for `AT_ONCE` of them together, by
one sweep over the graph in which every task holds a set of bits. So it is linear in the graph as long as a pass takes
away no more than a few thousand edges; beyond, sweeps grow with their number. Measured in `bench optimiser`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from orrery.cost.calls import ModelCall
from orrery.errors import Problem
from orrery.graph.diff import same
from orrery.graph.edge import Condition, Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.ref import PSEUDO_SOURCES, Ref, TaskId
from orrery.graph.task import Retry, Task
from orrery.graph.template import Template, joined
from orrery.passes.effects import Touch, may_share
from orrery.passes.rewritten import Rewritten
from orrery.scheduler.asking import PERSON

AT_ONCE = 4096
"""Questions answered by one sweep."""

MOST_SHOWN = 5
"""Problems of one kind that are told; further ones say nothing new."""

Image = Callable[[TaskId], TaskId | None]
"""What a task became: a name after, or None where it was not needed."""


def faults(before: Graph, rewritten: Rewritten) -> list[Problem]:
    """Everything in which a pass broke its word; empty where it kept it."""
    after, became = rewritten.graph, rewritten.became
    for task, heir in became.items():
        if task not in before or heir not in after:
            where = "before" if task not in before else "after"
            return [Problem("pass/became", f"task {task!r}", f"it is said to have become {heir!r}; not a task {where}")]

    def image(task: TaskId) -> TaskId | None:
        heir = became.get(task)
        return heir if heir is not None else task if task in after else None

    found: list[Problem] = []
    for check in (_edges, _joins, _conditions, _added_edges, _effects, _order, _outputs):
        for number, problem in enumerate(check(before, after, image)):
            if number == MOST_SHOWN:
                break
            found.append(problem)
    return found


# -- hard edges -------------------------------------------------------------------------------------------


def _edges(before: Graph, after: Graph, image: Image) -> Iterator[Problem]:
    into = {task.id: {edge.source: edge for edge in after.incoming(task.id)} for task in after}
    missing: list[tuple[Edge, list[TaskId], TaskId, Condition]] = []
    for task in before:
        target = image(task.id)
        if target is None:
            continue
        for edge in before.incoming(task.id):
            if not edge.hard:
                continue
            source = image(edge.source)
            if source == target:
                continue
            now = into[target].get(source) if source is not None else None
            if now is not None and now.hard and now.on == edge.on:
                continue
            if source is None:
                yield Problem("pass/dropped-edge", _shown(edge), f"{edge.source!r} is gone, and nothing does its work")
            elif edge.on in ("success", "completion"):
                missing.append((edge, [source], target, edge.on))
            else:  # by way of a new task that waits for the same
                starts = [each.target for each in after.outgoing(source) if each.hard and each.on == edge.on]
                missing.append((edge, starts, target, "success"))
    for condition in ("success", "completion"):
        asked = [(edge, starts, target) for edge, starts, target, on in missing if on == condition]
        reached = _paths(after, [(starts, target) for _, starts, target in asked], condition)
        for (edge, _, _), there in zip(asked, reached, strict=True):
            if not there:
                why = "no path of the new graph makes the one wait for the other on the same condition"
                yield Problem("pass/dropped-edge", _shown(edge), why)


def _paths(graph: Graph, asked: list[tuple[list[TaskId], TaskId]], on: Condition) -> list[bool]:
    """Whether a path of hard edges, all on `on`, leads from one of the starts to the target, for each that is asked."""
    if not asked:
        return []
    order = [task.id for task in graph.in_order()]
    whole = {task for task in order if _needs_all(graph, task)}
    answers: list[bool] = []
    for first in range(0, len(asked), AT_ONCE):
        some = asked[first : first + AT_ONCE]
        seeds: dict[TaskId, int] = {}
        for bit, (starts, _) in enumerate(some):
            for start in starts:
                seeds[start] = seeds.get(start, 0) | 1 << bit
        wanted = {target: 0 for _, target in some}

        def follows(edge: Edge) -> bool:
            return edge.hard and edge.on == on and edge.target in whole

        _sweep(graph, order, seeds, wanted, follows)
        answers.extend(bool(wanted[target] >> bit & 1) for bit, (_, target) in enumerate(some))
    return answers


def _sweep(
    graph: Graph,
    order: Iterable[TaskId],
    seeds: dict[TaskId, int],
    wanted: dict[TaskId, int],
    follows: Callable[[Edge], bool],
) -> None:
    """Carry bits along the edges; what arrives at a wanted task is noted there, its own seed included."""
    held = dict(seeds)
    for task in order:
        bits = held.pop(task, 0)
        if not bits:
            continue
        if task in wanted:
            wanted[task] = bits
        for edge in graph.outgoing(task):
            if follows(edge):
                held[edge.target] = held.get(edge.target, 0) | bits


def _needs_all(graph: Graph, task: TaskId) -> bool:
    join = graph[task].join
    return join is None or join == sum(edge.hard for edge in graph.incoming(task))


def _joins(before: Graph, after: Graph, image: Image) -> Iterator[Problem]:
    for task in before:
        heir = image(task.id)
        if heir is None or (task.join is None and after[heir].join is None):
            continue
        # Such a task deals with the failures of all before it, so a soft edge into it is more than advice.
        beside = {image(edge.source) for edge in before.incoming(task.id) if not edge.hard} - {None}
        if beside != {edge.source for edge in after.incoming(heir) if not edge.hard and after[heir].join is not None}:
            place = f"task {task.id!r}"
            yield Problem("pass/join", place, "it needs k of n, and the failures that it deals with changed")
        if _needs_all(before, task.id) and _needs_all(after, heir):
            continue
        was = Counter((image(edge.source), _key(edge.on)) for edge in before.incoming(task.id) if edge.hard)
        now = Counter((edge.source, _key(edge.on)) for edge in after.incoming(heir) if edge.hard)
        if task.join != after[heir].join or was != now:
            place = f"task {task.id!r}"
            yield Problem("pass/join", place, "it waits for some of its edges, and these or their number changed")


def _key(on: Condition) -> object:
    return on.source if isinstance(on, Expr) else (on,)


def _conditions(before: Graph, after: Graph, image: Image) -> Iterator[Problem]:
    for task in before:
        heir = image(task.id)
        if heir is not None and not _same_condition(task.when, after[heir].when, image):
            as_what = "" if heir == task.id else f", as {heir!r},"
            yield Problem("pass/condition", f"task {task.id!r}", f"it{as_what} runs under another condition")


def _added_edges(before: Graph, after: Graph, image: Image) -> Iterator[Problem]:
    allowed: dict[TaskId, set[TaskId | None]] = {}
    origins: dict[TaskId, list[TaskId]] = {}
    for task in before:
        heir = image(task.id)
        if heir is not None:
            origins.setdefault(heir, []).append(task.id)
            sources = allowed.setdefault(heir, set())
            sources.update(image(edge.source) for edge in before.incoming(task.id) if edge.hard)
    added = [
        edge
        for heir, sources in allowed.items()
        for edge in after.incoming(heir)
        if edge.hard and edge.source in allowed and edge.source not in sources and edge.on != "completion"
    ]
    unsure = _unsure(after, allowed)
    for heir in allowed if unsure else ():
        for edge in after.incoming(heir):
            if edge.hard and edge.source in unsure and edge.on != "completion":
                yield Problem("pass/added-edge", _shown(edge), "a new task that may be skipped stands before it now")
    # One that only says again what a path said before changes nothing.
    implied = _paths(before, [(origins[edge.source], origins[edge.target][0]) for edge in added], "success")
    for edge, was in zip(added, implied, strict=True):
        if not was or edge.on != "success":
            yield Problem(
                "pass/added-edge", _shown(edge), "it did not have to wait for it; a soft edge would only order them"
            )


def _unsure(after: Graph, old: Container[TaskId]) -> set[TaskId]:
    """The new tasks that a condition of their own, or of a new one before them, may leave out."""
    if all(task.id in old for task in after):
        return set()
    unsure: set[TaskId] = set()
    for task in after.in_order():
        if task.id not in old and (
            task.when is not None or any(edge.hard and edge.source in unsure for edge in after.incoming(task.id))
        ):
            unsure.add(task.id)
    return unsure


def _shown(edge: Edge) -> str:
    return f"edge {edge.source!r} -> {edge.target!r}"


# -- effects ----------------------------------------------------------------------------------------------


def _effects(before: Graph, after: Graph, image: Image) -> Iterator[Problem]:
    heirs: dict[TaskId, TaskId] = {}
    for task in before:
        if may_share(task):
            continue
        place, heir = f"task {task.id!r}", image(task.id)
        if heir is None:
            yield Problem("pass/effects", place, "it changes something outside, and is gone")
        elif heir in heirs:
            yield Problem("pass/effects", place, f"it and {heirs[heir]!r} have become one, and each has its effect")
        elif (what := _difference(task, after[heir], image)) is not None:
            yield Problem("pass/effects", place, f"it changes something outside, and its {what} changed")
        if heir is not None:
            heirs[heir] = task.id
    for task in after:
        if not may_share(task) and task.id not in heirs:
            yield Problem("pass/effects", f"task {task.id!r}", "it changes something outside, and nobody asked for it")


def _difference(was: Task, now: Task, image: Image) -> str | None:
    """In what a task with effects differs from what it was, other than in names."""
    if was.effects.kind != now.effects.kind or was.effects.writes != now.effects.writes:
        return "effects"
    if _repeats(was) != _repeats(now):
        return "retry"
    if (was.executor == PERSON) != (now.executor == PERSON):
        return "executor"
    if not (ModelCall.of(was) is not None and ModelCall.of(now) is not None):  # who answers may be chosen anew
        if was.op != now.op:
            return "operation"
        if not _same(was.args, now.args, image):
            return "arguments"
    if (was.each is None) != (now.each is None):
        return "for-each"
    if was.each is not None and now.each is not None:
        equal = was.each.accept_errors == now.each.accept_errors and _same(was.each.over, now.each.over, image)
        return None if equal else "for-each"
    return None


def _repeats(task: Task) -> Retry | None:
    retry = task.limits.retry
    return None if retry is None or retry.attempts <= 1 else retry


def _same_condition(was: Expr | None, now: Expr | None, image: Image) -> bool:
    if was is now is None:
        return True
    if was is not None and now is None:
        return was.constant() is True
    if was is None or now is None:
        return was is now
    return was.source == now.source and _same(was.names, now.names, image)


def _same(was: Any, now: Any, image: Image) -> bool:
    """Whether two values are the same but for what tasks became; templates count by what they read like."""
    kind = type(was)
    if kind is Ref:
        if type(now) is not Ref:
            return False
        source = was.task if was.task in PSEUDO_SOURCES else image(was.task)
        if now.task != source:
            return False
        within = len(now.path) - len(was.path)  # what works for several may hold each result in a part of its own
        return now.path == was.path or (now.task != was.task and within > 0 and now.path[within:] == was.path)
    if kind is Template and type(now) in (Template, str):
        mine, theirs = (joined(one.parts if type(one) is Template else (one,)) for one in (was, now))
        return len(mine) == len(theirs) and all(_same(a, b, image) for a, b in zip(mine, theirs, strict=True))
    if kind is not type(now):
        return False
    if kind is dict:
        return len(was) == len(now) and all(key in now and _same(value, now[key], image) for key, value in was.items())
    if kind is list or kind is tuple:
        return len(was) == len(now) and all(_same(a, b, image) for a, b in zip(was, now, strict=True))
    return same(was, now)


# -- order ------------------------------------------------------------------------------------------------


def _order(before: Graph, after: Graph, image: Image) -> Iterator[Problem]:
    """Hard edges are kept as paths, so only where a soft edge went may an order have been lost."""
    pairs = {edge.key for task in after for edge in after.incoming(task.id)}

    def is_kept(edge: Edge) -> bool:
        source, target = image(edge.source), image(edge.target)
        return source is not None and target is not None and (source == target or (source, target) in pairs)

    lost = [edge for task in before for edge in before.incoming(task.id) if not edge.hard and not is_kept(edge)]
    if not lost:
        return
    order = [task.id for task in before.in_order()]
    early = _reached(
        order[::-1], [edge.source for edge in lost], lambda task: [e.source for e in before.incoming(task)]
    )
    late = _reached(order, [edge.target for edge in lost], lambda task: [e.target for e in before.outgoing(task)])
    touches = {task.id: touch for task in before if (touch := Touch.of(task)) and image(task.id) is not None}
    firsts = [task for task in order if task in early and task in touches]
    seconds = [task for task in order if task in late and task in touches]
    if not firsts or not seconds:
        return
    order_after = [task.id for task in after.in_order()]
    for start in range(0, len(firsts), AT_ONCE):
        some = firsts[start : start + AT_ONCE]
        was = dict.fromkeys(seconds, 0)
        _sweep(before, order, {task: 1 << bit for bit, task in enumerate(some)}, was, lambda _edge: True)
        seeds: dict[TaskId, int] = {}
        for bit, task in enumerate(some):
            heir = image(task)
            assert heir is not None  # only such are in `touches`
            seeds[heir] = seeds.get(heir, 0) | 1 << bit
        now = {heir: 0 for task in seconds if (heir := image(task)) is not None}
        _sweep(after, order_after, seeds, now, lambda _edge: True)
        visible = _Visible(touches, some)
        for task in seconds:
            heir = image(task)
            assert heir is not None
            gone = was[task] & ~now[heir] & visible.against(touches[task])
            if gone:
                first = some[(gone & -gone).bit_length() - 1]
                if first != task:
                    place = f"tasks {first!r} and {task!r}"
                    yield Problem("pass/order", place, "both touch the same, and the one no longer waits for the other")


def _reached(
    order: Iterable[TaskId], starts: Iterable[TaskId], onward: Callable[[TaskId], list[TaskId]]
) -> set[TaskId]:
    found = set(starts)
    for task in order:
        if task in found:
            found.update(onward(task))
    return found


class _Visible:
    """Which of some tasks conflict with another: a bit for each."""

    def __init__(self, touches: dict[TaskId, Touch], tasks: list[TaskId]) -> None:
        self.unknown = 0
        self.writers: dict[str, int] = {}
        self.readers: dict[str, int] = {}
        for bit, task in enumerate(tasks):
            touch = touches[task]
            self.unknown |= touch.unknown << bit
            for name in touch.writes:
                self.writers[name] = self.writers.get(name, 0) | 1 << bit
            for name in touch.reads:
                self.readers[name] = self.readers.get(name, 0) | 1 << bit

    def against(self, touch: Touch) -> int:
        bits = self.unknown if touch.unknown else 0
        for name in touch.writes:
            bits |= self.writers.get(name, 0) | self.readers.get(name, 0)
        for name in touch.reads:
            bits |= self.writers.get(name, 0)
        return bits


# -- outputs ----------------------------------------------------------------------------------------------


def _outputs(before: Graph, after: Graph, image: Image) -> Iterator[Problem]:
    for name in [*before.outputs, *(name for name in after.outputs if name not in before.outputs)]:
        if name not in after.outputs or name not in before.outputs:
            yield Problem("pass/outputs", f"output {name!r}", "it is gone" if name in before.outputs else "it is new")
        elif not _same(before.outputs[name], after.outputs[name], image):
            yield Problem("pass/outputs", f"output {name!r}", "it is no longer what it was")
