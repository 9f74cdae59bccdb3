"""Growth without end: each run ends with the name of the cap that it met."""

from __future__ import annotations

from .conftest import Chair

GROW = """
from orrery import Graph, Ref, Task

def for_ever():
    return Graph([Task("more", "py:grow:for_ever")])

def numbers(n: int):
    return list(range(n))

def echo(value=None):
    return value

def fans_out():
    return Graph([Task(f"t{i}", "py:grow:fans_out") for i in range(10)])
"""


def test_a_task_that_grows_for_ever_ends_at_the_cap_on_depth(chair: Chair) -> None:
    chair.write("grow.py", GROW)
    chair.write("flow.yaml", 'tasks: {grow: {uses: "py:grow:for_ever"}, other: {uses: "py:grow:echo"}}')
    said = chair.orrery("run", "flow.yaml", "--run", "r", "--json")
    said.fails(1, "33 levels of growth; its cap is 32", "graph/growth-limit")
    error = said.json["error"]
    assert error["code"] == "growth-limit"
    assert len(error["message"]) < 1000, "every level repeats what the one below it said"
    assert said.json["tasks"] == {"failed": 33, "succeeded": 1}
    assert chair.states() == {"r": "failed"}
    assert chair.orrery("replay", "r").status == 0


def test_a_for_each_over_two_million_items_meets_the_cap_on_width(chair: Chair) -> None:
    chair.write("grow.py", GROW)
    chair.write(
        "flow.yaml",
        """
tasks:
  numbers: {uses: "py:grow:numbers", with: {n: 2000000}}
  each: {for-each: "${{ tasks.numbers }}", uses: "py:grow:echo", with: {value: 1}}
""",
    )
    said = chair.orrery("run", "flow.yaml", "--run", "r", "--json")
    said.fails(1, "2,000,000 items is wider than the cap of 1,000,000", "growth-limit")
    assert said.json["error"]["code"] == "growth-limit"
    assert said.json["tasks"] == {"succeeded": 1, "failed": 1}
    assert chair.states() == {"r": "failed"}


def test_growth_in_width_and_depth_meets_the_cap_on_tasks(chair: Chair) -> None:
    chair.write("grow.py", GROW)
    said = chair.python(
        """
from orrery import Graph, Task, run
from orrery.scheduler.events import GrowthCaps, RunOptions

result = run(Graph([Task("a", "py:grow:fans_out")]), options=RunOptions(caps=GrowthCaps(tasks=200)))
print(result.state, result.error.code, result.error.message)
"""
    )
    said.fails(0, "failed growth-limit", "tasks; its cap is 200")


def test_files_that_use_each_other_are_refused_before_anything_starts(chair: Chair) -> None:
    chair.write("a.yaml", "tasks: {again: {uses: ./b.yaml}}")
    chair.write("b.yaml", "tasks: {again: {uses: ./a.yaml}}")
    said = chair.orrery("run", "a.yaml")
    said.fails(2, "b.yaml:1:", "would contain itself: a.yaml -> b.yaml -> a.yaml", "[workflow/recursion]")
    assert not (chair.path / ".orrery").exists()


def test_a_flow_that_calls_itself_without_end_is_refused(chair: Chair) -> None:
    chair.write("flow.py", "from orrery import flow\n\n@flow\ndef again():\n    return again()\n")
    said = chair.orrery("run", "flow.py:again")
    said.fails(2, "again", "[flow]")
    assert len(said.err) < 2000
