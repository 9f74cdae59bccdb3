"""From a step to the tasks that carry it out."""

from __future__ import annotations

from pathlib import Path

from orrery.graph import Add, Limits, Retry, Task
from orrery.planners.llm.binding import Binder, Bound
from orrery.planners.llm.grammar import Step, read
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


def task_of(line: str) -> Task:
    """The task that a line becomes."""
    step = read(line)
    assert isinstance(step, Step)
    bound = Binder("plan", {"fetch": fetch, "note": note}, judge, Path(), 60.0).bind(step)
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
