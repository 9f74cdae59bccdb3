"""Growing: a decision as tasks.

    brief             what is asked for, and what was given
    1.fetch, 1.parse  the steps of the first way                      1   the decision on what became of them
    2.1.book:undo     an effect that is taken back
    2.scrape          the steps of the way from there on              2   ...
    3.ask             somebody is asked

No tool has ":" in its name, so nothing else is called as what is added to a step: its undoing, a probe, a pause.

The decision waits until every task of its round has ended, well or not: what is committed is then known, and nothing
that is under way could still add to it. It stands beside its predecessor, so ten reroutes are nested no deeper than
one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orrery.graph import Add, Edge, Edit, Effects, Growth, Limits, Link, Patch, Ref, Task
from orrery.planners.routed.asked import asking
from orrery.planners.routed.performing import task_for, use
from orrery.planners.routed.round import Brief, Planned, Round, reference
from orrery.routing.tool_graph.heal import (
    Compensation,
    Decision,
    Escalation,
    Frontier,
    Reroute,
    StepId,
    in_order,
    undo_sources,
)
from orrery.routing.tool_graph.health import Health
from orrery.routing.tool_graph.tools import ToolGraph

REROUTE = "reroute"
_HERE = "py:orrery.planners.routed.operations:"
PAUSE, GIVE_UP = f"{_HERE}pause", f"{_HERE}give_up"
MOST_LABEL = 120
PROBE_S = 10.0
"""A probe that takes longer has failed."""


class Site(msgspec.Struct, frozen=True):
    """Where the tasks of a route are put, and by what they are made."""

    prefix: str
    graph: ToolGraph
    brief: Brief


def following(site: Site, round_: Round, decision: Reroute | Compensation, health: Health, *, at: float) -> list[Edit]:
    """The tasks of a way, those that take effects back first, and the decision on what becomes of them.

    Args:
        round_: the new round, of which this fills in the tasks.
    """
    undo = _undoing(site, round_, decision.undo if isinstance(decision, Compensation) else ())
    planned = [*undo, *_stepping(site, round_, decision.way.sources, in_order(site.graph, decision.way), undo)]
    tasks, links = _tasks(site, round_.frontier, planned, health, at)
    round_ = _closed(round_, planned, decision)
    return [*map(Add, tasks), *links, *_decision(site, round_, decision, planned)]


def asking_first(site: Site, round_: Round, decision: Escalation, ask: str, possible: Sequence[str]) -> list[Edit]:
    """The task that asks somebody, and the decision on what they answer."""
    task = asking(f"{site.prefix}{round_.number}.ask", ask, proof=decision.because, want=round_.want, possible=possible)
    return [Add(task), *_decision(site, _closed(round_, (), decision), decision, (), answer=task.id)]


def giving_up(
    site: Site, round_: Round, decision: Escalation, undo: Sequence[StepId], stay: Sequence[StepId]
) -> list[Edit]:
    """The tasks that take back what can be, and the one that fails with the proof."""
    planned = _undoing(site, round_, undo)
    tasks, links = _tasks(site, round_.frontier, planned, Health(), 0.0)
    last = Task(
        _last(site, round_),
        GIVE_UP,
        {
            "because": decision.because,
            "undone": {task.undoes: Ref(f"{site.prefix}{task.step}") for task in planned},
            "stay": list(stay),
            "round": msgspec.to_builtins(_closed(round_, planned, decision)),
            "decided": msgspec.to_builtins(decision),
        },
        effects=Effects("pure"),
        label="no way is left",
    )
    ends = [Link(Edge(f"{site.prefix}{task.step}", last.id, on="completion")) for task in planned]
    return [*map(Add, tasks), *links, Add(last), *ends]


def grown(site: Site, round_: Round, edits: Sequence[Edit], because: str) -> Growth:
    """The tail call: these tasks go on, and the decision at their end is what the route amounts to."""
    return Growth(Patch(tuple(edits), by=REROUTE, because=because), Ref(_last(site, round_)))


# -- what a round is made of ------------------------------------------------------------------------------


def _undoing(site: Site, round_: Round, undo: Sequence[StepId]) -> list[Planned]:
    """One after the other, in the order given."""
    planned: list[Planned] = []
    made_by = {made.step: made for made in round_.frontier.made}
    for step in undo:
        made = made_by[step]
        tool = site.graph[made.tool]
        sources = undo_sources(tool, site.graph[tool.undo], made)
        before = (planned[-1].step,) if planned else ()
        planned.append(Planned(f"{round_.number}.{step}:undo", tool.undo, sources, after=before, undoes=step))
    return planned


def _stepping(
    site: Site, round_: Round, way_sources: Mapping[str, str], order: Sequence[str], undo: Sequence[Planned]
) -> list[Planned]:
    graph, number = site.graph, round_.number
    there = round_.frontier.sources(graph)
    undone = tuple(task.step for task in undo)
    planned: list[Planned] = []
    for position, name in enumerate(order):
        tool = graph[name]
        sources = {
            need: f"{number}.{maker}" if (maker := way_sources[need]) else there[need] for need in tool.needs.values()
        }
        after = undone if tool.has_effect else ()
        if tool.is_irreversible:
            before = tuple(task.step for task in planned)
            probes = [
                Planned(f"{number}.{name}:probe:{later}", later, after=before, is_probe=True)
                for later in order[position + 1 :]
                if graph[later].probe
            ]
            planned += probes
            after = (*undone, *(task.step for task in planned))
        gives = tuple(artefact for artefact, maker in way_sources.items() if maker == name)
        planned.append(Planned(f"{number}.{name}", name, sources, gives, after))
    return planned


def _tasks(
    site: Site, frontier: Frontier, planned: Sequence[Planned], health: Health, at: float
) -> tuple[list[Task], list[Edit]]:
    prefix, graph = site.prefix, site.graph
    by_step = {task.step: task.tool for task in planned}
    tasks: list[Task] = []
    links: list[Edit] = []
    for task in planned:
        tool, place = graph[task.tool], f"{prefix}{task.step}"
        after = list(task.after)
        if task.is_probe:
            probing = task_for(tool.probe, place, {})
            limits = probing.limits if probing.limits.timeout_s else Limits(PROBE_S)
            tasks.append(msgspec.structs.replace(probing, limits=limits, label=f"is {tool.name} there?"))
        else:
            args = {
                argument: reference(need, source, graph, frontier, prefix=prefix, tool=by_step.get(source, ""))
                for argument, need in tool.needs.items()
                for source in (task.sources[need],)
            }
            label = f"{tool.name} takes {task.undoes} back" if task.undoes else ""
            tasks.append(use(tool, place, args, label=label))
            wait = health.wait_s(tool.name, at=at)
            if wait > 0:
                tasks.append(_pause(f"{place}:pause", at + wait, tool.name))
                links.append(Link(Edge(f"{place}:pause", place)))
        links += [Link(Edge(f"{prefix}{before}", place)) for before in after]
    return tasks, links


def _pause(task: str, until: float, tool: str) -> Task:
    return Task(task, PAUSE, {"until": until}, effects=Effects("pure"), label=f"{tool} asked for a pause")


def _closed(round_: Round, planned: Sequence[Planned], decision: Decision) -> Round:
    return msgspec.structs.replace(round_, planned=tuple(planned), because=decision.because)


def _decision(
    site: Site, round_: Round, decision: Decision, planned: Sequence[Planned], *, answer: str = ""
) -> list[Edit]:
    last = _last(site, round_)
    args: dict[str, Any] = {
        "brief": Ref(f"{site.prefix}brief"),
        "round": msgspec.to_builtins(round_),
        "outcomes": {task.step: Ref(f"{site.prefix}{task.step}") for task in planned},
        "decided": msgspec.to_builtins(decision),
    }
    if answer:
        args["answer"] = Ref(answer)
    because = decision.because if len(decision.because) <= MOST_LABEL else decision.because[: MOST_LABEL - 1] + "…"
    made = Task(last, REROUTE, args, effects=Effects("idempotent"), label=because)
    waits = [f"{site.prefix}{task.step}" for task in planned] + ([answer] if answer else [])
    return [Add(made), *(Link(Edge(one, last, on="completion")) for one in waits)]


def _last(site: Site, round_: Round) -> str:
    return f"{site.prefix}{round_.number}"


__all__ = ["GIVE_UP", "PAUSE", "REROUTE", "Site", "asking_first", "following", "giving_up", "grown"]
