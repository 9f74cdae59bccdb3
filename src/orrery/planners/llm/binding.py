"""Binding: from a step of a plan to the tasks that carry it out, and from those tasks back to the step.

A step becomes one task, and a question to a person in front of it where the policy asks for one. The graph is the
planner's only memory: after a crash its steps are read from the tasks that they became.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from orrery.errors import AmbiguousNameError, ArgumentError, GraphError, Problem, UnknownNameError, suggestion
from orrery.graph import Add, Each, Edge, Edit, Effects, Link, LiveGraph, Place, Ref, Task, TaskId, Template
from orrery.graph.nest import expanded, with_refs
from orrery.graph.place import FLEET
from orrery.graph.ref import PSEUDO_SOURCES
from orrery.planners.llm.grammar import Argument, Step
from orrery.planners.llm.lending import RUN, lent
from orrery.planners.llm.writing import write, write_ref, write_value
from orrery.planners.toolbox import Tools
from orrery.tools.approval import Approval, asked_first, strictest
from orrery.tools.repair import repair
from orrery.tools.tool import Tool

ANY = "any"
"""After `on`: whichever device fits best."""
_MOST_LABEL_CHARS = 72
_MOST_SHOWN_IN_QUESTION = 400
_TAKES_ANYTHING: Tool[..., Any] = Tool(lambda **_: None, name="anything", effects=Effects("pure"))


@dataclass(frozen=True)
class Bound:
    """A step that can be carried out: as it was understood, the edits that add its tasks, and what was put right."""

    step: Step
    edits: tuple[Edit, ...]
    changes: tuple[str, ...] = ()


class _MisunderstoodError(Exception):
    """A step cannot be carried out as it is written."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = list(problems)


