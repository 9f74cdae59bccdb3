"""A call that a person must agree to waits for the word, over restarts too, and the model is told what it was."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from orrery.agents import Agent
from orrery.models.simulated import Answer, Asked, Call
from orrery.runtime import Result, Run, Session
from orrery.scheduler import events as ev
from tests.agents import deeds
from tests.agents.conftest import Reach
from tests.simulated import Simulated


def writing(asked: Asked) -> Answer:
    """Writes a line, and then says what came of it."""
    if asked.turn == 0:
        return Answer("I write it down.", calls=(Call("append", {"path": "notes.txt", "line": "hello"}),))
    return Answer(asked.results[0].text)


def answered(agent: Agent, say: Callable[[Run, str], None], folder: Path) -> tuple[Result, list[str]]:
    """The result of a run in which every question is answered by `say`, and the questions."""
    questions: list[str] = []

    async def whole() -> Result:
        def listen(_: str, events: Sequence[ev.Event]) -> None:
            for event in events:
                if isinstance(event, ev.PersonAsked):
                    questions.append(event.question)
                    asyncio.get_running_loop().call_soon(say, run, event.task)

        async with Session("memory:", observers=(listen,), watch_s=30) as session:
            run = session.start(agent.workflow(), {"goal": "note it"}, folder=folder)
            return await asyncio.wait_for(run.wait(), 20)

    return asyncio.run(whole()), questions


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An agent that may write, once it is allowed to."""
    monkeypatch.chdir(tmp_path)
    return Agent(name="scribe", tools=[deeds.append])


def test_an_approved_call_is_made(simulated: Simulated, agent: Agent, tmp_path: Path) -> None:
    simulated(writing)
    result, questions = answered(agent, lambda run, task: run.answer(task, "approve"), tmp_path)
    assert json.loads(result.output)["untrusted_data"] == "notes.txt has 1 lines"
    assert deeds.lines_of(tmp_path / "notes.txt") == ["hello"]
    (question,) = questions
    assert question.startswith('May \'scribe\' call append with {"path":"notes.txt","line":"hello"}? ')


def no(run: Run, task: str) -> None:
    run.answer(task, "deny", by="Eve")


def false(run: Run, task: str) -> None:
    run.answer(task, "approve", value=False)


@pytest.mark.parametrize(("say", "said"), [(no, "it was denied by Eve"), (false, "a person said no")])
def test_a_denied_call_is_not_made_and_the_agent_goes_on_with_that(
    simulated: Simulated, agent: Agent, tmp_path: Path, say: Callable[[Run, str], None], said: str
) -> None:
    simulated(writing)
    result, _ = answered(agent, say, tmp_path)
    assert result.state == "succeeded"
    assert f"append was not called: {said}" in result.output
    assert deeds.lines_of(tmp_path / "notes.txt") == []


def test_yes_beforehand_asks_nobody_and_refuse_does_nothing_that_would_be_asked_for(
    simulated: Simulated, reach: Reach, tmp_path: Path
) -> None:
    simulated(writing)
    refused, machine = reach(Agent(tools=[deeds.append], approve="refuse", cache=False))
    assert "would need a person's word" in refused.output
    assert not any(task.endswith("ask") for task in machine.records)
    done, machine = reach(Agent(tools=[deeds.append], approve="yes", cache=False))
    assert json.loads(done.output)["untrusted_data"] == "notes.txt has 1 lines"
    assert not any(task.endswith("ask") for task in machine.records)


def test_what_the_policy_refuses_is_not_done_even_with_a_yes_beforehand(simulated: Simulated, reach: Reach) -> None:
    def script(asked: Asked) -> Answer:
        if asked.turn == 0:
            return Answer(calls=(Call("files_read", {"path": "~/.ssh/id_ed25519"}),))
        return Answer(asked.results[0].text)

    simulated(script)
    result, machine = reach(Agent(tools=["files.read"], approve="yes"))
    assert "files.read was not called" in result.output
    assert "where keys are kept" in result.output
    assert "agent/1.files_read-1" not in machine.records


