"""Heal: what follows from a failure. The rest of the way is sought anew, from what is there and not from the start.

What was made stays made, and costs nothing any more. An effect that was made is *used* if what is wanted rests on it,
be it through other tools; otherwise it is taken back by the tool that undoes it, the latest first. One that nothing
takes back (a tool without `undo`, or whose `undo` is dead) must be used by the new way; if no way uses it, somebody
is asked. So no effect is ever left behind in silence.

A step that cannot be undone starts only if all that comes after it is feasible. A way is found whole or not at all,
so that holds when it is found; and `in_order` puts such steps as late as they can be: every other step that does not
rest on one ends well before it starts, and a failure among those stops it.

Every failure is answered by exactly one `Reroute`, `Compensation` or `Escalation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from orrery.routing.tool_graph.cut import Proof, prove
from orrery.routing.tool_graph.health import Health
from orrery.routing.tool_graph.tools import Artefact, Tool, ToolGraph
from orrery.routing.tool_graph.way import Way, cheapest

StepId = str
"""What tells one use of a tool from another."""


class Made(msgspec.Struct, frozen=True, omit_defaults=True):
    """A use of a tool that has ended, and what it may have left in the world.

    Args:
        step: which use.
        tool: of which tool.
        sources: each artefact that it needed → the use that made it; "" for what was there from the beginning.
        gives: the artefacts for which its way has chosen it; others that it gives count where nobody else gave them.
        is_sure: it ended well. Otherwise it, or the attempt to undo it, failed so that nobody knows what took place:
            it gives nothing, and its effect is taken back as if it had been made.
        has_result: it returned something, which undoing it may need, be it that nothing else may use it any more.
        is_settled: a person has answered for its effect, which concerns nobody any more.
    """

    step: StepId
    tool: str
    sources: Mapping[Artefact, StepId] = {}
    gives: tuple[Artefact, ...] = ()
    is_sure: bool = True
    has_result: bool = True
    is_settled: bool = False


class Frontier(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is there: given from the beginning, or made and not taken back, in the order in which it was made."""

    given: tuple[Artefact, ...] = ()
    made: tuple[Made, ...] = ()

    def sources(self, graph: ToolGraph) -> dict[Artefact, StepId]:
        """Each artefact that is there → the use that made it: the one that was to, else the first that did besides."""
        found: dict[Artefact, StepId] = dict.fromkeys(self.given, "")
        sure = [made for made in self.made if made.is_sure]
        for made in sure:
            for artefact in made.gives:
                found.setdefault(artefact, made.step)
        for made in sure:
            for artefact in graph[made.tool].gives:
                found.setdefault(artefact, made.step)
        return found

    def without(self, undone: Sequence[StepId]) -> Frontier:
        """The frontier once some effects have been taken back; what they gave is gone with them."""
        gone = set(undone)
        return Frontier(self.given, tuple(made for made in self.made if made.step not in gone))


class Reroute(msgspec.Struct, frozen=True, tag="reroute"):
    """Another way leads on from what there is.

    Args:
        failed: the uses whose failure this answers; empty for the first way.
        way: the rest of the way.
        because: why this one, in words.
    """

    failed: tuple[StepId, ...]
    way: Way
    because: str


class Compensation(msgspec.Struct, frozen=True, tag="compensation"):
    """Effects are taken back that the rest of the way does not use; the other fields are those of `Reroute`.

    Args:
        undo: the uses to be undone, the latest first.
    """

    failed: tuple[StepId, ...]
    undo: tuple[StepId, ...]
    way: Way
    because: str


class Escalation(msgspec.Struct, frozen=True, tag="escalation"):
    """Nothing that may be done leads on; somebody must be asked.

    Args:
        proof: why there is no way; None if there is one, but it would leave an effect behind.
        stranded: uses whose effect can neither be used nor taken back.
    """

    failed: tuple[StepId, ...]
    proof: Proof | None
    stranded: tuple[StepId, ...]
    because: str


Decision = Reroute | Compensation | Escalation


