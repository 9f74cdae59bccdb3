"""Agents as tools of agents: each is a task of its own, nested, and bounded by the one that called it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orrery.agents import Agent
from orrery.models.simulated import Answer, Asked, Call
from tests.agents import deeds
from tests.agents.conftest import Reach
from tests.simulated import Simulated


def team(asked: Asked) -> Answer:
    """The head asks two helpers at once and joins what they say; a helper adds by its tool."""
    offered = [tool.name for tool in asked.tools]
    if "helper" in offered:
        if asked.turn == 0:
            return Answer(calls=tuple(Call("helper", {"goal": f"add {n}", "data": n}) for n in (1, 2)))
        return Answer(" and ".join(json.loads(each.text)["untrusted_data"] for each in asked.results))
    if asked.turn == 0:
        number = int(asked.text.split('untrusted_data": ')[1].rstrip("}"))
        return Answer(calls=(Call("add", {"a": number, "b": 100}),))
    return Answer(str(json.loads(asked.results[0].text)["untrusted_data"]))


def test_sub_agents_work_side_by_side_below_the_agent_that_calls_them(simulated: Simulated, reach: Reach) -> None:
    server = simulated(team)
    helper = Agent(name="helper", tools=[deeds.add], description="Adds.")
    result, machine = reach(Agent(name="head", tools=[helper]))
    assert result.output == "101 and 102"
    assert "head/1.helper-2/1.add-1" in machine.records
    assert all(json.loads(each.text)["from"] == "helper" for each in server.requests[-1].results)
    assert max(record.depth for record in machine.records.values()) == 2


def calling(args: dict[str, Any]) -> Any:
    def script(asked: Asked) -> Answer:
        names = [tool.name for tool in asked.tools]
        if asked.results:
            return Answer(asked.results[0].text)
        if "helper" in names:
            return Answer(calls=(Call("helper", args),))
        return Answer(calls=(Call("append", {"path": "x.txt", "line": "y"}),))

    return script


def test_a_model_cannot_give_its_sub_agent_more_than_it_has(simulated: Simulated, reach: Reach) -> None:
    simulated(calling({"goal": "write", "approve": "yes", "tools": ["shell.run"]}))
    result, machine = reach(Agent(tools=[Agent(name="helper", tools=[deeds.append])]))
    assert "no argument 'approve'" in result.output
    assert not any("helper" in task for task in machine.records)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"tools": ["py:os:system"]}, "you have no tool 'py:os:system' that you could hand on"),
        ({"tools": [{"name": "a", "op": "py:os:system"}]}, "the tools of another agent are names of your own tools"),
        ({"style": "code"}, "you have no tool 'python.run' that you could hand on"),
        ({"memory": "user"}, "you have no tool 'memory.remember' that you could hand on"),
    ],
)
def test_an_agent_that_makes_others_up_hands_on_nothing_that_it_has_not(
    simulated: Simulated, reach: Reach, args: dict[str, Any], said: str
) -> None:
    def script(asked: Asked) -> Answer:
        return Answer(asked.results[0].text if asked.results else "", () if asked.results else (call,))

    call = Call("agent_run", {"goal": "write", "approve": "yes", **args})
    simulated(script)
    result, machine = reach(Agent(tools=["agent.run", deeds.add], approve="yes"))
    assert said in result.output
    assert not any("agent_run" in task for task in machine.records)


def test_an_agent_that_makes_others_up_hands_its_own_tools_on_as_it_has_them(
    simulated: Simulated, reach: Reach
) -> None:
    def script(asked: Asked) -> Answer:
        if asked.results:
            return Answer(asked.results[0].text)
        if any(tool.name == "agent_run" for tool in asked.tools):
            return Answer(calls=(Call("agent_run", {"goal": "look", "tools": ["look"]}),))
        return Answer(calls=(Call("look", {}),))

    simulated(script)
    look = {"name": "look", "op": "py:tests.agents.deeds:add", "bound": {"a": 20, "b": 22}}
    result, _ = reach(Agent(tools=["agent.run", look]))
    assert "42" in result.output


def test_what_a_person_said_to_an_agent_holds_for_those_below_it(simulated: Simulated, reach: Reach) -> None:
    simulated(calling({"goal": "write"}))
    helper = Agent(name="helper", tools=[deeds.append], approve="yes")
    refused, _ = reach(Agent(tools=[helper], approve="refuse", cache=False))
    assert "would need a person's word" in refused.output
    done, _ = reach(Agent(tools=[helper], approve="yes", cache=False))
    assert "x.txt has 1 lines" in done.output


def test_a_sub_agent_that_fails_is_a_result_that_says_so(simulated: Simulated, reach: Reach) -> None:
    def script(asked: Asked) -> Answer:
        if "helper" in [tool.name for tool in asked.tools]:
            return Answer(asked.results[0].text) if asked.results else Answer(calls=(Call("helper", {"goal": "go"}),))
        return Answer(calls=(Call("add", {"a": 1, "b": 1}),))

    simulated(script)
    result, _ = reach(Agent(tools=[Agent(name="helper", tools=[deeds.add], max_turns=2)]))
    assert result.state == "succeeded"
    assert "had no answer after max_turns=2" in result.output
