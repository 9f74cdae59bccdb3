"""The operations `route` and `reroute`: from tools, what there is and what is wanted to tasks, again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.errors import Failure, NoWayError, RouteError
from orrery.graph import Add, Effects, Graph, Growth, Link, Patch, Task
from orrery.planners.routed.asked import NOBODY, PERSON, answer_from
from orrery.planners.routed.growing import REROUTE, Site, asking_first, following, giving_up, grown
from orrery.planners.routed.round import (
    MOST_QUESTIONS,
    MOST_ROUNDS,
    Brief,
    Round,
    ended,
    health_in,
    result_of,
    settled,
)
from orrery.routing.tool_graph.heal import Escalation, Frontier, decide, given_up
from orrery.routing.tool_graph.health import Health, Trusted
from orrery.routing.tool_graph.reading import placed, read_file
from orrery.routing.tool_graph.tools import ToolGraph
from orrery.routing.tool_graph.way import is_open
from orrery.tools import ToolContext, tool

_BRIEF = "py:orrery.planners.routed.operations:brief"


@tool(name="route", effects="keyed", executor="inline", estimate_s=1.0)
def route(
    tools: str | dict[str, Any],
    want: list[str],
    *,
    have: dict[str, Any] | None = None,
    ask: str = PERSON,
    monitor: dict[str, Any] | None = None,
    health: dict[str, Any] | None = None,
    most_rounds: int = MOST_ROUNDS,
    most_questions: int = MOST_QUESTIONS,
    ctx: ToolContext,
) -> Graph:
    """Reach what is wanted by the cheapest way through a graph of tools; when one fails, go on by another way.

    Args:
        tools: a file of tools, or the tools themselves: their names to maps with `uses`, `needs`, `gives` and so on.
        want: the artefacts that are to be reached; the result is a map of them.
        have: the artefacts that are there: their names to values.
        ask: who is asked when no way is left: "person", "model", PROVIDER:MODEL, an operation, or "nobody".
        monitor: how failures become health; the fields of `orrery.routing.tool_graph.health.Monitor`.
        health: what is known of the tools beforehand, by name, as `orrery.planners.routed.health_of` tells from a log.
        most_rounds: the most ways that are begun.
        most_questions: how often somebody is asked.

    Raises:
        ToolGraphError, RouteError: it cannot be meant so.
        NoWayError: no way was left, and nobody opened one.
    """
    data = read_file(ctx.folder / tools) if isinstance(tools, str) else placed(tools, ctx.folder)
    try:
        told = {"tools": data, "have": have or {}, "want": list(dict.fromkeys(want)), "ask": ask}
        limits = {"monitor": monitor or {}, "most_rounds": most_rounds, "most_questions": most_questions}
        asked = msgspec.convert({**told, **limits}, Brief)
        known = msgspec.convert({"monitor": monitor or {}, "vitals": health or {}}, Health)
    except msgspec.ValidationError as error:
        raise RouteError(f"route: {error}") from error
    graph = asked.check()
    keeping = Task("brief", _BRIEF, {"brief": msgspec.to_builtins(asked)}, effects=Effects("pure"))
    first = Round(1, asked.want, Frontier(tuple(asked.have)))
    grown_ = _next(Site("", graph, asked), first, known, {}, at=time.time())
    tasks = [edit.task for edit in grown_.patch.edits if isinstance(edit, Add)]
    edges = [edit.edge for edit in grown_.patch.edits if isinstance(edit, Link)]
    return Graph([keeping, *tasks], edges, {"result": grown_.result})


@tool(name=REROUTE, effects="keyed", executor="inline")
def reroute(
    brief: dict[str, Any],
    round: dict[str, Any],
    outcomes: dict[str, Any],
    decided: dict[str, Any],  # noqa: ARG001 - in the log, for whoever reads it
    *,
    answer: Any = None,
    ctx: ToolContext,
) -> Growth:
    """What follows from what became of a way: its result, another way from there on, or a question. Made by `route`.

    Args:
        brief: what is asked for.
        round: where the route stands.
        outcomes: what became of its tasks.
        decided: the decision that the tasks came of.
        answer: what somebody said who was asked.
    """
    asked, stands = msgspec.convert(brief, Brief), msgspec.convert(round, Round)
    graph, at = asked.graph(), time.time()
    site = Site(ctx.task.rpartition("/")[0] + "/", graph, asked)
    end = ended(stands, graph, outcomes)
    health = health_in(stands, asked.monitor).after(end.observed, at=at)
    coming = msgspec.structs.replace(
        stands, number=stands.number + 1, frontier=end.frontier, planned=(), is_asking=False, dead=(), stranded=()
    )
    if stands.is_asking:
        return _answered(site, stands, coming, health, answer, at=at)
    sources = end.frontier.sources(graph)
    if not end.failed and all(artefact in sources for artefact in stands.want):
        return Growth(Patch(by=REROUTE), result_of(stands.want, graph, end.frontier, site.prefix))
    return _next(site, coming, health, end.failed, at=at)


def brief(brief: dict[str, Any]) -> dict[str, Any]:
    """What all rounds of a route refer to."""
    return brief


async def pause(until: float) -> None:
    """Wait until a time by the clock, in seconds since the epoch: somebody asked to be left alone so long."""
    await asyncio.sleep(max(0.0, until - time.time()))


def give_up(
    because: str,
    undone: dict[str, Any],
    stay: list[str],
    round: dict[str, Any],  # noqa: ARG001 - in the log, for whoever reads it
    decided: dict[str, Any],  # noqa: ARG001 - likewise
) -> None:
    """Fail with the proof, once all that can be taken back has been.

    Args:
        because: why the route ends.
        undone: the uses that were taken back → the results of that; the `Failure` where it failed.
        stay: the uses whose effects nothing takes back.
        round: where the route stands.
        decided: the decision that ended it.

    Raises:
        NoWayError: always.
    """
    failed = [step for step, outcome in undone.items() if isinstance(outcome, Failure)]
    kept = [*stay, *failed]
    told = [because]
    if len(undone) > len(failed):
        told.append(f"taken back: {', '.join(step for step in undone if step not in failed)}")
    if kept:
        told.append(f"still in effect, for a person to see to: {', '.join(kept)}")
    raise NoWayError("; ".join(told))


# -- what follows -----------------------------------------------------------------------------------------


def _next(site: Site, coming: Round, health: Health, failed: Mapping[str, str], *, at: float) -> Growth:
    """The next round, by the decision on what has failed."""
    coming = msgspec.structs.replace(coming, health=msgspec.to_builtins(health.vitals))
    decision = decide(site.graph, health, coming.frontier, coming.want, at=at, failed=failed)
    if coming.number > site.brief.most_rounds:
        why = f"{site.brief.most_rounds} ways were begun, which is the limit; {decision.because}"
        return _escalated(site, coming, health, Escalation(decision.failed, None, (), why), at=at, may_ask=False)
    if isinstance(decision, Escalation):
        return _escalated(site, coming, health, decision, at=at, may_ask=True)
    return grown(site, coming, following(site, coming, decision, health, at=at), decision.because)


def _escalated(site: Site, coming: Round, health: Health, decision: Escalation, *, at: float, may_ask: bool) -> Growth:
    asked = site.brief
    if not may_ask or asked.ask == NOBODY or coming.questions >= asked.most_questions:
        undo, stay = given_up(site.graph, health, coming.frontier, at=at)
        return grown(site, coming, giving_up(site, coming, decision, undo, stay), decision.because)
    gone = tuple(name for name in site.graph.tools if not health.is_alive(name, at=at))
    waiting = msgspec.structs.replace(
        coming, questions=coming.questions + 1, is_asking=True, dead=gone, stranded=decision.stranded
    )
    possible = _possible(site.graph, health, coming, at)
    return grown(site, waiting, asking_first(site, waiting, decision, asked.ask, possible), decision.because)


def _answered(site: Site, stands: Round, coming: Round, health: Health, said: Any, *, at: float) -> Growth:
    """The next round, by what somebody answered."""
    answer = answer_from(said, stands.want)
    if answer.choice == "give-up":
        why = f"{stands.because}; given up: {answer.because}"
        decision = Escalation((), None, stands.stranded, why)
        return _escalated(site, coming, health, decision, at=at, may_ask=False)
    if site.brief.ask == PERSON:  # nobody else can answer for an effect that stays
        coming = msgspec.structs.replace(coming, frontier=settled(coming.frontier, stands.stranded))
    if answer.choice == "settle":
        coming = msgspec.structs.replace(coming, want=answer.want)
    else:
        health = health.after(map(Trusted, stands.dead), at=at)
    return _next(site, coming, health, {}, at=at)


def _possible(graph: ToolGraph, health: Health, coming: Round, at: float) -> list[str]:
    """What of the wanted could still be reached, each for itself."""
    alive, there = health.weights(graph, at=at), coming.frontier.sources(graph)
    return [artefact for artefact in coming.want if is_open(graph, alive, there, [artefact])]


__all__ = ["brief", "give_up", "pause", "reroute", "route"]