def decide(
    graph: ToolGraph,
    health: Health,
    frontier: Frontier,
    want: Sequence[Artefact],
    *,
    at: float,
    failed: Mapping[StepId, str] | None = None,
) -> Decision:
    """What follows from what has failed.

    Args:
        health: after the failures.
        frontier: what there is, after them.
        failed: the uses that failed since the last decision → why, in words.
        at: the time, by the clock of `health`.
    """
    failed = failed or {}
    steps = tuple(failed)
    sources = frontier.sources(graph)
    weights = health.weights(graph, at=at)
    way = cheapest(graph, weights, sources, want)
    reason = "; ".join(f"{step} failed: {why}" for step, why in failed.items()) or "this is the cheapest way"
    if way is None:
        proof = prove(graph, weights, sources, want)
        assert proof is not None
        return Escalation(steps, proof, (), f"{reason}; {proof}" if failed else str(proof))
    kept = [made for made in frontier.made if graph[made.tool].has_effect and not made.is_settled]
    fixed = [made for made in kept if not _can_be_undone(graph, health, made, at)]
    unused = _unused(kept, frontier, sources, way)
    if any(made in unused for made in fixed):
        groups = [_resting_on(made, frontier, sources) for made in fixed]
        other = cheapest(graph, weights, sources, want, using=groups) if all(groups) else None
        if other is None:
            stranded = tuple(made.step for made in fixed if made in unused)
            what = ", ".join(f"{made.step} ({made.tool})" for made in fixed if made in unused)
            return Escalation(
                steps, None, stranded, f"{reason}; the effect of {what} cannot be taken back, and no way uses it"
            )
        way = other
        unused = _unused(kept, frontier, sources, way)
    told = f"{reason}; " if failed else ""
    told += f"on by {', '.join(way.steps)} at {way.cost:.4g}" if way.steps else "all that is wanted is there"
    if unused:
        undo = tuple(made.step for made in reversed(unused))
        return Compensation(steps, undo, way, f"{told}; that does not use {', '.join(undo)}, which is taken back")
    return Reroute(steps, way, told)


def given_up(
    graph: ToolGraph, health: Health, frontier: Frontier, *, at: float
) -> tuple[tuple[StepId, ...], tuple[StepId, ...]]:
    """What is to be taken back when nothing leads on, the latest first; and the effects that must stay."""
    undo: list[StepId] = []
    stay: list[StepId] = []
    for made in reversed(frontier.made):
        if graph[made.tool].has_effect and not made.is_settled:
            (undo if _can_be_undone(graph, health, made, at) else stay).append(made.step)
    return tuple(undo), tuple(stay)


def in_order(graph: ToolGraph, way: Way) -> list[str]:
    """The tools of a way such that each has what it needs, and one that cannot be undone comes as late as it can.

    All that stands before such a tool must have ended well before it starts.
    """
    waits = {
        step: {maker for need in graph[step].needs.values() if (maker := way.sources.get(need))} for step in way.steps
    }
    order: list[str] = []
    left = dict.fromkeys(way.steps)
    done: set[str] = set()
    while left:
        ready = [step for step in left if waits[step] <= done]
        free = [step for step in ready if not graph[step].is_irreversible] or ready[:1]
        order += free
        done.update(free)
        for step in free:
            del left[step]
    return order


def undo_sources(tool: Tool, undo: Tool, made: Made) -> dict[Artefact, StepId]:
    """Where what an undoing tool needs comes from: of the use itself, or of what that needed."""
    return {
        need: made.step if need in tool.gives and made.has_result else made.sources[need]
        for need in undo.needs.values()
        if (need in tool.gives and made.has_result) or need in made.sources
    }


def _can_be_undone(graph: ToolGraph, health: Health, made: Made, at: float) -> bool:
    tool = graph[made.tool]
    if not tool.undo or not health.is_alive(tool.undo, at=at):
        return False
    undo = graph[tool.undo]
    return len(undo_sources(tool, undo, made)) == len(set(undo.needs.values()))


def _unused(effects: Sequence[Made], frontier: Frontier, sources: Mapping[Artefact, StepId], way: Way) -> list[Made]:
    """The effects on which nothing that is wanted rests if the rest is done by this way."""
    by_step = {made.step: made for made in frontier.made}
    open_ = [sources[artefact] for artefact, maker in way.sources.items() if not maker]
    used: set[StepId] = set()
    while open_:
        step = open_.pop()
        if step and step not in used:
            used.add(step)
            if step in by_step:
                open_.extend(by_step[step].sources.values())
    return [made for made in effects if made.step not in used]


def _resting_on(made: Made, frontier: Frontier, sources: Mapping[Artefact, StepId]) -> list[Artefact]:
    """What is there thanks to an effect: what it gave, and what was made from that."""
    resting = {made.step}
    for other in frontier.made:  # in the order in which they were made
        if resting & set(other.sources.values()):
            resting.add(other.step)
    return [artefact for artefact, step in sources.items() if step in resting]


__all__ = [
    "Compensation",
    "Decision",
    "Escalation",
    "Frontier",
    "Made",
    "Reroute",
    "StepId",
    "decide",
    "given_up",
    "in_order",
    "undo_sources",
]
