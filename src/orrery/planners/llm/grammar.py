"""The lines of a plan: what a model writes, what it means, and how it is written back.

    1. files.glob(pattern="src/**/*.py")
    2. text.count(path=$item.path, what="lines") each $1
    3. mail.send(text="There are " + $2[0].lines + " lines") if $2[0].lines > 3 and "x" != "y"
    answer: $2

A reference is a bare `$N`, never part of a text between quotes: there, a dollar sign is a dollar sign. The whole
grammar:

    line      = step | end                                      anything else is prose, and skipped
    step      = number "." tool "(" [argument {"," argument}] ")" {clause}
    argument  = [name ("=" | ":") ] value                       without a name: by the order of the tool's arguments
    clause    = "each" value | "on" value | "after" reference {"," reference} | "if" condition     `if` is the last
    end       = "answer:" value | [number "."] "join()" | "<END_OF_PLAN>"
    value     = part {"+" part}                                 parts, of which one is a text, make a text
    part      = text | number | "true" | "false" | "null" | reference | "[" values "]" | "{" key ":" value ... "}"
    reference = "$" (number | "item" | "index") {"." word | "[" (integer | text) "]"}      also "${" number "}"

`read` and `writing.write` are each other's inverse. The form is that of LLMCompiler (Kim et al., 2024)
with named arguments, paths, clauses and typed references added; its own plans are read too, except that "$1" between
quotes, which is a reference there, is a text here unless `quoted_references` is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, cast

from orrery.errors import ExpressionError, Problem
from orrery.graph import INDEX, ITEM, Expr, Ref, Template
from orrery.graph.expr import FUNCTIONS
from orrery.graph.ref import Path
from orrery.graph.task import refs_in

MAX_NESTING = 50
"""How deep the brackets of a value may be nested."""

_STEP = re.compile(r"\s*(?:[-*>]\s+)?(\d{1,9})\s*[.):]\s*([^\W\d][\w-]*(?:\.[^\W\d][\w-]*)*)\(")
_END = re.compile(
    r"\s*(?:[-*>]\s+)?(?:\d{1,9}\s*[.):]\s*)?(?:join\(.*\)\s*(?:<END_OF_PLAN>)?|<END_OF_PLAN>)\s*(?:#.*)?",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\s*(?:\d{1,9}\s*[.):]\s*)?\**answer\**\s*:\**\s*", re.IGNORECASE)
_SPACE = re.compile(r"\s*")
WORD = re.compile(r"[^\W\d]\w*")
_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'(?:[^'\\\n]|\\.)*'")
_REF = re.compile(r"\$(?:(\d{1,9})|\{(\d{1,9})\}|(item|index)\b)")
_KEY = re.compile(r"\.([^\W\d]\w*)|\.(\d+)|\[\s*(-?\d+)\s*\]")
_ALL_REF = re.compile(r"\$(?:\d{1,9}|\{\d{1,9}\}|item|index)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}
_PSEUDO = {"item": ITEM, "index": INDEX}
SHOWN = {ITEM: "$item", INDEX: "$index"}


class Argument(NamedTuple):
    """One argument of a call; `name` is None where only its position says which it is."""

    name: str | None
    value: Any


@dataclass(frozen=True)
class Step:
    """One line of a plan: a tool to be called, as it was written.

    Args:
        number: its name; `$3` is the result of step 3, which `Ref("3")` stands for.
        tool: as the model called it, which need not be a tool that exists.
        args: values with Ref and Template leaves.
        each: call it once for every item of this value; None calls it once. `Ref(ITEM)` is the item.
        after: steps that it waits for besides those that it refers to.
        when: the condition under which it is done; None always.
        on: the device that does it: a name, a list of names, "any", or a reference; None does it on this machine.
    """

    number: int
    tool: str
    args: tuple[Argument, ...] = ()
    each: Any = None
    after: tuple[int, ...] = ()
    when: Expr | None = None
    on: Any = None

    def needs(self) -> dict[int, None]:
        """The steps that it waits for, each once, in reading order."""
        held = [
            *(argument.value for argument in self.args),
            self.each,
            self.on,
            *(self.when.names.values() if self.when else ()),
        ]
        numbers = [int(ref.task) for value in held for ref in refs_in(value) if ref.task not in SHOWN]
        return dict.fromkeys((*numbers, *self.after))


@dataclass(frozen=True)
class End:
    """The end of a plan.

    Args:
        answers: whether the plan says itself what the answer is; else somebody must look at the results.
        answer: what it is then, with Ref and Template leaves.
    """

    answers: bool = False
    answer: Any = None


@dataclass(frozen=True)
class Fault:
    """A line that was meant as part of the plan and cannot be read.

    Args:
        number: that of the step, where it could be read.
        line: the beginning of what was written.
    """

    number: int | None
    line: str
    problem: Problem


Statement = Step | End | Fault


class _Unreadable(Exception):
    """The line cannot be read; the message says what is wrong and where."""


def begins_statement(line: str) -> bool:
    """Whether a line looks as if it were meant as part of a plan."""
    return bool(_STEP.match(line) or _END.fullmatch(line) or _ANSWER.match(line))


def step_number(line: str) -> int | None:
    """The number of the step that a line begins; None if it begins none."""
    step = _STEP.match(line)
    return int(step[1]) if step is not None else None


def interrupts(line: str) -> bool:
    """Whether a line cannot be the continuation of the one before, whatever brackets are open there."""
    return bool(_STEP.match(line) or _END.fullmatch(line)) or line.lstrip().startswith("```")


def read(line: str, *, quoted_references: bool = False) -> Statement | None:
    """What one line says; None if it is prose.

    Args:
        quoted_references: a text that is exactly "$1" and is a whole argument or item of a list counts as a
            reference, as in LLMCompiler's own plans.
    """
    step = _STEP.match(line)
    if _END.fullmatch(line):
        return End()
    answer = _ANSWER.match(line) if step is None else None
    if step is None and answer is None:
        return None
    number = int(step[1]) if step is not None else None
    try:
        if step is None:
            assert answer is not None
            return _read_answer(line, answer.end())
        return _read_step(step, line, quoted_references)
    except _Unreadable as error:
        place = f"line {number}" if number is not None else "the answer"
        return Fault(number, line.strip()[:200], Problem("plan/syntax", place, str(error)))


def _read_step(begin: re.Match[str], line: str, quoted_references: bool) -> Step:
    reader = _Reader(line, begin.end(), quoted_references)
    args: list[Argument] = []
    reader.items(")", lambda: args.append(reader.argument([a.name for a in args])))
    each: Any = None
    after: list[int] = []
    when: Expr | None = None
    on: Any = None
    while (clause := reader.word("each", "for each", "on", "after", "if", "when")) is not None:
        if clause in ("each", "for each"):
            each = reader.value()
        elif clause == "on":
            on = reader.value()
        elif clause == "after":
            after.append(reader.step_number())
            while reader.takes(","):
                after.append(reader.step_number())
        else:
            when = reader.condition()
    reader.end("after a call come only each, on, after and if")
    step = Step(int(begin[1]), begin[2], tuple(args), each, tuple(after), when, on)
    if each is None and any(ref.task in SHOWN for value in (*(a.value for a in args), on) for ref in refs_in(value)):
        raise _Unreadable("$item and $index mean something only with 'each', such as: ... each $1")
    return step


def _read_answer(line: str, at: int) -> End:
    reader = _Reader(line, at, quoted_references=False)
    try:
        value = reader.value()
        reader.end("after the answer the line must end")
    except _Unreadable:
        text = line[at:].strip()
        # A sentence is an answer as well, if it can be nothing else.
        if not text or text[0] in "\"'[{$" or _ALL_REF.search(text):
            raise
        return End(answers=True, answer=text)
    if any(ref.task in SHOWN for ref in refs_in(value)):
        raise _Unreadable("$item and $index mean nothing in an answer")
    return End(answers=True, answer=value)


@dataclass
class _Reader:
    """Reads one line from left to right."""

    line: str
    at: int
    quoted_references: bool
    depth: int = 0

    def wrong(self, expected: str) -> NoReturn:
        found = self.line[self.at : self.at + 20]
        raise _Unreadable(f"{expected}; in column {self.at + 1} stands {found!r}" if found else f"{expected}; it ends")

    def space(self) -> None:
        match = _SPACE.match(self.line, self.at)
        assert match is not None  # it matches nothing, too
        self.at = match.end()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.line, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def takes(self, mark: str) -> bool:
        self.space()
        if not self.line.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def word(self, *words: str) -> str | None:
        """Take one of some words, if one stands here."""
        self.space()
        for word in sorted(words, key=len, reverse=True):
            if (
                self.line.startswith(word, self.at)
                and not self.line[self.at + len(word) : self.at + len(word) + 1].isalnum()
            ):
                self.at += len(word)
                return word
        return None

    def end(self, otherwise: str) -> None:
        self.space()
        rest = self.line[self.at :]
        if rest and not rest.startswith(("#", "<END_OF_PLAN>")):
            self.wrong(otherwise)

    def items(self, close: str, item: Callable[[], None]) -> None:
        """Items with commas between them, up to the closing bracket; the opening one was taken."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise _Unreadable(f"brackets are nested more than {MAX_NESTING} levels deep")
        while not self.takes(close):
            item()
            if self.takes(close):
                break
            if not self.takes(","):
                self.wrong(f"here must be a comma or {close!r}")
        self.depth -= 1

    def argument(self, before: list[str | None]) -> Argument:
        self.space()
        begin = self.at
        name = self.take(WORD)
        if name is not None and (self.takes("=") or self.takes(":")):
            if name[0] in before:
                raise _Unreadable(f"the argument {name[0]!r} is given twice")
            return Argument(name[0], self.whole())
        self.at = begin
        if before and before[-1] is not None:
            self.wrong("an argument without a name cannot follow one with a name")
        return Argument(None, self.whole())

    def whole(self) -> Any:
        """A value that is a whole argument or item, where a quoted reference may count as one."""
        value = self.value()
        if self.quoted_references and type(value) is str and _ALL_REF.match(value):
            reader = _Reader(value, 0, quoted_references=False)
            try:
                ref = reader.reference()
            except _Unreadable:
                return value
            return ref if reader.at == len(value) else value
        return value

    def value(self) -> Any:
        parts = [self.part()]
        begin = self.at
        while self.takes("+"):
            parts.append(self.part())
        if len(parts) == 1:
            return parts[0]
        if not any(type(part) is str for part in parts):
            self.at = begin
            self.wrong('"+" joins texts, and none of these is one; use a step that computes')
        flat = [part if type(part) in (str, Ref) else _as_text(part) for part in parts]
        return Template(_merged(flat)) if any(type(part) is Ref for part in flat) else "".join(flat)

    def part(self) -> Any:
        self.space()
        mark = self.line[self.at : self.at + 1]
        if mark in ('"', "'") and mark:
            return self.text()
        if mark == "$":
            return self.reference()
        if mark == "[":
            self.at += 1
            listed: list[Any] = []
            self.items("]", lambda: listed.append(self.whole()))
            return listed
        if mark == "{":
            self.at += 1
            pairs: dict[str, Any] = {}
            self.items("}", lambda: self.pair(pairs))
            return pairs
        number = self.take(_NUMBER)
        if number is not None:
            return _number(number[0])
        begin = self.at
        word = self.take(WORD)
        if word is None or word[0].lower() not in _CONSTANTS:
            self.at = begin
            self.wrong("here must be a value: a text between quotes, a number, a reference such as $1, a list or a map")
        return _CONSTANTS[word[0].lower()]

    def text(self) -> str:
        token = self.take(TEXT)
        if token is None:
            self.wrong(r"this text does not end on its line; write \n for a new line, and \" for a quote in it")
        return _unescaped(token[0][1:-1])

    def pair(self, pairs: dict[str, Any]) -> None:
        self.space()
        word = self.take(WORD)
        key = word[0] if word is not None else self.text() if self.line[self.at : self.at + 1] in ('"', "'") else None
        if key is None:
            self.wrong("here must be a key")
        if key in pairs:
            raise _Unreadable(f"the key {key!r} is given twice")
        if not self.takes(":") and not self.takes("="):
            self.wrong(f"after the key {key!r} must be ':'")
        pairs[key] = self.value()

    def reference(self) -> Ref:
        token = self.take(_REF)
        if token is None:
            self.wrong("a reference is $ and the number of a step, such as $1 or $1.rows[0]")
        task = _PSEUDO[token[3]] if token[3] else str(int(token[1] or token[2]))
        path: list[str | int] = []
        while True:
            if (key := self.take(_KEY)) is not None:
                path.append(key[1] if key[1] is not None else int(key[2] or key[3]))
            elif self.line.startswith(('["', "['"), self.at):
                self.at += 1
                path.append(self.text())
                if not self.takes("]"):
                    self.wrong("after a key must be ']'")
            else:
                break
        following = self.line[self.at : self.at + 1]
        if following.isalnum() or (following in ("_", "[", "$") and following):
            self.wrong("this reference goes on in a way that is not one")
        return Ref(task, cast("Path", tuple(path)))

    def step_number(self) -> int:
        self.space()
        ref = self.reference()
        if ref.path or ref.task in SHOWN:
            self.wrong("after 'after' come whole steps, such as $1")
        return int(ref.task)

    def condition(self) -> Expr:
        """The rest of the line as a condition, its references taken out and named."""
        source = ""
        names: dict[Ref, str] = {}
        while self.at < len(self.line):
            mark = self.line[self.at]
            if mark in "\"'":
                source += json.dumps(self.text(), ensure_ascii=False)
            elif mark == "$":
                source += names.setdefault(self.reference(), f"_{len(names) + 1}")
            elif mark == "#":
                break
            elif mark == "_" and not (source[-1:].isalnum() or source[-1:] in ("_", ".")):
                self.wrong("no name begins with an underscore here")  # those names are taken by the references
            else:
                source += mark
                self.at += 1
        source = source.strip().removesuffix("<END_OF_PLAN>").strip()
        try:
            condition = Expr(source, {name: ref for ref, name in names.items()})
        except ExpressionError as error:
            raise _Unreadable(str(error)) from error
        if unknown := [name for name in condition.free_names() if name not in condition.names]:
            raise _Unreadable(
                f"the condition speaks of {unknown[0]!r}, which is nothing; a result is $ and a number, a text stands "
                f"between quotes, and the functions are {', '.join(FUNCTIONS)}"
            )
        self.at = len(self.line)
        return condition


