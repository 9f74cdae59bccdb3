"""Routes in real runs: every failure is answered in the log, effects are used or taken back, somebody is asked last."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.planners.routed import world
from tests.planners.routed.world import HERE, reset, tools

from orrery.errors import ToolGraphError
from orrery.graph import Graph, Ref, Task
from orrery.planners.routed import Answered, answers, health_of
from orrery.routing.tool_graph.heal import Compensation, Escalation, Reroute
from orrery.runtime import Result, Session
from orrery.scheduler import events as ev


class Outcome:
    """What came of a run: its result, its log, and how its failures were answered."""

    def __init__(self, result: Result, events: list[ev.Event]) -> None:
        self.result, self.events = result, events
        self.answers: list[Answered] = answers(events)
        assert all(len(one.decisions) == 1 for one in self.answers), "no failure is silent, none is answered twice"

    @property
    def out(self) -> Any:
        return self.result.outputs.get("out")

    @property
    def kinds(self) -> list[type]:
        return [type(one.decisions[0]) for one in self.answers]

    @property
    def error(self) -> str:
        return str(self.result.error)

    def patches(self) -> str:
        return " | ".join(event.patch.because for event in self.events if isinstance(event, ev.TaskExpanded))


def go(
    graph: dict[str, Any] | str, want: list[str], *, folder: Path | None = None, say: Any = None, **more: Any
) -> Outcome:
    """Run a route from x; `say` answers every question to a person, a denial if it is False."""
    told = {"tools": graph, "have": {"x": "X"}, "want": want, "ask": "nobody", **more}

    async def whole() -> Outcome:
        async with Session("memory:") as session:

            def answer(_run: str, events: Sequence[ev.Event]) -> None:
                for event in events:
                    if isinstance(event, ev.PersonAsked):
                        going.answer(event.task, "deny" if say is False else "approve", say)

            session.driver.observers.append(answer)
            going = session.start(Graph([Task("r", "route", told)], outputs={"out": Ref("r")}), folder=folder)
            result = await asyncio.wait_for(going.wait(), 20)
            return Outcome(result, [event for _, event in session.journal.read(going.id)])

    return asyncio.run(whole())


def two_ways() -> dict[str, Any]:
    return tools(
        a={"needs": ["x"], "gives": "y"},
        b={"needs": ["x"], "gives": "y", "seconds": 2.0},
        c={"needs": ["y"], "gives": "z"},
    )


def trip(**more: dict[str, Any]) -> dict[str, Any]:
    return tools(
        flight={"needs": ["x"], "gives": "booking", "effects": "keyed", "undo": "cancel"},
        cancel={"needs": ["booking"], "undoes": "flight"},
        card={"needs": ["booking"], "gives": "trip"},
        tour={"needs": ["x"], "gives": "trip", "seconds": 50.0},
        **more,
    )


def test_the_cheapest_way_is_taken_and_nothing_else_is_touched() -> None:
    reset()
    found = go(two_ways(), ["z", "x"])
    assert (found.out, world.called, found.answers) == ({"z": "c(a(X))", "x": "X"}, ["a", "c"], [])


def test_a_failure_is_rerouted_from_what_has_been_made() -> None:
    graph = two_ways() | tools(d={"needs": ["y"], "gives": "z", "seconds": 9.0})
    reset(c="fail")
    found = go(graph, ["z"])
    assert (found.out, world.called) == ({"z": "d(a(X))"}, ["a", "c", "d"])
    assert found.kinds == [Reroute]
    assert found.answers[0].decisions[0].because == "1.c failed: ToolError: c is broken; on by d at 0.009"


def test_an_effect_that_is_not_used_any_more_is_taken_back_by_a_task() -> None:
    reset(card="fail")
    found = go(trip(), ["trip"])
    assert (found.out, found.kinds) == ({"trip": "tour(X)"}, [Compensation])
    assert world.in_effect["flight"] == 0
    assert any(isinstance(event, ev.TaskSucceeded) and event.task == "r/2.1.flight:undo" for event in found.events)


def test_what_failed_so_that_nobody_knows_is_taken_back_too() -> None:
    graph = tools(
        book={"needs": ["x"], "gives": "room", "effects": "keyed", "undo": "free"},
        free={"needs": ["x"], "undoes": "book"},
        other={"needs": ["x"], "gives": "room", "seconds": 9.0},
    )
    reset(book="unknown")
    found = go(graph, ["room"])
    assert (found.out, found.kinds, world.in_effect["book"]) == ({"room": "other(X)"}, [Compensation], 0)


def test_an_effect_that_cannot_be_taken_back_is_asked_about_and_named() -> None:
    reset(card="fail", cancel="fail")
    found = go(trip(), ["trip"])
    assert found.result.state == "failed"
    assert found.kinds == [Compensation, Escalation], "the card, and then the cancellation"
    assert "the effect of 1.flight (flight) cannot be taken back, and no way uses it" in found.error
    assert "still in effect, for a person to see to: 1.flight" in found.error


def test_a_tool_may_be_named_like_the_probe_of_another() -> None:
    graph = tools(
        a={"needs": ["x"], "gives": "y", "effects": "once"},
        b={"needs": ["y", "w"], "gives": "z", "probe": HERE + "probe_ok"},
    ) | tools(**{"a.probe.b": {"needs": ["x"], "gives": "w"}})
    reset()
    assert go(graph, ["z"]).out == {"z": "b(a.probe.b(X), a(X))"}


def test_a_route_that_gives_up_takes_back_what_it_can() -> None:
    reset(card="fail", tour="fail")
    found = go(trip(), ["trip"])
    assert found.kinds == [Compensation, Escalation]
    assert "every way leads through one of card, tour, and all are dead" in found.error
    assert world.in_effect["flight"] == 0
    reset(card="fail", cancel="fail")
    graph = trip()
    del graph["tour"]
    found = go(graph, ["trip"])
    assert found.kinds == [Escalation, Escalation], "the undoing that failed is answered by the end of the route"
    assert [one.tool for one in found.answers] == ["card", "cancel"]
    assert set(health_of(found.events)) == {"flight", "card", "cancel"}, "of the tool that undoes, not of the use"
    assert "still in effect, for a person to see to: 1.flight" in found.error


def test_a_step_that_cannot_be_undone_waits_for_all_that_could_fail_before_it() -> None:
    graph = tools(
        charge={"needs": ["x"], "gives": "paid", "effects": "once"},
        label={"needs": ["x"], "gives": "label", "seconds": 9.0},
        send={"needs": ["paid", "label"], "gives": "sent"},
    )
    reset(label="fail")
    found = go(graph, ["sent"])
    assert (world.called, found.kinds) == (["label"], [Escalation])


def test_what_follows_a_step_that_cannot_be_undone_is_probed_first() -> None:
    graph = tools(
        charge={"needs": ["x"], "gives": "paid", "effects": "once"},
        send={"needs": ["paid"], "gives": "sent", "probe": HERE + "probe_dead"},
        post={"needs": ["paid"], "gives": "sent", "seconds": 9.0, "probe": HERE + "probe_ok"},
    )
    reset()
    found = go(graph, ["sent"])
    assert (found.out, world.called, found.kinds) == ({"sent": "post(charge(X))"}, ["charge", "post"], [Reroute])
    del graph["post"]
    reset()
    found = go(graph, ["sent"])
    assert (world.called, found.kinds) == ([], [Escalation])


def test_a_service_that_asks_for_a_pause_gets_it_unless_another_way_is_cheaper() -> None:
    reset(c="limit")
    found = go(two_ways(), ["z"])
    assert (found.out, world.called, found.kinds) == ({"z": "c(a(X))"}, ["a", "c", "c"], [Reroute])
    assert any(isinstance(event, ev.TaskSucceeded) and event.task == "r/2.c:pause" for event in found.events)
    reset(a="limit")
    found = go(two_ways(), ["z"], monitor={"price_per_s": 1.0})
    assert (found.out, world.called) == ({"z": "c(a(X))"}, ["a", "a", "c"])


def test_steps_that_do_not_need_each_other_fail_together_and_are_answered_once() -> None:
    graph = tools(
        l={"needs": ["x"], "gives": "left"},
        r={"needs": ["x"], "gives": "right"},
        l2={"needs": ["x"], "gives": "left", "seconds": 5.0},
        r2={"needs": ["x"], "gives": "right", "seconds": 5.0},
        join={"needs": ["left", "right"], "gives": "both"},
    )
    reset(l="fail", r="fail")
    found = go(graph, ["both"])
    assert found.out == {"both": "join(l2(X), r2(X))"}
    assert [one.task for one in found.answers] == ["r/1.l", "r/1.r"]
    assert found.answers[0].decisions == found.answers[1].decisions


def test_a_function_is_asked_when_no_way_is_left_and_not_before() -> None:
    reset(c="fail")
    found = go(two_ways(), ["z"], ask=HERE + "say_again")
    assert (found.out, world.called) == ({"z": "c(a(X))"}, ["a", "c", "asked", "c"])
    reset(c="fail")
    found = go(two_ways(), ["z", "y"], ask=HERE + "settle")
    assert (found.out, world.called) == ({"y": "a(X)"}, ["a", "c", "asked"])
    reset(c="fail fail fail fail fail fail")
    found = go(two_ways(), ["z"], ask=HERE + "say_again", most_questions=2)
    assert (found.result.state, world.called.count("asked")) == ("failed", 2)


def test_a_person_is_asked_with_the_proof_and_decides() -> None:
    reset(c="fail")
    found = go(two_ways(), ["z"], ask="person", say=True)
    assert found.out == {"z": "c(a(X))"}
    (question,) = [event.question for event in found.events if isinstance(event, ev.PersonAsked)]
    assert "every way leads through c, and that is dead; the fewest whose return would open one: c" in question
    reset(c="fail")
    assert go(two_ways(), ["z", "y"], ask="person", say=["y"]).out == {"y": "a(X)"}
    reset(card="fail", tour="fail")
    found = go(trip(), ["trip"], ask="person", say=False)
    assert (found.result.state, world.in_effect["flight"]) == ("failed", 0)
    assert "given up: Denied" in found.error


def test_a_person_can_answer_for_an_effect_that_stays_and_nobody_else_can() -> None:
    reset(card="fail", cancel="fail fail fail fail")
    found = go(trip(), ["trip"], ask="person", say=True)
    assert (found.out, world.in_effect) == ({"trip": "tour(X)"}, {"flight": 1, "tour": 1})
    reset(card="fail", cancel="fail fail fail fail")
    found = go(trip(), ["trip"], ask=HERE + "say_again")
    assert "still in effect, for a person to see to: 1.flight" in found.error
    reset(card="fail", cancel="fail")
    found = go(trip(), ["trip"], ask=HERE + "say_again")
    assert (found.out, world.in_effect) == ({"trip": "tour(X)"}, {"flight": 0, "tour": 1}), "but it may be tried again"


def test_a_route_that_does_not_end_is_ended() -> None:
    reset(c=" ".join(["limit"] * 9))
    found = go(two_ways(), ["z"], most_rounds=3)
    assert found.result.state == "failed"
    assert "3 ways were begun, which is the limit" in found.error


def test_a_tool_that_recovers_is_used_again() -> None:
    graph = two_ways() | tools(b={"needs": ["x"], "gives": "y", "seconds": 1.9})
    reset(a="fail ok", b="fail")
    found = go(graph, ["z"], monitor={"pause_s": 0.0})
    assert (found.out, world.called) == ({"z": "c(a(X))"}, ["a", "b", "a", "c"])


def test_health_is_handed_on_from_the_log_of_another_run() -> None:
    reset(a="fail")
    known = health_of(go(two_ways(), ["z"]).events)
    assert known["a"]["breaker"] == "open"
    assert known["b"]["seconds"] >= 0.0
    reset()
    for vitals in known.values():
        vitals["until"] = 1e12
    assert go(two_ways(), ["z"], health=known).out == {"z": "c(b(X))"}


def test_tools_from_a_file_with_a_script_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ways.py").write_text(
        "def up(text):\n    return text.upper()\n\ndef no(text):\n    raise OSError('no')\n"
    )
    (tmp_path / "ways.yaml").write_text(
        "tools:\n"
        "  fast: {uses: py:./ways.py:no, needs: {text: x}, gives: big, effects: pure}\n"
        "  slow: {uses: py:./ways.py:up, needs: {text: x}, gives: big, effects: pure, seconds: 3}\n"
    )
    found = go("ways.yaml", ["big"], folder=tmp_path)
    assert (found.out, found.kinds) == ({"big": "X"}, [Reroute])
    inline = {"slow": {"uses": "py:./ways.py:up", "needs": {"text": "x"}, "gives": "big", "effects": "pure"}}
    assert go(inline, ["big"], folder=tmp_path).out == {"big": "X"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"want": []}, "'want' names nothing that is to be reached; known: 'x', 'y', 'z'"),
        ({"want": ["zz"]}, "no tool gives 'zz', and it is not in 'have'"),
        ({"ask": "somebody"}, "nobody is called 'somebody' who could be asked"),
        ({"monitor": {"weight": 0}}, "weight must be in"),
        ({"monitor": {"wait": 0}}, "unknown field `wait`"),
        ({"tools": {"a": {"gives": "y"}}, "want": ["y"]}, "tool 'a' has no 'uses'"),
        ({"tools": {"a": {"give": "y"}}, "want": ["y"]}, "tools.a.give: there is no key 'give'"),
        ({"tools": "nowhere.yaml"}, "it cannot be read"),
        ({"most_rounds": 0}, "'most_rounds' must be at least 1"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_runs(change: dict[str, Any], said: str) -> None:
    reset()
    told: dict[str, Any] = {"graph": two_ways(), "want": ["z"], **change}
    told["graph"] = told.pop("tools", told["graph"])
    found = go(told.pop("graph"), told.pop("want"), **told)
    assert said in found.error
    assert world.called == []


def test_errors_of_a_tool_graph_have_a_code() -> None:
    assert ToolGraphError.code == "tool-graph"
