"""Growth: the patch by which one task becomes many.

`nested` puts a whole graph under a task (a sub-workflow, a replan, a task that returned a graph);
`expanded` puts one child per item under a task with `each`. Both only say what would be added and what
the parent's result then amounts to; applying the patch is the caller's business. A child's id is its
parent's, a "/", and its own, so the text of an id shows how the graph grew.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from orrery.errors import ExpressionError, GraphError, Problem, suggestion
from orrery.graph.edge import Edge
from orrery.graph.expr import Expr, parse
from orrery.graph.graph import Graph
from orrery.graph.patch import Add, Edit, Link, Patch
from orrery.graph.place import Place
from orrery.graph.query import returned
from orrery.graph.ref import INDEX, INPUTS, ITEM, PSEUDO_SOURCES, Path, Ref, TaskId
from orrery.graph.resolve import as_text
from orrery.graph.task import Task, asks_each_item, refs_in
from orrery.graph.template import Template

Substitute = Callable[[Ref], Any]
"""What stands in a reference's place: another reference, or a literal value."""


def nested(graph: Graph, under: TaskId, inputs: Mapping[str, Any] | None = None) -> tuple[Patch, Any]:
    """The patch that adds a graph's tasks below a task, and what the graph's result then is.

    Args:
        under: the task below which they are put; task `a` becomes `under/a`.
        inputs: what the graph's `Ref(INPUTS, (name, ...))` mean: literal values (with or without Ref
            leaves), or Refs to tasks outside.

    Returns: the patch, and the result with Ref leaves: the value of the one output named "result"; else the
        map of all outputs; of a graph without outputs the map of every task on which no other depends.

    Raises:
        GraphError: an input is missing, or has no such part; every problem at once.
    """
    given = inputs or {}
    problems: list[Problem] = []

    def placed(ref: Ref, place: str) -> Any:
        if ref.task == INPUTS:
            return _from_inputs(ref.path, given, place, problems)
        return ref if ref.task in PSEUDO_SOURCES else Ref(f"{under}/{ref.task}", ref.path)

    edits: list[Edit] = []
    for task in graph:
        place = f"task '{under}/{task.id}'"
        moved = with_refs_in_task(task, lambda ref, place=place: placed(ref, place), problems)  # type: ignore[misc]
        edits.append(Add(msgspec.structs.replace(moved, id=f"{under}/{task.id}")))
    edits.extend(
        Link(msgspec.structs.replace(edge, source=f"{under}/{edge.source}", target=f"{under}/{edge.target}"))
        for edge in graph.edges.values()
    )
    result = {
        name: with_refs(value, lambda ref, name=name: placed(ref, f"output {name!r}"))  # type: ignore[misc]
        for name, value in returned(graph).items()
    }
    if problems:
        raise GraphError(problems)
    return Patch(tuple(edits), by=under), result["result"] if graph.outputs.keys() == {"result"} else result


def expanded(
    task: Task, items: int | Sequence[str | int], *, under: TaskId | None = None, incoming: Iterable[Edge] = ()
) -> tuple[Patch, list[Ref] | dict[str, Ref]]:
    """The patch that adds one child for each item of a task with `each`, and the parent's result.

    A child is the task without `each`, `join`, and a `when` that is not about the item. In it `Ref(ITEM, path)`
    is that part of its item and `Ref(INDEX)` its position.

    Args:
        items: how many there are in a list, or the keys of a map, in its order.
        under: the id below which the children are put; the task's own by default.
        incoming: the task's explicit incoming edges. A child that refers to such a source keeps its
            condition: what the parent accepted (a failure, say) the child accepts too.

    Returns: the patch, and the list (or map) of references to the children's results.

    Raises:
        GraphError: the task has no `each`, or its literal items are fewer than `items` says.
    """
    each = task.each
    if each is None:
        raise GraphError([Problem("nest/no-each", f"task {task.id!r}", "it has no for-each, so it has no items")])
    parent = task.id if under is None else under
    keys: list[str | int] = list(range(items)) if isinstance(items, int) else list(items)
    per_item = asks_each_item(task)
    plain = msgspec.structs.replace(task, each=None, when=task.when if per_item else None, join=None)
    sources = {ref.task: None for ref in plain.refs()}
    uses_item = ITEM in sources or INDEX in sources
    accepted = [edge for edge in incoming if task.join is not None or edge != Edge(edge.source, task.id)]
    problems: list[Problem] = []
    edits: list[Edit] = []
    children: dict[str | int, Ref] = {}
    for position, key in enumerate(keys):
        child = f"{parent}/{key if isinstance(key, int) else as_id_part(key)}"
        label = f"{plain.label} {key}" if plain.label else ""
        grown = msgspec.structs.replace(plain, id=child, label=label)
        if uses_item:
            item = _Item(each.over, key, position, f"task {child!r}", problems)
            grown = with_refs_in_task(grown, item.part, problems)
        edits.append(Add(grown))
        if accepted:
            read = {ref.task: None for ref in grown.refs()}
            edits.extend(_kept(edge, child, task.join) for edge in accepted if edge.source in read)
        children[key] = Ref(child)
    if problems:
        raise GraphError(problems)
    result: Any = list(children.values()) if isinstance(items, int) else children
    return Patch(tuple(edits), by=task.id), result


