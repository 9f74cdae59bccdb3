"""What a graph must satisfy, one function per rule; every problem at once, each with its place.

The rules that need only one task or edge stand here. Those about how tasks hang together (unknown
sources, cycles, locked tasks) are checked by `live`, which knows the neighbourhood of a change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orrery.errors import NotSerialisableError, Problem
from orrery.graph.edge import Edge
from orrery.graph.ref import INDEX, ITEM, PSEUDO_SOURCES, Ref
from orrery.graph.task import Task
from orrery.graph.template import Template

MAX_ID_CHARS = 1_000
_DEFAULT = Task("default", "default")
_PLAIN = frozenset({str, int, float, bool, type(None), bytes, Ref, Template})


def task_problems(task: Task) -> list[Problem]:
    """Everything that is wrong with one task, looked at alone."""
    if _is_ordinary(task):
        return []
    problems: list[Problem] = []
    for rule in TASK_RULES:
        problems.extend(rule(task))
    return problems


def _is_ordinary(task: Task) -> bool:
    """Whether one look shows that no rule can object: most tasks have plain arguments and default limits."""
    for value in task.args.values():
        kind = type(value)
        if kind not in _PLAIN or kind is Template or (kind is Ref and value.task in PSEUDO_SOURCES):
            return False
    return (
        task.limits is _DEFAULT.limits
        and task.estimate is _DEFAULT.estimate
        and task.each is None
        and task.when is None
        and task.place is None
        and next(id_is_usable(task), None) is None
    )


def edge_problems(edge: Edge) -> Iterator[Problem]:
    """Everything that is wrong with one explicit edge, looked at alone."""
    place = f"edge {edge.source!r} -> {edge.target!r}"
    if edge.source == edge.target:
        yield Problem("graph/self-loop", place, "a task cannot wait for itself; remove the edge")
    if not (math.isfinite(edge.weight) and 0 <= edge.weight <= 1):
        yield Problem("graph/number", place, f"its weight must lie in [0, 1], not {edge.weight}")


def id_is_usable(task: Task) -> Iterator[Problem]:
    """An id is a non-empty, printable text that is no pseudo source."""
    if not task.id or len(task.id) > MAX_ID_CHARS or not task.id.isprintable() or task.id[0] == "@":
        shown = task.id if len(task.id) < 60 else task.id[:60] + "..."
        yield Problem(
            "graph/bad-id",
            f"task {shown!r}",
            f"an id is 1 to {MAX_ID_CHARS} printable characters and does not begin with '@'",
        )
    if not task.op:
        yield Problem("graph/no-op", f"task {task.id!r}", "it does not say which operation it performs")


def arguments_are_data(task: Task) -> Iterator[Problem]:
    """Arguments are plain data: what could not be written down could not survive a crash."""
    for name, value in task.args.items():
        if type(value) not in _PLAIN:
            yield from _data_problems(value, f"task {task.id!r}, argument {name!r}")


def _data_problems(value: Any, place: str) -> Iterator[Problem]:
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is list or kind is tuple:
        for position, inner in enumerate(value):
            if type(inner) not in _PLAIN:
                yield from _data_problems(inner, f"{place}[{position}]")
    elif kind is dict:
        for key, inner in value.items():
            if type(key) is not str:
                yield Problem("graph/not-data", place, f"keys must be text, not {type(key).__name__} {key!r:.40}")
            yield from _data_problems(inner, f"{place}[{key!r}]")
    else:
        from orrery.graph.values import encode

        try:
            encode(value)
        except NotSerialisableError as error:
            yield Problem("graph/not-data", place, str(error))


def limits_make_sense(task: Task) -> Iterator[Problem]:
    """Limits and estimates are finite numbers of the right sign."""
    limits, estimate, place = task.limits, task.estimate, f"task {task.id!r}"
    named = [
        ("timeout_s", limits.timeout_s, True),
        ("deadline_s", limits.deadline_s, True),
        ("hedge_after_s", limits.hedge_after_s, True),
        ("estimate.seconds", estimate.seconds, False),
        ("estimate.money", estimate.money, False),
        ("estimate.tokens", estimate.tokens, False),
    ]
    retry = limits.retry
    if retry is not None:
        named += [
            ("retry.attempts", retry.attempts, True),
            ("retry.backoff_s", retry.backoff_s, False),
            ("retry.max_backoff_s", retry.max_backoff_s, False),
            ("retry.factor", retry.factor, True),
            ("retry.jitter", retry.jitter, False),
        ]
    for name, number, must_be_positive in named:
        if number is None:
            continue
        if not math.isfinite(number) or number < 0 or (must_be_positive and number == 0):
            wanted = "a positive number" if must_be_positive else "zero or a positive number"
            yield Problem("graph/number", place, f"{name} must be {wanted}, not {number}")
    hard = estimate.difficulty
    if hard is not None and not (math.isfinite(hard) and 0 <= hard <= 1):
        yield Problem("graph/number", place, f"estimate.difficulty must lie in [0, 1], not {hard}")
    if limits.hedge_after_s is not None and task.effects.kind != "pure":
        yield Problem(
            "graph/hedge", place, "only a pure task can be hedged: declare its effects as pure, or drop the hedge"
        )
    for resource, amount in limits.resources.items():
        if amount < 1:
            yield Problem("graph/number", place, f"it must hold at least 1 of resource {resource!r}, not {amount}")


def items_are_in_place(task: Task) -> Iterator[Problem]:
    """`@item` and `@index` mean something only inside a task that runs for each item."""
    if task.each is not None:
        if not isinstance(task.each.over, Ref | list | tuple | dict):
            yield Problem(
                "graph/each", f"task {task.id!r}", f"for-each needs a list or a reference, not {task.each.over!r:.60}"
            )
        return
    for ref in task.refs():
        if ref.task in (ITEM, INDEX):
            yield Problem(
                "graph/item-outside-each",
                f"task {task.id!r}",
                f"{ref.task} means something only in a task with for-each",
            )


def condition_is_complete(task: Task) -> Iterator[Problem]:
    """Every free name of the condition refers to something."""
    if task.when is None:
        return
    for name in task.when.free_names():
        if name not in task.when.names:
            yield Problem(
                "graph/condition", f"task {task.id!r}", f"its condition uses {name!r}, which refers to nothing"
            )


def place_makes_sense(task: Task) -> Iterator[Problem]:
    """A place names devices, and whole tasks that it is beside or apart from."""
    place, where = task.place, f"task {task.id!r}, place"
    if place is None:
        return
    for name in place.on:
        if not isinstance(name, Ref | Template | str | list) or not name:
            yield Problem("graph/place", where, f"'on' names devices or refers to names, not {name!r:.60}")
    for ref in (*(() if place.beside is None else (place.beside,)), *place.apart):
        if not isinstance(ref, Ref) or ref.path or ref.task in PSEUDO_SOURCES:
            yield Problem("graph/place", where, f"'beside' and 'apart' name whole tasks, not {ref!r:.60}")
    if not isinstance(place.prefer, str):
        yield Problem("graph/place", where, f"'prefer' names one device, not {place.prefer!r:.60}")
    for number in (place.cpus, place.memory_bytes):
        if number < 0:
            yield Problem("graph/place", where, f"it must need zero or more, not {number}")


TASK_RULES: tuple[Callable[[Task], Iterator[Problem]], ...] = (
    id_is_usable,
    arguments_are_data,
    limits_make_sense,
    items_are_in_place,
    condition_is_complete,
    place_makes_sense,
)


def join_problem(task: Task, incoming: Mapping[str, Edge]) -> Problem | None:
    """`join` asks for at least one and at most all of the hard edges."""
    hard = sum(edge.hard for edge in incoming.values())
    if task.join is None or 1 <= task.join <= hard:
        return None
    return Problem(
        "graph/join",
        f"task {task.id!r}",
        f"it waits for {task.join} of {hard} hard edges; the number must lie in 1..{hard}",
    )
