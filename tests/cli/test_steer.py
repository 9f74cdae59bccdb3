"""Steering a run that nobody drives: the word goes into its log at once."""

from __future__ import annotations

import os
import signal

import pytest

from .conftest import Call, Folder


@pytest.fixture
def interrupted(folder: Folder) -> Folder:
    """A run `r` of slow.yaml whose process was killed while its second task was running."""
    process = folder.start("run", "slow.yaml", "--run", "r")
    folder.wait_for(folder.is_waiting, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return folder


def test_a_cancelled_run_has_ended_at_once(interrupted: Folder, call: Call) -> None:
    said = call("cancel", "r", "--because", "too late")
    assert said.status == 0, said
    assert "it has ended: cancelled" in said.out
    assert call("show", "r", "--json").json["tasks"] == {"succeeded": 1, "cancelled": 2}
    assert call("replay", "r").status == 0
    again = call("cancel", "r")
    assert (again.status, "[run-ended]" in again.err) == (2, True)


def test_pause_and_continue_are_kept_until_the_run_is_resumed(interrupted: Folder, call: Call) -> None:
    assert call("pause", "r").status == 0
    assert "paused already" in call("pause", "r").err
    assert call("continue", "r").status == 0
    assert "is not paused" in call("continue", "r").err
    interrupted.write("go.txt", "")
    assert call("resume", "r").status == 0
    assert interrupted.lines() == ["first", "last"]
    assert call("replay", "r").status == 0


def test_an_answer_is_kept_until_the_run_is_resumed(folder: Folder, call: Call) -> None:
    process = folder.start("run", "asks.yaml", "--run", "r")
    folder.wait_for(lambda: "Ship it?" in call("show", "last").out, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wrong = call("approve", "r", "ship")
    assert (wrong.status, "waits for no such answer" in wrong.err) == (2, True)
    assert "did you mean 'ask'" in call("approve", "r", "aks").err
    assert call("approve", "r", "ask", "--value", "yes").status == 0
    assert folder.lines() == []
    assert call("resume", "r", "--json").json["outputs"] == {"answer": "yes"}
    assert folder.lines() == ["shipped"]


def test_a_denied_task_fails_and_with_it_the_run(folder: Folder, call: Call) -> None:
    process = folder.start("run", "asks.yaml", "--run", "r")
    folder.wait_for(lambda: "Ship it?" in call("show", "last").out, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    said = call("approve", "r", "ask", "--deny")
    assert said.status == 0
    assert "it has ended: failed" in said.out
    assert "it was denied" in call("show", "r", "--task", "ask").out


@pytest.mark.parametrize("words", [["--deny", "--rerun"], ["--deny", "--value", "1"]])
def test_answers_that_contradict_themselves_are_refused(call: Call, words: list[str]) -> None:
    said = call("approve", "r", "ask", *words)
    assert said.status == 2
