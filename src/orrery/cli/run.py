"""`orrery run` and `orrery resume`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from orrery.cli.drive import Drive
from orrery.cli.explain import Ground, Passes
from orrery.cli.fleet import devices_within_reach
from orrery.cli.forecast import print_forecast
from orrery.cli.options import (
    HubTokenFile,
    HubUrl,
    Inputs,
    InputsFile,
    Json,
    RunName,
    Store,
    read_hub,
    read_inputs,
    read_resources,
)
from orrery.cli.request import (
    PlannerName,
    PlannerOptions,
    check_no_inputs,
    choose,
    goal_of,
    is_request,
    load_models,
    only_for_requests,
    planned,
    workflow_of,
)
from orrery.cli.rows import RowsOptions
from orrery.runtime import Run, Session
from orrery.runtime.batch.plan import check_table
from orrery.runtime.directory import find_run, open_existing
from orrery.scheduler.events import Budget, RunOptions
from orrery.workflow.workflow import Workflow


def run(
    target: str,
    /,
    *,
    inputs: Inputs = None,
    inputs_file: InputsFile = None,
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
    hub: HubUrl = None,
    hub_token_file: HubTokenFile = None,
    planner: PlannerName = None,
    option: PlannerOptions = None,
    tools: str | None = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    optimise: Annotated[bool, Parameter(name=("--optimise", "--optimize", "-O"), negative=())] = False,
    passes: Passes = None,
    table: RowsOptions | None = None,
) -> int:
    """Run a workflow, or a request in plain words, to its end, and show how it goes.

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
        tools: The tools, or toolsets, that a request may use, with commas between them; all unless given.
        yes: Do for a request, without asking, what the policy allows.
        dry_run: Show what would be done, what it would take and what would be asked, and run nothing.
        optimise: Let passes rewrite the graph first; `orrery explain` says what they would do.
    """
    budget = Budget(budget_money, budget_tokens, budget_wall)
    folder, given, fleet = Path.cwd(), read_inputs(inputs, inputs_file), read_hub(hub, hub_token_file)
    capacity = read_resources(resources)
    ground = Ground(folder, store, capacity, fleet, as_json=json)
    table = table or RowsOptions()
    if is_request(target):
        table.check_unused()
        check_no_inputs(given)
        goal = goal_of(target, options=option, tools=tools, yes=yes, devices=devices_within_reach(fleet))
        choice = choose(planner)
        if dry_run:
            plan = planned(goal, choice, folder, as_json=json)
            return print_forecast(plan.workflow, choice, plan, as_json=json)
        workflow = workflow_of(goal, choice, folder)
        choice.tell(as_json=json)
    else:
        only_for_requests(planner=planner, option=option, tools=tools, yes=yes)
        from orrery.workflow import load_target

        workflow = load_target(target, folder, given)
    rewrites = ground.rewritten(workflow, given, passes) if optimise or passes else ()
    if dry_run or table.rows is not None:  # what is shown, and what is done for each row, is what the passes leave
        for patch in rewrites:
            workflow = replace(workflow, graph=workflow.graph.apply(patch))
        rewrites = ()
    batch = table.over(workflow, given, folder)
    if dry_run:
        return print_forecast(workflow, as_json=json)
    if batch is not None:
        workflow, given = batch, {}
    options = table.options(RunOptions(seed=seed, budget=_within(budget, workflow), fail_fast=fail_fast))

    def begin(session: Session) -> Run:
        return session.start(workflow, given, run=run, options=options, folder=folder, rewrites=rewrites)

    drive = Drive(workflow.name, store, durability, capacity, as_json=json, answers=is_request(target), hub=fleet)
    return drive(begin)


def _within(budget: Budget, workflow: Workflow) -> Budget:
    """The budget that was asked for, and the workflow's own where nothing was."""
    own = workflow.budget
    return Budget(
        own.money if budget.money is None else budget.money,
        own.tokens if budget.tokens is None else budget.tokens,
        own.wall_s if budget.wall_s is None else budget.wall_s,
    )


def resume(
    run: RunName,
    /,
    *,
    json: Json = False,
    store: Store = None,
    durability: Literal["process", "full"] = "process",
    resources: Annotated[list[str] | None, Parameter(name="--resources", negative=())] = None,
    hub: HubUrl = None,
    hub_token_file: HubTokenFile = None,
) -> int:
    """Go on with a run whose process died or was stopped. What had finished does not run again.

    Args:
        durability: What an acknowledged event survives: the death of the process (unless given), or a power cut too.
        resources: How much there is of a resource that tasks name, as NAME=COUNT.
    """
    journal = open_existing(store)
    try:
        name = find_run(journal, run)
        target = next(one.target for one in journal.runs() if one.run == name)
        check_table(journal, name)
    finally:
        journal.close()
    if is_request(target):
        load_models()
    capacity, fleet = read_resources(resources), read_hub(hub, hub_token_file)
    drive = Drive(name, store, durability, capacity, as_json=json, answers=is_request(target), hub=fleet)
    return drive(lambda session: session.resume(name))
