"""Trees of scripted contracts: what waits for what, what is handed on, and what happens when a contract misbehaves."""

from __future__ import annotations

from typing import Any

import pytest
from tests.planners.recursive.conftest import Solve
from tests.planners.recursive.contracts import named

from orrery.bench.planning import roma, trees
from orrery.graph import Edge, Graph, Ref, Task
from orrery.runtime import run
from orrery.scheduler.machine import Machine


def deeds(machine: Machine) -> dict[str, Task]:
    """The tasks in which atomic parts were done."""
    return {task.id: task for task in machine.graph.tasks.values() if task.id.rpartition("/")[2].startswith("do")}


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_tree_takes_as_long_as_its_longest_chain_of_needs(seed: int) -> None:
    assert roma.performed(seed).makespan_s == pytest.approx(trees.bound_s(seed), rel=1e-12)


def test_with_fewer_workers_than_parts_no_worker_is_idle_while_a_part_is_ready() -> None:
    makespan = roma.performed(3, capacity={"inline": 2}).makespan_s
    assert makespan >= trees.total_s(3) / 2
    assert makespan <= trees.bound_s(3) + trees.total_s(3) / 2  # Graham's bound for any order without idling


@pytest.mark.parametrize("limits", roma.LIMITS)
def test_a_planner_that_never_says_atomic_stays_within_every_limit(limits: tuple[int, int, int]) -> None:
    depth, nodes, tokens = limits
    machine = roma.endless(5, depth, nodes, tokens)
    assert machine.state == "succeeded"
    assert not roma.over(machine, depth, nodes, tokens)
    reasons = ("the depth limit is reached", "the node limit leaves", "its plan cannot be used: it has")
    for task in deeds(machine).values():
        assert any(reason in task.label for reason in reasons), task.label


def test_the_same_tree_is_the_same_graph_whatever_runs_at_once() -> None:
    alone, together = roma.performed(2, capacity={"inline": 1}), roma.performed(2)
    assert alone.machine.graph.tasks == together.machine.graph.tasks
    assert alone.makespan_s > together.makespan_s


def test_parents_are_told_the_summaries_of_their_children_and_nothing_else() -> None:
    machine = roma.performed(4).machine
    assert roma.contexts_astray(machine) == 0
    assert len(roma.nodes_in(machine)) > 10


def test_a_part_is_told_what_the_parts_that_it_needs_have_found(solve: Solve) -> None:
    result, _ = solve("q", **named())
    assert result.outputs["answer"] == "q.a after [] & q.b after ['q.a after []']"
    assert result.outputs["summary"] == result.outputs["answer"]


def test_a_large_result_is_kept_once_and_only_referred_to(solve: Solve) -> None:
    result, machine = solve("q", **named(executor="large"))
    assert result.outputs["answer"] == "much about q.a & much about q.b"
    sizes = {task: len(record.value or b"") for task, record in machine.records.items()}
    assert max(sizes.values()) < 1_000, "500 kB are a digest in the log, whoever hands them on"


def test_an_executor_that_takes_results_gets_them_in_full(solve: Solve) -> None:
    result, machine = solve("q", **named(executor="count_rows"))
    assert result.state == "succeeded"
    assert machine.results.look_up(Ref("root/2", ("result",)), _unkept) == [1_234]


def test_a_registered_tool_can_be_the_executor(solve: Solve) -> None:
    from tests.planners.recursive.contracts import say_as_tool

    from orrery.tools import tools

    tools.add("tests.say", say_as_tool)
    result, machine = solve("q", **named(executor="tests.say"))
    assert result.outputs["answer"] == "q.a & q.b"
    assert {task.executor for task in deeds(machine).values()} == {"thread"}


def test_a_part_that_fails_fails_the_whole_and_is_named(solve: Solve) -> None:
    result, machine = solve("q", **named(executor="fail"))
    assert result.state == "failed"
    failure = machine.records["root"].failure
    assert failure is not None
    assert "root/1/do" in failure.message
    assert "the well is dry" in failure.message


