"""What a plan would take before anything of it is run: seconds, tokens and money of each task, and who is asked."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.text import Text

from orrery.cli.request import Choice, Planned
from orrery.cli.screen import out, say, say_table, write_json
from orrery.cost import Estimates, Prediction, platform_of, predict
from orrery.cost.calls import ModelCall
from orrery.cost.catalogue import ANSWER_TOKENS
from orrery.graph import Graph, Task
from orrery.graph.task import Estimate
from orrery.scheduler.asking import PERSON
from orrery.telling.plain import dollars, short, span, spending
from orrery.telling.printable import printable
from orrery.workflow.workflow import Workflow

UNKNOWN = Estimate().seconds
"""What a task counts as of which nobody said how long it takes."""
MOST_TASKS = 60
_GROWING = ("agent.", "plan", "py:", "local:")
"""Operations that may ask models as they go."""


class Forecast(NamedTuple):
    """What a graph as it stands would take. A task that grows is counted as it is now.

    Args:
        seconds: from the beginning to the end, with nothing else in the way.
        work_s: of all tasks, one after the other.
        guessed: how many tasks that ask no model say nothing about themselves, and count as one second.
        calls: how many calls to models are in it; their tokens and money are guessed.
        grows: some tasks may ask models as they go, which nobody can foresee.
        asks: the tasks that ask a person, in order, with their questions.
        prediction: what is expected of each task.
    """

    seconds: float
    work_s: float
    money: float
    tokens: int
    guessed: int
    calls: int
    grows: bool
    asks: dict[str, str]
    prediction: Prediction


def forecast(graph: Graph) -> Forecast:
    """What the graph would take."""
    found = predict(graph, Estimates(platform_of(graph), graph=graph))
    return Forecast(
        seconds=found.seconds.mid,
        work_s=found.work_s.mid,
        money=found.money.mid,
        tokens=round(found.tokens.mid),
        guessed=sum(_is_guessed(task) for task in graph if task.executor != PERSON),
        calls=sum(ModelCall.of(task) is not None for task in graph),
        grows=any(task.op.startswith(_GROWING) for task in graph),
        asks={task.id: _question(task) for task in graph if task.executor == PERSON},
        prediction=found,
    )


def _is_guessed(task: Task) -> bool:
    return task.estimate == Estimate() and ModelCall.of(task) is None


def _question(task: Task) -> str:
    question = task.args.get("question")
    return question if isinstance(question, str) else task.label or task.id


def print_forecast(
    workflow: Workflow, choice: Choice | None = None, plan: Planned | None = None, *, as_json: bool = False
) -> int:
    """Show a plan and what it would take; the exit status is 0.

    Args:
        choice: who planned it; None for a workflow, which nobody had to plan.
        plan: what planning took, and whether it is all of the plan.
    """
    found = forecast(workflow.graph)
    if as_json:
        write_json(_plain(workflow, choice, plan, found))
        return 0
    from orrery.cli.plan import about, drawn

    console = out()
    if choice is not None:
        say(console, choice.line())
    for line in about(workflow):
        say(console, line)
    print(drawn(workflow, "terminal", width=console.width if console.is_terminal else 120))
    say(console, "")
    tasks = list(workflow.graph)
    say_table(
        console,
        ("task", "seconds", "tokens", "money", "does"),
        (_line(task, found) for task in tasks[:MOST_TASKS]),
        right="seconds tokens money",
    )
    if len(tasks) > MOST_TASKS:
        say(console, f"and {len(tasks) - MOST_TASKS} more tasks", "dim")
    say(console, "")
    for total in _totals(found):
        say(console, total)
    if plan is not None and plan.is_beginning:
        say(console, "this is how it begins: the planner goes on with what these tasks return", "dim")
    if plan is not None and (used := spending(plan.money, plan.tokens)):
        say(console, f"planning took {', '.join(used)}; nothing else was run", "dim")
    else:
        say(console, "nothing was run", "dim")
    return 0


def _line(task: Task, found: Forecast) -> tuple[Text, str, str, str, Text]:
    cost = found.prediction.tasks[task.id].cost
    seconds = "" if task.executor == PERSON else "?" if _is_guessed(task) else span(cost.seconds.mid)
    tokens = f"{round(cost.tokens.mid):,}" if cost.tokens.mid else ""
    money = dollars(cost.money.mid) if cost.money.mid else ""
    each = " for each" if task.each is not None else ""
    return Text(task.id, "bold"), seconds, tokens, money, Text(task.op + each, "dim")


def _totals(found: Forecast) -> list[Text]:
    head = Text("in all   ", "dim").append(f"about {span(found.seconds)}", "bold")
    if found.work_s > found.seconds:
        head.append(f" ({span(found.work_s)} one after the other)", "dim")
    if found.tokens or found.money:
        money = f", {dollars(found.money)}" if found.money else ", price unknown"
        head.append(f", {found.tokens:,} tokens{money}", "bold")
    elif not found.grows:
        head.append(", no model", "bold")
    lines = [head]
    if found.guessed:
        what = "task says" if found.guessed == 1 else "tasks say"
        lines.append(
            Text(f"         {found.guessed} {what} nothing of the time: counted as {span(UNKNOWN)} each", "dim")
        )
    if found.calls:
        calls = "1 call to a model is" if found.calls == 1 else f"{found.calls} calls to models are"
        lines.append(
            Text(f"         {calls} guessed, with {ANSWER_TOKENS} tokens of answer where nothing limits it", "dim")
        )
    if found.grows:
        lines.append(Text("         some tasks may ask models as they go, which is not counted here", "dim"))
    if not found.asks:
        return [*lines, Text("asks     nobody", "dim")]
    lines += [
        Text("asks     ", "dim").append(task, "bold magenta").append(f"  {short(printable(question), 200)}")
        for task, question in found.asks.items()
    ]
    return lines


def _plain(workflow: Workflow, choice: Choice | None, plan: Planned | None, found: Forecast) -> dict[str, Any]:
    graph = workflow.graph
    data: dict[str, Any] = {"target": workflow.source, "dry_run": True}
    if choice is not None:
        data |= {"planner": choice.planner, "because": choice.because}
    if plan is not None:
        data["planning"] = {"money": round(plan.money, 9), "tokens": plan.tokens, "is_beginning": plan.is_beginning}
    data["tasks"] = [
        {
            "task": task.id,
            "op": task.op,
            "after": [edge.source for edge in graph.incoming(task.id)],
            "seconds": None if _is_guessed(task) else task.estimate.seconds,
            "tokens": round(cost.tokens.mid),
            "money": round(cost.money.mid, 9),
        }
        for task, cost in ((task, found.prediction.tasks[task.id].cost) for task in graph)
    ]
    data |= {"seconds": round(found.seconds, 6), "work_s": round(found.work_s, 6), "tokens": found.tokens}
    return data | {"money": round(found.money, 9), "guessed": found.guessed, "asks": found.asks}