def with_refs(value: Any, substitute: Substitute) -> Any:
    """The value with every reference in it substituted; the same object where there is none."""
    kind = type(value)
    if kind is Ref:
        return substitute(value)
    if kind is Template:
        return _refilled(value, substitute)
    if kind is dict:
        pairs = {key: with_refs(inner, substitute) for key, inner in value.items()}
        return pairs if any(pairs[key] is not value[key] for key in value) else value
    if kind is list or kind is tuple:
        items = [with_refs(inner, substitute) for inner in value]
        return kind(items) if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def _refilled(template: Template, substitute: Substitute) -> Template | str:
    """The template over substituted references; text where nothing is left to refer to."""
    if not any(True for _ in template.refs()):
        return template
    parts: list[str | Ref] = []
    for part in template.parts:
        value = part if isinstance(part, str) else substitute(part)
        inner = value.parts if type(value) is Template else (value,)
        for piece in inner:
            if type(piece) is not Ref and any(True for _ in refs_in(piece)):
                raise GraphError(
                    [
                        Problem(
                            "nest/template",
                            f"template {template!r:.80}",
                            f"{part!r} became {piece!r:.80}, whose "
                            "references a text cannot hold; make it a task of its own",
                        )
                    ]
                )
            if type(piece) is Ref or not parts or type(parts[-1]) is Ref:
                parts.append(piece if type(piece) is Ref else as_text(piece))
            else:
                parts[-1] = f"{parts[-1]}{as_text(piece)}"
    if all(isinstance(part, str) for part in parts):
        return "".join(map(str, parts))
    return Template(parts)


def with_refs_in_task(task: Task, substitute: Substitute, problems: list[Problem]) -> Task:
    """The task with every reference it holds substituted; a condition that cannot follow is a problem."""
    each, when = task.each, task.when
    if each is not None:
        each = msgspec.structs.replace(each, over=with_refs(each.over, substitute))
    if when is not None and when.names:
        try:
            when = bound(when, {name: with_refs(value, substitute) for name, value in when.names.items()})
        except ExpressionError as error:
            problems.append(Problem("nest/condition", f"task {task.id!r}", str(error)))
    args = {name: with_refs(value, substitute) for name, value in task.args.items()}
    place = None if task.place is None else _with_refs_in_place(task.place, substitute)
    return msgspec.structs.replace(task, args=args, each=each, when=when, place=place)


def _with_refs_in_place(place: Place, substitute: Substitute) -> Place:
    return msgspec.structs.replace(
        place,
        on=tuple(with_refs(name, substitute) for name in place.on),
        beside=with_refs(place.beside, substitute),
        apart=tuple(with_refs(ref, substitute) for ref in place.apart),
    )


