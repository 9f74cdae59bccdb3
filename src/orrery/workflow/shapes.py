"""Shapes: what the value of a key may look like. One definition reads a node and writes the JSON Schema.

A shape reads a node into a Python value, noting every problem at its place; what cannot be read becomes
`UNREADABLE`, so that the rest of the file is still checked.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final, NamedTuple, Protocol

from orrery.errors import suggestion
from orrery.workflow.document import Mapping, Node, Report, Scalar, Sequence, describe

Schema = dict[str, Any]


class _Unreadable:
    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE: Final = _Unreadable()
"""Stands for a value whose problem has been noted."""


class Shape(Protocol):
    """What a value may look like."""

    def read(self, node: Node, report: Report) -> Any:
        """The value of a node, or UNREADABLE with its problems noted."""

    def schema(self) -> Schema:
        """The JSON Schema of it."""


class Text:
    """A text; numbers and booleans count as the text that was written."""

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Scalar) and node.value is not None:
            return node.text
        report.add("type", node, f"a text is wanted here, not {describe(node)}")
        return UNREADABLE

    def schema(self) -> Schema:
        return {"type": ["string", "number", "boolean"]}


class Word(Text):
    """A text that is read as its node, because messages about it need its place."""

    def read(self, node: Node, report: Report) -> Any:
        return UNREADABLE if super().read(node, report) is UNREADABLE else node


class Number:
    """A finite number, at least `least`; or above it, with `above`."""

    def __init__(self, *, least: float = 0, above: bool = False, whole: bool = False) -> None:
        self.least, self.above, self.whole = least, above, whole

    def read(self, node: Node, report: Report) -> Any:
        value: Any = node.value if isinstance(node, Scalar) else None
        fits = type(value) is int or (type(value) is float and not self.whole and math.isfinite(value))
        if fits and (value > self.least if self.above else value >= self.least):
            return value
        bound = f"above {self.least:g}" if self.above else f"of {self.least:g} or more"
        report.add("type", node, f"a {'whole ' if self.whole else ''}number {bound} is wanted, not {describe(node)}")
        return UNREADABLE

    def schema(self) -> Schema:
        kind = "integer" if self.whole else "number"
        return {"type": kind, "exclusiveMinimum" if self.above else "minimum": self.least}


class Truth:
    """true or false, and nothing that merely sounds like it."""

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        report.add("type", node, f"true or false is wanted here, not {describe(node)}")
        return UNREADABLE

    def schema(self) -> Schema:
        return {"type": "boolean"}


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = r"(\d+(\.\d+)?(ms|s|m|h|d))+"


def seconds(text: str) -> float | None:
    """A duration such as "90s", "1h30m" or "250ms" in seconds; None if it is none."""
    if not re.fullmatch(_DURATION, text):
        return None
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text))


class Duration:
    """A time span: a number of seconds, or a text such as "90s", "5m", "1h30m". Read as seconds."""

    def __init__(self, *, above_zero: bool = True) -> None:
        self.above_zero = above_zero

    def read(self, node: Node, report: Report) -> Any:
        value: Any = node.value if isinstance(node, Scalar) else None
        span: Any = seconds(value) if isinstance(value, str) else value
        if type(span) in (int, float) and math.isfinite(span) and (span > 0 or (span == 0 and not self.above_zero)):
            return float(span)
        report.add("duration", node, f'a time span is wanted, such as 30, "90s", "5m" or "1h30m", not {describe(node)}')
        return UNREADABLE

    def schema(self) -> Schema:
        bound = "exclusiveMinimum" if self.above_zero else "minimum"
        return {"anyOf": [{"type": "number", bound: 0}, {"type": "string", "pattern": f"^{_DURATION}$"}]}


_SIZES = {"B": 1, "kB": 1_000, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Size:
    """An amount of memory: a number of bytes, or a text such as "512MB" or "2GiB". Read as bytes."""

    _FORM = rf"(\d+(?:\.\d+)?) ?({'|'.join(_SIZES)})"

    def read(self, node: Node, report: Report) -> Any:
        value: Any = node.value if isinstance(node, Scalar) else None
        if isinstance(value, str) and (found := re.fullmatch(self._FORM, value)):
            value = int(float(found[1]) * _SIZES[found[2]])
        if type(value) is int and value >= 0:
            return value
        report.add("type", node, f"an amount of memory is wanted, such as 512MB or 2GiB, not {describe(node)}")
        return UNREADABLE

    def schema(self) -> Schema:
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{self._FORM}$"}]}


class Choice:
    """One word out of several."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Scalar) and node.text in self.words:
            return node.text
        hint = suggestion(node.text, self.words) if isinstance(node, Scalar) else f"known: {', '.join(self.words)}"
        report.add("choice", node, f"{describe(node)} is not one of the words known here; {hint}")
        return UNREADABLE

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


