"""A YAML document as a tree of nodes that know their line and column.

YAML is read as its 1.2 core schema says (`yes`, `on` and `12:30` are text), and as data only: no tags but the
core ones, no merge keys, no duplicate keys. The tree is built from the parser's events without recursion,
and what anchors would expand to is counted before anything is expanded, so that neither deep nesting nor a
"billion laughs" costs more than reading the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from orrery.errors import MissingExtraError, Problem, WorkflowFileError

MAX_FILE_BYTES = 10_000_000
MAX_NODES = 1_000_000
MAX_DEPTH = 100

_CORE_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


class Scalar(msgspec.Struct, frozen=True):
    """A single value. `text` is as written, `value` as the core schema reads it; counted from 1."""

    text: str
    value: Any
    line: int
    column: int


class Sequence(msgspec.Struct):
    """A list of nodes."""

    items: list[Node]
    line: int
    column: int


class Mapping(msgspec.Struct):
    """A map: each key's text to the node of the key and the node of its value."""

    entries: dict[str, tuple[Scalar, Node]]
    line: int
    column: int


Node = Scalar | Sequence | Mapping


class Report:
    """Collects the problems of one file, each with its place."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []

    def add(self, code: str, node: Node | None, message: str) -> None:
        """Note what is wrong at a node (None: with the file as a whole)."""
        place = self.shown if node is None else f"{self.shown}:{node.line}:{node.column}"
        self.problems.append(Problem(f"workflow/{code}", place, message))

    def error(self) -> WorkflowFileError:
        """The error that has every problem, in the order of the file's lines."""
        return WorkflowFileError(sorted(dict.fromkeys(self.problems), key=_position))

    def refuse(self, code: str, line: int, column: int, message: str) -> WorkflowFileError:
        """The error for what makes the rest of the file unreadable."""
        self.add(code, Scalar("", None, line, column), message)
        return self.error()


def _position(problem: Problem) -> tuple[int, int]:
    found = re.search(r":(\d+):(\d+)$", problem.place)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def read_document(data: bytes, report: Report) -> Node:
    """The tree of a YAML document. Raises WorkflowFileError, MissingExtraError."""
    if len(data) > MAX_FILE_BYTES:
        raise report.refuse("too-large", 1, 1, f"a workflow file has at most {MAX_FILE_BYTES:,} bytes")
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("cli", needed_for="reading workflow files") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise report.refuse("encoding", line, column, f"it is not UTF-8: {error.reason}; save it as UTF-8") from error
    tree = _Tree(report)
    try:
        # The C parser is some ten times as fast; both give the same events.
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            tree.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise report.refuse("syntax", line, column, f"the YAML cannot be read: {what}") from error
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise report.refuse("syntax", 1, 1, f"the YAML cannot be read: {reason}") from error
    if tree.root is None:
        raise report.refuse("empty", 1, 1, "the file is empty; a workflow has at least the key 'tasks'")
    return tree.root


