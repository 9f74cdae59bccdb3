"""Retries, timeouts, deadlines, hedges, crashes, budgets, people."""

from __future__ import annotations

import pytest

from orrery.errors import Failure
from orrery.graph import Effects, Estimate, Limits, Ref, Retry, Task, Template
from orrery.graph.task import EffectKind
from orrery.scheduler import Budget, RunOptions, State, story
from orrery.scheduler import events as ev
from tests.scheduler.stage import Stage

STEADY = Retry(attempts=3, backoff_s=1, factor=2, jitter=0)


def test_a_failed_attempt_is_repeated_after_a_growing_pause() -> None:
    stage = Stage(Task("a", "work", limits=Limits(retry=STEADY)))
    assert stage.fail("a", at=10) == []
    assert stage.machine.next_due() == 11
    assert stage.wait(at=11) == ["a#2"]
    stage.fail("a", at=20, attempt=2)
    assert stage.machine.next_due() == 22
    assert stage.wait(at=22) == ["a#3"]
    stage.fail("a", at=30, attempt=3)
    assert stage.state("a") is State.FAILED


def test_retry_after_replaces_a_shorter_pause() -> None:
    stage = Stage(Task("a", "work", limits=Limits(retry=STEADY)))
    stage.fail("a", Failure("HttpError", "429", retry_after_s=30), at=1)
    assert stage.machine.next_due() == 31


@pytest.mark.parametrize(
    ("retry", "failure", "repeated"),
    [
        (Retry(), Failure("ValueError", "x"), True),
        (Retry(), Failure("ArgumentError", "x", severity="permanent"), False),
        (Retry(on=("OSError",)), Failure("ValueError", "x"), False),
        (Retry(on=("OSError",)), Failure("ConnectionError", "x", bases=("OSError", "Exception")), True),
        (Retry(on=("timeout",)), Failure("TimeoutError", "x", code="timeout"), True),
        (Retry(), Failure("TimeoutError", "x", severity="effect-unknown"), False),
    ],
)
def test_retry_rules_choose_by_class_code_and_severity(retry: Retry, failure: Failure, repeated: bool) -> None:
    stage = Stage(Task("a", "work", limits=Limits(retry=retry)))
    stage.fail("a", failure, at=1)
    assert (stage.state("a") is State.RETRYING) == repeated


def test_jitter_depends_on_the_seed_and_nothing_else() -> None:
    def due(seed: int) -> float | None:
        stage = Stage(Task("a", "work", limits=Limits(retry=Retry(jitter=0.5))), options=RunOptions(seed=seed))
        stage.fail("a", at=0)
        return stage.machine.next_due()

    assert due(1) == due(1)
    assert due(1) != due(2)
    assert 0.5 <= (due(1) or 0) <= 1.5


def test_an_attempt_over_its_time_is_stopped_and_then_repeated() -> None:
    stage = Stage(Task("a", "work", limits=Limits(timeout_s=5, retry=STEADY)))
    stage.wait(at=5)
    assert stage.cancelled == ["a#1"]
    assert stage.state("a") is State.STOPPING
    stage.say(ev.TaskStopped(6, "a", 1), at=6)
    assert stage.wait(at=7) == ["a#2"]


def test_an_executor_that_does_not_confirm_is_given_up_after_the_grace() -> None:
    stage = Stage(Task("a", "work", limits=Limits(timeout_s=5)), options=RunOptions(grace_s=2))
    stage.wait(at=5)
    stage.wait(at=7)
    assert stage.state("a") is State.FAILED
    assert stage.machine.state == "failed"


def test_a_result_that_comes_before_the_stop_is_confirmed_counts() -> None:
    stage = Stage(Task("a", "work", limits=Limits(timeout_s=5)))
    stage.wait(at=5)
    stage.succeed("a", 9, at=5.1)
    assert stage.machine.state == "succeeded"


def test_time_in_the_queue_counts_against_a_deadline() -> None:
    stage = Stage(Task("a", "work"), Task("b", "work", limits=Limits(deadline_s=3)), capacity={"inline": 1})
    assert stage.started == ["a"]
    stage.wait(at=3)
    assert stage.state("b") is State.FAILED
    assert "3 s after it became ready" in story(stage.machine, "b")


