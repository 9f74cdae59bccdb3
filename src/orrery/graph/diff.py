"""The difference of two graphs, as the patch that leads from one to the other."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from orrery.graph.graph import Graph
from orrery.graph.patch import Add, Drop, Edit, Link, Patch, Replace, SetOutputs, Unlink


def diff(before: Graph, after: Graph, *, by: str = "", because: str = "") -> Patch:
    """The smallest patch, counted in edits, with which `before.apply(diff(before, after)) == after`.

    One edit for every task that was added, dropped or changed, for every explicit edge likewise (a dropped
    task takes its incoming edges along), and one for the outputs. Edits come in the order in which a
    person would make them: new tasks, changed tasks, edges away, edges in, tasks away, outputs.
    """
    edits: list[Edit] = []
    edits.extend(Add(task) for task in after if task.id not in before)
    edits.extend(Replace(task) for task in after if task.id in before and not same(before[task.id], task))
    edits.extend(
        Unlink(source, target)
        for source, target in before.edges
        if target in after and (source, target) not in after.edges
    )
    edits.extend(Link(edge) for key, edge in after.edges.items() if before.edges.get(key) != edge)
    edits.extend(Drop(task.id) for task in before if task.id not in after)
    if not same(dict(before.outputs), dict(after.outputs)):
        edits.append(SetOutputs(dict(after.outputs)))
    return Patch(tuple(edits), by=by, because=because)


def same(a: Any, b: Any) -> bool:
    """Whether two tasks, edges or values are the same to the last bit, in whatever order their maps are.

    Stricter than `==` (1, 1.0 and True differ, and so do 0.0 and -0.0), and NaN is the same as NaN.
    """
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is dict:
        return len(a) == len(b) and all(key in b and same(inner, b[key]) for key, inner in a.items())
    if kind is list or kind is tuple:
        return len(a) == len(b) and all(map(same, a, b))
    if kind is float:
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (math.isnan(a) and math.isnan(b))
    if issubclass(kind, msgspec.Struct):
        return all(same(getattr(a, name), getattr(b, name)) for name in kind.__struct_fields__)
    return bool(a == b)
