"""An agent whose actions are programs: each runs by itself, its result goes on to the next."""

from __future__ import annotations

import json
import time

from orrery.agents import Agent
from orrery.models.simulated import Answer, Asked, Call
from tests.agents import deeds
from tests.agents.conftest import Reach
from tests.simulated import Simulated


def program(text: str, before: str = "I compute.") -> Answer:
    return Answer(f"{before}\n```python\n{text}\n```\n")


def test_programs_run_one_after_the_other_on_what_came_before(simulated: Simulated, reach: Reach) -> None:
    def script(asked: Asked) -> Answer:
        if asked.turn == 0:
            return program("print('counting')\nresult = sorted(data['words'], key=len)")
        if asked.turn == 1:
            return program("result = [len(word) for word in results[0]]")
        return Answer(f"The lengths are {json.loads(asked.text)['untrusted_data']['value']}.")

    server = simulated(script)
    agent = Agent(style="code", approve="yes")
    result, machine = reach(agent, data={"words": ["three", "a", "to"]})
    assert result.output == "The lengths are [1, 2, 5]."
    told = json.loads(server.requests[1].text)
    assert told["from"] == "python.run"
    assert told["untrusted_data"] == {"value": ["a", "to", "three"], "stdout": "counting\n"}
    assert machine.records["agent/1.program"].task.op == "python.run"


def test_a_program_that_fails_is_told_of_and_is_no_input_of_the_next(simulated: Simulated, reach: Reach) -> None:
    def script(asked: Asked) -> Answer:
        texts = ["result = 1 / 0", "result = len(results)"]
        return program(texts[asked.turn]) if asked.turn < 2 else Answer(asked.text)

    server = simulated(script)
    result, _ = reach(Agent(style="code", approve="yes"))
    assert "ZeroDivisionError" in server.requests[1].text
    assert json.loads(result.output)["untrusted_data"]["value"] == 0


def test_a_program_that_never_ends_is_ended(simulated: Simulated, reach: Reach) -> None:
    simulated(lambda asked: program("while True: pass") if asked.turn == 0 else Answer(asked.text))
    began = time.monotonic()
    result, _ = reach(Agent(style="code", approve="yes", tool_timeout_s=1.0))
    assert "longer than its timeout of 1 s" in result.output
    assert time.monotonic() - began < 8


def test_a_program_and_a_call_of_a_tool_go_together(simulated: Simulated, reach: Reach) -> None:
    def script(asked: Asked) -> Answer:
        if asked.turn == 0:
            return Answer(program("result = 6 * 7").text, calls=(Call("add", {"a": 1, "b": 2}),))
        return Answer(f"{asked.results[0].text} {asked.text}")

    simulated(script)
    result, _ = reach(Agent(style="code", tools=[deeds.add], approve="yes"))
    assert '"untrusted_data":3' in result.output
    assert '"value": 42' in result.output


def test_a_program_is_run_only_on_a_persons_word_unless_it_was_given_beforehand(
    simulated: Simulated, reach: Reach
) -> None:
    simulated(lambda asked: program("result = 1") if asked.turn == 0 else Answer(asked.text))
    result, machine = reach(Agent(style="code", approve="refuse"))
    assert "would need a person's word" in result.output
    assert "agent/1.program" not in machine.records


def test_a_block_of_another_language_is_no_program(simulated: Simulated, reach: Reach) -> None:
    simulated(lambda _: "Done:\n```json\n{}\n```\n")
    result, _ = reach(Agent(style="code"))
    assert result.output.startswith("Done:")