@pytest.mark.parametrize(
    ("planner", "because"),
    [
        ("nine_parts", "it has 9 parts, and 6 are allowed"),
        ("backwards", "part 1 needs part 2, which does not come before it"),
        ("one_part", "its plan has a single part"),
    ],
)
def test_a_plan_that_cannot_be_used_makes_the_part_atomic_with_that_reason(
    solve: Solve, planner: str, because: str
) -> None:
    result, machine = solve("q", **named(planner=planner))
    assert result.outputs["answer"] == "q after []"
    assert because in machine.records["root/do"].task.label


def test_a_contract_that_answers_something_else_fails_with_what_was_expected(solve: Solve) -> None:
    result, machine = solve("q", **named(planner="nonsense"))
    assert result.state == "failed"
    failure = machine.records["root/plan"].failure
    assert failure is not None
    assert failure.code == "planner-reply"
    assert "must answer with Split (parts, because, tokens)" in failure.message
    assert machine.records["root/plan"].attempt == 1, "asking a function again is of no use"


def test_an_unknown_contract_fails_with_its_name(solve: Solve) -> None:
    result, _ = solve("q", **named(atomizer="py:tests.planners.recursive.contracts:nobody"))
    assert result.error is not None
    assert "nobody" in result.error.message


def test_an_answer_that_is_not_accepted_is_made_again_with_the_critique(solve: Solve) -> None:
    result, machine = solve("q", **named(atomizer="root_splits", verifier="refuse_once"), verify="every")
    first, second = result.outputs["answer"].split(" & ")
    assert first == "q.a after [], minding too vague"
    assert second.endswith("minding too vague")
    assert "root/1/do-2" in machine.records
    assert "root/aggregate-2" in machine.records
    assert "root/plan-2" not in machine.records


def test_an_answer_that_is_never_accepted_is_handed_on_with_the_doubt(solve: Solve) -> None:
    result, machine = solve("q", **named(verifier="refuse"), max_redos=2)
    assert result.state == "succeeded"
    assert str(result.outputs["summary"]).startswith("Not accepted (too vague): q.a")
    assert result.outputs["answer"]["not_accepted"] == "too vague"
    assert str(result.outputs["answer"]["answer"]).startswith("q.a")
    assert "root/aggregate-3" in machine.records
    assert "root/aggregate-4" not in machine.records


def test_another_plan_is_made_out_of_what_the_first_one_left(solve: Solve) -> None:
    contracts = named(planner="other_plan", verifier="refuse_plan")
    result, machine = solve("q", **contracts, max_nodes=5, max_redos=5)
    assert str(result.outputs["answer"]["answer"]).startswith("look again 0")
    assert len(roma.nodes_in(machine)) == 5, "two plans of two parts each, and the root"
    assert machine.results.look_up(Ref("root", ("nodes",)), _unkept) == 5
    assert {"root/2-1", "root/2-2"} <= machine.records.keys()


def test_nothing_is_judged_where_nobody_wants_it(solve: Solve) -> None:
    _, machine = solve("q", **named(verifier="refuse"), verify="never")
    assert not [task for task in machine.records if "verify" in task]


def test_a_planner_that_is_called_again_finds_its_tree_and_adds_nothing() -> None:
    args = {"goal": {"text": "q", "options": named()}, "planner": "recursive"}
    tasks = [Task(name, "plan", args, executor="planner") for name in ("plan", "again")]
    result = run(Graph(tasks, [Edge("plan", "again")]), "memory:")
    assert result.state == "succeeded"
    assert str(result.outputs["answer"]).startswith("q.a")


def test_wrong_options_fail_the_planning_and_say_what_they_may_be(solve: Solve) -> None:
    result, _ = solve("q", max_depht=2)
    assert result.error is not None
    assert result.error.code == "planner-option"
    assert "did you mean 'max_depth'" in result.error.message


def _unkept(blob: object) -> Any:
    raise AssertionError(f"{blob!r} is large")