def _merged(parts: list[Any]) -> Iterator[str | Ref]:
    """Texts that follow each other as one, so that every template is written in one way only."""
    text = ""
    for part in parts:
        if type(part) is Ref:
            if text:
                yield text
            yield part
            text = ""
        else:
            text += part
    if text:
        yield text


def _as_text(value: Any) -> str:
    if any(True for _ in refs_in(value)):
        raise _Unreadable('"+" joins texts and references; a list or map with a reference in it is neither')
    return json.dumps(value, ensure_ascii=False)


def _number(token: str) -> int | float:
    try:
        number = float(token) if set(token) & set(".eE") else int(token)
    except ValueError as error:  # Python reads only so many digits
        raise _Unreadable(f"this number cannot be read: {error}") from error
    if number in (float("inf"), float("-inf")):
        raise _Unreadable(f"the number {token} is too large")
    return number


def _unescaped(inner: str) -> str:
    if "\\" not in inner:
        return inner

    def one(escape: re.Match[str]) -> str:
        code = escape[1]
        if code[0] in "ux" and len(code) > 1:
            return chr(int(code[1:], 16))
        return _ESCAPES.get(code, code)

    text = _ESCAPE.sub(one, inner)
    # JSON writes what lies beyond U+FFFF as two surrogates; one alone is no character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