def test_a_hedge_starts_a_duplicate_and_the_first_answer_wins() -> None:
    stage = Stage(Task("a", "work", effects=Effects("pure"), limits=Limits(hedge_after_s=2)))
    assert stage.wait(at=2) == ["a#2"]
    stage.succeed("a", "second", at=3, attempt=2)
    assert stage.cancelled == ["a#1"]
    assert stage.machine.state == "succeeded"
    assert stage.value("a") == "second"


@pytest.mark.parametrize(("kind", "then"), [("pure", "a#2"), ("idempotent", "a#2"), ("keyed", "a#2"), ("once", None)])
def test_what_was_in_flight_at_a_crash_is_repeated_where_its_effects_allow(kind: EffectKind, then: str | None) -> None:
    stage = Stage(Task("a", "work", effects=Effects(kind)))
    started = stage.say(ev.RunResumed(9, 2), at=9)
    assert started == ([then] if then else [])
    if then is None:
        assert stage.state("a") is State.ASKING
        assert stage.say(ev.TaskAnswered(10, "a", "rerun"), at=10) == ["a#2"]


def test_what_may_happen_once_is_not_lost_where_its_executor_outlived_the_crash() -> None:
    once = Effects("once")
    stage = Stage(Task("a", "work", effects=once), Task("b", "work", executor="far", effects=once))
    assert stage.say(ev.RunResumed(9, 2, outlived=("far",)), at=9) == []
    assert (stage.state("a"), stage.state("b")) == (State.ASKING, State.RUNNING)
    stage.succeed("b", "done", at=10)
    assert stage.value("b") == "done"


def test_a_task_that_kills_every_process_is_given_up() -> None:
    stage = Stage(Task("a", "work"), options=RunOptions(max_crashes=2))
    for crash in range(3):
        stage.say(ev.RunResumed(crash + 1.0, crash + 2), at=crash + 1)
    assert stage.state("a") is State.FAILED
    assert "crashes" in story(stage.machine, "a")


def test_capacity_is_shared_and_never_exceeded() -> None:
    tasks = [Task(f"t{n}", "work", limits=Limits(resources={"gpu": 1 + n % 2})) for n in range(4)]
    stage = Stage(*tasks, capacity={"gpu": 2})
    assert stage.started == ["t0", "t2"]
    assert stage.succeed("t0", at=1) == []
    assert stage.succeed("t2", at=2) == ["t1"]


def test_a_task_that_asks_for_more_than_there_is_fails_at_once() -> None:
    stage = Stage(Task("a", "work", limits=Limits(resources={"gpu": 9})), capacity={"gpu": 2})
    assert stage.machine.state == "failed"
    assert "9 of resource 'gpu', of which there are 2" in story(stage.machine, "a")


def test_spending_past_the_budget_stops_what_has_not_started() -> None:
    first, second = Task("a", "work"), Task("b", "work", {"x": Ref("a")})
    stage = Stage(first, second, options=RunOptions(budget=Budget(money=1)))
    stage.succeed("a", at=1, money=2.0)
    assert stage.states() == {"a": "succeeded", "b": "cancelled"}
    (exceeded,) = stage.decided(ev.BudgetExceeded)
    assert isinstance(exceeded, ev.BudgetExceeded)
    assert (exceeded.limit, exceeded.spent, exceeded.allowed) == ("money", 2.0, 1)
    assert stage.machine.state == "failed"


def test_an_estimate_is_reserved_so_that_attempts_side_by_side_stay_within_the_budget() -> None:
    dear = [Task(name, "work", estimate=Estimate(money=0.6)) for name in "ab"]
    stage = Stage(*dear, options=RunOptions(budget=Budget(money=1)))
    assert stage.started == ["a"]
    assert stage.succeed("a", at=1, money=0.1) == ["b"]


def test_wall_time_ends_the_run_with_what_it_has() -> None:
    stage = Stage(Task("a", "work"), options=RunOptions(budget=Budget(wall_s=10)))
    stage.wait(at=10)
    assert stage.cancelled == ["a#1"]
    stage.say(ev.TaskStopped(11, "a", 1), at=11)
    assert stage.machine.state == "failed"
    assert stage.machine.failure is not None
    assert "10 s of wall time" in stage.machine.failure.message


