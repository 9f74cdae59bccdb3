"""Round: what one decision hands to the next. A round is a way, as far as it comes.

What is the same in every round (the tools, what was given, who is asked) is in the `Brief`, once, as the result of a
task; the round itself is small: names, and the health of the tools of which something was heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.errors import Failure, RouteError, suggestion
from orrery.graph import Ref
from orrery.planners.routed.asked import check_asked
from orrery.routing.tool_graph.heal import Frontier, Made, StepId
from orrery.routing.tool_graph.health import Failed, Health, Limited, Monitor, Observation, Worked
from orrery.routing.tool_graph.reading import tool_graph
from orrery.routing.tool_graph.tools import Artefact, ToolGraph

MOST_ROUNDS, MOST_QUESTIONS = 20, 3


class Brief(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked for.

    Args:
        tools: the tool graph as plain data.
        have: what is there: artefacts to values.
        want: what is to be reached.
        ask: who is asked when no way is left; see `orrery.planners.routed.asked`.
        monitor: how failures become health.
        most_rounds: the most ways that are begun, the first one included.
        most_questions: how often somebody is asked.
    """

    tools: dict[str, Any]
    have: dict[Artefact, Any]
    want: tuple[Artefact, ...]
    ask: str = "person"
    monitor: Monitor = Monitor()
    most_rounds: int = MOST_ROUNDS
    most_questions: int = MOST_QUESTIONS

    def graph(self) -> ToolGraph:
        """The tools. Raises ToolGraphError."""
        return tool_graph(self.tools)

    def check(self) -> ToolGraph:
        """The tools, if all is as it can be meant. Raises ToolGraphError, RouteError, OperationError."""
        graph = self.graph()
        known = {*graph.artefacts, *self.have}
        if not self.want:
            raise RouteError(f"'want' names nothing that is to be reached; {suggestion('', known)}")
        for artefact in self.want:
            if artefact not in known:
                raise RouteError(f"no tool gives {artefact!r}, and it is not in 'have'; {suggestion(artefact, known)}")
        for name in graph.names:
            if not graph[name].op:
                raise RouteError(f"tool {name!r} has no 'uses', so nothing could perform it")
        if self.most_rounds < 1 or self.most_questions < 0:
            raise RouteError("'most_rounds' must be at least 1, and 'most_questions' at least 0")
        check_asked(self.ask)
        return graph


