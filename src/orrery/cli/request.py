"""Requests in plain words: who makes a plan of one, and the workflow that comes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from cyclopts.completion import CompletionContext
from rich.text import Text

from orrery.cli.options import read_value
from orrery.cli.screen import err, out, say
from orrery.errors import InputError, NotUnderstoodError, RequestError, UnknownNameError
from orrery.graph import Graph, Task
from orrery.planners import Goal, check, draft, planners
from orrery.planners.drafting import DraftView
from orrery.planners.protocol import Device
from orrery.workflow.workflow import Workflow

RULES, MODEL = "rules", "llm"
DRAFTED = frozenset({RULES})
"""Planners that need neither results nor time: their plan is made before there is a run, so that a request that is
not understood leaves nothing behind."""
PLAN = "plan"
"""The task that plans, and its operation."""
MOST_NAME_CHARS = 60


def _planner_names(_context: CompletionContext) -> list[str]:
    return planners.names()


PlannerName = Annotated[
    str | None,
    Parameter(
        name="--planner",
        completer=_planner_names,
        help="Who plans a request in plain words; the rules where no model is configured, else a model.",
    ),
]
PlannerOptions = Annotated[
    list[str] | None, Parameter(name="--option", negative=(), help="A setting of the planner, as NAME=VALUE.")
]


def is_request(target: str, folder: Path | None = None) -> bool:
    """Whether a target is a request in plain words: it has white space in it and names no file."""
    if not any(mark.isspace() for mark in target.strip()):
        return False
    try:
        return not os.path.exists((folder or Path.cwd()) / target)
    except ValueError:  # no path can be written so
        return True


@dataclass(frozen=True)
class Choice:
    """Which planner, and why."""

    planner: str
    because: str

    def line(self) -> Text:
        """What a person is told about it."""
        return Text(f"planned by {self.planner}: {self.because}", "dim")

    def tell(self, *, as_json: bool = False) -> None:
        """Say it, where somebody reads along."""
        console = err() if as_json else out()
        if console.is_terminal or not as_json:
            say(console, self.line())


def check_no_inputs(given: Mapping[str, str]) -> None:
    """Whether a request came without inputs. Raises RequestError."""
    if given:
        raise RequestError("a request in plain words takes no inputs; say what is meant in the request")


def only_for_requests(**given: object) -> None:
    """Whether a workflow came without the options by these names, which are for requests. Raises RequestError."""
    for name, value in given.items():
        if value:
            raise RequestError(
                f"--{name} is for requests in plain words; this target is a workflow, which has its plan"
            )


def choose(named: str | None) -> Choice:
    """The planner that was named, or the one that fits what is configured here. Raises UnknownNameError."""
    if named is not None:
        if named not in planners:
            raise UnknownNameError("planner", named, planners.names())
        return Choice(named, "as --planner says")
    from orrery.models.call import default_model

    model = default_model()
    if model is None:
        return Choice(RULES, "no model is configured")
    return Choice(MODEL, f"{model} is the configured model")


def goal_of(
    request: str,
    *,
    options: list[str] | None = None,
    tools: str | None = None,
    yes: bool = False,
    devices: tuple[Device, ...] = (),
) -> Goal:
    """The goal that a command line states. Raises InputError, UnknownNameError.

    Args:
        options: settings of the planner, as NAME=VALUE.
        tools: names of tools, or of whole toolsets, with commas between them; None allows all.
        yes: do without asking what the policy allows.
        devices: where besides this machine something can be done.
    """
    allowed = None if tools is None else _tools(tools)
    return Goal(request.strip(), _options(options), allowed, "yes" if yes else "ask", devices)


def _options(words: list[str] | None) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise InputError(f"{word!r} is not an option of a planner; write it as NAME=VALUE")
        found[name] = read_value(value)
    return found


def _tools(words: str) -> tuple[str, ...]:
    from orrery.tools import tools as registered

    known = registered.names()
    chosen: dict[str, None] = {}
    for word in filter(None, (word.strip() for word in words.split(","))):
        below = [name for name in known if name == word or name.startswith(f"{word.removesuffix('.')}.")]
        if not below:
            sets = {name.partition(".")[0] for name in known}
            raise UnknownNameError("tool", word, (*known, *sets))
        chosen |= dict.fromkeys(below)
    return tuple(chosen)


class Planned(NamedTuple):
    """A plan to be looked at.

    Args:
        is_beginning: the planner goes on with results, so this is not all of it.
        money, tokens: what planning took.
    """

    workflow: Workflow
    is_beginning: bool
    money: float
    tokens: int


def planned(goal: Goal, choice: Choice, folder: Path, *, as_json: bool = False) -> Planned:
    """The plan of a request, made without a run; a planner that may ask a model for it says so beforehand.

    Raises:
        RequestError: the planner does not understand the request.
        ToolError, OutsideError: there is no plan, such as where the model gave no answer.
    """
    planner = planners.get(choice.planner)()
    if choice.planner not in DRAFTED:
        console = err()
        if console.is_terminal or not as_json:
            say(console, f"{choice.planner} makes its plan now, which may ask a model; no task of it is run", "dim")
    view = DraftView(folder)
    try:
        graph = draft(planner, goal, folder, view=view)
    except NotUnderstoodError as error:
        error.add_note(
            f"{choice.line().plain}; a model understands more: name one in $ORRERY_MODEL or in .orrery/models.toml, "
            "or ask for another planner with --planner"
        )
        raise
    workflow = Workflow(_name(goal.text), graph, source=goal.text)
    return Planned(workflow, view.needs_results, view.money, view.tokens)


def workflow_of(goal: Goal, choice: Choice, folder: Path) -> Workflow:
    """What is run for a request: its plan where that can be had now, else one task that plans.

    Raises RequestError: the request is not one for this planner; nothing was started.
    """
    if choice.planner in DRAFTED:
        return planned(goal, choice, folder).workflow
    check(planners.get(choice.planner)(), goal)
    load_models()
    return Workflow(_name(goal.text), Graph([planning_task(goal, choice)]), source=goal.text)


def load_models() -> None:
    """Load the models' library, if it is there, before there is an event loop that its import would hold up."""
    from orrery.models.call import default_model

    if default_model() is not None:
        with suppress(ImportError):
            import_module("pydantic_ai.direct")


def planning_task(goal: Goal, choice: Choice) -> Task:
    """The task by which a planner makes its plan inside the run."""
    stated: dict[str, Any] = {"text": goal.text, "options": dict(goal.options), "approve": goal.approve}
    if goal.tools is not None:
        stated["tools"] = list(goal.tools)
    if goal.devices:
        stated["devices"] = [asdict(device) for device in goal.devices]
    return Task(PLAN, PLAN, {"planner": choice.planner, "goal": stated}, executor="planner")


def _name(request: str) -> str:
    line = " ".join(request.split())
    return line if len(line) <= MOST_NAME_CHARS else line[: MOST_NAME_CHARS - 3].rstrip() + "..."
