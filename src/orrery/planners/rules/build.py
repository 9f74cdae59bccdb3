"""Builder: tasks with readable ids out of operations on values, each operation once, effects behind their approval."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec.structs import replace as replace_struct

from orrery.errors import MissingExtraError, PlugInError, Problem, UnknownNameError
from orrery.graph import Add, Each, Edge, Edit, Effects, Estimate, Expr, Link, Place, Ref, Task, Template, refs_in
from orrery.graph.place import FLEET
from orrery.graph.ref import ITEM, PSEUDO_SOURCES
from orrery.planners.rules.surroundings import Column
from orrery.planners.rules.where import HERE, Where
from orrery.tools.approval import ON_YES, Verdict, asked_first, judge
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


_ANYWHERE = Path("/nowhere/in/particular")
"""The folder against which is judged what happens on a device: none that is here."""


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
        where: of files, and of text that is a file's, where they lie.
        parts: of what was taken together from several devices, what each of them gave.
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
    where: Where = HERE
    parts: Mapping[str, Value] = field(default_factory=dict)

    def but(self, **changes: Any) -> Value:
        """The value with other fields; another reference is no longer what the devices gave."""
        if "ref" in changes:
            changes.setdefault("parts", {})
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
        offers: of each device of the fleet, the tools that it performs.
    """

    def __init__(
        self,
        folder: Path,
        toolbox: Toolbox,
        approve: str = "ask",
        *,
        judged: bool = True,
        offers: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.folder, self.toolbox, self.approve, self.judged = folder, toolbox, approve, judged
        self.offers = offers or {}
        self.where = HERE
        """Where that lies of which is spoken now, and where programs run; see `at`."""
        self.whole = False
        """Whether what only computes is done there as well."""
        self.visited: set[str] = set()
        """The devices on which something was done since this was emptied."""
        self.spare: set[str] = set()
        """Tasks that only take together what others gave, and are left out if nothing asks for it."""
        self._lies: dict[str, Where] = {}
        self.edits: list[Edit] = []
        self.problems: list[Problem] = []
        self.written: list[Any] = []
        self.names: dict[str, None] = {}
        self.when: Expr | None = None
        self.gate: Ref | None = None
        self._made: dict[str, Ref] = {}
        self._touched: list[tuple[str, Place | None, str, bool]] = []

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
        tool = self.toolbox.get(op)
        where = HERE if isinstance(tool, Problem) else self._performed(tool, args, over)
        self.visited |= set(where.names)
        if not fresh:
            for when in (None, self.when):
                known = self._made.get(repr((op, args, each, when, where)))
                if known is not None:
                    return known
        if isinstance(tool, Problem):
            if tool not in self.problems:
                self.problems.append(tool)
            return Ref("missing")
        for wrong in tool.check(args if each is None else _opened(args)):
            self.problems.append(Problem("plan/argument", wrong.place, wrong.message))
        name = self._free(f"{base}-{where.device}" if where.device else base)
        task = replace_struct(tool.task(name, args), op=op, each=each, when=self.when)
        if (place := where.place()) is not None:
            task = replace_struct(task, executor=FLEET, place=place)
            self._lies[name] = where
        if tool.estimate_s is None:
            task = replace_struct(task, estimate=Estimate(_SECONDS.get(op.partition(".")[0], 1.0)))
        self.edits += self._asked_first(task, tool, question) if self.judged else [Add(task)]
        self._keep_order(task)
        found = Ref(name)
        if not fresh:
            self._made[repr((op, args, each, self.when, where))] = found
        return found

    @contextmanager
    def at(self, where: Where) -> Iterator[None]:
        """Inside the block, what is read, written, measured or run is so on these devices."""
        before, self.where = self.where, where
        try:
            yield
        finally:
            self.where = before

    def _performed(self, tool: Tool[..., Any], args: Mapping[str, Any], over: Any) -> Where:
        """Where a call is performed: what touches files or the machine there, what only computes where its values are.

        So that a text of which the lines are counted does not travel.
        """
        if self.where.is_here:
            return HERE
        if self.whole or tool.effects.kind != "pure" or tool.effects.reads or tool.effects.writes:
            if not self._offered(tool.name):
                message = f"{self.where.device} does not offer the tool {tool.name!r}; see: orrery devices"
                self.problems.append(Problem("plan/no-tool", f"what is done {self.where}", message))
            return self.where
        sources = {ref.task for ref in refs_in([dict(args), over])}.difference(PSEUDO_SOURCES)
        is_near = bool(sources) and all(self._lies.get(source, HERE).same(self.where) for source in sources)
        return self.where if is_near and self.where.device and self._offered(tool.name) else HERE

    def _offered(self, tool: str) -> bool:
        """Whether the device of which is spoken performs a tool, as far as is known."""
        offered = self.offers.get(self.where.device)
        return not offered or tool in offered

    def _keep_order(self, task: Task) -> None:
        """What touches a file waits for what touched it before, where one of the two changes it."""
        at = self._lies.get(task.id, HERE).place()
        reads = [_file(name) for name in task.effects.reads if name.startswith("file:")]
        writes = [_file(name) for name in task.effects.writes if name.startswith("file:")]
        changes = bool(writes) or task.effects.kind in ("once", "keyed")
        if task.effects.kind in ("once", "keyed") and not writes:
            writes = ["*"]
        if task.op in ("files.glob", "data.query"):
            reads = ["*"]
        direct = {ref.task for ref in task.refs()}
        for earlier, there, path, changed in self._touched:
            mine = [*reads, *writes] if changed else writes
            if (
                there == at
                and any(path == other or "*" in (path, other) for other in mine)
                and earlier not in direct
                and earlier != task.id
            ):
                self.after(Ref(earlier), Ref(task.id), "completion")
                direct.add(earlier)
        self._touched += [(task.id, at, path, False) for path in reads]
        self._touched += [(task.id, at, path, True) for path in writes]
        if changes and self.gate is not None:
            self.after(self.gate, Ref(task.id), ON_YES)

    def wanted(self, outputs: Any) -> list[Edit]:
        """The edits without the spare tasks for which nothing asks."""
        edits = list(self.edits)
        while True:
            tasks = [edit.task for edit in edits if isinstance(edit, Add)]
            asked = {ref.task for task in tasks for ref in task.refs()} | {ref.task for ref in refs_in(outputs)}
            idle = {task.id for task in tasks if task.id in self.spare and task.id not in asked}
            if not idle:
                return edits
            edits = [edit for edit in edits if not (isinstance(edit, Add) and edit.task.id in idle)]

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
        verdict = judge(tool, task.args, self.folder) if task.place is None else self._judged_afar(task, tool)
        # The words are a person's, not a model's: yes covers the files too that they mean and nobody knows yet.
        if verdict.word == "ask" and self.approve != "yes":
            asked = question or f"{_sentence(task)} ({verdict.because})"
            return asked_first(task, asked, ask=self._free(f"approve-{task.id}"))
        if verdict.word == "refuse":
            self.problems.append(Problem("plan/refused", f"the tool {tool.name!r}", verdict.because))
        return [Add(task)]

    def _judged_afar(self, task: Task, tool: Tool[..., Any]) -> Verdict:
        """The verdict on a call on a device: what is written there may replace something, which nobody sees here."""
        verdict = judge(tool, task.args, _ANYWHERE)
        if verdict.word == "allow" and (task.effects.writes or task.effects.kind in ("once", "keyed")):
            return Verdict("ask", f"what it changes {self._lies[task.id]} cannot be seen from here")
        return verdict

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
