"""Builder: tasks with readable ids out of operations on values, each operation once, effects behind their approval."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec.structs import replace as replace_struct

from orrery.errors import MissingExtraError, PlugInError, Problem, UnknownNameError
from orrery.graph import Add, Each, Edge, Edit, Effects, Estimate, Expr, Link, Ref, Task, Template
from orrery.graph.ref import ITEM
from orrery.planners.rules.surroundings import Column
from orrery.tools.approval import ON_YES, asked_first, judge
from orrery.tools.tool import Tool
from orrery.tools.toolset import tools as registry

_SECONDS: Mapping[str, float] = {
    "files": 0.02,
    "text": 0.005,
    "records": 0.005,
    "data": 0.15,
    "chart": 0.8,
    "http": 0.5,
    "shell": 1.0,
    "metrics": 0.3,
}
"""What one attempt takes, by toolset, where the tool itself does not say: orders of magnitude, for priorities."""


@dataclass(frozen=True)
class Value:
    """What a phrase stands for, once it has run.

    Args:
        kind: "paths", "rows", "number", "text", "map", "list", or "done" for what has only an effect.
        ref: the reference, or literal data with references.
        columns: of rows, what is known of their columns.
        label: the column that names a row.
        measure: the column that the rows are about, such as "lines".
        path: of "paths", the one file that is meant, where it is one.
        sample: of "paths", files that match now, by which their kind is known.
        items: what a number was computed of: "count the errors, then show them".
        summed: whether, told as an answer, the total of its measure is meant.
        noun: what it consists of, for questions and labels.
    """

    kind: str
    ref: Any
    columns: tuple[Column, ...] = ()
    label: str = ""
    measure: str = ""
    path: str = ""
    sample: tuple[str, ...] = ()
    items: Value | None = None
    summed: bool = False
    noun: str = ""

    def but(self, **changes: Any) -> Value:
        """The value with other fields."""
        return replace(self, **changes)

    def has(self, column: str) -> bool:
        """Whether its rows have the column."""
        return any(known.name == column for known in self.columns)


class Toolbox:
    """The tools that a plan may use.

    Args:
        allowed: their names; None allows every registered one.
    """

    def __init__(self, allowed: Sequence[str] | None = None) -> None:
        self.allowed = None if allowed is None else frozenset(allowed)

    def get(self, name: str) -> Tool[..., Any] | Problem:
        """The tool, or why it cannot be used. The pure tools of the planner's own grammar are always allowed."""
        if self.allowed is not None and name not in self.allowed and not name.startswith(("records.", "text.")):
            return Problem(
                "plan/tool-not-allowed", "the request", f"it needs the tool {name!r}, which may not be used here"
            )
        try:
            return registry.get(name)
        except UnknownNameError as error:
            return Problem("plan/no-tool", "the request", str(error))
        except (MissingExtraError, PlugInError) as error:
            return Problem("plan/missing-extra", "the request", str(error))

    def names(self) -> list[str]:
        """The names of the tools that may be used."""
        return [name for name in registry.names() if self.allowed is None or name in self.allowed]


