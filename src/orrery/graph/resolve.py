"""From arguments with references to arguments with values, once everything they refer to exists."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from orrery.graph.ref import Ref
from orrery.graph.template import Template

_LEAVES = frozenset({str, int, float, bool, type(None), bytes})

Lookup = Callable[[Ref], Any]
"""The value that a reference stands for."""


def resolve(value: Any, lookup: Lookup) -> Any:
    """The value with every `Ref` replaced by what `lookup` finds for it, and every `Template` filled.

    A part without references is returned as it is, not copied. What `lookup` returns is put in place and
    never looked into: a result is data, whatever it contains.
    """
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind is Ref:
        return lookup(value)
    if kind is Template:
        return "".join([part if type(part) is str else as_text(lookup(part)) for part in value.parts])
    if kind is dict:
        pairs = {key: inner if type(inner) in _LEAVES else resolve(inner, lookup) for key, inner in value.items()}
        return pairs if any(pairs[key] is not value[key] for key in pairs) else value
    if kind is list or kind is tuple:
        items = [inner if type(inner) in _LEAVES else resolve(inner, lookup) for inner in value]
        return kind(items) if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def as_text(value: Any) -> str:
    """How a value reads inside a text: text as it is, everything else as compact JSON, bytes in base 64."""
    if isinstance(value, str):
        return value
    # The standard library's encoder, because msgspec's writes NaN as null and refuses integers over 64 bits.
    plain = msgspec.to_builtins(value, str_keys=True, enc_hook=str)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
