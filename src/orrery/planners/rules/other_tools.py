"""Tools beyond the grammar: a user's own, found by the verb and filled from their schemas."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from orrery.errors import Problem
from orrery.graph import Ref
from orrery.planners.rules.build import Toolbox, Value
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.frame import problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import FILLERS, NO_TOOL, VERBS
from orrery.tools.tool import Tool
from orrery.tools.toolset import BUILT_IN

if TYPE_CHECKING:
    from orrery.planners.rules.deeds import Deeds

_PREPOSITIONS: dict[str, tuple[str, ...]] = {
    "to": (
        "to",
        "target",
        "language",
        "recipient",
        "receiver",
        "destination",
        "city",
        "unit",
        "into",
        "channel",
        "address",
    ),
    "into": ("to", "target", "language", "into", "unit", "format"),
    "in": ("language", "unit", "city", "place", "location", "into", "format", "currency", "where", "folder"),
    "from": ("source", "origin", "from", "sender", "unit", "start", "language"),
    "for": ("city", "place", "location", "recipient", "name", "subject", "topic", "days", "who", "for"),
    "of": ("city", "place", "name", "subject", "topic", "text", "of"),
    "with": ("subject", "body", "with", "title", "message", "text"),
    "by": ("amount", "by", "factor", "author"),
    "as": ("format", "name", "role", "style", "as"),
    "about": ("topic", "subject", "query", "about"),
    "at": ("time", "place", "location", "at", "city"),
    "on": ("date", "topic", "day", "on", "channel"),
}
_TEXTS = ("text", "content", "body", "message", "document", "input", "source", "data", "string", "prompt")


class OtherTools:
    """The tools that the grammar itself does not use.

    Args:
        toolbox: the tools that may be used.
    """

    def __init__(self, toolbox: Toolbox) -> None:
        self.toolbox = toolbox
        built_in = {f"{group}.{name}" for group, names in BUILT_IN.items() for name in names}
        ours = built_in | _of_this_package()
        self.names = [name for name in toolbox.names() if name not in ours]
        self.by_word: dict[str, list[str]] = {}
        for name in self.names:
            for word in dict.fromkeys(_words(name)):
                self.by_word.setdefault(word, []).append(name)

    def verbs(self) -> frozenset[str]:
        """The words that begin a clause because a tool is called so."""
        first = {_words(name.rpartition(".")[2])[0] for name in self.names}
        return frozenset(word for word in first if word not in VERBS and len(word) > 2)

    def named(self, word: str) -> bool:
        """Whether a tool's own name begins with this word."""
        return any(_words(name.rpartition(".")[2])[0] == word for name in self.by_word.get(word, []))

    def grammar_only(self, clause: Clause) -> bool:
        """Whether a verb that the grammar knows too is meant as it knows it: no other word points to a tool."""
        if not clause.intent:
            return False
        verb = clause.verb[0].text.lower()
        said = {token.word for token in clause.words}
        for name in self.by_word.get(verb, []):
            rest = set(_words(name.rpartition(".")[2])[1:])
            if rest and rest & said:
                return False
            if not rest and _words(name.rpartition(".")[2]) == [verb]:
                return False
        return True

    def call(self, clause: Clause, deeds: Deeds) -> Value | None:
        """The call of the tool that a clause means; None and a problem where there is none, or it is not clear."""
        verb = clause.verb[0]
        tool = self._chosen(clause)
        if isinstance(tool, Problem):
            deeds.b.problems.append(tool)
            return None
        args = _Filling(tool, clause, deeds).filled()
        if args is None or deeds.b.problems:
            return None
        ref = deeds.b.add(
            tool.name.rpartition(".")[2],
            tool.name,
            args,
            fresh=tool.effects.kind != "pure",
            question=f"{verb.text.capitalize()}: call {tool.name}?",
        )
        return Value("text", ref, noun=tool.name)

    def _chosen(self, clause: Clause) -> Tool[..., Any] | Problem:
        verb = clause.verb[0]
        word, said = verb.text.lower(), [t.word for t in clause.words if t.kind == "word"]
        named = [
            name for name in self.by_word.get(word, []) if word in _words(name.rpartition(".")[2])[:1] or name == word
        ]
        if len(named) > 1:
            best = max(len(set(_words(name)) & set(said)) for name in named)
            closer = [name for name in named if len(set(_words(name)) & set(said)) == best]
            if len(closer) > 1:
                return problem("plan/ambiguous", verb, f"{word!r} may mean {' or '.join(map(repr, closer))}; say which")
            named = closer
        if named:
            return self._loaded(named[0], verb)
        return self._retrieved(clause, word, said)

    def _retrieved(self, clause: Clause, word: str, said: Sequence[str]) -> Tool[..., Any] | Problem:
        verb = clause.verb[0]
        tools = [tool for name in self.names if not isinstance(tool := self.toolbox.get(name), Problem)]
        if tools:
            from orrery.tools.select import ToolCard, ToolIndex

            need = " ".join([word, *(w for w in said if w not in FILLERS)])
            harmless = {tool.name: tool for tool in tools if _is_harmless(tool)}
            for match in ToolIndex(map(ToolCard.of, tools)).find(need, most=3):
                if match.name in harmless and _speaks_of(harmless[match.name], word, said):
                    return harmless[match.name]
                if match.name not in harmless and _speaks_of(
                    next(t for t in tools if t.name == match.name), word, said
                ):
                    message = (
                        f"the tool {match.name!r} may be what is meant, but it has effects and is not called "
                        f"{word!r}; say {' '.join(_words(match.name))!r} to use it"
                    )
                    return problem("plan/effect-guessed", verb, message)
        does = NO_TOOL.get(word, f"can {word}" + (f" {said_object}" if (said_object := _object(clause)) else ""))
        return problem("plan/no-tool", verb, f"there is no tool that {does}; register one: docs/guides/tools.md")

    def _loaded(self, name: str, verb: Token) -> Tool[..., Any] | Problem:
        found = self.toolbox.get(name)
        return problem(found.code, verb, found.message) if isinstance(found, Problem) else found


