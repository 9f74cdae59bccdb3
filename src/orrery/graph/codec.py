"""Graphs and patches as JSON: versioned, lossless, and readable by other programs.

    {"orrery": 1, "tasks": [...], "edges": [...], "outputs": {...}}         a graph
    {"orrery": 1, "edits": [...], "by": "planner", "because": "..."}        a patch

Fields that have their default are left out. Values are plain JSON; what JSON has no form for is a map with
one key that begins with "$" (the table `_READERS`), and a literal key that begins with "$" is written with
one more. Integers beyond ±2^53 are tagged too, because most readers of JSON would round them. Objects that
msgspec can turn into plain data (dates, dataclasses, tuples) become it, as they do in the journal.
`schema` publishes the form as a JSON Schema.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from orrery.errors import ExpressionError, Failure, GraphError, NotSerialisableError, Problem
from orrery.graph.edge import Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.patch import Add, Drop, Edit, Link, Patch, Replace, SetOutputs, Unlink
from orrery.graph.place import Place
from orrery.graph.ref import Ref
from orrery.graph.task import Each, Task
from orrery.graph.template import Template
from orrery.graph.values import MAX_DEPTH, Blob, decode, encode

VERSION = 1
EXACT_INT = 2**53
"""Up to here every reader of JSON keeps an integer exact."""


def to_json(thing: Graph | Patch, *, indent: int | None = None) -> str:
    """The JSON of a graph or a patch, the same text for the same thing.

    Raises:
        NotSerialisableError: a value in it has no form at all, such as text with lone surrogates.
    """
    text = json.dumps(
        to_plain(thing),
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=(",", ":") if indent is None else None,
    )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotSerialisableError(f"a text in it is not valid Unicode ({error}); use bytes instead") from error
    return text


def from_json(data: str | bytes) -> Graph | Patch:
    """The graph or patch that `to_json` wrote. Raises GraphError, with the place of every problem."""
    try:
        plain = json.loads(data, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise GraphError([Problem("json/syntax", place, f"this is not JSON: {error.msg}")]) from error
    except (ValueError, RecursionError) as error:
        raise GraphError([Problem("json/syntax", "document", f"this is not JSON: {error}")]) from error
    return from_plain(plain)


def graph_from_json(data: str | bytes) -> Graph:
    """The graph that `to_json` wrote. Raises GraphError, also if it is a patch."""
    thing = from_json(data)
    if isinstance(thing, Graph):
        return thing
    raise GraphError([Problem("json/kind", "document", "this is a patch; a graph has 'tasks' instead of 'edits'")])


def patch_from_json(data: str | bytes) -> Patch:
    """The patch that `to_json` wrote. Raises GraphError, also if it is a graph."""
    thing = from_json(data)
    if isinstance(thing, Patch):
        return thing
    raise GraphError([Problem("json/kind", "document", "this is a graph; a patch has 'edits' instead of 'tasks'")])


# -- to plain data ----------------------------------------------------------------------------------------


def to_plain(thing: Graph | Patch) -> dict[str, Any]:
    """What `to_json` writes, before it is text."""
    plain: dict[str, Any] = {"orrery": VERSION}
    if isinstance(thing, Graph):
        plain["tasks"] = [_plain_task(task) for task in thing]
        if thing.edges:
            plain["edges"] = [msgspec.to_builtins(edge) for edge in thing.edges.values()]
        if thing.outputs:
            plain["outputs"] = _plain_map(thing.outputs)
    else:
        plain["edits"] = [_plain_edit(edit) for edit in thing.edits]
        plain |= {name: text for name, text in (("by", thing.by), ("because", thing.because)) if text}
    return plain


def plain_value(value: Any, depth: int = 0) -> Any:
    """A value with Ref leaves as plain JSON data, tagged where JSON has no form for it."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -EXACT_INT <= value <= EXACT_INT else {"$int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if depth > MAX_DEPTH:
        raise NotSerialisableError(f"the value is nested more than {MAX_DEPTH} levels deep, or contains itself")
    if kind is dict:
        return {f"${key}" if key[:1] == "$" else key: plain_value(inner, depth + 1) for key, inner in value.items()}
    if kind is list or kind is tuple:
        return [plain_value(inner, depth + 1) for inner in value]
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if kind is Ref:
        return {"$ref": [value.task, *value.path]}
    if kind is Template:
        return {"$template": [part if type(part) is str else plain_value(part) for part in value.parts]}
    if kind is Blob:
        return {"$blob": {"digest": value.digest, "size_bytes": value.size_bytes, "media": value.media}}
    if kind is Failure:
        return {"$failure": msgspec.to_builtins(value)}
    return plain_value(decode(encode(value)), depth + 1)


def _plain_map(values: Mapping[str, Any]) -> dict[str, Any]:
    # The names of arguments and outputs are not inside a value, so they need no escape.
    return {name: plain_value(value) for name, value in values.items()}


