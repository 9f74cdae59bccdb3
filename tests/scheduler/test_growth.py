"""Live graphs: patches, edits under way, tasks that become more tasks."""

from __future__ import annotations

from orrery.graph import Add, Drop, Edge, Graph, Limits, Link, Patch, Ref, Replace, SetOutputs, Task
from orrery.graph.nest import nested
from orrery.scheduler import RunOptions, State, story
from orrery.scheduler import events as ev
from tests.scheduler.stage import Stage

A = Task("a", "work")
B = Task("b", "work", {"x": Ref("a")})


def patched(stage: Stage, *edits: object, at: float) -> list[str]:
    return stage.say(ev.GraphPatched(at, Patch(tuple(edits))), at=at)  # type: ignore[arg-type]


def test_a_task_may_be_added_to_a_run_that_is_under_way() -> None:
    stage = Stage(A)
    assert patched(stage, Add(B), Add(Task("c", "work")), at=1) == ["c"]
    assert stage.succeed("a", at=2) == ["b"]


def test_what_has_started_cannot_be_edited_and_the_graph_stays_as_it_was() -> None:
    stage = Stage(A, B)
    for edit in (Replace(Task("a", "other")), Drop("a"), Link(Edge("b", "a"))):
        patched(stage, Add(Task("new", "work")), edit, at=1)
        (rejected,) = stage.turn.log["r"]
        assert isinstance(rejected, ev.PatchRejected)
        assert any(problem.code in ("patch/locked", "graph/cycle") for problem in rejected.problems)
        assert list(stage.states()) == ["a", "b"]


def test_a_task_whose_attempt_was_lost_has_started_and_cannot_be_edited() -> None:
    stage = Stage(A, B)
    stage.say(ev.EditOpened(2, "e", ("a",), 100), ev.AttemptLost(2, "a", 1, "its device is gone"), at=2)
    assert stage.state("a") is State.READY
    patched(stage, Replace(Task("a", "other")), at=3)
    (rejected,) = stage.turn.log["r"]
    assert isinstance(rejected, ev.PatchRejected)
    assert "its attempt 1 is to be made again" in rejected.problems[0].message


def test_a_replaced_task_runs_as_what_it_has_become() -> None:
    stage = Stage(A, B)
    patched(stage, Replace(Task("b", "other", {"x": Ref("a")})), at=1)
    stage.succeed("a", at=2)
    assert [start.task.op for start in stage.turn.starts] == ["other"]


def test_a_run_may_not_lose_its_outputs() -> None:
    stage = Stage(A, outputs={"x": Ref("a")})
    patched(stage, SetOutputs({}), at=1)
    assert isinstance(stage.turn.log["r"][0], ev.PatchRejected)


def test_what_an_edit_depends_on_is_held_and_everything_else_goes_on() -> None:
    stage = Stage(A, B, Task("c", "work", {"x": Ref("a")}))
    stage.say(ev.EditOpened(1, "e", ("b",), 100), at=1)
    assert stage.succeed("a", at=2) == ["c"]
    assert "an edit that is being thought about" in story(stage.machine, "b")
    assert stage.say(ev.EditClosed(3, "e"), at=3) == ["b"]


def test_an_edit_that_is_forgotten_lets_go_in_time() -> None:
    stage = Stage(A)
    stage.say(ev.EditOpened(1, "e", (), 50), at=1)
    stage.succeed("a", at=2)
    assert not stage.decided(ev.RunEnded)
    stage.wait(at=50)
    assert stage.machine.state == "succeeded"


def grow(stage: Stage, task: str, graph: Graph, *, at: float, accept_errors: bool = False) -> list[str]:
    patch, result = nested(graph, under=task)
    return stage.say(ev.TaskExpanded(at, task, 1, patch, result, accept_errors), at=at)


def test_a_task_that_returns_a_graph_amounts_to_its_outputs() -> None:
    stage = Stage(A, B)
    inner = Graph([Task("p", "work"), Task("q", "work", {"x": Ref("p")})], outputs={"result": Ref("q", ("n",))})
    assert grow(stage, "a", inner, at=1) == ["a/p"]
    assert stage.succeed("a/p", at=2) == ["a/q"]
    assert stage.succeed("a/q", {"n": 5}, at=3) == ["b"]
    assert stage.value("a") == 5


def test_a_failed_child_fails_the_task_that_grew() -> None:
    stage = Stage(A, B)
    grow(stage, "a", Graph([Task("p", "work"), Task("q", "work")]), at=1)
    stage.fail("a/p", at=2)
    assert stage.state("a") is State.GROWN
    stage.succeed("a/q", at=3)
    assert stage.states()["a"] == "failed"
    assert "'a/p' failed: ValueError: boom" in story(stage.machine, "a")


def test_failed_children_may_be_accepted_as_values() -> None:
    stage = Stage(A)
    grow(stage, "a", Graph([Task("p", "work"), Task("q", "work")]), at=1, accept_errors=True)
    stage.fail("a/p", at=2)
    stage.succeed("a/q", 1, at=3)
    assert stage.machine.state == "succeeded"
    assert str(stage.value("a")["p"]) == "ValueError: boom"


def test_a_child_that_waits_for_its_parent_is_a_cycle() -> None:
    stage = Stage(A, Task("b", "work", {"x": Ref("a")}))
    patch = Patch((Add(Task("a/p", "work", {"x": Ref("b")})),))
    stage.say(ev.TaskExpanded(1, "a", 1, patch), at=1)
    assert stage.state("a") is State.FAILED
    assert "graph/cycle" in story(stage.machine, "a")