def bound(condition: Expr, names: Mapping[str, Any]) -> Expr:
    """The condition over references and literal values: what is known already is computed and written in.

    >>> bound(Expr("n > limits.most"), {"n": Ref("count"), "limits": {"most": 3}})
    Expr(source='n > 3', names={'n': Ref('count')})

    Raises:
        ExpressionError: a literal part cannot be computed, or what it amounts to cannot be written.
    """
    known = {name: value for name, value in names.items() if type(value) is not Ref}
    if not known:
        return condition.with_names(dict(names))
    tree = _folded(copy.deepcopy(parse(condition.source)), known)  # the parsed tree is shared
    refs = {name: value for name, value in names.items() if type(value) is Ref}
    return Expr(ast.unparse(tree), refs)


def as_id_part(key: str) -> str:
    """A map's key as part of an id: what would end the part, or not print, is percent-encoded."""
    if key.isprintable() and "/" not in key and "%" not in key:
        return key
    return "".join(
        c if c.isprintable() and c not in "/%" else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "replace"))
        for c in key
    )


# -- references into inputs and items ---------------------------------------------------------------------


def _from_inputs(path: Path, given: Mapping[str, Any], place: str, problems: list[Problem]) -> Any:
    if not path:
        return dict(given)
    name = path[0]
    if name not in given:
        hint = suggestion(str(name), given)
        problems.append(
            Problem("nest/missing-input", place, f"it needs the input {name!r}, which is not given; {hint}")
        )
        return None
    return _part(given[str(name)], path[1:], f"input {name!r}", place, problems)


class _Item(NamedTuple):
    """One item of a for-each, and what references to it mean."""

    over: Any
    key: str | int
    position: int
    place: str
    problems: list[Problem]

    def part(self, ref: Ref) -> Any:
        if ref.task == INDEX:
            return self.position
        if ref.task != ITEM:
            return ref
        return _part(self.over, (self.key, *ref.path), "the items", self.place, self.problems)


def _part(value: Any, path: Path, what: str, place: str, problems: list[Problem]) -> Any:
    """The part of a value (with Ref leaves) to which a path leads."""
    for depth, step in enumerate(path):
        if type(value) is Ref:
            return Ref(value.task, (*value.path, *path[depth:]))
        reachable = (
            step in value
            if isinstance(value, Mapping)
            else isinstance(value, list | tuple) and type(step) is int and -len(value) <= step < len(value)
        )
        if reachable:
            value = value[step]
        else:
            held = f"a {type(value).__name__}" + (f" of length {len(value)}" if isinstance(value, list | tuple) else "")
            problems.append(Problem("nest/no-such-part", place, f"{what} has no part {step!r} there; it is {held}"))
            return None
    return value


def _kept(edge: Edge, child: TaskId, join: int | None) -> Link:
    # With k of n a source may have ended either way, so the child takes it as it is.
    return Link(msgspec.structs.replace(edge, target=child, on=edge.on if join is None else "completion"))


# -- conditions over literal values -----------------------------------------------------------------------


def _folded(node: ast.expr, known: Mapping[str, Any]) -> ast.expr:
    """The tree in which the largest parts that rest on known names alone are written as their values."""
    called = {id(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and id(inner) not in called}
    if not names & known.keys():
        return node
    if names <= known.keys() | {"true", "false", "null"}:
        text = ast.unparse(node)
        return _literal(Expr(text).evaluate(known), text)
    for field, inner in ast.iter_fields(node):
        if isinstance(node, ast.Call) and field == "func":
            continue
        if isinstance(inner, ast.expr):
            setattr(node, field, _folded(inner, known))
        elif isinstance(inner, list):
            setattr(node, field, [_folded(part, known) if isinstance(part, ast.expr) else part for part in inner])
    return node


def _literal(value: Any, text: str) -> ast.expr:
    if isinstance(value, float) and math.isnan(value):  # the language has no word for it
        return ast.BinOp(ast.Constant(math.inf), ast.Sub(), ast.Constant(math.inf))
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return ast.Constant(value)
    if isinstance(value, list | tuple):
        return ast.List([_literal(inner, text) for inner in value], ast.Load())
    raise ExpressionError(
        f"{text!r} is a {type(value).__name__} here, which a condition cannot hold; compare one of its parts instead"
    )
