"""What a plan may not do, however it is written: more than was allowed, and what no yes beforehand can cover."""

from __future__ import annotations

from pathlib import Path

import pytest

from orrery.errors import Problem
from orrery.graph import Add, Task
from orrery.planners.llm.binding import Binder, Bound
from orrery.planners.llm.grammar import Step, read
from orrery.planners.toolbox import usable
from orrery.tools.approval import policy


def bound(folder: Path, line: str, approve: str, tools: tuple[str, ...] | None) -> Bound | list[Problem]:
    step = read(line)
    assert isinstance(step, Step)
    return Binder("plan", usable(tools), policy(approve), folder, 60.0).bind(step)


def tasks(folder: Path, line: str, *, approve: str = "ask", tools: tuple[str, ...] | None = None) -> list[Task]:
    """The tasks that a line becomes."""
    found = bound(folder, line, approve, tools)
    assert isinstance(found, Bound), found
    return [edit.task for edit in found.edits if isinstance(edit, Add)]


def wrong(folder: Path, line: str, *, approve: str = "ask", tools: tuple[str, ...] | None = None) -> str:
    """What is wrong with a line."""
    found = bound(folder, line, approve, tools)
    assert isinstance(found, list)
    return "; ".join(map(str, found))


@pytest.mark.parametrize("approve", ["ask", "yes"])
def test_an_agent_in_a_plan_asks_as_the_plan_does(tmp_path: Path, approve: str) -> None:
    said = 'agent.run(goal="x", tools=["shell.run"], approve="yes")'
    (task,) = tasks(tmp_path, f"1. {said}", approve=approve)
    assert task.args["approve"] == approve
    (task,) = tasks(tmp_path, '1. agent.run(goal="x", approve="refuse")', approve=approve)
    assert task.args["approve"] == "refuse"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('goal="x", tools=["py:os:system"]', "an agent of this plan has no tool 'py:os:system'"),
        ('goal="x", tools=["shell.run"]', "an agent of this plan has no tool 'shell.run'"),
        ('goal="x", tools=[{name: "a", op: "py:os:system"}]', "must be the names of tools"),
        ('goal="x", tools=$1', "must be the names of tools"),
        ('goal="x", tools=[$1]', "must be the names of tools"),
        ('goal="x", style="code"', "an agent of this plan has no tool 'python.run'"),
        ('goal="x", style=$1', "style must be written out"),
        ('goal="x", approve=$1', "approve must be written out"),
        ('goal="x", memory="user"', "an agent of this plan has no tool 'memory.remember'"),
    ],
)
def test_an_agent_in_a_plan_has_no_tool_that_the_plan_has_not(tmp_path: Path, call: str, said: str) -> None:
    assert said in wrong(tmp_path, f"2. agent.run({call})", approve="yes", tools=("agent.run", "text.count"))


def test_an_agent_in_a_plan_may_have_the_tools_of_the_plan(tmp_path: Path) -> None:
    (task,) = tasks(tmp_path, '1. agent.run(goal="x", tools=["text.count"])', tools=("agent.run", "text.count"))
    assert task.args["tools"] == ["text.count"]


@pytest.mark.parametrize("approve", ["ask", "yes"])
@pytest.mark.parametrize(
    "line",
    [
        '1. files.write(path=$item, content="x") each ["a.txt", "~/.ssh/authorized_keys"]',
        '1. files.write(path=$item.to, content="x") each [{to: "~/.ssh/config"}]',
        '1. files.read(path=$item) each {a: "a.txt", b: "~/.ssh/id_rsa"}',
        '1. files.read(path="~/.ssh/" + $item) each ["id_rsa"]',
        '1. files.remove(path=$item, recursive=true) each ["/"]',
    ],
)
def test_every_item_that_is_known_is_judged(tmp_path: Path, line: str, approve: str) -> None:
    assert "this may not be done" in wrong(tmp_path, line, approve=approve)


def test_items_that_may_be_written_need_no_question(tmp_path: Path) -> None:
    found = tasks(tmp_path, '1. files.write(path=$item, content="x") each ["a.txt", "b.txt"]')
    assert [task.op for task in found] == ["files.write"]


@pytest.mark.parametrize("line", ['2. files.write(path=$1, content="")', "2. files.remove(path=$item) each $1"])
def test_a_yes_beforehand_is_none_to_a_file_that_nobody_knows_yet(tmp_path: Path, line: str) -> None:
    found = tasks(tmp_path, line, approve="yes")
    assert [task.op for task in found] == ["ask", line[3:].partition("(")[0]]


def test_a_plan_cannot_be_a_step_of_a_plan_even_if_it_was_named() -> None:
    assert "plan" not in usable(("plan", "text.count"))