def test_a_person_is_asked_and_the_answer_is_the_result() -> None:
    stage = Stage(Task("a", "ask", {"question": "Go on?"}, executor="person"))
    assert stage.started == []
    assert stage.state("a") is State.ASKING
    assert story(stage.machine, "a") == "a waits for a person: Go on?"
    stage.say(ev.TaskAnswered(5, "a", "approve", by="me"), at=5)
    assert stage.machine.state == "succeeded"


def test_a_question_may_speak_of_earlier_results() -> None:
    question = Template(("Publish ", Ref("a"), "?"))
    stage = Stage(Task("a", "work"), Task("b", "ask", {"question": question}, executor="person"))
    stage.succeed("a", {"version": 3}, at=1)
    assert story(stage.machine, "b") == 'b waits for a person: Publish {"version":3}?'


def test_a_paused_run_starts_nothing() -> None:
    stage = Stage(Task("a", "work"), Task("b", "work", {"x": Ref("a")}))
    stage.say(ev.RunPaused(1), at=1)
    assert stage.succeed("a", at=2) == []
    assert stage.say(ev.RunContinued(3), at=3) == ["b"]


def test_a_cancelled_run_stops_what_runs_and_ends() -> None:
    stage = Stage(Task("a", "work"), Task("b", "work", {"x": Ref("a")}))
    stage.say(ev.RunCancelRequested(1), at=1)
    assert stage.cancelled == ["a#1"]
    stage.say(ev.TaskStopped(2, "a", 1), at=2)
    assert stage.machine.state == "cancelled"


def test_a_clock_that_goes_back_changes_no_order() -> None:
    stage = Stage(Task("a", "work", limits=Limits(timeout_s=5)), Task("b", "work", {"x": Ref("a")}))
    stage.wait(at=3)
    assert stage.succeed("a", at=-100) == ["b"]
    assert [event.at for event in stage.log] == sorted(event.at for event in stage.log)


def test_what_a_beaten_hedge_had_reserved_is_given_back_after_a_crash() -> None:
    hedged = Task("a", "work", effects=Effects("pure"), limits=Limits(hedge_after_s=1), estimate=Estimate(tokens=6))
    stage = Stage(hedged, Task("b", "work", {"x": Ref("a")}), options=RunOptions(budget=Budget(tokens=12)))
    stage.wait(at=1)
    stage.succeed("a", at=2, attempt=2)
    stage.say(ev.RunResumed(3, 2), at=3)
    assert stage.machine.ledger.reserved_tokens == 0  # b is estimated at none


def test_the_time_for_an_answer_counts_from_the_question_that_is_open() -> None:
    stage = Stage(Task("a", "work", effects=Effects("once"), limits=Limits(timeout_s=100)))
    stage.say(ev.RunResumed(1, 2), at=1)
    stage.say(ev.TaskAnswered(50, "a", "rerun"), at=50)
    stage.say(ev.RunResumed(90, 3), at=90)
    stage.wait(at=101)
    assert stage.state("a") is State.ASKING
    stage.wait(at=190)
    assert stage.states()["a"] == "failed"


def test_a_hedge_that_is_still_queued_does_not_start_once_its_attempt_has_failed() -> None:
    hedged = Task("a", "work", effects=Effects("pure"), limits=Limits(hedge_after_s=1, retry=STEADY))
    stage = Stage(hedged, Task("b", "work"), capacity={"inline": 2})
    assert stage.wait(at=1) == []  # no slot is free for the hedge
    assert stage.fail("a", at=2) == []
    assert stage.state("a") is State.RETRYING
    assert stage.wait(at=3) == ["a#2"]


def test_an_attempt_that_surely_never_began_counts_as_no_crash_and_nobody_is_asked() -> None:
    stage = Stage(Task("a", "work", effects=Effects("once")), options=RunOptions(max_crashes=0))
    assert stage.say(ev.AttemptLost(1, "a", 1, "its device left", nothing_done=True), at=1) == ["a#2"]
    assert stage.machine.records["a"].crashes == 0
    stage.say(ev.AttemptLost(2, "a", 2, "its device died"), at=2)
    assert stage.state("a") is State.ASKING


def test_what_starts_carries_how_long_the_path_after_it_is() -> None:
    stage = Stage(Task("a", "work", estimate=Estimate(2)), Task("b", "work", {"x": Ref("a")}, estimate=Estimate(5)))
    assert [start.rank for start in stage.turn.starts] == [7]
