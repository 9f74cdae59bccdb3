"""Graph to graph: the same results, sooner or cheaper. One pass a module, named by verb and object.

A pass sees a graph and a cost model, and nothing else: no clock, no chance, no network. Passes do not import each
other. All of them, Orrery's own too, are found by the entry points
`orrery.passes`, so that none is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from inspect import signature
from typing import Any

from orrery.errors import UnknownNameError
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


def named(names: Iterable[str] = DEFAULT) -> list[tuple[str, Pass]]:
    """The passes of those names, as `pipeline.rewrite` takes them. Raises UnknownNameError, PlugInError."""
    return [(name, passes.get(name)) for name in names]


def bound(name: str, options: Mapping[str, Any]) -> Pass:
    """The pass of a name with its options set. Raises UnknownNameError (also of an option), PlugInError."""
    found = passes.get(name)
    known = [one.name for one in signature(found).parameters.values() if one.kind is one.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the pass {name!r}", option, known)
    return partial(found, **options)


__all__ = ["DEFAULT", "Note", "Pass", "Rewritten", "bound", "named", "passes"]
