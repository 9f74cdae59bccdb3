"""A thinker steers a run while it goes on: what it is told, what it may change, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import Failure
from orrery.scheduler import events as ev

from .conftest import Situation, gates, steered


def script(*replies: Any) -> Callable[[Situation], Any]:
    """A thinker that says one thing after another."""
    left = iter(replies)
    return lambda situation: next(left)


def test_each_turn_is_about_what_has_ended_since_the_one_before(tmp_path: Path) -> None:
    story = steered(
        script(
            "1. test.echo(value=2)",
            "2. test.echo(value=[$1, 3])\nanswer: $2",
            "done",
        ),
        tmp_path,
    )
    assert story.result.state == "succeeded", story.result
    assert story.result.outputs == {"answer": [2, 3]}
    assert [situation["results"] for situation in story.situations] == [{}, {"1": 2}, {"2": [2, 3]}]
    assert [situation["turn"] for situation in story.situations] == [1, 2, 3]
    assert [step["line"] for step in story.situations[2]["steps"]] == [
        "1. test.echo(value=2)",
        "2. test.echo(value=[$1, 3])",
    ]


def test_a_list_of_lines_is_a_reply_too(tmp_path: Path) -> None:
    story = steered(script(["1. test.echo(value=1)", "answer: $1", "done"]), tmp_path)
    assert story.result.outputs == {"answer": 1}
    assert len(story.situations) == 1, "who is done is not asked again, and what was planned is still done"


def test_results_that_arrive_while_it_thinks_are_in_the_next_turn_together(tmp_path: Path) -> None:
    gates.update(late=threading.Event(), later=threading.Event())
    ended: set[str] = set()
    both = threading.Event()

    def watch(event: ev.Event) -> None:
        if isinstance(event, ev.TaskSucceeded):
            ended.add(event.task)
        if {"plan-2", "plan-3"} <= ended:
            both.set()

    def think(situation: Situation) -> str:
        if situation["turn"] == 1:
            return '1. test.echo(value=1)\n2. test.gate(name="late")\n3. test.gate(name="later")'
        if situation["turn"] == 2:
            gates["late"].set()
            gates["later"].set()
            assert both.wait(10)
            return "wait"
        return "done"

    story = steered(think, tmp_path, watch=watch)
    assert [sorted(situation["results"]) for situation in story.situations] == [[], ["1"], ["2", "3"]]


def test_what_it_thinks_about_does_not_start_meanwhile_and_everything_else_does(tmp_path: Path) -> None:
    gates["other"] = threading.Event()
    started: list[str] = []
    other = threading.Event()

    def watch(event: ev.Event) -> None:
        if isinstance(event, ev.TaskStarted):
            started.append(event.task)
            if event.task == "plan-5":
                other.set()

    def think(situation: Situation) -> str:
        if situation["turn"] == 1:
            # 2 starts as soon as 1 has ended; 3 stands behind both, and 5 has nothing to do with them.
            return (
                "1. test.echo(value=1)\n2. test.nap(ms=3, value=$1)\n3. test.echo(value=$2)\n"
                '4. test.gate(name="other")\n5. test.echo(value=$4)\nanswer: $3'
            )
        if "1" in situation["results"]:
            gates["other"].set()
            assert other.wait(10)
            assert "plan-3" not in started
            return "3. test.echo(value=[$2, 99])"
        return "wait"

    story = steered(think, tmp_path, watch=watch)
    assert story.result.outputs == {"answer": [1, 99]}, story.result


def test_a_hold_is_bounded_in_time(tmp_path: Path) -> None:
    started = threading.Event()

    def watch(event: ev.Event) -> None:
        if isinstance(event, ev.TaskStarted) and event.task == "plan-3":
            started.set()

    def think(situation: Situation) -> str:
        if situation["turn"] == 1:
            return "1. test.echo(value=1)\n2. test.nap(ms=3, value=$1)\n3. test.echo(value=$2)\nanswer: $3"
        assert started.wait(10), "it thinks longer than it may hold"
        return "done"

    assert steered(think, tmp_path, options={"hold_s": 0.05}, watch=watch).result.outputs == {"answer": 1}


def test_what_is_refused_is_told_with_the_reasons_and_may_be_said_otherwise(tmp_path: Path) -> None:
    story = steered(
        script(
            "1. test.echo(value=1)",
            "1. test.echo(value=2)",  # it has ended
            "2. test.echo(value=$7)",  # there is no 7
            "this is prose",
            "2. test.echo(value=$1)\nanswer: $2\ndone",
        ),
        tmp_path,
        options={"max_refusals": 3},
    )
    told = [" ".join(situation["problems"]) for situation in story.situations]
    assert "what has started cannot be edited" in told[2]
    assert "plan-7" in told[3]
    assert "is none of" in told[4]
    assert story.result.outputs == {"answer": 1}


def test_an_edit_that_is_refused_too_often_is_given_up_and_the_run_goes_on(tmp_path: Path) -> None:
    story = steered(
        script(
            "1. test.echo(value=1)\n2. test.nap(ms=50, value=2)\nanswer: $2",
            *["drop $1"] * 3,
            "done",
        ),
        tmp_path,
        options={"max_refusals": 2},
    )
    assert story.result.state == "succeeded"
    assert len(story.situations) <= 5


def test_a_thinker_that_never_makes_a_plan_fails_the_run_with_the_reason(tmp_path: Path) -> None:
    story = steered(lambda _: "hm", tmp_path, options={"max_refusals": 1})
    assert story.result.state == "failed"
    assert story.result.error is not None
    assert story.result.error.code == "planner-reply"
    assert "'hm' is none of" in story.result.error.message


@pytest.mark.parametrize("reply", [3, {"a": 1}, [1]])
def test_a_reply_that_is_no_text_is_an_error_with_a_name(tmp_path: Path, reply: Any) -> None:
    story = steered(lambda _: reply, tmp_path)
    assert story.result.error is not None
    assert "not the lines of its edits" in story.result.error.message


def test_a_thinker_that_fails_fails_the_plan(tmp_path: Path) -> None:
    def think(_: Situation) -> str:
        raise OSError("no connection")

    story = steered(think, tmp_path)
    assert story.result.state == "failed"
    assert "no connection" in str(story.result.error)


def test_a_step_that_fails_is_told_and_can_be_done_otherwise(tmp_path: Path) -> None:
    story = steered(
        script('1. test.fail(why="no such road")', "2. test.echo(value=2)\nanswer: $2\ndone"),
        tmp_path,
    )
    failure = story.situations[1]["results"]["1"]
    assert isinstance(failure, Failure)
    assert "no such road" in failure.message
    assert story.result.state == "succeeded", "whoever reads the failure deals with it"
    assert story.result.outputs == {"answer": 2}


def test_an_answer_that_needs_a_step_that_failed_is_not_made_up(tmp_path: Path) -> None:
    story = steered(script("1. test.fail()\nanswer: $1", "done"), tmp_path)
    assert story.result.state == "failed"
    assert story.result.outputs == {}


def test_it_ends_when_its_turns_are_used_up(tmp_path: Path) -> None:
    story = steered(lambda situation: f"{situation['turn']}. test.echo(value=1)", tmp_path, options={"max_turns": 4})
    assert len(story.situations) == 4
    assert [situation["left"] for situation in story.situations] == [3, 2, 1, 0]
    assert story.result.tasks == {"succeeded": 9}


def test_it_ends_when_nothing_is_left_that_could_end(tmp_path: Path) -> None:
    story = steered(script("1. test.echo(value=1)\nanswer: $1", "wait"), tmp_path)
    assert story.result.outputs == {"answer": 1}


def test_options_are_checked_before_anybody_is_asked(tmp_path: Path) -> None:
    story = steered(script(), tmp_path, options={"turn": 3})
    assert story.result.error is not None
    assert story.result.error.code == "planner-option"
    assert story.situations == []


def test_results_are_referred_to_and_not_copied_into_the_log(tmp_path: Path) -> None:
    story = steered(script('1. test.echo(value="' + "x" * 5_000 + '")', "done"), tmp_path)
    begun = [event for event in story.events if isinstance(event, ev.GraphPatched) and "think" in event.patch.because]
    assert len(begun) == 2
    assert len(repr(begun[1])) < 2_500
