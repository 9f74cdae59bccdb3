"""Binding: from a step of a plan to the tasks that carry it out, and from those tasks back to the step.

A step becomes one task, and a question to a person in front of it where the policy asks for one. The graph is the
planner's only memory: after a crash its steps are read from the tasks that they became.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orrery.errors import Problem, suggestion
from orrery.graph import Add, Each, Edge, Edit, Effects, Estimate, Limits, Link, LiveGraph, Ref, Task, TaskId, Template
from orrery.graph.nest import with_refs
from orrery.graph.ref import PSEUDO_SOURCES
from orrery.planners.llm.grammar import Argument, Step
from orrery.planners.llm.writing import write, write_ref, write_value
from orrery.tools.approval import Approval
from orrery.tools.tool import Tool
from orrery.workflow.references import with_texts_unknown

Tools = Mapping[str, Tool[..., Any]]
_MOST_LABEL_CHARS = 72
_MOST_SHOWN_IN_QUESTION = 400


@dataclass(frozen=True)
class Bound:
    """A step that can be carried out: as it was understood, and the edits that add its tasks."""

    step: Step
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Binder:
    """Makes tasks of steps.

    Args:
        prefix: what the ids of the tasks begin with: step 3 becomes `prefix-3`.
        tools: what a step may call, by name.
        approve: who judges calls before they are planned.
        folder: the run's working folder.
        timeout_s: how long a step may take whose tool sets no limit.
    """

    prefix: TaskId
    tools: Tools
    approve: Approval
    folder: Path
    timeout_s: float

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
        understood = self._understood(step)
        if isinstance(understood, list):
            return understood
        step = understood
        tool = self.tools[step.tool]
        place = f"line {step.number}"
        args = {str(name): value for name, value in step.args}
        unknown = with_texts_unknown(args)
        problems = [Problem(p.code, f"{place}, argument {p.argument!r}", p.message) for p in tool.check(unknown)]
        each = step.each
        if each is not None and not isinstance(each, Ref | list | dict):
            problems.append(Problem("plan/each", place, f"'each' needs a list, not {write_value(each)}"))
        if problems:
            return problems
        verdict = self.approve(tool, self.placed(args), self.folder)
        if verdict.word == "refuse":
            return [Problem("plan/refused", place, f"this may not be done: {verdict.because}")]
        edits: list[Edit] = [Add(self._task(step, tool, args, tool.effects_for(unknown)))]
        edits += [Link(Edge(self.task_id(number), self.task_id(step.number))) for number in step.after]
        if verdict.word == "ask":
            edits = [Add(self._question(step, args, verdict.because)), *edits]
            edits.append(Link(Edge(self.ask_id(step.number), self.task_id(step.number))))
        return Bound(step, tuple(edits))

    def _understood(self, step: Step) -> Step | list[Problem]:
        """The step with every argument named and a tool that exists."""
        tool = self.tools.get(step.tool)
        place = f"line {step.number}"
        if tool is None:
            repaired = self._repaired(step)
            if repaired is None:
                return [
                    Problem(
                        "plan/unknown-tool",
                        place,
                        f"there is no tool {step.tool!r}; {suggestion(step.tool, self.tools)}",
                    )
                ]
            step = repaired
            tool = self.tools[step.tool]
        names = list(tool.hints)
        positional = [argument for argument in step.args if argument.name is None]
        if len(positional) > len(names):
            message = f"{tool.name} takes {len(names)} arguments, and {len(positional)} are given without a name"
            return [Problem("plan/arguments", place, message)]
        named = [
            Argument(argument.name or names[position], argument.value) for position, argument in enumerate(step.args)
        ]
        twice = [name for name, _ in named[len(positional) :] if name in names[: len(positional)]]
        if twice:
            return [
                Problem("plan/arguments", place, f"the argument {twice[0]!r} is given twice, once without its name")
            ]
        return Step(step.number, tool.name, tuple(named), step.each, step.after, step.when)

    def _repaired(self, step: Step) -> Step | None:
        """The step with the one tool whose name differs only in case and marks; None if there is none."""
        near = [name for name in self.tools if _letters(name) == _letters(step.tool)]
        return replace(step, tool=near[0]) if len(near) == 1 else None

    def _task(self, step: Step, tool: Tool[..., Any], args: dict[str, Any], effects: Effects) -> Task:
        when = step.when
        return Task(
            self.task_id(step.number),
            tool.name,
            self.placed(args),
            tool.executor,
            effects,
            Limits(timeout_s=tool.timeout_s or self.timeout_s),
            Estimate() if tool.estimate_s is None else Estimate(tool.estimate_s),
            when=None
            if when is None
            else when.with_names({name: self.placed(ref) for name, ref in when.names.items()}),
            each=None if step.each is None else Each(self.placed(step.each)),
            label=_short(write(step)),
        )

    def _question(self, step: Step, args: Mapping[str, Any], because: str) -> Task:
        """The task that asks a person; what is known only during the run is filled in then."""
        pieces: list[str | Ref] = [f"May step {step.number} be done? {because}. It is {step.tool}("]
        for position, (name, value) in enumerate(args.items()):
            pieces.append(f"{', ' if position else ''}{name}=")
            pieces += _pieces(self.placed(value))
        pieces.append(")" if step.each is None else f") for each of {_short(write_value(step.each))}")
        if step.when is not None:
            pieces.append(f", if {write(step).partition(' if ')[2]}")
        question = Template(pieces)
        text = "".join(map(str, pieces)) if not any(True for _ in question.refs()) else question
        return Task(self.ask_id(step.number), "ask", {"question": text}, "person", label=_short(f"may {write(step)}"))

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

    def _step_of(self, number: int, task: Task, graph: LiveGraph) -> Step:
        def back(ref: Ref) -> Ref:
            return ref if ref.task in PSEUDO_SOURCES else Ref(ref.task.removeprefix(f"{self.prefix}-"), ref.path)

        # A step that has grown also waits for what it grew into, and one that is asked about for the answer.
        own = re.compile(rf"{re.escape(self.prefix)}-\d+")
        after = [source for source in graph.explicit.get(task.id, ()) if own.fullmatch(source)]
        when = task.when
        return Step(
            number,
            task.op,
            tuple(Argument(name, with_refs(value, back)) for name, value in task.args.items()),
            None if task.each is None else with_refs(task.each.over, back),
            tuple(int(source.removeprefix(f"{self.prefix}-")) for source in after),
            None if when is None else when.with_names({name: back(ref) for name, ref in when.names.items()}),
        )


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


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
