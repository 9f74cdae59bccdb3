"""Graph to graph: the same results, sooner or cheaper. One pass a module, named by verb and object.

A pass sees a graph and a cost model, and nothing else: no clock, no chance, no network. Passes do not import each
other. Third parties register theirs by the entry points `orrery.passes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from orrery.cost import CostModel
from orrery.graph.graph import Graph
from orrery.passes.rewritten import Note, Pass, Rewritten
from orrery.registry import Registry

passes: Registry[Pass] = Registry("pass", group="orrery.passes")
"""Passes by name."""

DEFAULT = (
    "canonicalize",
    "drop_unused",
    "merge_shared",
    "choose_topology",
    "fold_conversation",
    "allocate_effort",
    "choose_model",
    "place",
    "speculate",
)
"""The usual passes in their order: what is not needed goes first, what shapes the rest comes before what prices it."""


def _on_demand(name: str) -> Pass:
    """The pass of that name, whose module is imported when it is first used."""

    def run(graph: Graph, costs: CostModel, **options: Any) -> Rewritten:
        made: Rewritten = getattr(import_module(f"{__name__}.{name}"), name)(graph, costs, **options)
        return made

    run.__name__ = run.__qualname__ = name
    return run


for _name in DEFAULT:
    passes.add(_name, _on_demand(_name))


def named(names: Iterable[str] = DEFAULT) -> list[tuple[str, Pass]]:
    """The passes of those names, as `pipeline.rewrite` takes them. Raises UnknownNameError, PlugInError."""
    return [(name, passes.get(name)) for name in names]


__all__ = ["DEFAULT", "Note", "Pass", "Rewritten", "named", "passes"]
