"""Healing: every failure has one answer, no effect is left behind, nothing irreversible is begun in vain."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.routing.tool_graph.heal import (
    Compensation,
    Decision,
    Escalation,
    Frontier,
    Made,
    Reroute,
    decide,
    given_up,
    in_order,
)
from orrery.routing.tool_graph.health import Failed, Health, Monitor, Vitals, Worked
from orrery.routing.tool_graph.tools import Tool, ToolGraph
from tests.routing.graphs import closure, some_artefacts, tool_graphs, wanted_artefacts

FOREVER = Monitor(pause_s=1e9, longest_pause_s=1e9)


class Journey:
    """A route walked by the decisions of `heal`, one tool after the other, in a world that a list of words scripts."""

    def __init__(self, graph: ToolGraph, have: list[str], want: list[str], words: Iterator[str]) -> None:
        self.graph, self.have, self.want, self.words = graph, have, want, words
        self.frontier, self.health = Frontier(tuple(have)), Health(FOREVER)
        self.in_effect: dict[str, str] = {}
        self.used: set[str] = set()
        self.answers: list[Decision] = []
        self.failures = 0

    def walk(self) -> bool:
        """Go until it is reached or given up; whether it was reached."""
        failed: dict[str, str] = {}
        for number in range(30):
            decision = decide(self.graph, self.health, self.frontier, self.want, at=0.0, failed=failed)
            self.answers.append(decision)
            assert set(decision.failed) == set(failed)
            if isinstance(decision, Escalation):
                self.give_up(decision)
                return False
            failed = self.undo(decision.undo if isinstance(decision, Compensation) else ())
            failed = failed or self.go(number, decision)
            if not failed:
                self.check_reached(decision)
                return True
            self.failures += len(failed)
        raise AssertionError("it goes on for ever")

    def undo(self, steps: tuple[str, ...]) -> dict[str, str]:
        for step in steps:
            made = next(made for made in self.frontier.made if made.step == step)
            undo = self.graph[made.tool].undo
            if next(self.words) != "ok":
                self.health = self.health.after([Failed(undo)], at=0.0)
                doubted = tuple(
                    Made(one.step, one.tool, one.sources, one.gives, is_sure=False) if one.step == step else one
                    for one in self.frontier.made
                )
                self.frontier = Frontier(self.frontier.given, doubted)
                return {f"{step}.undo": "broken"}
            del self.in_effect[step]
            self.frontier = self.frontier.without([step])
        return {}

    def go(self, number: int, decision: Reroute | Compensation) -> dict[str, str]:
        way, graph = decision.way, self.graph
        sources = self.frontier.sources(graph)
        order = in_order(graph, way)
        assert sorted(order) == sorted(way.steps)
        for position, name in enumerate(order):
            tool, step = graph[name], f"{number}.{name}"
            if tool.is_irreversible:
                alive = [other for other in order[position:] if self.health.is_alive(other, at=0.0)]
                assert set(self.want) <= closure(graph, alive, self.frontier.sources(graph)), "the rest is feasible"
            needs = {
                need: f"{number}.{maker}" if (maker := way.sources[need]) else sources[need]
                for need in tool.needs.values()
            }
            gives = tuple(artefact for artefact, maker in way.sources.items() if maker == name)
            word = next(self.words)
            if word == "ok":
                self.frontier = Frontier(self.frontier.given, (*self.frontier.made, Made(step, name, needs, gives)))
                self.health = self.health.after([Worked(name)], at=0.0)
                self.used.update(needs.values())
            else:
                self.health = self.health.after([Failed(name)], at=0.0)
                if word == "unknown" and tool.has_effect:
                    doubted = Made(step, name, needs, is_sure=False, has_result=False)
                    self.frontier = Frontier(self.frontier.given, (*self.frontier.made, doubted))
            if word != "fail" and tool.has_effect:
                self.in_effect[step] = name
            if word != "ok":
                return {step: word}
        return {}

    def give_up(self, decision: Escalation) -> None:
        assert decision.because
        assert decision.proof is not None or decision.stranded
        undo, stay = given_up(self.graph, self.health, self.frontier, at=0.0)
        assert set(undo) | set(stay) == set(self.in_effect), "nothing in effect is forgotten"
        for step in stay:
            tool = self.graph[self.in_effect[step]]
            assert not tool.undo or not self.health.is_alive(tool.undo, at=0.0) or self.lacks(tool, step)

    def lacks(self, tool: Tool, step: str) -> bool:
        """Whether what undoing needs was never there: the use has failed, and it would have given it."""
        made = next(made for made in self.frontier.made if made.step == step)
        needs = set(self.graph[tool.undo].needs.values())
        return not made.has_result and not needs <= set(made.sources)

    def check_reached(self, decision: Reroute | Compensation) -> None:
        sources = self.frontier.sources(self.graph)
        assert set(self.want) <= set(sources)
        by_step = {made.step: made for made in self.frontier.made}
        rests, open_ = set(), [sources[artefact] for artefact in self.want]
        while open_:
            step = open_.pop()
            if step and step not in rests:
                rests.add(step)
                open_.extend(by_step[step].sources.values())
        assert set(self.in_effect) <= rests, "no effect is orphaned"


@settings(max_examples=120, deadline=None)
@given(
    tool_graphs(effects=True, most=8, most_needs=2),
    some_artefacts,
    wanted_artefacts,
    st.lists(st.sampled_from(["ok", "ok", "ok", "fail", "unknown"]), max_size=30),
)
def test_no_effect_is_orphaned_and_nothing_irreversible_is_begun_in_vain(
    graph: ToolGraph, have: list[str], want: list[str], words: list[str]
) -> None:
    def script() -> Iterator[str]:
        yield from words
        while True:
            yield "ok"

    journey = Journey(graph, have, want, script())
    reached = journey.walk()
    answered = [step for decision in journey.answers for step in decision.failed]
    assert len(answered) == len(set(answered)) == journey.failures
    assert reached or isinstance(journey.answers[-1], Escalation)


def trip(*more: Tool) -> ToolGraph:
    """A flight, paid for by card; the way that published code leaves half-done when the card is refused."""
    return ToolGraph(
        [
            Tool("flight", gives={"booking": ""}, effects="keyed", undo="cancel"),
            Tool("cancel", needs={"booking": "booking"}, effects="idempotent"),
            Tool("card", needs={"booking": "booking"}, gives={"trip": ""}, effects="once"),
            Tool("tour", gives={"trip": ""}, effects="once", seconds=50.0),
            *more,
        ]
    )


BOOKED = Frontier((), (Made("1.flight", "flight"),))


def after(*failed: str) -> Health:
    return Health(FOREVER).after(map(Failed, failed), at=0.0)


def test_an_effect_that_the_new_way_does_not_use_is_taken_back() -> None:
    found = decide(trip(), after("card"), BOOKED, ["trip"], at=0.0, failed={"1.card": "refused"})
    assert isinstance(found, Compensation)
    assert (found.failed, found.undo, found.way.steps) == (("1.card",), ("1.flight",), ("tour",))
    assert found.because == (
        "1.card failed: refused; on by tour at 0.05; that does not use 1.flight, which is taken back"
    )


def test_an_effect_that_the_new_way_uses_stays() -> None:
    graph = trip(Tool("invoice", needs={"booking": "booking"}, gives={"trip": ""}, seconds=5.0))
    found = decide(graph, after("card"), BOOKED, ["trip"], at=0.0, failed={"1.card": "refused"})
    assert isinstance(found, Reroute)
    assert found.way.steps == ("invoice",)


def test_a_dearer_way_is_taken_if_only_that_uses_what_cannot_be_taken_back() -> None:
    graph = trip(Tool("invoice", needs={"booking": "booking"}, gives={"trip": ""}, seconds=500.0))
    found = decide(graph, after("card", "cancel"), BOOKED, ["trip"], at=0.0, failed={"1.card": "refused"})
    assert isinstance(found, Reroute)
    assert found.way.steps == ("invoice",)


def test_an_effect_that_can_neither_be_used_nor_taken_back_is_somebodys_to_decide() -> None:
    found = decide(trip(), after("card", "cancel"), BOOKED, ["trip"], at=0.0, failed={"1.card": "refused"})
    assert isinstance(found, Escalation)
    assert (found.stranded, found.proof) == (("1.flight",), None)
    assert "cannot be taken back, and no way uses it" in found.because


def test_effects_are_taken_back_the_latest_first() -> None:
    graph = ToolGraph(
        [
            Tool("a", gives={"x": ""}, effects="keyed", undo="not-a"),
            Tool("b", needs={"x": "x"}, gives={"y": ""}, effects="keyed", undo="not-b"),
            Tool("c", needs={"y": "y"}, gives={"z": ""}),
            Tool("d", gives={"z": ""}, seconds=9.0),
            Tool("not-a", needs={"x": "x"}),
            Tool("not-b", needs={"y": "y", "x": "x"}),
        ]
    )
    frontier = Frontier((), (Made("1.a", "a"), Made("1.b", "b", {"x": "1.a"})))
    found = decide(graph, after("c"), frontier, ["z"], at=0.0, failed={"1.c": "broken"})
    assert isinstance(found, Compensation)
    assert found.undo == ("1.b", "1.a")


def test_a_step_that_cannot_be_undone_comes_as_late_as_it_can() -> None:
    graph = ToolGraph(
        [
            Tool("charge", gives={"paid": ""}, effects="once"),
            Tool("send", needs={"paid": "paid", "label": "label"}, gives={"sent": ""}, effects="pure"),
            Tool("print", needs={"address": "address"}, gives={"label": ""}, effects="pure", seconds=9.0),
            Tool("look-up", gives={"address": ""}, effects="pure"),
        ]
    )
    found = decide(graph, Health(), Frontier(), ["sent"], at=0.0)
    assert isinstance(found, Reroute)
    assert in_order(graph, found.way) == ["look-up", "print", "charge", "send"]
    dead = decide(graph, after("send"), Frontier(), ["sent"], at=0.0)
    assert isinstance(dead, Escalation), "so it is not begun where what follows it is dead"
    assert dead.proof is not None
    assert dead.proof.cut == ("send",)


@pytest.mark.parametrize("is_sure", [True, False])
def test_an_effect_of_which_nobody_knows_is_taken_back_as_if_it_had_been_made(is_sure: bool) -> None:
    graph = ToolGraph(
        [
            Tool("book", needs={"day": "day"}, gives={"room": ""}, effects="keyed", undo="free"),
            Tool("free", needs={"day": "day"}),
            Tool("other", needs={"day": "day"}, gives={"room": ""}, seconds=9.0),
        ]
    )
    frontier = Frontier(("day",), (Made("1.book", "book", {"day": ""}, is_sure=is_sure, has_result=is_sure),))
    found = decide(graph, after("book"), frontier, ["room"], at=0.0, failed={"1.book": "no answer"})
    assert isinstance(found, Reroute if is_sure else Compensation)
    assert found.way.steps == (() if is_sure else ("other",))


def test_what_somebody_has_answered_for_concerns_nobody_any_more() -> None:
    frontier = Frontier((), (Made("1.flight", "flight", is_settled=True),))
    found = decide(trip(), after("card", "cancel"), frontier, ["trip"], at=0.0, failed={"1.card": "refused"})
    assert isinstance(found, Reroute)


@pytest.mark.parametrize(
    ("tool", "vitals"),
    [
        (Tool("a", gives={"x": ""}), Vitals(seconds=math.inf)),
        (Tool("a", gives={"x": ""}), Vitals(busy_until=math.inf)),
        (Tool("a", gives={"x": ""}, reliability=0.0), Vitals()),
        (Tool("a", gives={"x": ""}, money=math.nan), Vitals(errors=math.nan)),
    ],
)
def test_a_tool_whose_figures_make_no_sense_is_dead(tool: Tool, vitals: Vitals) -> None:
    found = decide(ToolGraph([tool]), Health(vitals={"a": vitals}), Frontier(), ["x"], at=0.0)
    assert isinstance(found, Escalation)
    assert found.proof is not None
    assert found.proof.cut == ("a",)