def _plain_task(task: Task) -> dict[str, Any]:
    bare = msgspec.structs.replace(task, args={}, each=None, when=None, place=None)
    plain: dict[str, Any] = msgspec.to_builtins(bare)
    if task.args:
        plain["args"] = _plain_map(task.args)
    if task.when is not None:
        plain["when"] = {"source": task.when.source}
        if task.when.names:
            plain["when"]["names"] = _plain_map(task.when.names)
    if task.each is not None:
        plain["each"] = {"over": plain_value(task.each.over)}
        if task.each.accept_errors:
            plain["each"]["accept_errors"] = True
    if task.place is not None:
        plain["place"] = {name: plain_value(value) for name, value in task.place.said().items()}
    return plain


def _plain_edit(edit: Edit) -> dict[str, Any]:
    match edit:
        case Add(task):
            return {"type": "add", "task": _plain_task(task)}
        case Replace(task):
            return {"type": "replace", "task": _plain_task(task)}
        case SetOutputs(outputs):
            return {"type": "outputs", "outputs": _plain_map(outputs)}
        case Drop() | Link() | Unlink():
            plain: dict[str, Any] = msgspec.to_builtins(edit)
            return plain


# -- from plain data --------------------------------------------------------------------------------------


def from_plain(plain: Any) -> Graph | Patch:
    """The graph or patch that `to_plain` turned into plain data. Raises GraphError."""
    if not isinstance(plain, dict) or not isinstance(version := plain.get("orrery"), int):
        raise GraphError([Problem("json/kind", "document", 'a graph is a map that begins with {"orrery": 1, ...}')])
    if version > VERSION:
        raise GraphError(
            [
                Problem(
                    "json/version",
                    "document",
                    f"it is written in form {version}, and this Orrery reads up to {VERSION}; use a newer Orrery",
                )
            ]
        )
    reader = _Reader()
    if "edits" in plain:
        reader.known(plain, ("orrery", "edits", "by", "because"), "document")
        edits = [reader.edit(edit, f"edits[{n}]") for n, edit in enumerate(reader.items(plain, "edits"))]
        by, because = reader.text(plain, "by"), reader.text(plain, "because")
        reader.finish()
        return Patch(tuple(edit for edit in edits if edit is not None), by, because)
    reader.known(plain, ("orrery", "tasks", "edges", "outputs"), "document")
    tasks = [reader.task(task, f"tasks[{n}]") for n, task in enumerate(reader.items(plain, "tasks"))]
    edges = [reader.struct(edge, Edge, f"edges[{n}]") for n, edge in enumerate(reader.items(plain, "edges"))]
    outputs = reader.map(plain.get("outputs", {}), "outputs")
    reader.finish()
    return Graph([task for task in tasks if task is not None], [edge for edge in edges if edge is not None], outputs)


def value_from_plain(plain: Any) -> Any:
    """The value that `plain_value` turned into plain data. Raises GraphError."""
    reader = _Reader()
    value = reader.value(plain, "value")
    reader.finish()
    return value


