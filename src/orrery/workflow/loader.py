"""Workflow files: from YAML to a `Workflow`, with every problem at its line and column.

The file is read in three steps, each going on as far as it can: the document's shape (`keys`), each task on
its own (`work` says what it performs, this module what it waits for), and the graph they make together,
whose problems are led back to the lines that caused them.
"""

from __future__ import annotations

import itertools
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from orrery.errors import ExpressionError, GraphError, Problem, WorkflowFileError, suggestion
from orrery.graph import INPUTS, Each, Edge, Effects, Estimate, Expr, Graph, Limits, Ref, Retry, Task, Template
from orrery.graph.edge import Condition
from orrery.graph.place import FLEET
from orrery.scheduler.events import Budget
from orrery.workflow.document import (
    MAX_FILE_BYTES,
    Mapping,
    Node,
    Report,
    Scalar,
    Sequence,
    describe,
    plain,
    read_document,
)
from orrery.workflow.keys import WORKFLOW
from orrery.workflow.place import read_place
from orrery.workflow.references import ReferenceSyntax, Scope, read_condition, read_text
from orrery.workflow.shapes import UNREADABLE, Named, Record
from orrery.workflow.work import Work, read_work
from orrery.workflow.workflow import TYPES, UNSET, InputSpec, Workflow, type_of

UNKNOWN = Ref(INPUTS)
"""Stands for a value whose problem has been noted: a reference passes every check that a value could fail."""
_ACCEPTED = {"any": TYPES, "number": ("number", "integer")}
_OUTCOMES = ("success", "failure", "completion")


def load(path: str | Path, *, shown: str = "") -> Workflow:
    """The workflow that a YAML file describes.

    Args:
        path: the file.
        shown: what messages call it; the path as given unless said.

    Raises:
        WorkflowFileError: with every problem, each with its line and column.
        MissingExtraError: PyYAML is not installed.
    """
    return _load(Path(path), shown or str(path), (), {})


def loads(text: str, *, shown: str = "workflow", folder: str | Path = ".") -> Workflow:
    """The workflow that a YAML text describes; paths in it start at `folder`. Raises as `load` does."""
    return File(text.encode("utf-8", "surrogatepass"), shown, Path(folder), (), {}).workflow()


_Loaded = dict[str, Workflow | WorkflowFileError]
"""What came of each file that was read so far; failures too, or files that use each other twice would take for ever."""


def _load(path: Path, shown: str, stack: tuple[str, ...], loaded: _Loaded) -> Workflow:
    real = os.path.realpath(path)
    if real not in loaded:
        try:
            data = _read(path, shown)
            loaded[real] = File(data, shown, path.resolve().parent, (*stack, real), loaded, stem=path.stem).workflow()
        except WorkflowFileError as error:
            loaded[real] = error
    found = loaded[real]
    if isinstance(found, WorkflowFileError):
        raise found
    return found


def _read(path: Path, shown: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError) and path.parent.is_dir():
            beside = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
            hint = f"; {suggestion(path.name, beside)}" if beside else ""
        report = Report(shown)
        report.add("no-file", None, f"the file cannot be read: {error.strerror}{hint}")
        raise report.error() from error


