"""model.ask and model.chat: a model as a tool, by hand, in a flow and in a workflow file."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orrery import arun, flow, run
from orrery.errors import ArgumentError, ModelSettingsError
from orrery.graph.values import decode, encode
from orrery.journal import open_journal
from orrery.models import Offer
from orrery.models.messages import ModelRequest, ToolReturnPart, from_data, prompt, to_data
from orrery.models.simulated import Answer, Asked, Call, Fault
from orrery.scheduler.events import TaskSucceeded
from orrery.tools import LocalContext, tools
from orrery.tools.model import ask, chat, thinking_level
from orrery.workflow.loader import load
from tests.simulated import Simulated

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOK = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}


def script(asked: Asked) -> Answer | str:
    if asked.output is not None:
        return Answer.json({"city": "Oslo"})
    if asked.results:
        return f"It says {asked.results[0].text}."
    if asked.tools:
        return Answer("I look.", (Call("look", {"far": True}),))
    return f"{asked.system}|{asked.text}"


def call(name: str, ctx: LocalContext, **args: Any) -> Any:
    return asyncio.run(tools.get(name).call(args, ctx))


def test_a_question_gets_text_or_data(simulated: Simulated, ctx: LocalContext) -> None:
    server = simulated(script)
    said = call("model.ask", ctx, prompt="Where?", system="Be brief.", temperature=0, max_tokens="50")
    assert said == "Be brief.|Where?"
    assert server.requests[0].max_tokens == 50
    assert call("model.ask", ctx, prompt="Where?", schema=SCHEMA) == {"city": "Oslo"}
    assert call("model.ask", ctx, prompt="Where?", model="sim-google:simulated").endswith("Where?")
    assert ctx.tokens > 0


def test_a_conversation_goes_on_as_data(simulated: Simulated, ctx: LocalContext) -> None:
    simulated(script)
    begun = to_data(prompt("Look around."))
    first = call("model.chat", ctx, messages=begun, tools=[LOOK])
    assert first["text"] == "I look."
    ((identity, name, args),) = [(one["id"], one["name"], one["args"]) for one in first["calls"]]
    assert (name, args) == ("look", {"far": True})
    assert first["spent"]["input_tokens"] > 0
    assert first["spent"]["recalled"] is False
    result = to_data([ModelRequest(parts=[ToolReturnPart(name, "a hill", tool_call_id=identity)])])
    # As a task hands it over: the conversation so far and what was added, one reference each.
    second = call("model.chat", ctx, messages=[begun, first["message"], [result]], tools=[LOOK])
    assert second["text"] == "It says a hill."
    assert second["calls"] == []
    assert decode(encode(second)) == second
    assert len(from_data([begun, first["message"], result, second["message"]])) == 4


def test_a_final_answer_may_be_data(simulated: Simulated, ctx: LocalContext) -> None:
    simulated(script)
    assert call("model.chat", ctx, messages=to_data(prompt("hi")), schema=SCHEMA)["output"] == {"city": "Oslo"}
    assert call("model.chat", ctx, messages=to_data(prompt("hi")))["output"] is None


def test_offers_may_come_as_data_or_as_they_are(simulated: Simulated, ctx: LocalContext) -> None:
    server = simulated(script)
    for offer in (LOOK, Offer("look", "Looks.", {"type": "object", "properties": {}})):
        call("model.chat", ctx, messages=to_data(prompt("hi")), tools=[offer], cache=False)
    assert server.requests[0].tools == server.requests[1].tools
    with pytest.raises(ArgumentError, match="'description' is missing"):
        tools.get("model.chat").bind({"messages": [], "tools": [{"name": "look", "parameters": {}}]})


def test_no_model_at_all_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch, ctx: LocalContext) -> None:
    monkeypatch.chdir(ctx.folder)
    monkeypatch.setenv("HOME", str(ctx.folder))
    for name in ("ORRERY_MODEL", "ORRERY_MODELS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelSettingsError, match="no model is named, and there is no default"):
        call("model.ask", ctx, prompt="hi")


@flow
def conversation(place: str) -> Any:
    """Two questions, the second about the answer to the first."""
    first: Any = ask(place, system="A")  # traced, a call gives what stands for its result
    return ask(first, system="B")


def test_a_flow_asks_and_asks_on(simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    server = simulated(script)
    result = run(conversation, store=f"sqlite:///{tmp_path}/runs.db", place="Oslo")
    assert result.state == "succeeded", result.error
    assert result.outputs == {"result": "B|A|Oslo"}
    assert server.counts.calls == 2


WORKFLOW = """
name: ask
inputs: {place: {type: string}}
tasks:
  describe:
    uses: model.ask
    with: {prompt: "Describe ${{ inputs.place }}", system: A}
  structure:
    uses: model.ask
    with: {prompt: "${{ tasks.describe }}", schema: {type: object, properties: {city: {type: string}}}}
