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

import msgspec

from orrery.errors import InputError, PlugInError, UnknownNameError
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
    return [(name, _found(name)) for name in names]


def _found(name: str) -> Pass:
    found = passes.get(name)
    if not callable(found):
        raise PlugInError(f"the pass {name!r} is no function, but of type {type(found).__name__}")
    return found


def bound(name: str, options: Mapping[str, Any]) -> Pass:
    """The pass of a name with its options set.

    Args:
        options: plain data, read as the type that the option has.

    Raises:
        UnknownNameError: there is no such pass, or it has no such option.
        InputError: an option is of another type.
        PlugInError: the pass cannot be loaded.
    """
    found = _found(name)
    known = _options(found)
    read: dict[str, Any] = {}
    for option, value in options.items():
        if option not in known:
            raise UnknownNameError(f"option of the pass {name!r}", option, known)
        try:
            read[option] = msgspec.convert(value, known[option])
        except (msgspec.ValidationError, TypeError) as error:  # TypeError: its type is none of data
            raise InputError(f"option {option!r} of the pass {name!r} cannot be {value!r}: {error}") from error
    return partial(found, **read)


def _options(one: Pass) -> dict[str, Any]:
    """The options of a pass, each with its type; `Any` where that is not known here."""
    try:
        parameters = signature(one, eval_str=True).parameters.values()
    except NameError:  # it has types that are imported for type checkers alone
        parameters = signature(one).parameters.values()
    return {
        each.name: Any if each.annotation is each.empty or isinstance(each.annotation, str) else each.annotation
        for each in parameters
        if each.kind is each.KEYWORD_ONLY
    }


__all__ = ["DEFAULT", "Note", "Pass", "Rewritten", "bound", "named", "passes"]