class File:
    """One workflow file while it is read.

    Attributes:
        report: where its problems go.
        folder: where paths in it start.
    """

    def __init__(
        self,
        data: bytes,
        shown: str,
        folder: Path,
        stack: tuple[str, ...],
        loaded: _Loaded,
        *,
        stem: str = "workflow",
    ) -> None:
        self.report = Report(shown)
        self.folder = folder
        self._stack, self._loaded, self._stem = stack, loaded, stem
        root = read_document(data, self.report)
        record = WORKFLOW.read(root, self.report)
        if record is UNREADABLE:
            raise self.report.error()
        self._record: Record = record
        self._tasks: dict[str, Named] = record.get("tasks", {})
        entries = record.at("tasks").entries if "tasks" in record else {}
        self._known = dict.fromkeys(entries)  # those that could not be read exist too
        self._inputs: dict[str, InputSpec] = self._read_inputs()
        self._defaults: Record = record.get("defaults") or Record(root, {}, {})
        self.scope = Scope(self._known, self._inputs)
        self._edge_nodes: dict[tuple[str, str], Node] = {}

    def workflow(self) -> Workflow:
        """The file's workflow. Raises WorkflowFileError with every problem."""
        record, tasks, edges = self._record, [], []
        for name, (_node, task) in self._tasks.items():
            made, needs = self._task(name, task)
            tasks.append(made)
            edges += needs
        outputs = {name: self.value(value, self.scope) for name, (_node, value) in record.get("outputs", {}).items()}
        if "tasks" in record and not self._known:
            self.report.add("no-tasks", record.at("tasks"), "there is no task in it, so there is nothing to do")
        graph = self._graph(tasks, edges, outputs)
        if graph is None or self.report.problems:
            raise self.report.error()
        name = record.get("name") or self._stem
        description = record.get("description", "")
        return Workflow(name, graph, self._inputs, self._budget(), self.report.shown, description)

    def value(self, node: Node, scope: Scope) -> Any:
        """A node as data with Ref and Template leaves; what cannot be read is noted and becomes `UNKNOWN`."""
        if isinstance(node, Sequence):
            return [self.value(item, scope) for item in node.items]
        if isinstance(node, Mapping):
            return {key: self.value(value, scope) for key, (_key, value) in node.entries.items()}
        if not isinstance(node.value, str):
            return node.value
        try:
            value = read_text(node.value)
        except ReferenceSyntax as error:
            self.report.add("reference", node, str(error))
            return UNKNOWN
        refs = [value] if isinstance(value, Ref) else value.refs() if isinstance(value, Template) else ()
        faults = [fault for ref in refs if (fault := scope.fault(ref))]
        for fault in dict.fromkeys(faults):
            self.report.add("reference", node, fault)
        return UNKNOWN if faults else value

    def nested(self, uses: str, node: Node) -> Workflow | None:
        """Another workflow file that this one uses; None if its problems have been noted."""
        path = self.folder / uses
        real = os.path.realpath(path)
        if real in self._stack:
            names = [os.path.basename(entry) for entry in (*self._stack[self._stack.index(real) :], real)]
            self.report.add("recursion", node, f"the workflow would contain itself: {' -> '.join(names)}")
            return None
        folder = os.path.dirname(self.report.shown)
        try:
            return _load(path, os.path.normpath(os.path.join(folder, uses)), self._stack, self._loaded)
        except WorkflowFileError as error:
            self.report.add("uses", node, f"{uses!r} cannot be used; its own problems are listed with it")
            self.report.problems += error.problems
            return None

    # -- the top of the file ------------------------------------------------------------------------------

    def _read_inputs(self) -> dict[str, InputSpec]:
        specs: dict[str, InputSpec] = {}
        for name, (node, record) in self._record.get("inputs", {}).items():
            default: Any = UNSET
            if "default" in record:
                default = plain(record.at("default"))
                if record.get("required"):
                    self.report.add("input", record.at("required"), f"input {name!r} is required, yet has a default")
            elif record.get("required") is False:
                default = None
            kind = record.get("type") or ("any" if default is UNSET else type_of(default))
            spec = InputSpec(name, kind, default, record.get("description", ""))
            if "default" in record and default is not None and type_of(default) not in _ACCEPTED.get(kind, (kind,)):
                what = f"the default of input {name!r} is {describe(record.at('default'))}, which is not of type {kind}"
                self.report.add("input", record.at("default"), what)
            if not name:
                self.report.add("input", node, "an input needs a name")
            specs[name] = spec
        return specs

    def _budget(self) -> Budget:
        record = self._record.get("budget")
        if record is None:
            return Budget()
        return Budget(record.get("money"), record.get("tokens"), record.get("wall"))

    # -- one task -----------------------------------------------------------------------------------------

    def _task(self, name: str, record: Record) -> tuple[Task, list[Edge]]:
        scope = self.scope._replace(items="for-each" in record)
        each = None
        if "for-each" in record:
            over = self.value(record.at("for-each"), self.scope)
            if not isinstance(over, list | dict | Ref):
                self.report.add("type", record.at("for-each"), "for-each needs a list, a map, or one reference to them")
                over = []
            each = Each(over, accept_errors=record.get("continue-on-error", False))
        elif "continue-on-error" in record:
            self.report.add(
                "continue-on-error",
                record.key_at("continue-on-error"),
                "it is about the items of a for-each; a task that may fail is followed by needs: {it: completion}",
            )
        work = read_work(record, self, scope)
        edges = self._needs(name, record)
        place = read_place(self._said(record, work, "runs-on", None), self, scope)
        if place is not None and not work.takes_defaults:
            what = "runs-on is about a task that a device performs; a person or a nested workflow has no place"
            self.report.add("runs-on", record.key_at("runs-on"), what)
        task = Task(
            name,
            work.op,
            work.args,
            executor=self._said(record, work, "executor", work.executor if place is None else FLEET),
            effects=self._effects(record, work),
            limits=self._limits(record, work),
            estimate=self._estimate(record, work),
            join=self._join(record, edges),
            when=self._condition(record, scope),
            each=each,
            label=record.get("label", ""),
            place=place,
        )
        self._check_join(record, task, edges)
        return task, edges

    def _said(self, record: Record, work: Work, key: str, otherwise: Any) -> Any:
        """What the task says under a key; else what the file's defaults say; else what the work itself says."""
        if key in record:
            return record.get(key)
        return self._defaults.get(key, otherwise) if work.takes_defaults else otherwise

    def _limits(self, record: Record, work: Work) -> Limits:
        retry = self._said(record, work, "retry", None)
        resources = self._said(record, work, "resources", None)
        own = work.limits
        return Limits(
            timeout_s=self._said(record, work, "timeout", own.timeout_s),
            deadline_s=self._said(record, work, "deadline", own.deadline_s),
            retry=own.retry if retry is None else _retry(retry),
            resources=own.resources if resources is None else {name: one.value for name, one in resources.items()},
            hedge_after_s=record.get("hedge-after", own.hedge_after_s),
        )

    def _effects(self, record: Record, work: Work) -> Effects:
        said: Record | None = record.get("effects")
        if said is None:
            return work.effects
        own = work.effects
        return Effects(
            said.get("kind", own.kind), tuple(said.get("reads", own.reads)), tuple(said.get("writes", own.writes))
        )

    def _estimate(self, record: Record, work: Work) -> Estimate:
        said: Record | None = record.get("estimate")
        seconds = Estimate().seconds if work.seconds is None else work.seconds
        if said is None:
            return Estimate(seconds)
        return Estimate(
            said.get("time", seconds), said.get("money", 0.0), said.get("tokens", 0), said.get("difficulty")
        )

    def _condition(self, record: Record, scope: Scope) -> Expr | None:
        node = record.get("if")
        if node is None:
            return None
        try:
            condition = read_condition(node.text)
        except (ReferenceSyntax, ExpressionError) as error:
            self.report.add("condition", node, str(error))
            return None
        faults = [fault for ref in condition.names.values() if (fault := scope.fault(ref))]
        for fault in dict.fromkeys(faults):
            self.report.add("condition", node, fault)
        return None if faults else condition

    # -- what it waits for --------------------------------------------------------------------------------

    def _needs(self, name: str, record: Record) -> list[Edge]:
        edges: dict[str, Edge] = {}
        needs = record.get("needs", [])
        wanted: list[tuple[Scalar, Condition | None]] = (
            [(node, self._outcome(value)) for node, value in needs.values()]
            if isinstance(needs, dict)
            else [(node, "success") for node in needs]
        )
        for node, on in wanted:
            if self._exists(node, name) and on is not None:
                if node.text in edges:
                    self.report.add("needs", node, f"{node.text!r} stands here twice")
                edges[node.text] = Edge(node.text, name, on)
                self._edge_nodes[node.text, name] = node
        for node in record.get("after", []):
            if self._exists(node, name) and node.text not in edges:
                edges[node.text] = Edge(node.text, name, hard=False)
                self._edge_nodes[node.text, name] = node
        return list(edges.values())

    def _exists(self, node: Scalar, name: str) -> bool:
        if node.text in self._known:
            return True
        others = [known for known in self._known if known != name]
        self.report.add("unknown-task", node, f"there is no task {node.text!r}; {suggestion(node.text, others)}")
        return False

    def _outcome(self, node: Scalar) -> Condition | None:
        if node.text in _OUTCOMES:
            return node.text  # type: ignore[return-value]
        try:
            condition = Expr(node.text)
        except ExpressionError as error:
            self.report.add("needs", node, str(error))
            return None
        if stray := [free for free in condition.free_names() if free != "result"] or not condition.free_names():
            about = f"not {stray[0]!r}" if isinstance(stray, list) else f"and {node.text!r} does not"
            hint = suggestion(node.text, _OUTCOMES)
            self.report.add(
                "needs", node, f"a condition here speaks of result, {about}; or write one of the outcomes: {hint}"
            )
            return None
        return condition

    def _join(self, record: Record, edges: list[Edge]) -> int | None:
        if "needs-any" not in record:
            return None
        count, hard = int(record.get("needs-any")), sum(edge.hard for edge in edges)
        if "needs" not in record or count > hard:
            self.report.add(
                "needs-any",
                record.at("needs-any"),
                f"{count} of the tasks under 'needs' are wanted, of which there {'is' if hard == 1 else 'are'} {hard}",
            )
            return None
        return count

    def _check_join(self, record: Record, task: Task, edges: list[Edge]) -> None:
        if task.join is None:
            return
        named = {edge.source for edge in edges}
        for ref in task.refs():
            if ref.task in self._known and ref.task not in named:
                self.report.add(
                    "needs-any",
                    record.at("needs-any"),
                    f"the task also refers to {ref.task!r}, which is not under 'needs' and would count among the "
                    f"{task.join}; name it there, or refer to it in a task of its own",
                )

    # -- the graph ----------------------------------------------------------------------------------------

    def _graph(self, tasks: list[Task], edges: list[Edge], outputs: dict[str, Any]) -> Graph | None:
        if self.report.problems:
            # References that were noted already have been left out; what else the graph says still counts.
            known = {task.id for task in tasks}
            edges = [edge for edge in edges if edge.source in known]
            tasks = [task for task in tasks if all(ref.task in known or ref.task[0] == "@" for ref in task.refs())]
            ids = {task.id for task in tasks}
            edges = [edge for edge in edges if {edge.source, edge.target} <= ids]
            outputs = {}
        try:
            return Graph(tasks, edges, outputs)
        except GraphError as error:
            for problem in error.problems:
                self._blame(problem)
            return None

    def _blame(self, problem: Problem) -> None:
        """Note a problem of the graph at the line that caused it."""
        self.report.add(problem.code.replace("/", "-"), self._cause(problem), problem.message)

    def _cause(self, problem: Problem) -> Node | None:
        if problem.code == "graph/cycle" and (loop := re.search(r": (.*); remove", problem.message)):
            for pair in itertools.pairwise(loop[1].split(" -> ")):
                if pair in self._edge_nodes:
                    return self._edge_nodes[pair]
        if problem.place in self._places:
            return self._places[problem.place]
        # Inside an argument the place goes on, such as "task 'a', argument 'x'[0]".
        begun = [place for place in self._places if problem.place.startswith(place)]
        return self._places[max(begun, key=len)] if begun else None

    @cached_property
    def _places(self) -> dict[str, Node]:
        """Where each thing of which the graph may complain stands in the file."""
        places: dict[str, Node] = {f"edge {s!r} -> {t!r}": node for (s, t), node in self._edge_nodes.items()}
        for name, (node, record) in self._tasks.items():
            shown = name if len(name) < 60 else name[:60] + "..."  # as the graph abridges what is no good id
            places[f"task {shown!r}"] = places[f"task {name!r}"] = node
            for argument, (where, _value) in record.get("with", {}).items():
                places[f"task {name!r}, argument {argument!r}"] = where
        for name, (node, _value) in self._record.get("outputs", {}).items():
            places[f"output {name!r}"] = node
        return places


def _retry(record: Record) -> Retry:
    names = {"attempts": "attempts", "backoff": "backoff_s", "factor": "factor", "max-backoff": "max_backoff_s"}
    given = {field: record.get(key) for key, field in names.items() if key in record}
    if "jitter" in record:
        given["jitter"] = record.get("jitter")
    if "on" in record:
        given["on"] = tuple(record.get("on"))
    return msgspec.structs.replace(Retry(), **given)
