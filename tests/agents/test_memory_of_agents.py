"""An agent with a memory recalls what is about its goal, and keeps notes that a later run finds."""

from __future__ import annotations

import json

from orrery.agents import Agent
from orrery.models.simulated import Answer, Asked, Call
from tests.agents.conftest import Reach
from tests.simulated import Simulated

NOTE = "The harvest report wants its figures in tonnes."


def noting(asked: Asked) -> Answer:
    """Keeps a note in its first turn, unless it remembers one."""
    told = "\n".join(message.text for message in asked.messages if message.role == "user")
    if asked.turn == 0 and "memories of earlier work" not in told:
        return Answer(calls=(Call("remember", {"text": NOTE}),))
    return Answer(told)


def test_what_one_run_notes_for_the_user_the_next_one_recalls(simulated: Simulated, reach: Reach) -> None:
    server = simulated(noting)
    agent = Agent(memory="user", cache=False)
    first, machine = reach(agent, "write the harvest report")
    assert "memories of earlier work" not in first.output
    assert machine.records["agent/1.remember-1"].task.args == {"text": NOTE, "scope": "user"}
    assert not any(task.endswith("ask") for task in machine.records)  # it was given the memory to write into it
    assert [tool.name for tool in server.requests[0].tools] == ["recall", "remember"]
    assert "scope" not in server.requests[0].tools[1].parameters["properties"]
    second, machine = reach(agent, "write the harvest report")
    told = next(json.loads(line) for line in second.output.splitlines() if line.startswith("{"))
    assert [note["text"] for note in told["untrusted_data"]] == [NOTE]
    assert "agent/1.remember-1" not in machine.records


def test_a_note_of_a_run_stays_in_it(simulated: Simulated, reach: Reach) -> None:
    simulated(noting)
    for _ in range(2):
        result, machine = reach(Agent(memory="run", cache=False), "write the harvest report")
        assert "agent/1.remember-1" in machine.records
        assert NOTE not in result.output


def test_a_model_cannot_reach_further_than_the_memory_it_was_given(simulated: Simulated, reach: Reach) -> None:
    def script(asked: Asked) -> Answer:
        if asked.turn == 0:
            return Answer(calls=(Call("remember", {"text": NOTE, "scope": "user"}),))
        return Answer(asked.results[0].text)

    simulated(script)
    result, machine = reach(Agent(memory="run"), "write the harvest report")
    assert "has no argument 'scope'" in result.output
    assert "agent/1.remember-1" not in machine.records