class Builder:
    """Collects the tasks of a plan.

    Args:
        folder: the run's folder, for the judgement on effects.
        toolbox: the tools that may be used.
        approve: "ask" puts a question before what the policy wants asked; "yes" does not.
        judged: whether effects are judged at all; a draft that is only compared with another needs none.
    """

    def __init__(self, folder: Path, toolbox: Toolbox, approve: str = "ask", *, judged: bool = True) -> None:
        self.folder, self.toolbox, self.approve, self.judged = folder, toolbox, approve, judged
        self.edits: list[Edit] = []
        self.problems: list[Problem] = []
        self.written: list[Any] = []
        self.names: dict[str, None] = {}
        self.when: Expr | None = None
        self.gate: Ref | None = None
        self._made: dict[str, Ref] = {}
        self._touched: list[tuple[str, str, bool]] = []

    def add(
        self, base: str, op: str, args: dict[str, Any], *, over: Any = None, question: Any = None, fresh: bool = False
    ) -> Ref:
        """A task that calls a tool, and the reference to its result; one that is there already is not made again.

        Args:
            base: what its id begins with.
            over: run it for every item of this list; `Ref(ITEM)` in `args` is the item.
            question: what is asked before an effect, where the policy wants that.
            fresh: make it even if an equal one exists, as where it has an effect.
        """
        each = None if over is None else Each(over)
        if not fresh:
            for when in (None, self.when):
                known = self._made.get(repr((op, args, each, when)))
                if known is not None:
                    return known
        tool = self.toolbox.get(op)
        if isinstance(tool, Problem):
            if tool not in self.problems:
                self.problems.append(tool)
            return Ref("missing")
        for wrong in tool.check(args if each is None else _opened(args)):
            self.problems.append(Problem("plan/argument", wrong.place, wrong.message))
        name = self._free(base)
        task = replace_struct(tool.task(name, args), op=op, each=each, when=self.when)
        if tool.estimate_s is None:
            task = replace_struct(task, estimate=Estimate(_SECONDS.get(op.partition(".")[0], 1.0)))
        self.edits += self._asked_first(task, tool, question) if self.judged else [Add(task)]
        self._keep_order(task)
        found = Ref(name)
        if not fresh:
            self._made[repr((op, args, each, self.when))] = found
        return found

    def _keep_order(self, task: Task) -> None:
        """What touches a file waits for what touched it before, where one of the two changes it."""
        reads = [_file(name) for name in task.effects.reads if name.startswith("file:")]
        writes = [_file(name) for name in task.effects.writes if name.startswith("file:")]
        changes = bool(writes) or task.effects.kind in ("once", "keyed")
        if task.effects.kind in ("once", "keyed") and not writes:
            writes = ["*"]
        if task.op in ("files.glob", "data.query"):
            reads = ["*"]
        direct = {ref.task for ref in task.refs()}
        for earlier, path, changed in self._touched:
            mine = [*reads, *writes] if changed else writes
            if (
                any(path == other or "*" in (path, other) for other in mine)
                and earlier not in direct
                and earlier != task.id
            ):
                self.after(Ref(earlier), Ref(task.id), "completion")
                direct.add(earlier)
        self._touched += [(task.id, path, False) for path in reads]
        self._touched += [(task.id, path, True) for path in writes]
        if changes and self.gate is not None:
            self.after(self.gate, Ref(task.id), ON_YES)

    def last_task(self) -> Task:
        """The task that was added last, questions apart."""
        return next(
            edit.task for edit in reversed(self.edits) if isinstance(edit, Add) and edit.task.executor != "person"
        )

    def renamed(self, task: str, path: str) -> str:
        """Let a task write to another path; returns the one that it would have written to."""
        for place, edit in enumerate(self.edits):
            if isinstance(edit, Add) and edit.task.id == task:
                old = str(edit.task.args["path"])
                args = {**edit.task.args, "path": path}
                effects = replace_struct(edit.task.effects, writes=(f"file:{path}",))
                self.edits[place] = Add(replace_struct(edit.task, args=args, effects=effects))
                return old
        return ""

    def ask(self, base: str, question: Any, args: dict[str, Any] | None = None) -> Ref:
        """A task for a person."""
        name = self._free(base)
        self.edits.append(
            Add(
                Task(
                    name,
                    "ask",
                    {"question": question, **(args or {})},
                    executor="person",
                    effects=Effects(),
                    when=self.when,
                )
            )
        )
        return Ref(name)

    def after(self, source: Ref, target: Ref, on: Any = "success") -> None:
        """Let one task wait for another without taking anything from it."""
        link = Link(Edge(source.task, target.task, on))
        if link not in self.edits:
            self.edits.append(link)

    def _asked_first(self, task: Task, tool: Tool[..., Any], question: Any) -> Sequence[Edit]:
        """The edits that add a task, with a question to a person in front of it where the policy wants one."""
        verdict = judge(tool, task.args, self.folder)
        # The words are a person's, not a model's: yes covers the files too that they mean and nobody knows yet.
        if verdict.word == "ask" and self.approve != "yes":
            asked = question or f"{_sentence(task)} ({verdict.because})"
            return asked_first(task, asked, ask=self._free(f"approve-{task.id}"))
        if verdict.word == "refuse":
            self.problems.append(Problem("plan/refused", f"the tool {tool.name!r}", verdict.because))
        return [Add(task)]

    def _free(self, base: str) -> str:
        stem = re.sub(r"[^a-z0-9]+", "-", base.lower()).strip("-")[:40].strip("-") or "task"
        number, name = 2, stem
        while name in self.names:
            name, number = f"{stem}-{number}", number + 1
        self.names[name] = None
        return name

    # -- operations on values -----------------------------------------------------------------------------

    def records(self, base: str, op: str, args: dict[str, Any]) -> Ref:
        """A task of the toolset `records`."""
        return self.add(base, f"records.{op}", args)

    def per_file(self, paths: Value, base: str, op: str, argument: str, more: Mapping[str, Any] | None = None) -> Ref:
        """An operation on a file, or on each of them at once."""
        if paths.path:
            return self.add(base, op, {argument: paths.path, **(more or {})})
        return self.add(base, op, {argument: Ref(ITEM), **(more or {})}, over=paths.ref)

    def per_item(  # noqa: PLR0917 - as `per_file`, and what it goes on with
        self, paths: Value, of: Ref, base: str, op: str, argument: str, more: Mapping[str, Any] | None = None
    ) -> Ref:
        """A further operation on what `per_file` gave."""
        if paths.path:
            return self.add(base, op, {argument: of, **(more or {})})
        return self.add(base, op, {argument: Ref(ITEM), **(more or {})}, over=of)

    def read(self, paths: Value) -> Ref:
        """The text of a file, or the texts of all of them."""
        return self.per_file(paths, "read", "files.read", "path", {"errors": "replace"})

    def plain_paths(self, value: Value) -> Value:
        """Rows about files as the list of their paths."""
        if value.kind == "paths":
            return value
        found = self.records("paths", "values", {"records": value.ref, "column": "path"})
        return Value("paths", found, sample=value.sample, noun="files")


def _file(name: str) -> str:
    return name.removeprefix("file:").removeprefix("./")


def _opened(args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with templates as the text that they become, for the check against a schema."""
    return {name: Ref(ITEM) if isinstance(value, Template) else value for name, value in args.items()}


def _sentence(task: Task) -> Any:
    shown = ", ".join(
        f"{name}={value!r:.60}" for name, value in task.args.items() if not isinstance(value, Ref | Template)
    )
    return f"Run {task.op}{f' with {shown}' if shown else ''}?"