class _Tree:
    """Builds the tree from the parser's events; the open collections are an explicit stack."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.root: Node | None = None
        self.anchors: dict[str, Node] = {}
        self.open: list[Sequence | Mapping] = []
        self.keys: list[Scalar | None] = []  # of each open mapping: the key that waits for its value
        self.measures: dict[int, tuple[int, int]] = {}  # of closed collections: nodes with aliases written out, levels
        self._takers: dict[str, Callable[[Any], None]] = {
            "ScalarEvent": self._scalar,
            "SequenceStartEvent": lambda event: self._begin(event, Sequence([], *_mark(event))),
            "MappingStartEvent": lambda event: self._begin(event, Mapping({}, *_mark(event))),
            "SequenceEndEvent": self._end,
            "MappingEndEvent": self._end,
            "AliasEvent": self._alias,
        }

    def take(self, event: Any) -> None:
        taker = self._takers.get(type(event).__name__)
        if taker is not None:
            taker(event)

    def _scalar(self, event: Any) -> None:
        line, column = _mark(event)
        node = Scalar(event.value, self._value(event), line, column)
        self._anchor(event, node)
        self._place(node)

    def _value(self, event: Any) -> Any:
        tag: str | None = event.tag
        self._check_tag(event)
        if tag is None and event.implicit[0]:
            return _plain(event.value)
        kind = (tag or "").rpartition(":")[2]
        if kind in ("int", "float", "bool", "null"):
            value = _plain(event.value)
            if type(value) not in {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}[kind]:
                self.report.add("tag", Scalar("", None, *_mark(event)), f"{event.value!r:.40} is no {kind}")
                return None
            return float(value) if kind == "float" else value
        return event.value

    def _check_tag(self, event: Any) -> None:
        if event.tag not in (None, "!") and event.tag not in _CORE_TAGS:
            raise self.report.refuse(
                "tag", *_mark(event), f"the tag {event.tag!r} is not read here: a workflow file is data only"
            )

    def _begin(self, event: Any, node: Sequence | Mapping) -> None:
        self._check_tag(event)
        if len(self.open) >= MAX_DEPTH:
            raise self.report.refuse("too-deep", node.line, node.column, f"it is nested more than {MAX_DEPTH} levels")
        self._anchor(event, node)
        self._place(node)
        self.open.append(node)
        self.keys.append(None)

    def _end(self, _event: Any) -> None:
        node = self.open.pop()
        self.keys.pop()
        inner = node.items if isinstance(node, Sequence) else [value for _key, value in node.entries.values()]
        measures = [self.measures.get(id(part), (1, 0)) for part in inner]
        nodes = 1 + sum(size for size, _levels in measures)
        levels = 1 + max((levels for _size, levels in measures), default=0)
        if nodes > MAX_NODES:
            why = f"with its aliases written out it holds more than {MAX_NODES:,} values"
            raise self.report.refuse("too-many-nodes", node.line, node.column, why)
        if levels > MAX_DEPTH:
            raise self.report.refuse("too-deep", node.line, node.column, f"it is nested more than {MAX_DEPTH} levels")
        self.measures[id(node)] = nodes, levels

    def _anchor(self, event: Any, node: Node) -> None:
        if event.anchor is not None:
            self.anchors[event.anchor] = node

    def _alias(self, event: Any) -> None:
        node = self.anchors.get(event.anchor)
        line, column = _mark(event)
        if node is None:
            raise self.report.refuse("alias", line, column, f"no anchor &{event.anchor} comes before this alias")
        if any(node is outer for outer in self.open):
            raise self.report.refuse("alias", line, column, f"&{event.anchor} would contain itself")
        self._place(node)

    def _place(self, node: Node) -> None:
        if not self.open:
            if self.root is not None:
                raise self.report.refuse("documents", node.line, node.column, "a second document begins here; keep one")
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self.keys[-1]
        if key is not None:
            self.keys[-1] = None
            if key.text in parent.entries:
                first = parent.entries[key.text][0]
                self.report.add("duplicate-key", key, f"{key.text!r} stands here twice (first in line {first.line})")
            elif key.text == "<<":
                self.report.add("merge-key", key, "merge keys are not part of YAML 1.2; write the keys out")
            else:
                parent.entries[key.text] = (key, node)
        elif isinstance(node, Scalar):
            self.keys[-1] = node
        else:
            raise self.report.refuse("key", node.line, node.column, "a key must be a single text")


def _mark(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _plain(text: str) -> Any:
    """What an unquoted scalar means in YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        if len(text) > 4_000:  # Python refuses longer ones, to keep the conversion from taking for ever
            return text
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def plain(node: Node) -> Any:
    """The node as plain data."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, (_key, value) in node.entries.items()}


def describe(node: Node) -> str:
    """What a node is, in the words of a message."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a map"
    return "nothing" if node.value is None else f"{node.text!r:.60}"
