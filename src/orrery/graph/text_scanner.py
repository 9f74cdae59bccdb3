"""The scanner of the text form, and the rules for names, references and values."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, cast

import msgspec

from orrery.errors import ExpressionError, Failure, suggestion
from orrery.graph.expr import Expr
from orrery.graph.ref import PSEUDO_SOURCES, Path, Ref
from orrery.graph.template import Template
from orrery.graph.values import MAX_DEPTH, Blob

WORD = re.compile(r"[^\W\d]\w*")
NAME = re.compile(r"[^\W\d]\w*(?:[/-]\w+)*")
OP = re.compile(r"\w+(?:[.:/-]\w+)*")
KEYWORDS = frozenset({"null", "true", "false", "inf", "nan", "return", "t"})
"""Words that are no names unless they stand between backquotes."""

_SPACE = re.compile(r"(?:[ \t\r]|#[^\n]*)*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_BACKQUOTED = re.compile(r"`(?:[^`\\\n]|\\.)*`")
_NUMBER = re.compile(r"-?(?:inf\b|0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")
_INTEGER = re.compile(r"-?\d+")
_PSEUDO = re.compile(r"@\w+")
_HOLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WORDS: dict[str | None, Any] = {"null": None, "true": True, "false": False, "nan": float("nan")}
_SWAP = str.maketrans('"`', '`"')


class Wrong(Exception):
    """One statement cannot be read; the next one still can."""

    def __init__(self, code: str, at: int, message: str) -> None:
        super().__init__(message)
        self.code, self.at, self.message = code, at, message


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_CALLS: dict[str | None, Callable[..., Any]] = {
    "template": lambda *parts: Template(parts),
    "bytes": _bytes,
    "blob": Blob,
    "failure": lambda fields: msgspec.convert(fields, Failure),
}


class Scanner:
    """Reads one text from left to right; every method takes what it names, or raises Wrong."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self.at = 0
        self.depth = 0  # of brackets: inside them lines do not count

    def place(self, at: int) -> str:
        """Where a position is, for messages."""
        line, column = self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)
        return f"{self.source}:{line}:{column}" if self.source else f"line {line}, column {column}"

    def space(self) -> None:
        """Skip spaces, and lines where they do not count."""
        match = (_SPACE_AND_LINES if self.depth else _SPACE).match(self.text, self.at)
        assert match is not None  # both match nothing
        self.at = match.end()

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """The text that a pattern matches here, if it does."""
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def sees(self, mark: str) -> bool:
        """Whether a mark stands here."""
        self.space()
        return self.text.startswith(mark, self.at)

    def takes(self, mark: str) -> bool:
        """Take a mark or a word, if it stands here."""
        if not self.sees(mark):
            return False
        if mark.isalpha():  # a word, not the beginning of a longer one
            word = NAME.match(self.text, self.at)
            if word is None or word[0] != mark:
                return False
        self.at += len(mark)
        return True

    def must(self, mark: str, where: str) -> None:
        """Take a mark that has to stand here."""
        if not self.takes(mark):
            self.wrong(f"here must be {mark!r} {where}")

    def wrong(self, message: str, *, at: int | None = None, code: str = "syntax") -> NoReturn:
        """Give this statement up."""
        place = self.at if at is None else at
        found = self.text[place : place + 12].split("\n")[0]
        shown = f", not {found!r}" if code == "syntax" and found else ""
        raise Wrong(code, place, message + (shown or (", but the line ends" if code == "syntax" else "")))

    def items(self, close: str, item: Callable[[], None]) -> None:
        """Items with commas between them, up to a closing bracket; the opening one was taken."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.wrong(f"brackets are nested more than {MAX_DEPTH} levels deep", code="depth")
        while not self.sees(close):
            item()
            if not self.sees(close):
                self.must(",", f"or {close!r}")
        self.depth -= 1
        self.at += len(close)

    def argument(self, values: dict[str, Any]) -> None:
        """One named value, or a reference that names itself."""
        self.space()
        begin = self.at
        name: str | None = None
        if not self.text.startswith("@", begin):
            name = self.name("an argument")
            if not self.takes("="):
                self.at, name = begin, None
        value = self.value() if name is not None else self.ref()
        if name is None:
            last = value.path[-1] if value.path else value.task
            if not isinstance(last, str) or last in PSEUDO_SOURCES:
                self.wrong("this argument has no name; write name=...", at=begin, code="unnamed")
            name = last
        if name in values:
            self.wrong(f"{name!r} is given twice", at=begin, code="duplicate")
        values[name] = value

    # -- names and values -----------------------------------------------------------------------------

    def name(self, what: str) -> str:
        """A name, bare or between backquotes."""
        self.space()
        begin = self.at
        name = self.backquoted()
        if name is not None:
            return name
        name = self.take(NAME)
        if name is None:
            self.wrong(f"here must be {what}")
        if name in KEYWORDS:
            self.wrong(f"{name!r} means something else here; as a name, write `{name}`", at=begin, code="keyword")
        return name

    def backquoted(self) -> str | None:
        """What stands between backquotes, if they stand here."""
        token = self.take(_BACKQUOTED)
        return None if token is None else self._unescaped(token.translate(_SWAP)).translate(_SWAP)

    def string(self) -> str:
        """A text between quotes."""
        self.space()
        token = self.take(_STRING)
        if token is None:
            self.wrong("here must be a text between quotes")
        return self._unescaped(token)

    def _unescaped(self, token: str) -> str:
        try:
            return str(json.loads(token, strict=False))
        except ValueError as error:
            self.wrong(f"an escape in this text is not one of JSON's: {error}", at=self.at - len(token), code="escape")

    def ref(self) -> Ref:
        """A reference with its path."""
        self.space()
        begin = self.at
        task = self.take(_PSEUDO)
        if task is not None and task not in PSEUDO_SOURCES:
            self.wrong(f"there is no {task!r}; {suggestion(task, PSEUDO_SOURCES)}", at=begin, code="unknown")
        if task is None:
            task = self.name("a reference")
        path: list[str | int] = []
        while True:  # a path follows without a space
            if self.text.startswith(".", self.at):
                self.at += 1
                word = self.take(WORD)
                if word is None:
                    self.wrong('here must be a key; one that is no word is written ["..."]')
                path.append(word)
            elif self.text.startswith("[", self.at):
                self.at += 1
                index = self.take(_INTEGER)
                path.append(int(index) if index is not None else self.string())
                self.must("]", "after a key or a position")
            else:
                return Ref(task, cast("Path", tuple(path)))

    def value(self) -> Any:
        """Any value, references included."""
        self.space()
        begin, mark = self.at, self.text[self.at : self.at + 1]
        if mark == '"':
            return self.string()
        if mark == "[":
            self.at += 1
            items: list[Any] = []
            self.items("]", lambda: items.append(self.value()))
            return items
        if mark == "{":
            self.at += 1
            pairs: dict[str, Any] = {}
            self.items("}", lambda: self._pair(pairs))
            return pairs
        if self.text.startswith('t"', begin):
            self.at += 1
            return self._template()
        number = self.take(_NUMBER)
        if number is not None:
            return self._number_of(number, begin)
        word = self.take(NAME)
        if word in _WORDS:
            return _WORDS[word]
        if word in _CALLS and self.text.startswith("(", self.at):
            self.at += 1
            parts: list[Any] = []
            self.items(")", lambda: parts.append(self.value()))
            try:
                return _CALLS[word](*parts)
            except (TypeError, ValueError, binascii.Error, msgspec.ValidationError) as error:
                self.wrong(f"this is no {word}: {error}", at=begin, code="value")
        self.at = begin
        return self.ref()

    def _number_of(self, token: str, begin: int) -> int | float:
        try:
            if "x" in token:
                return int(token, 16)
            return float(token) if set(token) & set(".efE") else int(token)
        except ValueError as error:
            self.wrong(f"this number cannot be read: {error}", at=begin, code="value")

    def _pair(self, pairs: dict[str, Any]) -> None:
        self.space()
        begin = self.at
        key = self.take(WORD)
        if key is None:
            key = self.string()
        if key in pairs:
            self.wrong(f"the key {key!r} is given twice", at=begin, code="duplicate")
        self.must(":", "after a key")
        pairs[key] = self.value()

    def _template(self) -> Template:
        begin = self.at
        token = self.take(_STRING)
        if token is None:
            self.wrong("this text does not end on its line", at=begin)
        parts: list[str | Ref] = []
        literal, done = "", 1
        for hole in _HOLE.finditer(token, 1, len(token) - 1):
            literal += token[done : hole.start()]
            done = hole.end()
            if hole[0] in ("{{", "}}"):
                literal += hole[0][0]
                continue
            if hole[1] is None:
                self.wrong("a brace in a template is written twice", at=begin + hole.start(), code="template")
            if literal:
                parts.append(self._unescaped(f'"{literal}"'))
            literal = ""
            parts.append(self._hole(begin + hole.start() + 1, begin + hole.end() - 1))
        literal += token[done:-1]
        if literal or not parts:
            parts.append(self._unescaped(f'"{literal}"'))
        return Template(parts)

    def _hole(self, begin: int, end: int) -> Ref:
        after, self.at = self.at, begin
        ref = self.ref()
        self.space()
        if self.at != end:
            self.wrong("here must be one reference and nothing else", code="template")
        self.at = after
        return ref

    def _any_number(self) -> int | float:
        self.space()
        begin = self.at
        token = self.take(_NUMBER)
        if token is None:
            self.wrong("here must be a number")
        return self._number_of(token, begin)

    def number(self) -> float:
        """A number."""
        begin = self.at
        try:
            return float(self._any_number())
        except OverflowError:
            self.wrong("this number is too large", at=begin, code="value")

    def whole(self) -> int:
        """A whole number."""
        self.space()
        begin = self.at
        number = self._any_number()
        if not isinstance(number, int):
            self.wrong("here must be a whole number", at=begin, code="value")
        return number

    def seconds(self) -> float:
        """A time with its unit, in seconds."""
        number = self.number()
        unit = self.take(WORD)
        if unit not in _UNITS:
            self.wrong(f"after a time comes its unit, one of {', '.join(_UNITS)}", code="unit")
        return number * _UNITS[unit]

    def strings(self) -> tuple[str, ...]:
        """One text or more."""
        found = [self.string()]
        while self.sees('"'):
            found.append(self.string())
        return tuple(found)

    def condition(self) -> Expr:
        """An expression between quotes, and what its names refer to."""
        self.space()
        begin = self.at
        source = self.string()
        names: dict[str, Any] = {}
        if self.takes("("):
            self.items(")", lambda: self.argument(names))
        for name, value in names.items():
            if type(value) is not Ref:
                self.wrong(f"{name!r} must be a reference", at=begin, code="condition")
        try:
            return Expr(source, names)
        except ExpressionError as error:
            self.wrong(str(error), at=begin, code="condition")

    def take_word(self) -> str | None:
        """The next word, if there is one."""
        self.space()
        return self.take(WORD)
