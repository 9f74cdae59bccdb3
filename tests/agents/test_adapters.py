"""Functions, pydantic-ai agents and remote agents are agents with one line each: in flows, in files, and for agents."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orrery import flow, run
from orrery.agents import Agent, agent
from orrery.errors import AgentDefinitionError, FlowError
from orrery.models.simulated import Answer, Asked, Call
from orrery.workflow import loader
from orrery.workflow.trace import op_of
from tests.agents import others
from tests.agents.conftest import Reach
from tests.simulated import Simulated

Respond = Callable[[dict[str, Any]], tuple[int, bytes]]


@pytest.fixture
def remote() -> Iterator[Callable[[Respond], str]]:
    """Starts remote agents on this machine, and gives their addresses."""
    servers: list[ThreadingHTTPServer] = []

    def start(respond: Respond) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = respond({**asked, "key": self.headers["Idempotency-Key"]})
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/run"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def echoing(asked: dict[str, Any]) -> tuple[int, bytes]:
    return 200, json.dumps({"answer": {"goal": asked["goal"], "data": asked.get("data")}}).encode()


def delegating(name: str, goal: str) -> Callable[[Asked], Answer]:
    """A script that hands the goal to another agent and repeats what it said."""

    def script(asked: Asked) -> Answer:
        return Answer(asked.results[0].text) if asked.results else Answer(calls=(Call(name, {"goal": goal}),))

    return script


def test_functions_are_steps_of_a_flow_by_the_name_of_their_module() -> None:
    assert run(others.counted, "memory:", text="one two three").outputs == {"words": 3, "said": "3 words, [1]"}
    assert op_of(others.counting) == "py:tests.agents.others:counting"
    assert others.counting.description == "Count the words of a text."


def test_a_function_that_takes_no_data_gets_it_with_its_goal() -> None:
    @flow
    def whole() -> Any:
        return others.counting("one two", data={"a": 1})

    assert run(whole, "memory:").output > 2


def test_a_pydantic_ai_agent_is_a_step_and_counts_what_it_used() -> None:
    @flow
    def whole() -> Any:
        return others.parrot("Who are you?")

    assert run(whole, "memory:").output == "I am a test."
    assert op_of(others.parrot) == "py:tests.agents.others:parrot"


@pytest.mark.parametrize(("what", "said"), [(others.counting, "3"), (others.parrot, '"I am a test."')])
def test_a_model_may_call_them(simulated: Simulated, reach: Reach, what: Any, said: str) -> None:
    server = simulated(delegating(what.name, "one two three"))
    result, _ = reach(Agent(tools=[what], approve="yes"))
    assert json.loads(result.output)["untrusted_data"] == json.loads(said)
    (offered,) = server.requests[0].tools
    assert offered.parameters["required"] == ["goal"]


def test_a_remote_agent_is_asked_over_http_with_the_key_of_its_task(
    remote: Callable[[Respond], str], simulated: Simulated, reach: Reach
) -> None:
    keys: list[str] = []

    def respond(asked: dict[str, Any]) -> tuple[int, bytes]:
        keys.append(asked["key"])
        return echoing(asked)

    helper = agent(remote(respond), name="helper")

    @flow
    def whole() -> Any:
        return helper("look", data=[1, 2])

    assert run(whole, "memory:").output == {"goal": "look", "data": [1, 2]}
    simulated(delegating("helper", "look"))
    result, machine = reach(Agent(tools=[helper], approve="yes"))
    assert json.loads(result.output)["untrusted_data"] == {"goal": "look", "data": None}
    assert machine.records["agent/1.helper-1"].task.op == "agent.remote"
    assert len(keys) == len(set(keys)) == 2
    assert all(keys)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"no", "500"),
        (200, b"<html>", "did not answer in JSON"),
        (200, b'{"reply": 1}', "must answer with"),
        (200, b"[]", "must answer with"),
    ],
)
def test_a_remote_agent_that_fails_is_a_failure_with_the_reason(
    remote: Callable[[Respond], str], status: int, body: bytes, said: str
) -> None:
    helper = agent(remote(lambda _: (status, body)))

    @flow
    def whole() -> Any:
        return helper("look")

    assert said in str(run(whole, "memory:").error)


def test_files_use_them_by_name(remote: Callable[[Respond], str], tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(
        f"""
name: all
tasks:
  words: {{uses: "py:tests.agents.others:counting", with: {{goal: one two}}}}
  parrot: {{uses: "py:tests.agents.others:parrot", with: {{goal: hello}}}}
  remote: {{uses: agent.remote, with: {{url: "{remote(echoing)}", goal: look}}}}
outputs:
  words: ${{{{ tasks.words }}}}
  parrot: ${{{{ tasks.parrot }}}}
  remote: ${{{{ tasks.remote.goal }}}}
"""
    )
    result = run(loader.load(tmp_path / "flow.yaml"), "memory:")
    assert result.outputs == {"words": 2, "parrot": "I am a test.", "remote": "look"}


def test_an_agent_of_ours_is_a_step_whose_answer_goes_on(simulated: Simulated, reach: Reach) -> None:
    simulated(lambda _: "four words of answer")
    assert run(others.chained, "memory:", goal="add").output == 4
    with pytest.raises(FlowError, match=r"run\(adder, goal=\.\.\.\)"):
        others.adder("add")
    assert run(others.adder, "memory:", goal="add").output == "four words of answer"


@pytest.mark.parametrize("what", [42, "ftp://x", "helper", lambda: 1, lambda a, b, c: 1, Agent, Agent()])
def test_what_cannot_be_an_agent_is_an_error_that_says_what_can(what: Any) -> None:
    with pytest.raises(AgentDefinitionError):
        agent(what)