@cache
def _of_this_package() -> frozenset[str]:
    """The tools that Orrery itself offers by entry points: parts of other planners, not what a sentence asks for."""
    from importlib.metadata import entry_points

    return frozenset(point.name for point in entry_points(group="orrery.tools") if point.value.startswith("orrery."))


def _words(name: str) -> list[str]:
    return [word for part in name.lower().split(".") for word in part.replace("-", "_").split("_") if word]


def _is_harmless(tool: Tool[..., Any]) -> bool:
    return tool.effects.kind == "pure" or (tool.effects.kind == "idempotent" and not tool.effects.writes)


def _speaks_of(tool: Tool[..., Any], verb: str, said: Sequence[str]) -> bool:
    """Whether a tool's name or description has the verb itself, or two of the other words."""
    known = {*_words(tool.name), *tool.description.lower().replace(".", " ").replace(",", " ").split()}
    stems = {word[:5] for word in known}
    others = [word for word in dict.fromkeys(said) if word not in FILLERS and word[:5] in stems and len(word) > 3]
    return verb[:5] in stems or len(others) >= 2


def _object(clause: Clause) -> str:
    words = [t.text for t in clause.words if t.kind == "word" and t.text.lower() not in FILLERS]
    return words[0] if words else ""


class _Filling:
    """Finds an argument for every part of a clause, and a part for every argument that is needed."""

    def __init__(self, tool: Tool[..., Any], clause: Clause, deeds: Deeds) -> None:
        self.tool, self.clause, self.deeds = tool, clause, deeds
        self.args: dict[str, Any] = {}
        self.hints = {name: _plain(hint) for name, hint in tool.hints.items()}

    def filled(self) -> dict[str, Any] | None:
        words, place, preposition = self.clause.words, 0, ""
        loose: list[tuple[str, list[Token]]] = []
        run: list[Token] = []
        while place < len(words):
            token = words[place]
            place += 1
            if token.kind == "word" and token.text.lower() in _PREPOSITIONS:
                loose.append((preposition, run))
                preposition, run = token.text.lower(), []
            elif token.kind == "stop" or (
                token.kind == "word" and token.text.lower() in ("the", "a", "an", "and", "please")
            ):
                if token.text in (",", "and") and run:
                    loose.append((preposition, run))
                    preposition, run = "", []
            elif (
                token.kind == "word" and token.word in self.hints and not run and place < len(words) and not preposition
            ):
                loose.append((preposition, run))
                preposition, run = f"={token.word}", []
            else:
                run.append(token)
        loose.append((preposition, run))
        for said, tokens in loose:
            if tokens:
                self._place(said, tokens)
        if self.deeds.b.problems:
            return None
        missing = [name for name in self.tool.required if name not in self.args]
        last = self.deeds.last
        if (
            missing
            and last is not None
            and last.ref not in self.args.values()
            and not any(t.kind in ("path", "quoted") for t in words)
        ):
            self.args[missing.pop(0)] = self.deeds._answer(last)
        for name in missing:
            self.deeds.b.problems.append(
                problem(
                    "plan/missing-argument",
                    self.clause.verb[0],
                    f"the tool {self.tool.name!r} needs {name!r}, which is not said",
                )
            )
        return self.args

    def _free(self, *kinds: Any) -> list[str]:
        ordered = [*self.tool.required, *(name for name in self.hints if name not in self.tool.required)]
        return [
            name
            for name in ordered
            if name not in self.args and (not kinds or self.hints[name] in kinds or self.hints[name] is Any)
        ]

    def _place(self, said: str, tokens: list[Token]) -> None:
        tokens = [
            t
            for t in tokens
            if not t.is_word("file", "text", "folder", "me", "us") or (len(tokens) == 1 and t.kind != "word")
        ]
        tokens = [
            t
            for t in tokens
            if not (
                t.kind == "word"
                and t.text.lower() in FILLERS
                and not t.is_word("it", "them", "this", "that", "these", "those")
            )
        ]
        names_of_tool = set(_words(self.tool.name))
        if tokens and all(t.word in names_of_tool for t in tokens):
            return  # "send a mail" for send_mail: the words of the tool's own name
        if len(tokens) > 1:
            tokens = [t for t in tokens if t.word not in names_of_tool]
        if not tokens:
            return
        token = tokens[0]
        if token.is_word("it", "them", "this", "that", "result", "these", "those"):
            self._reference(token)
            tokens = tokens[1:]
        elif token.kind == "path":
            self._file(said, token)
            tokens = tokens[1:]
        elif token.kind == "number":
            name = self._named(said, self._free(int, float))
            if name is None:
                self._unused(tokens)
                return
            self.args[name] = int(token.number) if token.number.is_integer() else token.number
            tokens = tokens[1:]
        elif token.kind in ("quoted", "url"):
            self._text(said, token.text, [token])
            tokens = tokens[1:]
        else:
            self._text(said, " ".join(t.text for t in tokens), tokens)
            tokens = []
        if tokens:
            self._unused(tokens)

    def _named(self, said: str, free: Sequence[str]) -> str | None:
        """The free argument that a preposition or a name points to, else the first needed one."""
        if said.startswith("="):
            return said[1:] if said[1:] in free else None
        for wanted in _PREPOSITIONS.get(said, ()):
            for name in free:
                if wanted in _words(name):
                    return name
        plain = [name for name in free if not said or name in self.tool.required]
        return plain[0] if plain else None

    def _text(self, said: str, text: str, tokens: list[Token]) -> None:
        for name, hint in self.hints.items():
            if name not in self.args and typing.get_origin(hint) is Literal:
                fitting = [value for value in typing.get_args(hint) if str(value).lower() == text.lower()]
                if fitting:
                    self.args[name] = fitting[0]
                    return
        chosen = self._named(said, self._free(str, Path))
        if chosen is None:
            self._unused(tokens)
            return
        self.args[chosen] = text

    def _file(self, said: str, token: Token) -> None:
        around = self.deeds.around
        paths = self._free(Path)
        by_name = [name for name in self._free(str) if {"path", "file", "filename"} & set(_words(name))]
        if paths or by_name:
            self.args[(paths or by_name)[0]] = token.text
            return
        texts = [name for name in self._free(str) if name in _TEXTS] or (
            [n] if (n := self._named(said, self._free(str))) else []
        )
        if not texts:
            self._unused([token])
        elif around.kind(token.text) == "missing" and token.text not in self.deeds.made:
            near = around.nearest(token.text)
            self.deeds.b.problems.append(
                problem(
                    "plan/no-such-file", token, f"there is no file {token.text!r} here" + (f"; {near}" if near else "")
                )
            )
        else:
            self.args[texts[0]] = self.deeds.b.add("read", "files.read", {"path": token.text})

    def _reference(self, token: Token) -> None:
        last = self.deeds.last
        if last is None:
            self.deeds.b.problems.append(
                problem("plan/no-reference", token, f"{token.text!r} stands for nothing: nothing was named before")
            )
            return
        name = next(iter([n for n in self._free() if n in _TEXTS] or self._free()), None)
        if name is None:
            self._unused([token])
            return
        if last.kind == "paths" and last.path and self.hints[name] is str and name in _TEXTS:
            self.args[name] = self.deeds.b.read(last)
            return
        answer = self.deeds._answer(last)
        is_text = self.hints[name] is str and last.kind != "text"
        self.args[name] = (
            self.deeds.b.records("as-text", "text", {"value": answer})
            if is_text and isinstance(answer, Ref)
            else answer
        )

    def _unused(self, tokens: Sequence[Token]) -> None:
        text = " ".join(t.text for t in tokens)
        whole = Token("word", text, tokens[0].start, tokens[-1].end)
        message = (
            f"the tool {self.tool.name!r} has no argument for {text!r}; it takes {', '.join(self.hints) or 'none'}"
        )
        self.deeds.b.problems.append(problem("plan/not-understood", whole, message))


def _plain(hint: Any) -> Any:
    """A hint without annotations and None."""
    if typing.get_origin(hint) is Annotated:
        return _plain(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        return _plain(members[0]) if len(members) == 1 else (str if str in members else members[0])
    return hint
