"""Batches on the command line: the options of `orrery run --rows`, and what `orrery show` tells of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from orrery.cli.screen import STYLES, say
from orrery.errors import RequestError
from orrery.graph.values import decode
from orrery.scheduler.events import AnyEvent, RunOptions, TaskProgressed
from orrery.scheduler.machine import Machine
from orrery.workflow.workflow import Workflow

MOST_ERRORS = 5


@Parameter(name="*")
@dataclass(frozen=True)
class RowsOptions:
    """How a workflow is run over a table."""

    rows: Annotated[
        Path | None,
        Parameter(help="Run it for every row of a table: CSV, TSV, JSON lines or Parquet; columns are inputs by name."),
    ] = None
    out: Annotated[
        Path | None,
        Parameter(help="Where the results of the rows go; TABLE.results in the form of the table unless given."),
    ] = None
    skip_bad_rows: Annotated[
        bool, Parameter(negative=(), help="Run the rows that fit, though others do not; these fail by themselves.")
    ] = False
    ignore_extra_columns: Annotated[bool, Parameter(negative=(), help="Pass over columns that are no input.")] = False
    rows_at_once: Annotated[
        int | None, Parameter(help="The most rows that are under way at once; as many as suit the slots unless given.")
    ] = None

    def over(self, workflow: Workflow, given: Mapping[str, Any], folder: Path) -> Workflow | None:
        """The workflow that runs another over every row; None where no table was named.

        Raises RequestError, and InputError with the rows at fault.
        """
        if self.rows is None:
            self.check_unused()
            return None
        from orrery.runtime.batch.plan import batch_of

        return batch_of(
            workflow,
            self.rows,
            folder=folder,
            given=given,
            out=self.out,
            skip_bad_rows=self.skip_bad_rows,
            ignore_extra_columns=self.ignore_extra_columns,
            at_once=self.rows_at_once,
        )

    def check_unused(self) -> None:
        """Whether none of them was given. Raises RequestError."""
        for name, value in vars(self).items():
            if value is not None and value is not False:
                option = "--" + name.replace("_", "-")
                what = (
                    "a workflow, and this is a request in plain words"
                    if name == "rows"
                    else "a table: add --rows TABLE"
                )
                raise RequestError(f"{option} needs {what}")

    def options(self, options: RunOptions) -> RunOptions:
        """A run's options, as a batch needs them."""
        if self.rows is None:
            return options
        from orrery.runtime.batch.plan import batch_options

        return batch_options(options)


class RowsSeen:
    """What the log of a run says of rows, if it is that of a batch."""

    def __init__(self) -> None:
        self._note = ""

    def take(self, event: AnyEvent) -> None:
        """Take in an event of the log."""
        if isinstance(event, TaskProgressed):
            self._note = event.note

    def print(self, console: Console, machine: Machine) -> None:
        """Print how the rows stand, and the first errors among them."""
        record = next((one for one in machine.records.values() if one.task.executor == "batch"), None)
        if record is None:
            return
        if record.value is None:
            say(console, f"  rows  {self._note or 'none yet'}")
        else:
            found = decode(record.value)
            failed = f", {found['failed']:,} failed" if found["failed"] else ""
            say(console, f"  rows  {found['succeeded']:,}/{found['total']:,} succeeded{failed}; see {found['results']}")
            for one in found["errors"][:MOST_ERRORS]:
                line = f"  row {one['row']:,}  " + " ".join(f"{one['error']} [{one['code']}]".split())
                say(console, Text(line, STYLES["failed"]))
        say(console, "")