def test_what_an_attempt_used_counts_also_where_it_grew_or_was_stopped() -> None:
    used = ev.Usage(money=0.5, tokens=10)
    stage = Stage(A, Task("t", "work", limits=Limits(timeout_s=1)))
    patch, result = nested(Graph([Task("p", "work")]), under="a")
    stage.say(ev.TaskExpanded(1, "a", 1, patch, result, usage=used), at=1)
    stage.wait(at=2)
    stage.say(ev.TaskStopped(3, "t", 1, used), at=3)
    assert (stage.machine.ledger.money, stage.machine.ledger.tokens) == (1.0, 20)


def test_growth_that_used_up_the_budget_starts_nothing_more() -> None:
    stage = Stage(A, options=RunOptions(budget=ev.Budget(money=0.4)))
    patch, result = nested(Graph([Task("p", "work")]), under="a")
    started = stage.say(ev.TaskExpanded(1, "a", 1, patch, result, usage=ev.Usage(money=0.5)), at=1)
    assert started == []
    assert (stage.machine.state, stage.states()) == ("failed", {"a": "cancelled", "a/p": "cancelled"})


def test_growth_without_end_meets_its_cap() -> None:
    stage = Stage(A, options=RunOptions(caps=ev.GrowthCaps(depth=3)))
    task = "a"
    for level in range(3):
        grow(stage, task, Graph([Task("a", "work")]), at=level + 1.0)
        task += "/a"
    grow(stage, task, Graph([Task("a", "work")]), at=9)
    assert stage.machine.state == "failed"
    assert "graph/growth-limit" in story(stage.machine, task)


def test_a_run_whose_first_graph_is_over_its_cap_ends() -> None:
    stage = Stage(A, B, options=RunOptions(caps=ev.GrowthCaps(tasks=1)))
    assert stage.machine.state == "failed"


def test_an_edit_that_is_opened_again_is_held_for_its_new_time() -> None:
    stage = Stage(A, B)
    stage.say(ev.EditOpened(1, "e", ("b",), 10), at=1)
    stage.say(ev.EditClosed(2, "e"), at=2)
    stage.say(ev.EditOpened(3, "e", ("b",), 100), at=3)
    stage.succeed("a", at=4)
    assert stage.wait(at=10) == []
    assert stage.wait(at=100) == ["b"]


# -- tail calls: going on beside oneself ---------------------------------------------------------------------


def go_on(stage: Stage, task: str, *tasks: Task, result: object, at: float) -> list[str]:
    patch = Patch(tuple(map(Add, tasks)))
    return stage.say(ev.TaskExpanded(at, task, 1, patch, result, beside=True), at=at)


def loop(*, outputs: object = Ref("1")) -> Graph:
    return Graph([Task("1", "turn")], outputs={"result": outputs})


def test_a_tail_call_goes_on_beside_the_task_and_is_what_the_one_above_amounts_to() -> None:
    stage = Stage(A, B)
    assert grow(stage, "a", loop(), at=1) == ["a/1"]
    assert go_on(
        stage, "a/1", Task("a/tool", "work"), Task("a/2", "turn", {"x": Ref("a/tool")}), result=Ref("a/2"), at=2
    ) == ["a/tool"]
    assert stage.succeed("a/tool", at=3) == ["a/2"]
    assert stage.succeed("a/2", 7, at=4) == ["b"]
    assert stage.value("a") == 7


def test_a_loop_of_any_length_stays_on_one_level() -> None:
    stage = Stage(A, B)
    grow(stage, "a", loop(), at=1)
    for turn in range(1, 200):
        after = f"a/{turn + 1}"
        assert go_on(stage, f"a/{turn}", Task(after, "turn"), result=Ref(after), at=1 + turn) == [after]
    assert stage.succeed("a/200", "done", at=300) == ["b"]
    assert stage.value("a") == "done"
    assert {record.depth for record in stage.machine.records.values()} == {0, 1}


def test_a_tail_call_is_refused_where_something_else_is_made_of_the_result() -> None:
    for outputs in ([Ref("1")], Ref("1", ("part",)), "a constant"):
        stage = Stage(A, B)
        grow(stage, "a", loop(outputs=outputs), at=1)
        go_on(stage, "a/1", Task("a/2", "turn"), result=Ref("a/2"), at=2)
        failure = stage.machine.records["a/1"].failure
        assert failure is not None
        assert "patch/no-tail-call" in failure.message


def test_a_task_without_one_above_cannot_make_a_tail_call() -> None:
    stage = Stage(A, B)
    go_on(stage, "a", Task("c", "turn"), result=Ref("c"), at=1)
    assert stage.state("a") is State.FAILED


def test_what_fails_after_a_tail_call_fails_the_task_above() -> None:
    stage = Stage(A, B)
    grow(stage, "a", loop(), at=1)
    go_on(stage, "a/1", Task("a/2", "turn"), result=Ref("a/2"), at=2)
    stage.fail("a/2", at=3)
    assert stage.state("a") is State.FAILED


def test_a_tool_that_fails_beside_a_turn_which_takes_failures_fails_nothing() -> None:
    stage = Stage(A, B)
    grow(stage, "a", loop(), at=1)
    patch = Patch(
        (
            Add(Task("a/tool", "work")),
            Add(Task("a/2", "turn", {"x": Ref("a/tool")})),
            Link(Edge("a/tool", "a/2", on="completion")),
        )
    )
    stage.say(ev.TaskExpanded(2, "a/1", 1, patch, Ref("a/2"), beside=True), at=2)
    assert stage.fail("a/tool", at=3) == ["a/2"]
    assert stage.succeed("a/2", "all the same", at=4) == ["b"]
    assert stage.value("a") == "all the same"
