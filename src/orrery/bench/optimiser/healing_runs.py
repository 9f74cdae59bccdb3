"""The 19 scenarios of the healing bench, each in a real run: by `route`, and by a model that is asked at every step.

The baseline is ReAct's loop with a perfect model: at every turn it is asked for one step, and always names the first
one of the best way that is left. So the two differ in nothing but whom they ask. It knows no compensation, as the
published baseline does not.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from orrery.bench.optimiser.healing_world import ADVISE, LATE_S, THINK, TOPOLOGIES, begin
from orrery.errors import Failure
from orrery.graph import Add, Edge, Effects, Graph, Growth, Link, Patch, Ref, Task
from orrery.planners.routed import answers
from orrery.planners.routed.performing import use
from orrery.routing.tool_graph.heal import Escalation, Frontier, Made, decide, in_order
from orrery.routing.tool_graph.health import Failed, Health, Monitor, ProbeLost, Worked
from orrery.routing.tool_graph.reading import tool_graph
from orrery.runtime import Result, Session
from orrery.scheduler import events as ev

LONG: Final = {"pause_s": 600.0}
AT_ONCE: Final = {"pause_s": 0.0}
AGAIN: Final = {"choice": "again", "because": "it is back", "want": []}


@dataclass(frozen=True)
class Scenario:
    """What goes wrong, and what must come of it.

    Args:
        topology: on which graph.
        words: what the tools do at their uses; see `World`.
        kinds: how the failures must be answered, in the order in which the answers were found.
        reached: whether what is wanted must be reached.
        ends_with: the tool that the result must come from; empty where it is not reached.
        answers: what whoever is asked says.
        monitor: how failures become health.
        known: tools that are dead beforehand, as is known.
        lost: a tool of which every other probe was lost beforehand.
        also: wanted besides.
    """

    name: str
    topology: str
    words: dict[str, str]
    kinds: tuple[str, ...]
    ends_with: str = ""
    answers: Sequence[dict[str, Any]] = ()
    monitor: dict[str, Any] = field(default_factory=lambda: LONG)
    known: tuple[str, ...] = ()
    lost: str = ""
    also: tuple[str, ...] = ()


_R, _C, _E = "Reroute", "Compensation", "Escalation"
SCENARIOS: Final = (
    Scenario("one tool fails", "linear", {"charge-card": "fail"}, (_R,), "mail"),
    Scenario("two fail", "linear", {"validate": "fail", "ship-post": "fail"}, (_R, _R), "mail"),
    Scenario("rate limit", "linear", {"charge-card": "limit"}, (_R,), "mail"),
    Scenario("unknown effect", "linear", {"charge-card": "unknown"}, (_C,), "mail"),
    Scenario("effects no longer used", "linear", {"ship-post": "fail", "ship-courier": "fail"}, (_R, _C), "mail"),
    Scenario(
        "no end to an irreversible step",
        "linear",
        {"probe-mail": "fail", "probe-sms": "fail", "mail": "fail", "sms": "fail"},
        (_R, _E),
    ),
    Scenario(
        "recovery",
        "linear",
        {"charge-card": "fail ok", "charge-bank": "late"},
        (_R, _R),
        "mail",
        monitor={"pause_s": LATE_S / 4},
    ),
    Scenario("one fails", "DAG", {"fetch": "fail"}, (_R,), "write"),
    Scenario("latency", "DAG", {"search": "slow"}, (_R,), "write"),
    Scenario("cascade", "DAG", {"search": "fail", "fetch": "fail", "extract": "fail"}, (_R, _R, _R), "write"),
    Scenario("flapping", "DAG", {"fetch": "fail fail ok", "crawl": "fail"}, (_R, _R, _R), "write", monitor=AT_ONCE),
    Scenario(
        "a level is gone",
        "DAG",
        {"fetch": "fail", "crawl": "fail"},
        (_R, _E),
        "outline",
        answers=[{"choice": "settle", "because": "the plan is of use alone", "want": ["plan"]}],
        also=("plan",),
    ),
    Scenario("all is down", "DAG", {}, (), known=("search", "archive", "fetch", "crawl", "extract", "skim", "write")),
    Scenario("one branch fails", "fan-out", {"weather-near": "fail"}, (_R,), "merge"),
    Scenario("two branches fail", "fan-out", {"weather-near": "fail", "traffic": "fail"}, (_R, _R), "merge"),
    Scenario("rate limit of a branch", "fan-out", {"feed": "limit"}, (_R,), "merge", known=("traffic",)),
    Scenario("the shared step fails", "fan-out", {"locate": "fail"}, (_R,), "merge"),
    Scenario("probes lost by half", "fan-out", {}, (), "merge", lost="news"),
    Scenario("a branch is gone", "fan-out", {"feed": "fail", "news": "fail ok"}, (_R, _E), "merge", answers=[AGAIN]),
)


async def turnaround_s(tools: dict[str, Any], want: str, broken: str) -> float:
    """The time in a real run from the failure of a step to the start of the next one, by the clock of its log."""
    begin({broken: "fail"}, ())
    told = {"tools": tools, "have": {}, "want": [want], "ask": "nobody", "monitor": LONG}
    _, events = await _run(Task("r", "route", told))
    failed = next(event.at for event in events if isinstance(event, ev.TaskFailed))
    return next(
        event.at - failed for event in events if isinstance(event, ev.TaskStarted) and event.task.startswith("r/2.")
    )


@dataclass(frozen=True)
class Ran:
    """What came of a scenario.

    Args:
        right: everything was as it must be.
        wrong: what was not, in words.
        calls: of the model.
        failures: of tools.
        silent: failures that nothing in the log answers, or that are answered more than once.
        orphans: effects that stand though the result does not rest on them.
    """

    right: bool
    wrong: str
    calls: int
    failures: int
    silent: int
    orphans: int


async def healed(scenario: Scenario) -> Ran:
    """The scenario by `route`."""
    world = begin(scenario.words, scenario.answers)
    graph, have, want = TOPOLOGIES[scenario.topology]
    told = {
        "tools": graph,
        "have": {have: have},
        "want": [want, *scenario.also],
        "ask": ADVISE,
        "monitor": scenario.monitor,
        "health": msgspec.to_builtins(_known(scenario).vitals),
    }
    result, events = await _run(Task("r", "route", told))
    found = answers(events)
    kinds = tuple(type(one.decisions[0]).__name__ if one.decisions else "nothing" for one in found)
    orphans = _orphans(world.in_effect, result)
    silent = sum(len(one.decisions) != 1 for one in found)
    out = str(result.outputs.get("out", ""))
    faults = [
        f"answered by {', '.join(kinds) or 'nothing'}" if kinds != scenario.kinds else "",
        f"{result.state} with {out or result.error}" if (scenario.ends_with + "(" in out) != bool(out) else "",
        f"{result.state}" if (result.state == "succeeded") != bool(scenario.ends_with) else "",
        f"left behind: {', '.join(orphans)}" if orphans else "",
        f"{silent} failures without one answer" if silent else "",
    ]
    wrong = "; ".join(filter(None, faults))
    return Ran(not wrong, wrong, _count(events, ADVISE), len(found), silent, len(orphans))


async def reacted(scenario: Scenario) -> Ran:
    """The scenario by a model that is asked at every step."""
    world = begin(scenario.words, scenario.answers)
    graph, have, want = TOPOLOGIES[scenario.topology]
    state = {
        "want": [want, *scenario.also],
        "frontier": msgspec.to_builtins(Frontier((have,))),
        "health": msgspec.to_builtins(_known(scenario)),
        "turn": 1,
        "answers": list(scenario.answers),
    }
    first = Task("think", THINK, {"tools": graph, "state": state, "have": {have: have}}, effects=Effects("idempotent"))
    result, events = await _run(Task("r", "py:orrery.bench.optimiser.healing_runs:begin_react", {"first": first.args}))
    orphans = _orphans(world.in_effect, result)
    failures = sum(isinstance(event, ev.TaskFailed) and ".act" in event.task for event in events)
    reached = (result.state == "succeeded") == bool(scenario.ends_with)
    return Ran(reached and not orphans, "", _count(events, THINK), failures, 0, len(orphans))


def begin_react(first: dict[str, Any]) -> Graph:
    """The loop, from its first turn."""
    return Graph([Task("1", THINK, first, effects=Effects("idempotent"))], outputs={"result": Ref("1")})


def think(tools: dict[str, Any], state: dict[str, Any], have: dict[str, Any], ctx: Any, last: Any = None) -> Any:
    """One turn of the model: what became of the last step, and which one is next."""
    graph = tool_graph(tools)
    frontier = msgspec.convert(state["frontier"], Frontier)
    health = msgspec.convert(state["health"], Health)
    at = time.time()
    turn, want, used = state["turn"], state["want"], state.get("used")
    if used is not None:
        tool, step, sources = used
        if isinstance(last, Failure):
            seen = Worked(tool) if last.retry_after_s is not None else Failed(tool, str(last))
            health = health.after([seen], at=at)
        else:
            frontier = Frontier(frontier.given, (*frontier.made, Made(step, tool, sources)))
            health = health.after([Worked(tool)], at=at)
    sources_of = frontier.sources(graph)
    prefix = ctx.task.rpartition("/")[0] + "/"
    if all(artefact in sources_of for artefact in want):
        return Growth(
            Patch(by="react"), {artefact: _at(prefix, sources_of[artefact], have, artefact) for artefact in want}
        )
    decision = decide(graph, health, Frontier(frontier.given, frontier.made), want, at=at)
    if isinstance(decision, Escalation):
        said = state["answers"][0] if state["answers"] else {"choice": "give-up"}
        if said["choice"] == "give-up":
            raise RuntimeError("no way is left")
        more = {"answers": state["answers"][1:], "used": None, "turn": turn + 1}
        if said["choice"] == "settle":
            more["want"] = said["want"]
        else:
            health = Health(health.monitor)
        after = {**state, "health": msgspec.to_builtins(health), "frontier": msgspec.to_builtins(frontier), **more}
        following = Task(f"{prefix}{turn + 1}", THINK, {"tools": tools, "state": after, "have": have})
        return Growth(Patch((Add(following),), by="react"), Ref(following.id))
    name = in_order(graph, decision.way)[0]
    tool, step = graph[name], f"{turn}.act"
    args = {argument: _at(prefix, sources_of[need], have, need) for argument, need in tool.needs.items()}
    acting = use(tool, f"{prefix}{step}", args)
    sources = {need: sources_of[need] for need in tool.needs.values()}
    after = {
        **state,
        "frontier": msgspec.to_builtins(frontier),
        "health": msgspec.to_builtins(health),
        "turn": turn + 1,
        "used": [name, step, sources],
    }
    told = {"tools": tools, "state": after, "have": have, "last": Ref(acting.id)}
    following = Task(f"{prefix}{turn + 1}", THINK, told, effects=Effects("idempotent"))
    edits = (Add(acting), Add(following), Link(Edge(acting.id, following.id, on="completion")))
    return Growth(Patch(edits, by="react"), Ref(following.id))


def _at(prefix: str, step: str, have: dict[str, Any], artefact: str) -> Any:
    return Ref(f"{prefix}{step}") if step else have[artefact]


def _known(scenario: Scenario) -> Health:
    """What is known before the run begins."""
    health = Health(msgspec.convert(scenario.monitor, Monitor)).after(map(Failed, scenario.known), at=0.0)
    if scenario.lost:
        for number in range(40):
            seen = ProbeLost(scenario.lost) if number % 2 else Worked(scenario.lost)
            health = health.after([seen], at=float(number))
    if scenario.known:  # by the clock of the run, whatever that is
        vitals = {
            name: msgspec.structs.replace(one, until=4e9) if name in scenario.known else one
            for name, one in health.vitals.items()
        }
        health = Health(health.monitor, vitals)
    return health


async def _run(task: Task) -> tuple[Result, list[ev.Event]]:
    async with Session("memory:") as session:
        run = session.start(Graph([task], outputs={"out": Ref(task.id)}))
        result = await asyncio.wait_for(run.wait(), 60)
        return result, [event for _, event in session.journal.read(run.id)]


def _count(events: Sequence[ev.Event], op: str) -> int:
    """How many attempts were made at tasks with that operation, as the log has it."""
    ops: dict[str, str] = {}
    for event in events:
        if isinstance(event, ev.TaskExpanded | ev.GraphPatched):
            ops |= {edit.task.id: edit.task.op for edit in event.patch.edits if isinstance(edit, Add)}
    return Counter(ops.get(event.task) for event in events if isinstance(event, ev.TaskStarted))[op]


def _orphans(in_effect: dict[str, int], result: Result) -> list[str]:
    """The tools whose effect stands although the result does not rest on it, or there is none."""
    out = str(result.outputs.get("out", ""))
    lasting = {
        name
        for graph, _, _ in TOPOLOGIES.values()
        for name, tool in graph.items()
        if tool["effects"] in ("keyed", "once")
    }
    return sorted(
        name for name, count in in_effect.items() if name in lasting and count > (1 if f"{name}(" in out else 0)
    )
