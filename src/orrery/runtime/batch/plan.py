"""BatchPlan: a batch as data, which is all that resuming one needs; and the workflow that carries it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from orrery.errors import BadRowError, InputError, RequestError, TableChangedError, suggestion
from orrery.graph.codec import graph_from_json, to_json
from orrery.graph.graph import Graph
from orrery.graph.patch import Add
from orrery.graph.ref import INPUTS, Ref
from orrery.graph.task import Estimate, Limits, Retry, Task, refs_in
from orrery.journal.protocol import Journal
from orrery.passes.batch import RowKeys
from orrery.runtime.batch.columns import Columns
from orrery.runtime.batch.results import FORMS
from orrery.runtime.batch.table import Table, TableRow
from orrery.scheduler.events import Budget, GraphPatched, RunOptions, RunStarted
from orrery.workflow.workflow import UNSET, InputSpec, Workflow

LEAST_AT_ONCE: Final = 64
MOST_AT_ONCE: Final = 1024
ROWS_A_SLOT: Final = 4
"""Rows under way for each slot: more than one, so that no slot waits for the next row; few, so that rows end soon."""
MOST_PROBLEMS: Final = 20
ROWS, COMPLETE = "rows", "complete"
"""The tasks of a batch: one sends the rows through, one says whether all of them succeeded."""
EXECUTOR: Final = "batch"


class BatchPlan(msgspec.Struct, frozen=True):
    """A workflow and the table whose rows it is run over.

    Args:
        name, target: of the workflow: what it is called, and what it was made from.
        graph: the workflow's own, as JSON.
        inputs: what it takes, each with its type and, where it has one, its default.
        constants: the inputs that are the same for every row.
        table: the path of the file, read against the run's folder; `digest` is that of its bytes, `rows` their number.
        out: the path of the results.
        skip_bad_rows: a row that does not fit the inputs fails by itself.
        ignore_extra_columns: columns that are no input are passed over.
        at_once: the most rows that are under way at once; None: as many as suit the slots that there are.
    """

    name: str
    target: str
    graph: str
    inputs: dict[str, dict[str, Any]]
    constants: dict[str, Any]
    table: str
    digest: str
    rows: int
    out: str
    skip_bad_rows: bool = False
    ignore_extra_columns: bool = False
    at_once: int | None = None

    def read_graph(self) -> Graph:
        """The workflow's graph."""
        return graph_from_json(self.graph)

    def columns(self) -> Columns:
        """How a row becomes inputs."""
        specs = {
            name: InputSpec(name, one["type"], one.get("default", UNSET), static=one.get("static", False))
            for name, one in self.inputs.items()
        }
        return Columns(self.name, specs, self.constants, ignore_extra=self.ignore_extra_columns)

    def bound(self, table: Table, columns: Columns) -> Iterator[tuple[TableRow, dict[str, Any] | BadRowError]]:
        """The rows in their order, each with its inputs or with what is wrong with it."""
        for row in table.rows():
            try:
                yield row, columns.bind(row)
            except BadRowError as error:
                yield row, error


def batch_of(
    workflow: Workflow,
    table: Path,
    *,
    folder: Path,
    given: Mapping[str, Any] | None = None,
    out: Path | None = None,
    skip_bad_rows: bool = False,
    ignore_extra_columns: bool = False,
    at_once: int | None = None,
) -> Workflow:
    """The workflow that runs another over every row of a table. The whole table is read once, to check it.

    Args:
        workflow: what is done for each row.
        table: a file; its columns are the workflow's inputs by name.
        folder: against which paths are read.
        given: inputs that are the same for every row; a text is read as the input's type.
        out: where the results go; beside nothing else, `<table>.results<suffix>` in the folder.
        skip_bad_rows: a row that does not fit fails by itself, in place of the whole request.
        ignore_extra_columns: columns that are no input are passed over.
        at_once: the most rows that are under way at once; None: as many as suit the slots that there are.

    Raises:
        InputError: the table cannot be read or does not fit; with the numbers and columns of rows at fault.
        RequestError: an option cannot be meant.
        MissingExtraError: the form of the table or of the results needs the extra `data`.
    """
    if at_once is not None and at_once < 1:
        raise RequestError(f"there cannot be {at_once} rows at once; give one or more")
    rows = Table(folder / table)
    results = _checked_out(
        out or Path(f"{table.stem}.results{'.jsonl' if rows.form == '.json' else rows.form}"), folder
    )
    if (folder / results).resolve() == rows.path.resolve():
        raise RequestError(f"the results would replace the table {str(table)!r}; name another file with --out")
    plan = BatchPlan(
        workflow.name,
        workflow.source,
        to_json(workflow.graph),
        {name: _plain_spec(spec) for name, spec in workflow.inputs.items()},
        _constants(workflow, given or {}),
        str(table),
        rows.digest(),
        0,
        str(results),
        skip_bad_rows,
        ignore_extra_columns,
        at_once,
    )
    plan = msgspec.structs.replace(plan, rows=_checked(plan, rows, workflow.graph))
    seconds = sum(task.estimate.seconds for task in workflow.graph) * plan.rows / (at_once or MOST_AT_ONCE)
    tasks = [
        Task(
            ROWS,
            "py:orrery.runtime.batch.rows:run_rows",
            {"plan": msgspec.structs.asdict(plan)},
            EXECUTOR,
            limits=Limits(retry=Retry(attempts=4, backoff_s=15.0)),  # a disk that is full for a while
            estimate=Estimate(seconds=max(1.0, seconds)),
            label=f"{plan.rows:,} rows of {table}",
        ),
        Task(COMPLETE, "py:orrery.runtime.batch.verdict:every_row", {"rows": Ref(ROWS)}, label="every row succeeded"),
    ]
    own = workflow.budget
    budget = Budget(
        None if own.money is None else own.money * plan.rows,
        None if own.tokens is None else own.tokens * plan.rows,
    )
    graph = Graph(tasks, outputs={"rows": Ref(ROWS)})
    return Workflow(workflow.name, graph, budget=budget, source=workflow.source, description=workflow.description)


