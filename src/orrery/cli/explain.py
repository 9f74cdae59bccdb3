"""`orrery explain`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from orrery.cli import explained
from orrery.cli.drive import Drive
from orrery.cli.fleet import devices_within_reach, machines_within_reach
from orrery.cli.options import (
    HubTokenFile,
    HubUrl,
    Inputs,
    Json,
    Store,
    check_output,
    read_hub,
    read_inputs,
    read_resources,
    read_value,
)
from orrery.cli.request import (
    PlannerName,
    PlannerOptions,
    check_no_inputs,
    choose,
    goal_of,
    is_request,
    only_for_requests,
    planned,
)
from orrery.cli.rows import RowsOptions
from orrery.cli.screen import err, out, say, write_json
from orrery.cost import Calibration, compare
from orrery.errors import InputError, OutsideError, RequestError, UnknownRunError
from orrery.fleet.hubs import HubAddress
from orrery.graph import Patch
from orrery.journal import Journal
from orrery.passes import DEFAULT, Pass, bound, named
from orrery.runtime import Run, Session
from orrery.runtime.batch.foresee import RowsForeseen, foresee
from orrery.runtime.directory import open_existing
from orrery.runtime.explain import Explanation
from orrery.runtime.explain import explain as explained_workflow
from orrery.runtime.session import new_run_name
from orrery.workflow.workflow import Workflow

Passes = Annotated[
    str | None,
    Parameter(name="--passes", help="The passes, as NAME or NAME:OPTION=VALUE, with commas between them; or none."),
]


def explain(
    target: str,
    /,
    *,
    inputs: Inputs = None,
    passes: Passes = None,
    analyze: Annotated[bool, Parameter(name=("--analyze", "--analyse"), negative=())] = False,
    json: Json = False,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    store: Store = None,
    resources: Annotated[list[str] | None, Parameter(name="--resources", negative=())] = None,
    hub: HubUrl = None,
    hub_token_file: HubTokenFile = None,
    planner: PlannerName = None,
    option: PlannerOptions = None,
    tools: str | None = None,
    table: RowsOptions | None = None,
) -> int:
    """Say what a workflow or a request would take, what passes would make of it, and why. Nothing is run.

    With --analyze it is run, as the passes leave it, and what it took is set beside what was thought; the exit status
    is then that of the run.

    Args:
        target: A workflow file, module:flow, or a request in quotes.
        analyze: Run it, and compare.
        output: An SVG file to draw the graph to, before and after.
        resources: How much there is of a resource that tasks name, as NAME=COUNT.
        tools: The tools, or toolsets, that a request may use, with commas between them; all unless given.
    """
    ground = Ground(Path.cwd(), store, read_resources(resources), read_hub(hub, hub_token_file), as_json=json)
    given, table = read_inputs(inputs), table or RowsOptions()
    if is_request(target):
        table.check_unused()
        check_no_inputs(given)
        goal = goal_of(target, options=option, tools=tools, devices=devices_within_reach(ground.hub))
        workflow = planned(goal, choose(planner), ground.folder, as_json=json).workflow
    else:
        only_for_requests(planner=planner, option=option, tools=tools)
        from orrery.workflow import load_target

        check_output(output, target, table.rows)
        workflow = load_target(target, ground.folder, given)
    if output is not None and output.suffix.lower() != ".svg":
        raise RequestError(f"the picture is an SVG: name it {str(output.with_suffix('.svg'))!r}")
    if analyze and table.rows is not None:
        raise RequestError("--analyze is for one run; leave --rows away, or run the table with `orrery run --rows`")
    found = ground.explained(workflow, given, passes)
    rows = ground.over_rows(found, given, table)
    status, actual = ground.analyzed(found, given) if analyze else (0, None)
    if output is not None:
        draw_to(output, found)
    if json:
        write_json(explained.plain(found, actual, rows))
    elif output is not None:
        say(out(), f"{output}: {len(found.pipeline.before):,} tasks before, {len(found.pipeline.after):,} after")
    else:
        explained.show(out(), found, actual, rows)
    return status


@dataclass(frozen=True)
class Ground:
    """Where a workflow would run: its folder, the store that remembers, what there is of resources, and the fleet."""

    folder: Path
    store: str | None = None
    resources: Mapping[str, int] = field(default_factory=dict)
    hub: HubAddress | None = None
    as_json: bool = False

    def explained(self, workflow: Workflow, given: Mapping[str, str], passes: str | None) -> Explanation:
        """What it would take here. Raises UnknownNameError, InputError: there is no such pass."""
        with taught_by(self.store) as journal:
            return explained_workflow(
                workflow,
                given,
                journal=journal,
                passes=read_passes(passes),
                resources=self.resources,
                devices=machines_within_reach(self.hub),
            )

    def over_rows(self, found: Explanation, given: Mapping[str, str], table: RowsOptions) -> RowsForeseen | None:
        """What all rows of a table would take; None where none was named. Raises InputError."""
        batch = table.over(found.rewritten, given, self.folder)
        return None if batch is None else foresee(batch, self.folder, found.costs_of)

    def analyzed(self, found: Explanation, given: Mapping[str, str]) -> tuple[int, Calibration]:
        """Run it as the passes leave it: the exit status, and estimate against actual."""
        name, patches = new_run_name(), found.pipeline.patches

        def begin(session: Session) -> Run:
            return session.start(found.workflow, given, run=name, folder=self.folder, rewrites=patches)

        drive = Drive(
            found.workflow.name, self.store, resources=self.resources, as_json=self.as_json, hub=self.hub, sums_up=False
        )
        status = drive(begin)
        journal = open_existing(self.store)
        try:
            events = [event for _, event in journal.read(name)]
        finally:
            journal.close()
        return status, compare(found.pipeline.after, found.after, events)

    def rewritten(self, workflow: Workflow, given: Mapping[str, str], passes: str | None) -> tuple[Patch, ...]:
        """What passes make of a workflow that is about to run; a line for each change, for whoever reads along.

        That a pass is wrong is said in any case.
        """
        found = self.explained(workflow, given, passes)
        console = err() if self.as_json else out()
        if console.is_terminal or not self.as_json:
            for line in explained.reasons(found):
                say(console, line, "dim")
        for line in explained.skipped(found):
            say(err(), line, "red")
        return found.pipeline.patches


def read_passes(words: str | None) -> list[tuple[str, Pass]]:
    """The passes of an option, such as "merge_shared,choose_model:floor=0.8". Raises UnknownNameError, InputError."""
    if words is None:
        return named(DEFAULT)
    return [_pass(word) for word in words.split(",") if word.strip() not in ("", "none")]


def _pass(word: str) -> tuple[str, Pass]:
    """A pass by its name and its options, with colons between them."""
    name, *settings = word.strip().split(":")
    options = {}
    for setting in settings:
        option, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"{setting!r} is no option of the pass {name!r}; write it as {name}:OPTION=VALUE")
        options[option] = read_value(value)
    return name, bound(name, options)


@contextlib.contextmanager
def taught_by(store: str | None) -> Iterator[Journal | None]:
    """The store whose runs teach; None where there is none yet."""
    try:
        journal = open_existing(store)
    except UnknownRunError:
        if store is not None:
            raise
        yield None
        return
    try:
        yield journal
    finally:
        journal.close()


def draw_to(path: Path, found: Explanation) -> None:
    """Write the picture of both graphs. Raises OutsideError."""
    from orrery.drawing import draw

    before, after = found.pipeline.before, found.pipeline.after
    picture = draw.compared(before, after, titles=explained.titles(found), notes=explained.reasons(found))
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"{path} cannot be written: {error.strerror}") from error


__all__ = ["Ground", "Passes", "explain", "read_passes", "taught_by"]
