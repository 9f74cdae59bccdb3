"""When a task may start, and when it never will: every kind of edge, both ways."""

from __future__ import annotations

import pytest

from orrery.graph import Edge, Expr, Ref, Task
from orrery.graph.edge import Condition
from orrery.scheduler import events as ev
from tests.scheduler.stage import Stage

A, B = Task("a", "work"), Task("b", "work")


def test_a_task_starts_the_moment_its_last_dependency_is_there() -> None:
    stage = Stage(A, B, Task("c", "work", {"x": Ref("a"), "y": Ref("b")}))
    assert stage.started == ["a", "b"]
    assert stage.succeed("a", at=1) == []
    assert stage.succeed("b", at=2) == ["c"]
    stage.succeed("c", at=3)
    assert stage.machine.state == "succeeded"


def test_what_has_the_longest_way_to_go_starts_first() -> None:
    chain = [Task("short", "work"), Task("long", "work"), Task("next", "work", {"x": Ref("long")})]
    assert Stage(*chain, capacity={"inline": 1}).started == ["long"]


def test_equals_start_in_the_order_in_which_they_were_added() -> None:
    assert Stage(B, A, capacity={"inline": 2}).started == ["b", "a"]


@pytest.mark.parametrize(
    ("on", "after_success", "after_failure"),
    [
        ("success", True, False),
        ("failure", False, True),
        ("completion", True, True),
        (Expr("result > 2"), True, False),
        (Expr("result > 3"), False, False),
    ],
)
def test_an_edge_fires_on_what_it_says(on: Condition, after_success: bool, after_failure: bool) -> None:
    for succeeds, fires in ((True, after_success), (False, after_failure)):
        stage = Stage(A, B, edges=(Edge("a", "b", on=on),))
        started = stage.succeed("a", 3, at=1) if succeeds else stage.fail("a", at=1)
        assert started == (["b"] if fires else [])
        assert stage.states()["b"] == ("running" if fires else "skipped")


def test_skipping_travels_on_until_an_edge_accepts_it() -> None:
    tasks = [A, Task("b", "work", {"x": Ref("a")}), Task("c", "work", {"x": Ref("b")}), Task("d", "work")]
    stage = Stage(*tasks, edges=(Edge("c", "d", on="completion"),))
    assert stage.fail("a", at=1) == ["d"]
    assert stage.states() == {"a": "failed", "b": "skipped", "c": "skipped", "d": "running"}


def test_k_of_n_starts_with_the_kth_success_and_is_skipped_when_too_many_fail() -> None:
    sources = [Task(name, "work") for name in "abc"]
    two = Task("two", "work", {"xs": [Ref("a"), Ref("b"), Ref("c")]}, join=2)
    stage = Stage(*sources, two)
    assert stage.fail("a", at=1) == []
    assert stage.succeed("b", at=2) == []
    assert stage.succeed("c", at=3) == ["two"]
    stage.succeed("two", at=4)
    assert stage.machine.state == "succeeded"

    stage = Stage(*sources, two)
    stage.fail("a", at=1)
    stage.fail("b", at=2)
    assert stage.states()["two"] == "skipped"


def test_a_soft_edge_orders_but_never_decides() -> None:
    stage = Stage(A, B, edges=(Edge("a", "b", hard=False),))
    assert stage.started == ["a"]
    assert stage.fail("a", at=1) == ["b"]


def test_a_false_condition_skips_the_task_and_the_run_succeeds() -> None:
    b = Task("b", "work", when=Expr("n > 3", {"n": Ref("a")}))
    stage = Stage(A, b, outputs={"b": Ref("b")})
    stage.succeed("a", 3, at=1)
    assert stage.states()["b"] == "skipped"
    assert stage.machine.state == "succeeded"
    assert stage.machine.outputs(lambda _: None) == {"b": None}


def test_a_condition_that_cannot_be_computed_fails_its_task_with_the_reason() -> None:
    stage = Stage(A, Task("b", "work", when=Expr("n.size > 3", {"n": Ref("a")})))
    stage.succeed("a", 3, at=1)
    failure = stage.machine.records["b"].failure
    assert failure is not None
    assert failure.code == "expression"
    assert "'size'" in failure.message
    assert stage.machine.state == "failed"


def test_a_failure_that_somebody_handles_is_not_the_runs() -> None:
    backup = Task("backup", "work")
    stage = Stage(A, backup, edges=(Edge("a", "backup", on="failure"),))
    stage.fail("a", at=1)
    stage.succeed("backup", at=2)
    assert stage.machine.state == "succeeded"


def test_a_failure_that_nobody_handles_leaves_a_partial_result() -> None:
    stage = Stage(A, B, outputs={"a": Ref("a"), "b": Ref("b")})
    stage.fail("a", at=1)
    stage.succeed("b", 7, at=2)
    assert stage.machine.state == "partial"
    assert stage.machine.outputs(lambda _: None) == {"b": 7}
    assert stage.machine.failure is not None
    assert stage.machine.failure.message == "boom"


def test_a_failure_is_a_value_to_those_who_accept_it() -> None:
    reader = Task("reader", "work", {"x": Ref("a")})
    stage = Stage(A, reader, edges=(Edge("a", "reader", on="completion"),))
    assert stage.fail("a", at=1) == ["reader"]
    assert str(stage.value("a")) == "ValueError: boom"
    stage.succeed("reader", at=2)
    assert stage.machine.state == "succeeded"


def test_fail_fast_ends_what_else_there_is() -> None:
    stage = Stage(A, B, Task("c", "work", {"x": Ref("b")}), options=ev.RunOptions(fail_fast=True))
    stage.fail("a", at=1)
    assert stage.cancelled == ["b#1"]
    stage.say(ev.TaskStopped(2, "b", 1), at=2)
    assert stage.states() == {"a": "failed", "b": "cancelled", "c": "cancelled"}
    assert stage.machine.state == "failed"


def test_nothing_that_arrives_twice_or_late_changes_anything() -> None:
    stage = Stage(A, Task("b", "work", {"x": Ref("a")}))
    stage.succeed("a", 1, at=1)
    assert stage.succeed("a", 2, at=2) == []
    assert stage.fail("a", at=3) == []
    assert stage.succeed("a", 2, at=4, attempt=7) == []
    assert not stage.turn.log
    assert stage.value("a") == 1


def test_an_output_that_points_at_a_missing_part_is_not_produced_and_says_so() -> None:
    stage = Stage(A, outputs={"good": Ref("a", ("n",)), "bad": Ref("a", ("zz",))})
    stage.succeed("a", {"n": 1}, at=1)
    assert stage.machine.state == "partial"
    assert stage.machine.outputs(lambda _: None) == {"good": 1}
    assert stage.machine.failure is not None
    assert stage.machine.failure.message.startswith("output 'bad': the result of 'a' has no entry 'zz'")
