"""Reading the text form: statements and clauses, a function for each rule of the grammar in `text`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from orrery.errors import GraphError, Problem, suggestion
from orrery.graph.edge import Condition, Edge
from orrery.graph.graph import Graph
from orrery.graph.place import Place
from orrery.graph.ref import TaskId
from orrery.graph.task import Each, Effects, Estimate, Limits, Retry, Task
from orrery.graph.text_scanner import OP, Scanner, Wrong

ELSEWHERE = "(elsewhere)"
"""The operation of tasks that a text refers to and does not write."""


def parse(text: str, *, source: str = "", beside: Mapping[TaskId, str | None] | None = None) -> Graph:
    """The graph that a text describes.

    Args:
        source: what the text is called in messages, such as a file's name.
        beside: tasks that there are already, to which the text may refer, each with the reason why the text may not
            write it anew ("it is running"), or None if it may. Where it does not, the graph has a task without
            arguments in its place, whose operation is `ELSEWHERE`.

    Raises:
        GraphError: with every problem at once, each with its line and column.
    """
    return _Reader(text, source, beside or {}).graph()


class _Reader(Scanner):
    """Reads one text from left to right."""

    def __init__(self, text: str, source: str, beside: Mapping[TaskId, str | None]) -> None:
        super().__init__(text, source)
        self.beside = beside
        self.tasks: list[Task] = []
        self.places: dict[str, int] = {}
        self.edges: list[Edge] = []
        self.outputs: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def graph(self) -> Graph:
        """The graph, or every problem."""
        while self._to_next_statement():
            try:
                self._statement()
            except RecursionError:
                self.problems.append(Problem("text/depth", self.place(self.at), "brackets are nested too deep here"))
                self._skip_line(self.at)
            except Wrong as wrong:
                self.problems.append(Problem(f"text/{wrong.code}", self.place(wrong.at), wrong.message))
                self._skip_line(wrong.at)
        if self.problems:
            raise GraphError(self.problems)
        try:
            others = [Task(task, ELSEWHERE) for task in self.beside if task not in self.places]
            return Graph([*others, *self.tasks], self.edges, self.outputs)
        except GraphError as error:
            raise GraphError([self._located(problem) for problem in error.problems]) from error

    def _located(self, problem: Problem) -> Problem:
        task = re.match(r"(?:task|edge) '([^']*)'(?: -> '([^']*)')?", problem.place)
        at = self.places.get(task[2] or task[1]) if task else None
        return problem if at is None else Problem(problem.code, f"{self.place(at)}, {problem.place}", problem.message)

    def _to_next_statement(self) -> bool:
        self.depth = 1
        self.space()
        while self.text.startswith(";", self.at):
            self.at += 1
            self.space()
        self.depth = 0
        return self.at < len(self.text)

    def _skip_line(self, at: int) -> None:
        end = self.text.find("\n", max(at, self.at))
        self.at = len(self.text) if end < 0 else end + 1
        self.depth = 0

    # -- statements -----------------------------------------------------------------------------------

    def _statement(self) -> None:
        begin = self.at
        if self.takes("return") and not self.sees("="):
            while True:
                self.argument(self.outputs)
                if not self.takes(","):
                    break
            self._end()
            return
        self.at = begin
        name = self.name("a task's name")
        if name in self.places:
            self.wrong(f"there are two tasks {name!r}; rename one of them", at=begin, code="duplicate")
        self.must("=", "after a task's name")
        self.space()
        op = self.backquoted() or self.take(OP)
        if op is None:
            self.wrong("here must be an operation's name")
        self.must("(", "after the operation")
        args: dict[str, Any] = {}
        self.items(")", lambda: self.argument(args))
        clauses = _Clauses(self, name)
        if self.takes("["):
            self.items("]", clauses.read)
        self._end()
        if (why := self.beside.get(name)) is not None:
            message = f"task {name!r} is written anew, but {why}"
            self.problems.append(Problem("text/locked", self.place(begin), message))
        self.places[name] = begin
        self.tasks.append(clauses.task(op, args))
        self.edges.extend(clauses.edges.values())

    def _end(self) -> None:
        self.space()
        if self.at < len(self.text) and self.text[self.at] not in "\n;":
            self.wrong("the statement should end here")


_ESTIMATES = ("seconds", "money", "tokens", "difficulty")


class _Clauses:
    """What stands in a task's square brackets."""

    def __init__(self, reader: _Reader, task: str) -> None:
        self.reader, self.task_id = reader, task
        self.fields: dict[str, Any] = {}
        self.edges: dict[str, Edge] = {}
        self.resources: dict[str, int] = {}

    def task(self, op: str, args: dict[str, Any]) -> Task:
        """The task with what its clauses said."""
        given = self.fields
        limits = {name: given[name] for name in ("timeout_s", "deadline_s", "retry", "hedge_after_s") if name in given}
        return Task(
            self.task_id,
            op,
            args,
            effects=Effects(**{name: given[name] for name in ("kind", "reads", "writes") if name in given}),
            limits=Limits(**limits, resources=self.resources),
            estimate=Estimate(**{name: given[name] for name in _ESTIMATES if name in given}),
            **{name: given[name] for name in ("executor", "join", "when", "each", "label", "place") if name in given},
        )

    def read(self) -> None:
        """One clause."""
        reader = self.reader
        reader.space()
        begin = reader.at
        match reader.take_word():
            case "pure" | "idempotent" | "keyed" | "once" as kind:
                self._set("kind", kind, begin)
            case "reads" | "writes" as verb:
                self._set(verb, reader.strings(), begin)
            case "executor":
                self._set("executor", reader.name("an executor's name"), begin)
            case "at":
                self._set("place", self._place(begin), begin)
            case "each":
                over = reader.value()
                errors = reader.takes("accepting")
                if errors and not reader.takes("errors"):
                    reader.wrong("here must be 'errors'")
                self._set("each", Each(over, errors), begin)
            case "when":
                self._set("when", reader.condition(), begin)
            case "after":
                self._edge(begin, hard=True)
            case "softly":
                if not reader.takes("after"):
                    reader.wrong("here must be 'after'")
                self._edge(begin, hard=False)
            case "needs":
                self._set("join", reader.whole(), begin)
            case "timeout" | "deadline" as limit:
                self._set(f"{limit}_s", reader.seconds(), begin)
            case "hedge":
                self._set("hedge_after_s", reader.seconds(), begin)
            case "retry":
                self._set("retry", self._retry(), begin)
            case "holds":
                resource = reader.name("a resource's name")
                if resource in self.resources:
                    reader.wrong(f"the resource {resource!r} is held twice", at=begin, code="duplicate")
                self.resources[resource] = reader.whole()
            case "takes":
                self._set("seconds", reader.seconds(), begin)
            case "costs":
                self._set("money", reader.number(), begin)
            case "tokens":
                self._set("tokens", reader.whole(), begin)
            case "difficulty":
                self._set("difficulty", reader.number(), begin)
            case "label":
                self._set("label", reader.string(), begin)
            case word:
                hint = suggestion(word or "", CLAUSES, most=len(CLAUSES))
                reader.wrong(f"there is no clause {word or ''!r}; {hint}", at=begin, code="clause")

    def _set(self, name: str, value: Any, begin: int) -> None:
        if name in self.fields:
            self.reader.wrong("this is said twice of one task", at=begin, code="duplicate")
        self.fields[name] = value

    def _place(self, begin: int) -> Place:
        said = self.reader.value()
        try:
            return msgspec.convert(said, Place, strict=True)
        except msgspec.ValidationError as error:
            self.reader.wrong(f"this is no place: {error}", at=begin, code="place")

    def _retry(self) -> Retry:
        reader = self.reader
        given: dict[str, Any] = {"attempts": reader.whole()}
        for word, field, read in (
            ("backoff", "backoff_s", reader.seconds),
            ("factor", "factor", reader.number),
            ("most", "max_backoff_s", reader.seconds),
            ("jitter", "jitter", reader.number),
            ("on", "on", reader.strings),
        ):
            if reader.takes(word):
                given[field] = read()
        return Retry(**given)

    def _edge(self, begin: int, *, hard: bool) -> None:
        reader = self.reader
        source = reader.name("a task's name")
        on: Condition = "success"
        if reader.text.startswith(".", reader.at):
            reader.at += 1
            outcome = reader.take_word()
            if outcome not in ("success", "failure", "completion"):
                reader.wrong("an edge fires on success, failure or completion", at=begin, code="outcome")
            on = cast("Condition", outcome)
        elif reader.takes("if"):
            on = reader.condition()
        weight = reader.number() if reader.takes("weight") else 1.0
        if source in self.edges:
            reader.wrong(f"there are two edges from {source!r}; keep one", at=begin, code="duplicate")
        self.edges[source] = Edge(source, self.task_id, on, hard, weight)


CLAUSES = (
    *("pure", "idempotent", "keyed", "once", "reads", "writes", "executor", "at", "each", "when", "after", "softly"),
    *("needs", "timeout", "deadline", "hedge", "retry", "holds", "takes", "costs", "tokens", "difficulty", "label"),
)