class Planned(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task of a round.

    Args:
        step: its name below the route.
        tool: which tool it uses, undoes by, or probes.
        sources, gives: of what it needs, and for what it was chosen; see `Made`.
        after: tasks of the same round that must have ended well before it starts, besides `sources`.
        undoes: the use whose effect it takes back; "" for a step of the way.
        is_probe: it only looks whether the tool could be used.
    """

    step: StepId
    tool: str
    sources: Mapping[Artefact, StepId] = {}
    gives: tuple[Artefact, ...] = ()
    after: tuple[StepId, ...] = ()
    undoes: StepId = ""
    is_probe: bool = False


class Round(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a route stands while its tasks run.

    Args:
        number: counts the ways that were begun, from 1.
        want: what is to be reached; less than at first, if somebody settled for less.
        frontier: what there was when the round began.
        health: what is known of the tools, by name; the monitor is the brief's.
        planned: the tasks, in an order in which each comes after those that it waits for.
        questions: how often somebody was asked.
        is_asking: there are no tasks but one that asks somebody, about `dead` tools and `stranded` effects.
        because: of the decision that began it.
    """

    number: int
    want: tuple[Artefact, ...]
    frontier: Frontier
    health: Mapping[str, Any] = {}
    planned: tuple[Planned, ...] = ()
    questions: int = 0
    is_asking: bool = False
    stranded: tuple[StepId, ...] = ()
    dead: tuple[str, ...] = ()
    because: str = ""


class Ended(msgspec.Struct, frozen=True):
    """What became of the tasks of a round.

    Args:
        frontier: what there is now.
        observed: what was learned of the tools.
        failed: the tasks that failed → why.
    """

    frontier: Frontier
    observed: tuple[Observation, ...]
    failed: Mapping[StepId, str]


def ended(round_: Round, graph: ToolGraph, outcomes: Mapping[StepId, Any]) -> Ended:
    """What became of a round, all of its tasks having ended.

    Args:
        outcomes: the result of each task; the `Failure` of one that failed. That of one that was skipped means
            nothing: it was if something that it waited for did not end well.
    """
    frontier = round_.frontier
    well: set[StepId] = {made.step for made in frontier.made if made.has_result} | {""}
    observed: list[Observation] = []
    failed: dict[StepId, str] = {}
    for task in round_.planned:
        outcome = outcomes[task.step]
        if not (well.issuperset(task.sources.values()) and well.issuperset(task.after)):
            continue
        if not isinstance(outcome, Failure):
            well.add(task.step)
            observed.append(Worked(task.tool))
            if task.undoes:
                frontier = frontier.without([task.undoes])
            elif not task.is_probe:
                frontier = _with(frontier, Made(task.step, task.tool, task.sources, task.gives))
            continue
        failed[task.step] = str(outcome)
        observed.append(_observation(task.tool, outcome))
        if task.undoes:
            frontier = _doubted(frontier, task.undoes)
        elif not task.is_probe and graph[task.tool].has_effect and _may_have_happened(outcome):
            frontier = _with(frontier, Made(task.step, task.tool, task.sources, is_sure=False, has_result=False))
    return Ended(frontier, tuple(observed), failed)


def health_in(round_: Round, monitor: Monitor) -> Health:
    """The health that a round hands on."""
    return msgspec.convert({"monitor": msgspec.to_builtins(monitor), "vitals": dict(round_.health)}, Health)


def settled(frontier: Frontier, steps: tuple[StepId, ...]) -> Frontier:
    """The frontier once a person has answered for some effects."""
    made = tuple(
        msgspec.structs.replace(made, is_settled=True) if made.step in steps else made for made in frontier.made
    )
    return Frontier(frontier.given, made)


def result_of(want: tuple[Artefact, ...], graph: ToolGraph, frontier: Frontier, prefix: str) -> dict[str, Ref]:
    """What the route amounts to: each wanted artefact → a reference to where it is."""
    sources = frontier.sources(graph)
    return {artefact: reference(artefact, sources[artefact], graph, frontier, prefix=prefix) for artefact in want}


def reference(
    artefact: Artefact, step: StepId, graph: ToolGraph, frontier: Frontier, *, prefix: str, tool: str = ""
) -> Ref:
    """Where an artefact is: a part of what a step returned, or of what was given.

    Args:
        tool: of the step, where the step is not made yet.
    """
    if not step:
        return Ref(f"{prefix}brief", ("have", artefact))
    made = tool or next(made.tool for made in frontier.made if made.step == step)
    entry = graph[made].gives[artefact]
    return Ref(f"{prefix}{step}", (entry,) if entry else ())


def _with(frontier: Frontier, made: Made) -> Frontier:
    return Frontier(frontier.given, (*frontier.made, made))


def _doubted(frontier: Frontier, step: StepId) -> Frontier:
    """The frontier once undoing a step has failed: whether its effect is still there, nobody knows."""
    made = tuple(msgspec.structs.replace(made, is_sure=False) if made.step == step else made for made in frontier.made)
    return Frontier(frontier.given, made)


def _may_have_happened(failure: Failure) -> bool:
    return failure.severity == "effect-unknown" or failure.code in ("timeout", "worker-lost")


def _observation(tool: str, failure: Failure) -> Observation:
    if failure.retry_after_s is not None:
        return Limited(tool, failure.retry_after_s)
    return Failed(tool, str(failure))


__all__ = ["Brief", "Ended", "Planned", "Round", "ended", "health_in", "reference", "result_of", "settled"]
