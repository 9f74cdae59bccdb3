"""Hypothesis strategies for graphs, patches and values. Importing this needs the "testing" extra.

They are small and strange on purpose: ids that look like keywords, keys that begin with "$", integers over
64 bits, conditions over two lines. `orrery.testing.graphs` offers them by the same names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec

from orrery.errors import Failure, MissingExtraError, PatchRefused
from orrery.graph import (
    INDEX,
    INPUTS,
    ITEM,
    Add,
    Blob,
    Drop,
    Each,
    Edge,
    Edit,
    Effects,
    Estimate,
    Expr,
    Graph,
    Limits,
    Link,
    Patch,
    Place,
    Ref,
    Replace,
    Retry,
    SetOutputs,
    Task,
    TaskId,
    Template,
    Unlink,
)
from orrery.graph.nest import with_refs
from orrery.graph.task import EffectKind

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ImportError as error:
    raise MissingExtraError("testing", needed_for="generating graphs with Hypothesis") from error

EFFECT_KINDS: tuple[EffectKind, ...] = get_args(EffectKind)
CONDITIONS = (Expr("result != 0"), Expr("not result"), Expr("result.ok and\\\n len(result['a b']) > 1"))


def graphs(*, max_tasks: int = 8, min_tasks: int = 0) -> SearchStrategy[Graph]:
    """Valid graphs in which every field takes every kind of value; NaN does not occur, so `==` is exact."""
    return _graphs(min_tasks, max_tasks)


def patches(graph: Graph, *, max_edits: int = 6, valid: bool = True) -> SearchStrategy[Patch]:
    """Patches for a graph.

    Args:
        valid: only such as the graph accepts; otherwise most are refused for one reason or another.
    """
    return _patches(graph, max_edits, valid)


# -- parts that know nothing of a graph -------------------------------------------------------------------
# Made once: building a strategy anew for every task costs ten times what drawing from it does. A reference
# in them is to a slot, "0" to "9", which `_settled` fills with one of the tasks that there are.

_WORDS = st.lists(st.sampled_from(["file:a.md", "net:x", "OSError"]) | st.text(max_size=3), max_size=2).map(tuple)
_AMOUNTS = st.floats(0, 1e9)
_POSITIVE = st.floats(0.001, 1e6)
_STEPS = st.integers(0, 3) | st.sampled_from(["name", "rows", "a b", "0", "$ref"]) | st.text(max_size=3)
_PATHS = st.lists(_STEPS, max_size=3).map(tuple)
_KEYS = st.text(max_size=5) | st.sampled_from(["$ref", "$", "$$ref", "task", "a b"])
_SLOTS = st.builds(Ref, st.sampled_from("0123456789"), _PATHS)
_SEVERITIES = st.sampled_from(["transient", "permanent", "effect-unknown"])
_FAILURES = st.builds(Failure, st.text(max_size=4), st.text(max_size=4), bases=_WORDS, severity=_SEVERITIES)
_CHAINED = st.builds(Failure, st.just("E"), st.just("m"), retry_after_s=st.none() | _AMOUNTS, cause=_FAILURES)
_BLOBS = st.builds(
    Blob, st.integers(0, 2**256 - 1).map("{:064x}".format), st.integers(0, 2**40), st.sampled_from(["value", "text/a"])
)
_PLAIN: SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**80), max_value=2**80)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
)


def values(*, nan: bool = True, refs: Sequence[TaskId] = (), max_leaves: int = 12) -> SearchStrategy[Any]:
    """Anything that may travel between tasks: plain data, failures, blobs, long integers, odd keys.

    Args:
        nan: whether NaN may occur; it differs from itself, so `==` is no test of sameness then.
        refs: tasks to which Refs and Templates among the leaves may refer; none by default.
    """
    leaves = _PLAIN | _BLOBS | _FAILURES | _CHAINED
    if nan:
        leaves |= st.just(math.nan)
    if refs:
        ref = st.builds(Ref, st.sampled_from(refs), _PATHS)
        leaves |= ref | st.lists(st.text(max_size=4) | ref, max_size=3).map(Template)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
        max_leaves=max_leaves,
    )


_VALUES = values(nan=False, refs="0123456789", max_leaves=4)
_OUTPUTS = st.dictionaries(st.text(max_size=4), _VALUES, max_size=2)
_CONDITIONS = st.sampled_from(["success", "failure", "completion", *CONDITIONS])
_WHENS = st.one_of(
    st.builds(lambda x: Expr("x > 1", {"x": x}), _SLOTS),
    st.builds(lambda x, y: Expr("(len(x.a) == 2 and\n y['k'] != 'v')", {"x": x, "y": y}), _SLOTS, _SLOTS),
    st.builds(lambda x: Expr('après == "q\'"', {"après": x}), _SLOTS),
    st.just(Expr("true")),
)
_RETRIES = st.builds(Retry, st.integers(1, 9), _AMOUNTS, _POSITIVE, _AMOUNTS, st.floats(0, 1), _WORDS)
_RESOURCES = st.dictionaries(st.sampled_from(["gpu", "net:a"]) | st.text(max_size=3), st.integers(1, 9), max_size=2)
_MAYBE = st.none() | _POSITIVE
_LIMITS = st.builds(Limits, _MAYBE, _MAYBE, st.none() | st.just(Retry()) | _RETRIES, _RESOURCES, _MAYBE)
_OVERS = _SLOTS | st.lists(_VALUES, max_size=3) | st.dictionaries(st.text(max_size=3), _VALUES, max_size=3)
_MATES = st.builds(Ref, st.sampled_from("0123456789"))
_PLACES = st.builds(
    Place,
    on=st.lists(st.text(min_size=1, max_size=4) | _SLOTS, max_size=2).map(tuple),
    skills=_WORDS,
    os=st.sampled_from(["", "linux"]),
    cpus=st.integers(0, 4),
    beside=st.none() | _MATES,
    apart=st.lists(_MATES, max_size=2).map(tuple),
    prefer=st.sampled_from(["", "web1"]),
)
_TASKS = st.builds(
    Task,
    st.just("?"),
    st.sampled_from(["f", "text.count", "py:pkg.mod:run", "ask"]) | st.text(min_size=1, max_size=4),
    st.dictionaries(st.text(max_size=4) | st.sampled_from(["path", "x", "after", "$ref", "a b"]), _VALUES, max_size=3),
    executor=st.sampled_from(["inline", "process", "person"]) | st.text(max_size=3),
    effects=st.just(Effects()) | st.builds(Effects, st.sampled_from(EFFECT_KINDS), _WORDS, _WORDS),
    limits=st.just(Limits()) | _LIMITS,
    estimate=st.just(Estimate())
    | st.builds(Estimate, _AMOUNTS, _AMOUNTS, st.integers(0, 10**6), st.none() | st.floats(0, 1)),
    join=st.none() | st.integers(1, 3),
    when=st.none() | _WHENS,
    each=st.none() | st.builds(Each, _OVERS, st.booleans()),
    label=st.text(max_size=4),
    place=st.none() | _PLACES,
)
_IDS = st.one_of(
    st.integers(0, 99).map("t{}".format),
    st.sampled_from(["a/b/0", "after", "outputs", "a.b", "a-b", "7", "true", "x = y", '"', "a  b", "é", "input"]),
    st.text(min_size=1, max_size=4).filter(lambda text: text.isprintable() and text[0] != "@"),
)


# -- graphs and patches -----------------------------------------------------------------------------------


@st.composite
def _graphs(draw: DrawFn, min_tasks: int, max_tasks: int) -> Graph:
    ids = draw(st.lists(_IDS, min_size=min_tasks, max_size=max_tasks, unique=True))
    tasks: list[Task] = []
    edges: list[Edge] = []
    for position, task_id in enumerate(ids):
        earlier = ids[:position]
        linked = draw(st.lists(st.integers(0, 99), max_size=2)) if earlier else []
        explicit = {source: draw(_edges(source, task_id)) for source in (earlier[n % position] for n in linked)}
        edges.extend(explicit.values())
        tasks.append(_settled(draw(_TASKS), task_id, earlier, explicit))
    order = draw(st.sampled_from([1, -1]))  # reversed, no task stands after what it waits for
    return Graph(tasks[::order], edges[::order], _filled(draw(_OUTPUTS), [*ids, INPUTS]))


@st.composite
def _patches(draw: DrawFn, graph: Graph, max_edits: int, valid: bool) -> Patch:
    ids = [*graph.tasks, *draw(st.lists(_IDS, min_size=1, max_size=3))]
    edits: list[Edit] = []
    for _ in range(draw(st.integers(0, max_edits))):
        edit = draw(_edits(ids, graph))
        if not valid or _accepts(graph, (*edits, edit)):
            edits.append(edit)
    return Patch(tuple(edits), by=draw(st.text(max_size=4)), because=draw(st.text(max_size=4)))


def _accepts(graph: Graph, edits: tuple[Edit, ...]) -> bool:
    try:
        graph.apply(Patch(edits))
    except PatchRefused:
        return False
    return True


@st.composite
def _edits(draw: DrawFn, ids: Sequence[TaskId], graph: Graph) -> Edit:
    some_id, other_id = draw(st.sampled_from(ids)), draw(st.sampled_from(ids))
    match draw(st.sampled_from(["add", "replace", "drop", "link", "unlink", "outputs"])):
        case "add":
            return Add(_settled(draw(_TASKS), some_id, ids, {}))
        case "replace":
            return Replace(_settled(draw(_TASKS), some_id, ids, {}))
        case "drop":
            return Drop(some_id)
        case "link":
            return Link(draw(_edges(some_id, other_id)))
        case "unlink":
            return Unlink(*draw(st.sampled_from([*graph.edges, (some_id, other_id)])))
        case _:
            return SetOutputs(_filled(draw(_OUTPUTS), ids))


def _edges(source: TaskId, target: TaskId) -> SearchStrategy[Edge]:
    return st.builds(Edge, st.just(source), st.just(target), _CONDITIONS, st.booleans(), st.floats(0, 1))


def _settled(task: Task, task_id: TaskId, others: Sequence[TaskId], explicit: Mapping[TaskId, Edge]) -> Task:
    """The task in its place: slots filled, and nothing in it that contradicts the rest."""
    others = [other for other in others if other != task_id]
    seen = [*others, INPUTS]
    each, when, limits = task.each, task.when, task.limits
    if each is not None:
        each = msgspec.structs.replace(each, over=_filled(each.over, seen))
        seen += [ITEM, INDEX]
    if when is not None:
        when = when.with_names(_filled(when.names, seen))
    if task.effects.kind != "pure":
        limits = msgspec.structs.replace(limits, hedge_after_s=None)
    args = _filled(task.args, seen)
    place = task.place
    if place is not None:
        mates = tuple(Ref(others[int(ref.task) % len(others)]) for ref in place.apart) if others else ()
        place = msgspec.structs.replace(
            place, on=tuple(_filled(place.on, seen)), beside=mates[0] if mates and place.beside else None, apart=mates
        )
    placed = msgspec.structs.replace(
        task, id=task_id, args=args, each=each, when=when, limits=limits, join=None, place=place
    )
    incoming = {ref.task: True for ref in placed.refs() if ref.task in others}
    incoming |= {edge.source: edge.hard for edge in explicit.values()}
    hard = sum(incoming.values())
    return msgspec.structs.replace(placed, join=min(task.join, hard) if task.join is not None and hard else None)


def _filled(value: Any, tasks: Sequence[TaskId]) -> Any:
    return with_refs(value, lambda ref: Ref(tasks[int(ref.task) % len(tasks)], ref.path))