outputs:
  city: ${{ tasks.structure.city }}
"""


def test_a_workflow_file_asks(simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    simulated(script)
    path = tmp_path / "ask.yaml"
    path.write_text(WORKFLOW)
    result = run(load(path), store=f"sqlite:///{tmp_path}/runs.db", place="Oslo")
    assert result.state == "succeeded", result.error
    assert result.outputs == {"city": "Oslo"}


@flow
def one_question() -> Any:
    """One question."""
    return ask("hi", cache=False)


def test_what_may_pass_is_tried_again_after_the_pause_that_was_asked_for(
    simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = simulated(script, faults=[Fault("status", 429, retry_after_s=0.1, first=1)])
    result = asyncio.run(arun(one_question, store=f"sqlite:///{tmp_path}/runs.db"))
    assert result.state == "succeeded", result.error
    assert server.counts.calls == 2


def test_what_will_not_pass_is_not_tried_again(
    simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = simulated(script, faults=["refusal"])
    result = asyncio.run(arun(one_question, store=f"sqlite:///{tmp_path}/runs.db"))
    assert result.state == "failed"
    assert "refused to answer" in str(result.error)
    assert server.counts.calls == 1


def test_the_money_of_a_call_is_the_runs(simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    simulated(lambda asked: Answer("hi", input_tokens=1000, output_tokens=10))
    path = Path(os.environ["ORRERY_MODELS"])
    prices = '\n[models."sim-openai-chat:simulated"]\ninput_per_mtok = 2.5\noutput_per_mtok = 10\n'
    path.write_text(path.read_text() + prices)
    store = f"sqlite:///{tmp_path}/runs.db"
    result = asyncio.run(arun(one_question, store=store))
    journal = open_journal(store)
    usages = [event.usage for _, event in journal.read(result.run_id) if isinstance(event, TaskSucceeded)]
    journal.close()
    (usage,) = [usage for usage in usages if usage is not None]
    assert usage.money == pytest.approx(0.0026, abs=1e-9)
    assert usage.tokens == 1010


def test_they_are_tools_like_others() -> None:
    for tool in (ask, chat):
        assert tools.get(tool.name) is tool
        assert tool.effects.kind == "idempotent"
        assert tool.executor == "inline"
        assert tool.effects_for({"model": "a:b"}).reads == ("model:a:b",)


COLD = """
import asyncio, sys, time
from orrery.errors import UnknownNameError
from orrery.tools import tools

longest = 0.0

async def listen() -> None:
    global longest
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - began)

async def main() -> None:
    chat, began = tools.get("model.chat"), time.perf_counter()
    ticking = asyncio.create_task(listen())
    await asyncio.sleep(0)
    try:
        await chat.call({"messages": [], "model": "nobody:here"}, None)
    except UnknownNameError as error:
        assert "nobody" in str(error)
    ticking.cancel()
    assert "pydantic_ai" in sys.modules
    whole = time.perf_counter() - began
    assert longest < whole / 2, f"{longest:.3f} s of {whole:.3f} s"

asyncio.run(main())
"""


def test_the_first_call_does_not_hold_up_the_loop_while_its_library_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_question_may_go_on_with_a_conversation(simulated: Simulated, ctx: LocalContext) -> None:
    server = simulated(lambda asked: f"answer {asked.turn + 1}")
    history = [{"question": "one", "answer": "answer 1"}, {"question": "two", "answer": "answer 2"}]
    assert call("model.ask", ctx, prompt="three", system="S", history=history) == "answer 3"
    said = [(message.role, message.text) for message in server.requests[0].messages]
    assert said == [
        ("system", "S"),
        ("user", "one"),
        ("assistant", "answer 1"),
        ("user", "two"),
        ("assistant", "answer 2"),
        ("user", "three"),
    ]
    with pytest.raises(ArgumentError, match="'answer' is missing"):
        tools.get("model.ask").bind({"prompt": "x", "history": [{"question": "one"}]})


def test_an_empty_history_asks_the_same(simulated: Simulated, ctx: LocalContext) -> None:
    server = simulated(script)
    assert call("model.ask", ctx, prompt="Where?") == call("model.ask", ctx, prompt="Where?", history=[])
    assert server.counts.calls == 1  # the second from the cache: nothing else is asked


def test_thought_is_asked_for_by_the_nearest_level_below() -> None:
    levels = [thinking_level(tokens) for tokens in (None, 0, 1, 2047, 2048, 8192, 16384, 10**9)]
    assert levels == [None, False, "minimal", "minimal", "low", "medium", "high", "high"]


def test_a_question_may_say_how_much_is_thought(simulated: Simulated, ctx: LocalContext) -> None:
    simulated(script)
    for tokens in (0, 4096):
        assert call("model.ask", ctx, prompt=f"Think {tokens}", thinking_tokens=tokens).endswith(f"Think {tokens}")