def rows_at_once(graph: Graph, capacity: Mapping[str, int]) -> int:
    """How many rows are to be under way at once, so that every slot has work: of the executor with the most slots.

    Args:
        capacity: slots of each executor; one that is not named has no limit.
    """
    slots = max((capacity.get(task.executor, MOST_AT_ONCE) for task in graph), default=1)
    return max(LEAST_AT_ONCE, min(MOST_AT_ONCE, ROWS_A_SLOT * slots))


def batch_options(options: RunOptions) -> RunOptions:
    """The options of a batch: it goes on after any number of crashes, and waits for its windows when it is cancelled.

    How often a single row may be in flight at a crash is limited for its tasks, which are in the windows.
    """
    return msgspec.structs.replace(options, max_crashes=2**31, grace_s=max(60.0, 4 * options.grace_s))


def check_table(journal: Journal, run: str) -> None:
    """Whether the table of a batch is still the one with which it began; of any other run nothing is asked.

    Raises:
        TableChangedError: it is another.
        InputError: it is not there.
        UnknownRunError, CorruptionError: the run cannot be read.
    """
    folder = ""
    for _, event in journal.read(run):
        if isinstance(event, RunStarted):
            folder = event.folder
        elif isinstance(event, GraphPatched):
            added = (edit.task for edit in event.patch.edits if isinstance(edit, Add))
            found = next((task.args["plan"] for task in added if task.executor == EXECUTOR), None)
            if found is None:
                return
            plan = msgspec.convert(found, BatchPlan)
            if Table(Path(folder) / plan.table).digest() != plan.digest:
                raise TableChangedError(
                    f"{plan.table!r} is not the table with which batch {run!r} began: put that back, "
                    "or run this one as a batch of its own"
                )
            return


def _checked_out(out: Path, folder: Path) -> Path:
    if out.suffix.lower() not in FORMS:
        raise RequestError(f"{str(out)!r} is in no form in which results are written; end it with {', '.join(FORMS)}")
    if (folder / out).is_dir():
        raise RequestError(f"{str(out)!r} is a folder; name a file for the results with --out")
    if out.suffix.lower() == ".parquet":
        from orrery.tools.data import check_installed

        check_installed()  # before hours of work, not after
    return out


def _constants(workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Any]:
    problems: list[str] = []
    read: dict[str, Any] = {}
    for name, value in given.items():
        spec = workflow.inputs.get(name)
        if spec is None:
            known = suggestion(name, workflow.inputs) if workflow.inputs else "it takes none"
            problems.append(f"{workflow.name!r} has no input {name!r}; {known}")
            continue
        try:
            read[name] = spec.read(value)
        except InputError as error:
            problems.append(str(error))
            continue
        if spec.static and read[name] != spec.default:
            problems.append(f"input {name!r} is static: this graph was made for {spec.default!r}, not {read[name]!r}")
    if problems:
        raise InputError("\n".join(problems))
    return read


def _checked(plan: BatchPlan, table: Table, graph: Graph) -> int:
    """The number of rows. Raises InputError if the table does not fit the workflow."""
    columns, names = plan.columns(), table.columns()
    keys = RowKeys(graph) if any(len(ref.path) > 1 for ref in _refs(graph) if ref.task == INPUTS) else None
    if names is not None:
        columns.check_names(names)
    count, wrong, found = 0, 0, list[str]()
    for row, bound in plan.bound(table, columns):
        count += 1
        problem = str(bound) if isinstance(bound, BadRowError) else _unfit(row.number, bound, keys)
        if problem:
            wrong += 1
            if len(found) < MOST_PROBLEMS:
                found.append(f"{plan.table}: {problem}")
    if wrong and not plan.skip_bad_rows:
        more = [f"and {wrong - len(found):,} more rows"] if wrong > len(found) else []
        way_out = "correct them, or run the others with --skip-bad-rows"
        raise InputError("\n".join([*found, *more, f"{wrong:,} of {count:,} rows do not fit; {way_out}"]))
    if not count:
        raise InputError(f"{plan.table!r} has no rows, so there is nothing to run")
    return count


def _refs(graph: Graph) -> Iterator[Ref]:
    for task in graph:
        yield from task.refs()
    yield from refs_in(dict(graph.outputs))


def _unfit(number: int, inputs: Mapping[str, Any], keys: RowKeys | None) -> str:
    """What is wrong inside the inputs of a row: a part that the workflow refers to is not there."""
    try:
        if keys is not None:
            keys.keys(inputs)
    except InputError as error:
        return str(BadRowError(number, "", str(error)))
    return ""


def _plain_spec(spec: InputSpec) -> dict[str, Any]:
    plain: dict[str, Any] = {"type": spec.type}
    if not spec.required:
        plain["default"] = spec.default
    if spec.static:
        plain["static"] = True
    return plain