class _Reader:
    """Reads plain data and collects every problem on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def finish(self) -> None:
        if self.problems:
            raise GraphError(self.problems)

    def wrong(self, place: str, message: str, code: str = "json/form") -> None:
        self.problems.append(Problem(code, place, message))

    def known(self, plain: Mapping[str, Any], names: Iterable[str], place: str) -> None:
        listed = tuple(names)
        for name in plain:
            if name not in listed:
                self.wrong(place, f"there is no field {name!r}; it may have {', '.join(listed)}")

    def items(self, plain: Mapping[str, Any], name: str) -> list[Any]:
        found = plain.get(name, [])
        if isinstance(found, list):
            return found
        self.wrong(name, "this must be a list")
        return []

    def text(self, plain: Mapping[str, Any], name: str) -> str:
        found = plain.get(name, "")
        if isinstance(found, str):
            return found
        self.wrong(name, "this must be text")
        return ""

    def map(self, plain: Any, place: str) -> dict[str, Any]:
        if not isinstance(plain, dict):
            self.wrong(place, "this must be a map")
            return {}
        return {name: self.value(inner, f"{place}.{name}") for name, inner in plain.items()}

    def struct(self, plain: Any, kind: type[Any], place: str) -> Any:
        """A struct without values in it, or None after noting what is wrong."""
        if isinstance(plain, dict):
            self.known(plain, _FIELDS[kind], place)
        try:
            return msgspec.convert(plain, kind)
        except msgspec.ValidationError as error:
            self.wrong(place, str(error))
        except ExpressionError as error:
            self.wrong(place, str(error), "json/condition")
        return None

    def task(self, plain: Any, place: str) -> Task | None:
        if not isinstance(plain, dict):
            self.wrong(place, "this must be a map")
            return None
        bare = {name: inner for name, inner in plain.items() if name not in ("args", "each", "when", "place")}
        task = self.struct(bare, Task, place)
        args = self.map(plain.get("args", {}), f"{place}.args")
        when, each = plain.get("when"), plain.get("each")
        if when is not None and (when := self.struct(when, _When, f"{place}.when")) is not None:
            when = self.condition(when, f"{place}.when")
        if each is not None and (each := self.struct(each, Each, f"{place}.each")) is not None:
            each = msgspec.structs.replace(each, over=self.value(each.over, f"{place}.each.over"))
        place_said = plain.get("place")
        where = None if place_said is None else self.place(place_said, f"{place}.place")
        return None if task is None else msgspec.structs.replace(task, args=args, when=when, each=each, place=where)

    def place(self, plain: Any, place: str) -> Place | None:
        read = self.map(plain, place)
        where: Place | None = self.struct(read, Place, place)
        return where

    def condition(self, when: _When, place: str) -> Any:
        names = self.map(when.names, f"{place}.names")
        for name, value in names.items():
            if type(value) is not Ref:
                self.wrong(f"{place}.names.{name}", "this must be a reference")
        try:
            return Expr(when.source, names)
        except ExpressionError as error:
            self.wrong(place, str(error), "json/condition")
            return None

    def edit(self, plain: Any, place: str) -> Edit | None:
        kind = str(plain.get("type")) if isinstance(plain, dict) else ""
        if kind not in _EDITS:
            self.wrong(f"{place}.type", f"this must be one of {', '.join(_EDITS)}")
            return None
        match kind:
            case "add" | "replace":
                self.known(plain, ("type", "task"), place)
                task = self.task(plain.get("task"), f"{place}.task")
                return None if task is None else (Add(task) if kind == "add" else Replace(task))
            case "outputs":
                self.known(plain, ("type", "outputs"), place)
                return SetOutputs(self.map(plain.get("outputs"), f"{place}.outputs"))
        edit: Edit | None = self.struct(plain, _EDITS[kind], place)
        return edit

    def value(self, plain: Any, place: str) -> Any:
        kind = type(plain)
        if kind is list:
            return [self.value(inner, f"{place}[{n}]") for n, inner in enumerate(plain)]
        if kind is not dict:
            return plain
        for key in plain:
            if key[:1] == "$" and key[:2] != "$$":
                return self.tagged(plain, place)
        return {key.removeprefix("$"): self.value(inner, f"{place}.{key}") for key, inner in plain.items()}

    def tagged(self, plain: Mapping[str, Any], place: str) -> Any:
        (tag, inner), *others = plain.items()
        if others or tag not in _READERS:
            known = ", ".join(_READERS)
            self.wrong(place, f"a map with a key that begins with '$' has just one of {known}; write '$$' for a '$'")
            return None
        try:
            return _READERS[tag](inner)
        except (ValueError, TypeError, KeyError, binascii.Error, msgspec.ValidationError) as error:
            self.wrong(place, f"this is no {tag}: {error}")
            return None


class _When(msgspec.Struct):
    source: str
    names: dict[str, Any] = {}


_EDITS: Mapping[str, type[Any]] = {
    "add": Add,
    "drop": Drop,
    "replace": Replace,
    "link": Link,
    "unlink": Unlink,
    "outputs": SetOutputs,
}


_STRUCTS: tuple[type[msgspec.Struct], ...] = (Task, Edge, Each, Place, _When, *_EDITS.values())
_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    kind: ("type",) * (kind in _EDITS.values()) + kind.__struct_fields__ for kind in _STRUCTS
}


def _read_ref(plain: Any) -> Ref:
    if not isinstance(plain, list) or not plain or not all(type(step) in (str, int) for step in plain):
        raise ValueError("it is the list of a task's id and the keys and positions that lead into its result")
    task, *path = plain
    if type(task) is not str:
        raise ValueError(f"it begins with a task's id, not {task!r}")
    return Ref(task, tuple(path))


def _read_template(plain: Any) -> Template:
    if not isinstance(plain, list):
        raise TypeError("it is a list of texts and references")
    return Template(part if isinstance(part, str) else _read_ref(part["$ref"]) for part in plain)


def _read_float(plain: Any) -> float:
    if plain not in ("nan", "inf", "-inf"):
        raise ValueError("it is 'nan', 'inf' or '-inf'")
    return float(plain)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "$ref": _read_ref,
    "$template": _read_template,
    "$bytes": lambda plain: base64.b64decode(plain, validate=True),
    "$int": lambda plain: int(plain, 16),
    "$float": _read_float,
    "$blob": lambda plain: Blob(plain["digest"], plain["size_bytes"], plain["media"]),
    "$failure": lambda plain: msgspec.convert(plain, Failure),
}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON; write {{\"$float\": \"nan\"}} ('inf', '-inf')")
