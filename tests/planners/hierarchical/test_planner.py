"""The planning agent and its specialists, over HTTP: who is asked what, what runs at once, what is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.planners.hierarchical.conftest import Solve
from tests.simulated import Simulated

from orrery.bench.planning.workshop import Author
from orrery.models.prompts import find
from orrery.models.simulated import Answer, Asked, Call

TWO = [
    {"name": "reader", "description": "Reads files.", "tools": ["files.read"], "instructions": "Quote exactly."},
    {"name": "counter", "description": "Counts text.", "tools": ["text.*"]},
]


def is_lead(asked: Asked) -> bool:
    return "You plan and review" in asked.system


def is_specialist(asked: Asked) -> bool:
    return "You are a specialist" in asked.system


def lead(first: Answer, last: str, other: Callable[[Asked], Answer | str]) -> Callable[[Asked], Answer | str]:
    """A planning agent that hands over once and then answers."""

    def script(asked: Asked) -> Answer | str:
        if not is_lead(asked):
            return other(asked)
        return first if asked.turn == 0 else last

    return script


def test_specialists_are_handed_goals_and_work_at_the_same_time(solve: Solve, simulated: Simulated) -> None:
    hand_over = Answer(calls=(Call("reader", {"goal": "read a"}), Call("counter", {"goal": "count b"})))

    def specialist(asked: Asked) -> Answer:
        return Answer(f"did {len(asked.tools)}", first_s=1.0)

    server = simulated(lead(hand_over, "both done", specialist))
    result, _ = solve("read a and count b", specialists=TWO)
    assert (result.state, result.outputs) == ("succeeded", {"answer": "both done"})
    assert server.counts.most_running == 2, "the second was asked before the first had answered"
    systems = [asked.system for asked in server.requests if is_specialist(asked)]
    assert ["Quote exactly." in system for system in systems].count(True) == 1


def test_the_planning_agent_sees_its_specialists_and_none_of_their_tools(solve: Solve, simulated: Simulated) -> None:
    server = simulated(lead(Answer("no need"), "", lambda _: ""))
    result, _ = solve("nothing much", specialists=TWO)
    assert result.outputs == {"answer": "no need"}
    (asked,) = server.requests
    assert [(tool.name, tool.description) for tool in asked.tools] == [
        ("reader", "Reads files."),
        ("counter", "Counts text."),
    ]
    assert "- reader: Reads files." in asked.system


def test_a_specialist_uses_its_own_tools_on_real_files(solve: Solve, simulated: Simulated, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("forty-two", encoding="utf-8")

    def specialist(asked: Asked) -> Answer | str:
        if asked.turn == 0:
            return Answer(calls=(Call("files_read", {"path": "note.txt"}),))
        return f"it says {json.loads(asked.results[0].text)['untrusted_data']}"

    server = simulated(lead(Answer(calls=(Call("reader", {"goal": "what is in note.txt?"}),)), "forty-two", specialist))
    result, _ = solve("what does the note say?", specialists=TWO)
    assert result.outputs == {"answer": "forty-two"}
    reported = [asked.results[0].text for asked in server.requests if is_lead(asked) and asked.results]
    assert "it says forty-two" in reported[0]


def test_tools_that_the_request_does_not_allow_are_taken_away(solve: Solve, simulated: Simulated) -> None:
    server = simulated(lead(Answer("done"), "", lambda _: ""))
    solve("count", specialists=TWO, tools=["text.count"])
    assert [tool.name for tool in server.requests[0].tools] == ["counter"]
    result, _ = solve("count", specialists=TWO, tools=["http.get"])
    assert result.error is not None
    assert "no specialist has a tool that the request allows" in result.error.message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"specialist": []}, "did you mean 'specialists'?"),
        ({"specialists": ["nobody"]}, "no specialist 'nobody'"),
        ({"specialists": [{"name": "x"}]}, "a specialist cannot be"),
        ({"specialists": [TWO[0], TWO[0]]}, "two specialists are called 'reader'"),
        ({"width": 0}, "option 'width': Expected `int` >= 1, not 0"),
    ],
)
def test_wrong_options_are_refused_with_the_way_out(
    solve: Solve, simulated: Simulated, options: dict[str, object], said: str
) -> None:
    server = simulated()
    result, _ = solve("anything", **options)
    assert result.error is not None
    assert said in result.error.message
    assert not server.requests


def test_the_specialists_that_come_with_orrery_have_their_tools(solve: Solve, simulated: Simulated) -> None:
    server = simulated(lead(Answer("done"), "", lambda _: ""))
    solve("anything")
    assert [tool.name for tool in server.requests[0].tools] == ["data", "files", "system", "toolmaker", "web"]


def test_a_tool_that_nobody_has_is_made_used_and_found_the_next_time(solve: Solve, simulated: Simulated) -> None:
    author = Author()

    def specialist(asked: Asked) -> Answer | str:
        if not is_specialist(asked):
            return author(asked)
        if asked.turn == 0:
            need = "convert an integer such as 1994 to Roman notation"
            return Answer(calls=(Call("toolmaking_find", {"need": need}),))
        told = json.loads(asked.results[0].text)["untrusted_data"]
        if asked.turn == 1:
            return Answer(calls=(Call("toolmaking_use", {"tool": told["tool"], "args": {"number": 1994}}),))
        return f"it is {told}"

    def script(asked: Asked) -> Answer | str:
        if not is_lead(asked):
            return specialist(asked)
        if asked.turn == 0:
            return Answer(calls=(Call("toolmaker", {"goal": "1994 in Roman numerals"}),))
        return str(json.loads(asked.results[0].text)["untrusted_data"])

    server = simulated(script)
    first, machine = solve("write 1994 in Roman numerals", specialists=["toolmaker"])
    assert first.outputs == {"answer": "it is MCMXCIV"}
    assert author.builds == 3
    assert any(task.op == "toolmaking.use" for task in machine.graph.tasks.values())
    asked = len(server.requests)
    second, _ = solve("write 1994 in Roman numerals, please", specialists=["toolmaker"])
    assert second.outputs == first.outputs
    assert author.builds == 3, "nothing is built the second time"
    assert len(server.requests) > asked


def test_the_prompts_are_versioned_and_name_what_they_are_filled_with() -> None:
    assert find("planners/hierarchical-lead").fields == ("specialists",)
    assert find("planners/hierarchical-specialist").fields == ("instructions",)
