"""From a step to the tasks that carry it out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orrery.graph import ITEM, Add, Graph, Limits, LiveGraph, Place, Ref, Retry, Task
from orrery.planners.llm.binding import Binder, Bound
from orrery.planners.llm.grammar import Step, read
from orrery.planners.llm.writing import write
from orrery.tools import tool
from orrery.tools.approval import judge


@tool(name="fetch", effects="idempotent", reads=("net:{url}",), timeout_s=5, retry=Retry(attempts=4), estimate_s=2)
async def fetch(url: str) -> str:
    """Fetch a page."""
    return url


@tool(name="note", effects="pure")
def note(text: str) -> str:
    """Note something down."""
    return text


BINDER = Binder("plan", {"fetch": fetch, "note": note}, judge, Path(), 60.0, ("web1", "web2"))


def task_of(line: str, binder: Binder = BINDER) -> Task:
    """The task that a line becomes."""
    step = read(line)
    assert isinstance(step, Step)
    bound = binder.bind(step)
    assert isinstance(bound, Bound)
    *_, task = (edit.task for edit in bound.edits if isinstance(edit, Add))
    return task


def test_a_step_is_limited_and_repeated_as_its_tool_says() -> None:
    task = task_of('1. fetch(url="http://x/" + $2) each $2')
    assert task.limits == Limits(timeout_s=5, retry=Retry(attempts=4))
    assert (task.effects.reads, task.estimate.seconds) == (("net:*",), 2)
    assert task.each is not None


def test_a_tool_without_a_limit_gets_that_of_the_plan() -> None:
    assert task_of('1. note(text="x")').limits == Limits(timeout_s=60)


@pytest.mark.parametrize(
    ("on", "place"),
    [
        ('"web1"', Place(on=("web1",))),
        ('["web1", "web2"]', Place(on=("web1", "web2"))),
        ('"any"', Place()),
        ("$3.host", Place(on=(Ref("plan-3", ("host",)),))),
    ],
)
def test_a_step_on_a_device_has_its_place_and_is_read_back(on: str, place: Place) -> None:
    line = f'1. note(text="x") on {on}'
    task = task_of(line)
    assert (task.executor, task.place) == ("fleet", place)
    graph = LiveGraph()
    graph.apply(Graph([*([Task("plan-3", "note")] if "$3" in on else []), task]).as_patch())
    assert write(BINDER.steps_in(graph)[1]) == line


def test_each_item_may_be_done_on_its_own_device() -> None:
    assert task_of('1. note(text="x") each ["web1", "web2"] on $item').place == Place(on=(Ref(ITEM),))


@pytest.mark.parametrize(
    ("line", "devices", "code"),
    [
        ('1. note(text="x") on "web3"', ("web1",), "plan/unknown-device"),
        ('1. note(text="x") on 3', ("web1",), "plan/unknown-device"),
        ('1. note(text="x") on "web1"', (), "plan/no-fleet"),
    ],
)
def test_a_device_that_is_not_there_is_no_place(line: str, devices: tuple[str, ...], code: str) -> None:
    step = read(line)
    assert isinstance(step, Step)
    problems = replace(BINDER, devices=devices).bind(step)
    assert isinstance(problems, list)
    assert [problem.code for problem in problems] == [code]