@dataclass(frozen=True)
class Binder:
    """Makes tasks of steps.

    Args:
        prefix: what the ids of the tasks begin with: step 3 becomes `prefix-3`.
        tools: what a step may call, by name.
        approve: who judges calls before they are planned.
        folder: the run's working folder.
        timeout_s: how long a step may take whose tool sets no limit.
        devices: the names of those that can be named after `on`.
    """

    prefix: TaskId
    tools: Tools
    approve: Approval
    folder: Path
    timeout_s: float
    devices: tuple[str, ...] = ()

    def task_id(self, number: int) -> TaskId:
        """The id of the task that a step becomes."""
        return f"{self.prefix}-{number}"

    def ask_id(self, number: int) -> TaskId:
        """The id of the question in front of it."""
        return f"{self.prefix}-{number}-ask"

    def placed(self, value: Any) -> Any:
        """A value of the plan with references to tasks in place of those to steps."""
        return with_refs(
            value, lambda ref: ref if ref.task in PSEUDO_SOURCES else Ref(self.task_id(int(ref.task)), ref.path)
        )

    def bind(self, step: Step) -> Bound | list[Problem]:
        """The step as tasks, or everything that is wrong with it."""
        changes: list[str] = []
        try:
            step = self._understood(step, changes)
        except _MisunderstoodError as error:
            return error.problems
        tool = self.tools[step.tool]
        args = {str(name): value for name, value in step.args}
        task = self._task(step, tool, self.placed(args))
        verdict = strictest([self.approve(tool, known, self.folder) for known in _calls(task)])
        if verdict.word == "refuse":
            return [Problem("plan/refused", f"line {step.number}", f"this may not be done: {verdict.because}")]
        edits: list[Edit] = [Add(task)]
        if verdict.word == "ask":
            question, ask = self._question(step, args, verdict.because), self.ask_id(step.number)
            edits = [*asked_first(task, question, ask=ask, label=_short(f"may {write(step)}"))]
        edits += [Link(Edge(self.task_id(number), task.id)) for number in step.after]
        return Bound(step, tuple(edits), tuple(changes))

    def _understood(self, step: Step, changes: list[str]) -> Step:
        """The step with a tool that exists and arguments that fit it and go no further than the plan may."""
        step = self._repaired(step, changes)
        if step.tool != RUN:
            return step
        args, problems = lent({str(name): value for name, value in step.args}, self.tools, self.approve)
        if problems:
            raise _MisunderstoodError(*(Problem("plan/refused", f"line {step.number}", text) for text in problems))
        return replace(step, args=tuple(Argument(name, value) for name, value in args.items()))

    def _repaired(self, step: Step, changes: list[str]) -> Step:
        """The step with a tool that exists and arguments that fit it, every one of them named."""
        place = f"line {step.number}"
        self._check_device(step)
        if step.each is not None and not isinstance(step.each, Ref | list | dict):
            raise _MisunderstoodError(Problem("plan/each", place, f"'each' needs a list, not {write_value(step.each)}"))
        tool = self.tools.get(step.tool)
        if any(argument.name is None for argument in step.args):
            step = _named(step, tool or self._meant(step))
        args, texts = _without_texts({str(name): value for name, value in step.args})
        if tool is not None and not tool.check(args):
            return step
        try:
            meant = repair(step.tool, args, self.tools)
        except (UnknownNameError, AmbiguousNameError) as error:
            raise _MisunderstoodError(Problem("plan/unknown-tool", place, str(error))) from error
        except ArgumentError as error:
            problems = error.problems or [Problem("plan/arguments", place, str(error))]
            raise _MisunderstoodError(*(_placed_at(problem, place) for problem in problems)) from error
        changes.extend(f"{place}: {change}" for change in meant.changes)
        named = tuple(
            Argument(name, with_refs(value, lambda ref: texts.get(ref, ref))) for name, value in meant.args.items()
        )
        return replace(step, tool=meant.name, args=named)

    def _check_device(self, step: Step) -> None:
        """Whether the devices exist that a step names; a name that an earlier step finds is seen when it starts."""
        place = f"line {step.number}"
        if step.on is None:
            return
        if not self.devices:
            raise _MisunderstoodError(Problem("plan/no-fleet", place, "there is no fleet: leave 'on' out"))
        for name in step.on if isinstance(step.on, list) else [step.on]:
            if isinstance(name, Ref) or name == ANY or name in self.devices:
                continue
            hint = suggestion(str(name), self.devices)
            raise _MisunderstoodError(Problem("plan/unknown-device", place, f"there is no device {name!r}; {hint}"))

    def _meant(self, step: Step) -> Tool[..., Any]:
        """The tool that a wrong name stands for, whatever it is called with."""
        try:
            return self.tools[repair(step.tool, {}, dict.fromkeys(self.tools, _TAKES_ANYTHING)).name]
        except (UnknownNameError, AmbiguousNameError) as error:
            raise _MisunderstoodError(Problem("plan/unknown-tool", f"line {step.number}", str(error))) from error

    def _task(self, step: Step, tool: Tool[..., Any], args: dict[str, Any]) -> Task:
        called = tool.task(self.task_id(step.number), args, label=_short(write(step)), timeout_s=self.timeout_s)
        when = step.when
        if when is not None:
            when = when.with_names({name: self.placed(ref) for name, ref in when.names.items()})
        task = msgspec.structs.replace(
            called, when=when, each=None if step.each is None else Each(self.placed(step.each))
        )
        if step.on is None:
            return task
        names = step.on if isinstance(step.on, list) else [step.on]
        place = Place(on=tuple(self.placed(name) for name in names if name != ANY))
        return msgspec.structs.replace(task, executor=FLEET, place=place)

    def _question(self, step: Step, args: Mapping[str, Any], because: str) -> str | Template:
        """What a person is asked; what is known only during the run is filled in then."""
        pieces: list[str | Ref] = [f"May step {step.number} be done? {because}. It is {step.tool}("]
        for position, (name, value) in enumerate(args.items()):
            pieces.append(f"{', ' if position else ''}{name}=")
            pieces += _pieces(self.placed(value))
        pieces.append(")" if step.each is None else f") for each of {_short(write_value(step.each))}")
        if step.when is not None:
            pieces.append(f", if {write(step).partition(' if ')[2]}")
        question = Template(pieces)
        return question if any(True for _ in question.refs()) else "".join(map(str, pieces))

    # -- and back -----------------------------------------------------------------------------------------

    def steps_in(self, graph: LiveGraph) -> dict[int, Step]:
        """The steps that are planned in a graph, by number, in the order in which they were added."""
        pattern = re.compile(rf"{re.escape(self.prefix)}-(\d+)")
        found: dict[int, Step] = {}
        for task_id, task in graph.tasks.items():
            match = pattern.fullmatch(task_id)
            if match is not None:
                found[int(match[1])] = self._step_of(int(match[1]), task, graph)
        return found

    def back(self, value: Any) -> Any:
        """A value of the graph with references to steps in place of those to tasks."""
        return with_refs(value, self._ref_back)

    def _ref_back(self, ref: Ref) -> Ref:
        return ref if ref.task in PSEUDO_SOURCES else Ref(ref.task.removeprefix(f"{self.prefix}-"), ref.path)

    def _step_of(self, number: int, task: Task, graph: LiveGraph) -> Step:
        # A step that has grown also waits for what it grew into, and one that is asked about for the answer.
        own = re.compile(rf"{re.escape(self.prefix)}-\d+")
        after = [source for source in graph.explicit.get(task.id, ()) if own.fullmatch(source)]
        when = task.when
        return Step(
            number,
            task.op,
            tuple(Argument(name, self.back(value)) for name, value in task.args.items()),
            None if task.each is None else self.back(task.each.over),
            tuple(int(source.removeprefix(f"{self.prefix}-")) for source in after),
            None if when is None else when.with_names({name: self._ref_back(ref) for name, ref in when.names.items()}),
            None if task.place is None else self._on(task.place),
        )

    def _on(self, place: Place) -> Any:
        names = [self.back(name) for name in place.on]
        return ANY if not names else names[0] if len(names) == 1 else names