def test_two_calls_of_a_turn_that_write_the_same_file_are_not_both_made(
    simulated: Simulated, reach: Reach, tmp_path: Path
) -> None:
    paths = ("new.txt", "./new.txt", "other.txt")

    def script(asked: Asked) -> Answer:
        if asked.turn == 0:
            return Answer(calls=tuple(Call("files_write", {"path": path, "content": path}) for path in paths))
        return Answer("\n".join(each.text for each in asked.results))

    simulated(script)
    result, _ = reach(Agent(tools=["files.write"]))
    first, second, third = result.output.splitlines()
    assert "untrusted_data" in first
    assert f"it writes {tmp_path / 'new.txt'}, as an earlier call of this turn does" in second
    assert "untrusted_data" in third
    assert deeds.lines_of(tmp_path / "new.txt") == ["new.txt"]


def test_two_calls_of_a_turn_do_not_write_into_each_others_folders(
    simulated: Simulated, reach: Reach, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "new.txt").write_text("other")
    (tmp_path / "link").symlink_to("folder")

    def script(asked: Asked) -> Answer:
        if asked.turn == 0:
            return Answer(
                calls=(
                    Call("files_write", {"path": "folder/new.txt", "content": "first"}),
                    Call("files_copy", {"source": "other/new.txt", "target": "folder"}),
                    Call("files_write", {"path": "link/new.txt", "content": "third"}),
                )
            )
        return Answer("\n".join(each.text for each in asked.results))

    simulated(script)
    result, _ = reach(Agent(tools=["files.write", "files.copy"]))
    _, second, third = result.output.splitlines()
    assert f"it writes {tmp_path / 'folder'}, as an earlier call of this turn does" in second
    assert f"it writes {tmp_path / 'folder' / 'new.txt'}, as an earlier call of this turn does" in third
    assert deeds.lines_of(tmp_path / "folder" / "new.txt") == ["first"]


# -- across the death of the process --------------------------------------------------------------------------

FILE = """
name: noted
tasks:
  scribe:
    uses: agent.run
    with: {goal: note it, name: scribe, tools: ["py:mine:append", "py:mine:add"], cache: false}
outputs: {said: "${{ tasks.scribe }}"}
"""


def orrery(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orrery", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def killed_at_the_end(folder: Path) -> Iterator[IO[str]]:
    """The file, running in a process of its own that is killed when the block ends; what it prints."""
    (folder / "flow.yaml").write_text(FILE)
    (folder / "mine.py").write_text(Path(deeds.__file__).read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "orrery", "run", "flow.yaml", "--run", "r"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_question_outlives_its_process_and_nothing_that_was_paid_for_is_paid_for_again(
    simulated: Simulated, tmp_path: Path
) -> None:
    server = simulated(writing)
    with killed_at_the_end(tmp_path) as printed:
        assert any("May 'scribe' call append" in line for line in printed)
    assert server.counts.calls == 1
    said = orrery(tmp_path, "approve", "r", "scribe/1.append-1.ask")
    assert said.returncode == 0, said
    assert server.counts.calls == 1
    done = orrery(tmp_path, "resume", "r", "--json")
    assert done.returncode == 0, done
    answer = json.loads(done.stdout.splitlines()[-1])["outputs"]["said"]
    assert json.loads(answer)["untrusted_data"] == "notes.txt has 1 lines"
    assert deeds.lines_of(tmp_path / "notes.txt") == ["hello"]
    assert server.counts.calls == 2  # one call in each process: the first was never made again


def test_a_call_that_died_with_its_process_is_made_again_and_those_before_it_are_not(
    simulated: Simulated, tmp_path: Path
) -> None:
    second = threading.Event()

    def script(asked: Asked) -> Answer:
        if asked.turn == 0:
            return Answer(calls=(Call("add", {"a": 40, "b": 2}),))
        if asked.number > 2:
            return Answer(asked.results[0].text)
        second.set()
        return Answer("never heard", first_s=60)

    server = simulated(script)
    with killed_at_the_end(tmp_path):
        assert second.wait(30)
    done = orrery(tmp_path, "resume", "r", "--json")
    assert json.loads(json.loads(done.stdout.splitlines()[-1])["outputs"]["said"])["untrusted_data"] == 42
    assert [asked.turn for asked in server.requests] == [0, 1, 1]
