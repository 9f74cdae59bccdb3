"""Edits: the lines in which a thinker says what is to change, and the patch that they amount to.

    4. files.read(path=$2[0])           a new step, or another one in the place of step 4
    drop $3, $5                         take steps out
    link $1 -> $4                       step 4 waits for step 1, beyond what its references say
    link $1 -> $4 on failure            ... and is done only if step 1 failed; also: on completion
    unlink $1 -> $4                     it no longer does
    answer: $4                          what the request's answer is, from now on
    wait                                nothing is to change for now
    done                                nothing is to change any more

A step and an answer are written as in the plans of the planner `llm`. Every other line that is neither blank nor a
comment is a problem: a plan that changes while it runs leaves no room for guesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast, get_args

from orrery.errors import Problem
from orrery.graph import Add, Drop, Edge, Edit, Link, LiveGraph, Replace, SetOutputs, Task, TaskId, Unlink
from orrery.graph.edge import Outcome
from orrery.planners.llm.binding import Binder
from orrery.planners.llm.grammar import End, Fault, Step, read

MAX_LINES = 1_000
MAX_LINE_CHARS = 20_000
ANSWER = "answer"

_NUMBER = r"\$?(\d{1,9})"
_DROP = re.compile(rf"drop\s+({_NUMBER}(?:\s*,\s*{_NUMBER})*)\s*", re.IGNORECASE)
_LINK = re.compile(rf"(un)?link\s+{_NUMBER}\s*->\s*{_NUMBER}(?:\s+on\s+(\w+))?\s*", re.IGNORECASE)
_WORD = re.compile(r"(wait|done)\s*\.?\s*", re.IGNORECASE)
_NOTHING = re.compile(r"\s*(?:#.*|```\w*)?\s*")


class Dropped(NamedTuple):
    """Take a step out."""

    number: int


class Linked(NamedTuple):
    """Let a step wait for another, or no longer."""

    source: int
    target: int
    on: Outcome = "success"
    undone: bool = False


class Said(NamedTuple):
    """What a thinker said.

    Args:
        edits: in the order of the lines.
        is_done: nothing is to change any more.
        problems: the lines that cannot be read; then none of the edits may be made.
    """

    edits: tuple[Step | Dropped | Linked | End, ...]
    is_done: bool
    problems: tuple[Problem, ...]


def parse(text: str) -> Said:
    """What some lines say."""
    edits: list[Step | Dropped | Linked | End] = []
    problems: list[Problem] = []
    is_done = False
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        return Said((), False, (_problem("all", f"there are {len(lines)} lines; write at most {MAX_LINES}"),))
    for number, line in enumerate(lines, 1):
        if _NOTHING.fullmatch(line):
            continue
        found = _parsed(line.strip(), f"line {number}")
        if isinstance(found, Problem):
            problems.append(found)
        elif isinstance(found, bool):
            is_done = is_done or found
        else:
            edits += found
    problems += _twice(edits)
    return Said(tuple(edits), is_done, tuple(problems))


def _parsed(line: str, place: str) -> Problem | bool | list[Step | Dropped | Linked | End]:
    """What one line says; a truth value of `done` and `wait`."""
    if len(line) > MAX_LINE_CHARS:
        return _problem(place, f"it is longer than {MAX_LINE_CHARS} characters; put long texts into files")
    if (word := _WORD.fullmatch(line)) is not None:
        return word[1].lower() == "done"
    if (drop := _DROP.fullmatch(line)) is not None:
        return [Dropped(int(number)) for number in re.findall(r"\d+", drop[1])]
    if (link := _LINK.fullmatch(line)) is not None:
        on = (link[4] or "success").lower()
        if on not in get_args(Outcome):
            return _problem(place, f"{on!r} is no outcome; write success, failure or completion")
        return [Linked(int(link[2]), int(link[3]), cast("Outcome", on), undone=link[1] is not None)]
    statement = read(line)
    match statement:
        case Fault(problem=problem):
            return Problem(problem.code, place, problem.message)
        case Step() | End(answers=True):
            return [statement]
    return _problem(place, f"{line[:80]!r} is none of: a step, drop, link, unlink, answer:, wait, done")


def _twice(edits: Iterable[Step | Dropped | Linked | End]) -> Iterator[Problem]:
    seen: set[int] = set()
    for edit in edits:
        if isinstance(edit, Step | Dropped):
            if edit.number in seen:
                yield Problem("plan/duplicate", f"step {edit.number}", "it is spoken of in two lines; say it in one")
            seen.add(edit.number)
    if sum(isinstance(edit, End) for edit in edits) > 1:
        yield Problem("plan/duplicate", "the answer", "it is said twice; say it once")


def _problem(place: str, message: str) -> Problem:
    return Problem("plan/syntax", place, message)


def edits_for(
    said: Said, binder: Binder, graph: LiveGraph, *, again: bool = False
) -> tuple[tuple[Edit, ...], tuple[Problem, ...]]:
    """The edits of the graph that are left to be made of what was said, and everything that is wrong with it.

    What the graph shows already is left out, so the same words may be taken in twice, as after a crash.

    Args:
        again: the words may have been taken in before; what they take away may be gone already.
    """
    wish = _Wish(binder, graph, again=again)
    for edit in sorted(said.edits, key=lambda edit: isinstance(edit, Linked)):  # a step brings its own edges
        match edit:
            case Step():
                wish.place(edit)
            case Dropped(number):
                wish.drop(number)
            case Linked():
                wish.link(edit)
            case End():
                wish.outputs = {ANSWER: binder.placed(edit.answer)}
    return tuple(wish.edits()), (*said.problems, *wish.problems)


class _Wish:
    """The part of a graph that was spoken of, as it should be."""

    def __init__(self, binder: Binder, graph: LiveGraph, *, again: bool) -> None:
        self._binder, self._graph, self._again = binder, graph, again
        self._tasks: dict[TaskId, Task | None] = {}  # None: gone
        self._edges: dict[TaskId, dict[TaskId, Edge]] = {}  # the explicit ones, by target
        self._renewed: set[TaskId] = set()  # questions that must be asked anew, even in the same words
        self._impossible: list[Edit] = []  # left to the heart, which says why
        self.outputs: dict[str, Any] | None = None
        self.problems: list[Problem] = []

    def place(self, step: Step) -> None:
        """Put a step where it belongs."""
        bound = self._binder.bind(step)
        if isinstance(bound, list):
            self.problems += bound
            return
        ask = self._binder.ask_id(step.number)
        if ask in self._graph.tasks:
            self._tasks[ask] = None
        for edit in bound.edits:
            if isinstance(edit, Add):
                self._tasks[edit.task.id] = edit.task
                self._edges[edit.task.id] = {}
        task = self._binder.task_id(step.number)
        if self._tasks[task] != self._graph.tasks.get(task):
            self._renewed.add(ask)  # a question shows no more than the beginning of long arguments
        for edit in bound.edits:
            if isinstance(edit, Link):
                self._edges[edit.edge.target][edit.edge.source] = edit.edge

    def drop(self, number: int) -> None:
        """Take a step out, with the question in front of it."""
        task, ask = self._binder.task_id(number), self._binder.ask_id(number)
        if task in self._graph.tasks:
            self._tasks |= {one: None for one in (task, ask) if one in self._graph.tasks}
        elif not self._again:
            self.problems.append(Problem("plan/unknown-line", f"drop ${number}", f"there is no step {number}"))

    def link(self, link: Linked) -> None:
        """Add an edge, or take one away."""
        edge = Edge(self._binder.task_id(link.source), self._binder.task_id(link.target), link.on)
        edges = self._edges.setdefault(edge.target, dict(self._graph.explicit.get(edge.target, {})))
        if link.undone:
            if edges.pop(edge.source, None) is None and not self._again:
                self._impossible.append(Unlink(edge.source, edge.target))
        elif self._tasks.get(edge.target, self._graph.tasks.get(edge.target)) is None:
            self._impossible.append(Link(edge))
        else:
            edges[edge.source] = edge

    def edits(self) -> Iterator[Edit]:
        """What leads from the graph as it is to what is wished."""
        there = self._graph.tasks
        for task_id, task in self._tasks.items():
            if task is not None and (there.get(task_id) != task or task_id in self._renewed):
                yield Replace(task) if task_id in there else Add(task)
        for target, edges in self._edges.items():
            if self._tasks.get(target, there.get(target)) is None:
                continue
            before = self._graph.explicit.get(target, {})
            yield from (Unlink(source, target) for source in before if source not in edges)
            yield from (Link(edge) for source, edge in edges.items() if before.get(source) != edge)
        yield from (Drop(task_id) for task_id, task in self._tasks.items() if task is None)
        yield from self._impossible
        if self.outputs is not None and self.outputs != self._graph.outputs:
            yield SetOutputs(self.outputs)