def _calls(task: Task) -> list[dict[str, Any]]:
    """The arguments of every call that a task stands for, as far as they are known: one for each item of a list."""
    over = task.each.over if task.each is not None else None
    if isinstance(over, list | dict):
        with suppress(GraphError):  # an item has no such part: the run says so
            patch, _ = expanded(task, len(over) if isinstance(over, list) else list(over))
            return [edit.task.args for edit in patch.edits if isinstance(edit, Add)] or [task.args]
    return [task.args]


def _named(step: Step, tool: Tool[..., Any]) -> Step:
    """The step with names for the arguments that have none, in the order of the tool's own."""
    place, names = f"line {step.number}", list(tool.hints)
    positional = [argument for argument in step.args if argument.name is None]
    if len(positional) > len(names):
        message = f"{tool.name} takes {len(names)} arguments, and {len(positional)} are given without a name"
        raise _MisunderstoodError(Problem("plan/arguments", place, message))
    named = [Argument(argument.name or names[at], argument.value) for at, argument in enumerate(step.args)]
    for argument in named[len(positional) :]:
        if argument.name in names[: len(positional)]:
            message = f"the argument {argument.name!r} is given twice, once without its name"
            raise _MisunderstoodError(Problem("plan/arguments", place, message))
    return replace(step, args=tuple(named))


def _without_texts(args: dict[str, Any]) -> tuple[dict[str, Any], dict[Ref, Template]]:
    """The arguments with a reference in the place of every template, and which stands for which."""
    texts: dict[Ref, Template] = {}

    def taken(value: Any) -> Any:
        match value:
            case Template():
                stand_in = Ref(f"text {len(texts)}")
                texts[stand_in] = value
                return stand_in
            case dict():
                return {key: taken(inner) for key, inner in value.items()}
            case list() | tuple():
                return [taken(inner) for inner in value]
        return value

    return {name: taken(value) for name, value in args.items()}, texts


def _placed_at(problem: Problem, place: str) -> Problem:
    argument = getattr(problem, "argument", "")
    return Problem(problem.code, f"{place}, argument {argument!r}" if argument else place, problem.message)


def _pieces(value: Any) -> Iterator[str | Ref]:
    """A value as text with the references in it."""
    match value:
        case Ref():
            yield value if value.task not in PSEUDO_SOURCES else write_ref(value)
        case Template():
            yield '"'
            for part in value.parts:
                yield from _pieces(part) if isinstance(part, Ref) else [part]
            yield '"'
        case list() | tuple():
            yield "["
            for position, inner in enumerate(value):
                yield ", " if position else ""
                yield from _pieces(inner)
            yield "]"
        case dict():
            yield "{"
            for position, (key, inner) in enumerate(value.items()):
                yield f"{', ' if position else ''}{key}: "
                yield from _pieces(inner)
            yield "}"
        case _:
            yield _short(write_value(value), _MOST_SHOWN_IN_QUESTION)


def _short(text: str, most: int = _MOST_LABEL_CHARS) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
