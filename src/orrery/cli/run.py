"""`orrery run` and `orrery resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from orrery.cli.drive import Drive
from orrery.cli.options import Inputs, Json, RunName, Store, find_run, open_existing, read_inputs, read_resources
from orrery.runtime import Run, Session
from orrery.scheduler.events import Budget, RunOptions


def run(
    target: str,
    /,
    *,
    inputs: Inputs = None,
    json: Json = False,
    run: Annotated[str | None, Parameter(name="--run", help="A name for the run; made up unless given.")] = None,
    store: Store = None,
    durability: Literal["process", "full"] = "process",
    budget_money: float | None = None,
    budget_tokens: int | None = None,
    budget_wall: float | None = None,
    fail_fast: bool = False,
    seed: int = 0,
    resources: Annotated[list[str] | None, Parameter(name="--resources", negative=())] = None,
) -> int:
    """Run a workflow to its end, and show how it goes.

    Exit status: 0 if it succeeded, 1 if it did not, 2 if the request is wrong, 130 if it was interrupted.

    Args:
        target: A workflow file, module:flow, or a request in quotes.
        durability: What an acknowledged event survives: the death of the process (unless given), or a power cut too.
        budget_money: The most money the run may spend.
        budget_tokens: The most tokens the run may use.
        budget_wall: The longest the run may take, in seconds.
        fail_fast: Stop at the first failure that nothing handles.
        seed: Of every random choice the scheduler makes.
        resources: How much there is of a resource that tasks name, as NAME=COUNT.
    """
    from orrery.workflow import load_target

    given = read_inputs(inputs)
    workflow = load_target(target, Path.cwd(), given)
    capacity = read_resources(resources)
    own = workflow.budget
    budget = Budget(
        own.money if budget_money is None else budget_money,
        own.tokens if budget_tokens is None else budget_tokens,
        own.wall_s if budget_wall is None else budget_wall,
    )
    options = RunOptions(seed=seed, budget=budget, fail_fast=fail_fast)

    def begin(session: Session) -> Run:
        return session.start(workflow, given, run=run, options=options, folder=Path.cwd())

    return Drive(workflow.name, store, durability, capacity, as_json=json)(begin)


def resume(
    run: RunName,
    /,
    *,
    json: Json = False,
    store: Store = None,
    durability: Literal["process", "full"] = "process",
    resources: Annotated[list[str] | None, Parameter(name="--resources", negative=())] = None,
) -> int:
    """Go on with a run whose process died or was stopped. What had finished does not run again.

    Args:
        durability: What an acknowledged event survives: the death of the process (unless given), or a power cut too.
        resources: How much there is of a resource that tasks name, as NAME=COUNT.
    """
    journal = open_existing(store)
    try:
        name = find_run(journal, run)
    finally:
        journal.close()
    capacity = read_resources(resources)
    return Drive(name, store, durability, capacity, as_json=json)(lambda session: session.resume(name))