class Data:
    """Any data, references included. Read as the node itself, because references need its places."""

    def read(self, node: Node, report: Report) -> Any:  # noqa: ARG002
        return node

    def schema(self) -> Schema:
        return {}


class ListOf:
    """A list; a single value counts as a list of one. Read as a list of the inner shape's values."""

    def __init__(self, inner: Shape) -> None:
        self.inner = inner

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Sequence):
            values = [self.inner.read(item, report) for item in node.items]
            return [value for value in values if value is not UNREADABLE]
        value = self.inner.read(node, report)
        return UNREADABLE if value is UNREADABLE else [value]

    def schema(self) -> Schema:
        return {"anyOf": [self.inner.schema(), {"type": "array", "items": self.inner.schema()}]}


class Named(NamedTuple):
    """A key and its value, with the key's node."""

    node: Scalar
    value: Any


class MapOf:
    """A map with free keys. Read as name to `Named`."""

    def __init__(self, inner: Shape) -> None:
        self.inner = inner

    def read(self, node: Node, report: Report) -> Any:
        if not isinstance(node, Mapping):
            report.add("type", node, f"a map is wanted here, not {describe(node)}")
            return UNREADABLE
        read = {name: Named(key, self.inner.read(value, report)) for name, (key, value) in node.entries.items()}
        return {name: named for name, named in read.items() if named.value is not UNREADABLE}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.inner.schema()}


class Key(NamedTuple):
    """A key of a map with known keys: its name, the shape of its value, and what it says."""

    name: str
    shape: Shape
    about: str
    needed: bool = False


class Record:
    """What was read from a map with known keys; the nodes stay at hand for messages."""

    def __init__(self, node: Node, values: dict[str, Any], nodes: dict[str, tuple[Scalar, Node]]) -> None:
        self.node, self._values, self._nodes = node, values, nodes

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def get(self, key: str, default: Any = None) -> Any:
        """The value under a key that was given and could be read."""
        return self._values.get(key, default)

    def at(self, key: str) -> Node:
        """Where a key's value stands."""
        return self._nodes[key][1]

    def key_at(self, key: str) -> Scalar:
        """Where the key itself stands."""
        return self._nodes[key][0]


class Fields:
    """A map with known keys. Read as a `Record`; `plainly` says how something that is no map is understood."""

    def __init__(self, what: str, *keys: Key, plainly: tuple[Shape, str] | None = None, define: str = "") -> None:
        self.what, self.keys, self.plainly, self.define = what, {key.name: key for key in keys}, plainly, define

    def read(self, node: Node, report: Report) -> Any:
        if not isinstance(node, Mapping):
            return self._read_plainly(node, report)
        values: dict[str, Any] = {}
        for name, (key_node, value_node) in node.entries.items():
            key = self.keys.get(name)
            if key is None:
                hint = suggestion(name, self.keys, most=30)
                report.add("unknown-key", key_node, f"{self.what} has no key {name!r}; {hint}")
                continue
            value = key.shape.read(value_node, report)
            if value is not UNREADABLE:
                values[name] = value
        for key in self.keys.values():
            if key.needed and key.name not in node.entries:
                report.add("missing-key", node, f"{self.what} needs the key {key.name!r}: {key.about}")
        return Record(node, values, node.entries)

    def _read_plainly(self, node: Node, report: Report) -> Any:
        if self.plainly is None:
            report.add("type", node, f"{self.what} is a map of keys, not {describe(node)}")
            return UNREADABLE
        shape, name = self.plainly
        value = shape.read(node, report)
        if value is UNREADABLE:
            return UNREADABLE
        return Record(node, {name: value}, {name: (Scalar(name, name, node.line, node.column), node)})

    def schema(self) -> Schema:
        if self.define:
            return {"$ref": f"#/$defs/{self.define}"}
        return self.definition()

    def definition(self) -> Schema:
        """The schema itself, where `schema` may only point to it."""
        properties = {key.name: {"description": key.about, **key.shape.schema()} for key in self.keys.values()}
        fields: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
        if needed := [key.name for key in self.keys.values() if key.needed]:
            fields["required"] = needed
        return {"anyOf": [self.plainly[0].schema(), fields]} if self.plainly else fields


class Either:
    """One shape for maps, another for everything else."""

    def __init__(self, mapping: Shape, other: Shape) -> None:
        self.mapping, self.other = mapping, other

    def read(self, node: Node, report: Report) -> Any:
        return (self.mapping if isinstance(node, Mapping) else self.other).read(node, report)

    def schema(self) -> Schema:
        return {"anyOf": [self.other.schema(), self.mapping.schema()]}
