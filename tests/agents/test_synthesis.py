"""One answer out of several: the score, the rounds, and that they end."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.agents.synthesis import MOST_REROUTES, agree, consistency, look, similarity
from orrery.errors import AgentDefinitionError, Failure
from orrery.graph import Add, Graph, Growth, Ref, Task
from orrery.graph.resolve import resolve
from orrery.runtime import Result, Session
from orrery.scheduler.machine import Machine
from orrery.tools import LocalContext
from tests.agents import voices

HERE = LocalContext(Path(), task="vote/1")
VOICES = "py:tests.agents.voices:"


def run(**args: Any) -> tuple[Result, Machine]:
    """A run whose one task is the operation, by its registered name."""

    async def whole() -> tuple[Result, Machine]:
        graph = Graph([Task("vote", "synthesis.agree", args)], outputs={"result": Ref("vote")})
        async with Session("memory:", watch_s=30) as session:
            started = session.start(graph, {})
            return await asyncio.wait_for(started.wait(), 20), started.machine

    return asyncio.run(whole())


def asks(*ops: str, **args: Any) -> list[dict[str, Any]]:
    return [{"op": VOICES + op, "args": args} for op in ops]


def rounds(machine: Machine) -> int:
    return len({task for task in machine.records if task.startswith("vote/") and task.count(".") == 0})


# -- the score ------------------------------------------------------------------------------------------------


def test_alike_is_what_shares_words_and_their_order() -> None:
    assert similarity("The ship sails at noon.", "the ship sails at NOON") == 1.0
    assert similarity("the ship sails at noon", "a train leaves by night") == 0.0
    assert 0.3 < similarity("the ship sails at noon", "the ship sails at midnight") < 0.9
    assert similarity("a b c d", "d c b a") < similarity("a b c d", "a b c d e")
    assert similarity({"port": 80, "host": "sun"}, {"host": "sun", "port": 80.0}) == 1.0
    assert similarity({"port": 80}, {"port": 8080}) == similarity(True, 1) == similarity("?", "!") == 0.0
    assert similarity("", "") == similarity([], {}) == 1.0


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(ANSWERS, max_size=5))
@settings(max_examples=80, deadline=None)
def test_the_score_is_a_share_and_does_not_depend_on_the_order(answers: list[Any]) -> None:
    found = consistency(answers)
    assert 0 <= found.score <= 1 + 1e-12
    assert found.best in range(len(answers)) or not answers
    assert consistency(answers[::-1]).score == pytest.approx(found.score)
    assert consistency([answers[0]] * 3 if answers else []).score == (1 if answers else 0)
    assert all(similarity(one, other) == similarity(other, one) for one in answers for other in answers)


def test_the_answer_is_the_one_that_is_likest_to_all_others() -> None:
    found = consistency(["x y z", "a b c d", "a b c", "a b d"])
    assert found.best == 1
    assert found.scores[0] == 0
    found = consistency(["p", "p", "q"])
    assert found.score == pytest.approx(1 / 3)
    assert (found.scores, found.best) == ([0.5, 0.5, 0], 0)


# -- runs -----------------------------------------------------------------------------------------------------


def test_answers_that_agree_are_not_asked_again() -> None:
    result, machine = run(answers=["at noon", "at noon", "At noon!"], ask=asks("stubborn", "stubborn", "stubborn"))
    assert result.output["agreed"] is True
    assert (result.output["answer"], result.output["reroutes"]) == ("at noon", 0)
    assert list(machine.records) == ["vote"]


@pytest.mark.parametrize("reroutes", [0, 1, MOST_REROUTES])
def test_those_who_never_agree_are_asked_so_often_and_no_more(reroutes: int) -> None:
    ask = [{"op": VOICES + "stubborn", "args": {"name": name}} for name in ("red", "green", "blue")]
    result, machine = run(answers=["red", "green", "blue"], ask=ask, reroutes=reroutes)
    assert result.state == "succeeded"
    verdict = result.output
    assert (verdict["agreed"], verdict["answer"], verdict["reroutes"]) == (False, None, reroutes)
    assert verdict["because"].startswith("no consensus")
    assert verdict["scores"] == [0, 0, 0]
    assert verdict["answers"] == (
        ["red red red", "green green green", "blue blue blue"] if reroutes else ["red", "green", "blue"]
    )
    assert sum(".ask-" in task for task in machine.records) == 3 * reroutes
    assert rounds(machine) == reroutes


def test_one_is_asked_after_the_other_with_the_others_answers_in_view() -> None:
    ask = [*asks("stubborn", name="green"), *asks("follower"), *asks("follower")]
    result, machine = run(answers=["red", "blue", "white"], ask=ask)
    assert result.output["answers"] == ["green green green"] * 3
    assert (result.output["agreed"], result.output["reroutes"]) == (True, 1)
    first, second, third = (machine.records[f"vote/1.ask-{n}"].task.args["others"] for n in (1, 2, 3))
    assert first == ["blue", "white"]
    assert second == [Ref("vote/1.ask-1"), "white"]
    assert third == [Ref("vote/1.ask-1"), Ref("vote/1.ask-2")]


def test_others_answers_stand_behind_the_question_as_data() -> None:
    ask = [{"op": VOICES + "reader", "args": {"text": f"{name}: when?"}, "others": "text"} for name in ("Ada", "Bob")]
    result, _ = run(answers=["at noon", {"hour": 9}], ask=ask, reroutes=1)
    first, second = result.output["answers"]
    assert first.startswith("Ada: when?\n\nOthers were asked the same")
    assert first.endswith('1.\n{"hour":9}')
    assert second.startswith("Bob: when?")
    assert second.endswith(f"1.\n{first}")


def test_an_operation_of_ones_own_compares() -> None:
    result, machine = run(answers=["at noon", "around twelve"], compare=VOICES + "same_first_letter")
    assert (result.output["agreed"], result.output["score"]) == (True, 1.0)
    assert "vote/0.compare" in machine.records
    assert run(answers=["at noon", "noon"], compare=VOICES + "picks_last")[0].output["answer"] == "noon"
    ask = [*asks("stubborn", name="noon"), *asks("stubborn", name="twelve")]
    result, machine = run(answers=["noon", "twelve"], ask=ask, compare=VOICES + "same_first_letter", reroutes=3)
    assert (result.output["agreed"], result.output["reroutes"]) == (False, 3)
    assert sum(task.endswith(".compare") for task in machine.records) == 4


def test_what_failed_is_left_out_and_asked_last() -> None:
    failed = Failure("ValueError", "no answer")
    verdict = agree([failed, "a b", "a b"])
    assert (verdict["agreed"], verdict["answers"]) == (True, ["a b", "a b"])
    grown = agree([failed, "a", "b"], ask=[*asks("stubborn", name="late"), *asks("follower"), *asks("follower")])
    assert grown["1.ask-3"].args["name"] == "late"
    assert agree([failed])["because"].startswith("no consensus, as there is no answer")
    assert agree([], compare=VOICES + "unsure")["agreed"] is False
    assert agree(["alone"])["answer"] == "alone"


def test_who_fails_when_asked_again_fails_the_whole_with_its_reason() -> None:
    result, _ = run(answers=["a", "b"], ask=asks("broken", "broken"))
    assert result.state == "failed"
    assert "out of order" in str(result.error)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"reroutes": MOST_REROUTES + 1}, "reroutes must be from 0 to 5, not 6"),
        ({"reroutes": -1}, "reroutes must be from 0 to 5"),
        ({"at_least": math.nan}, "at_least must be from 0 to 1"),
        ({"ask": asks("stubborn")}, "ask says how 1 are asked again, and there are 2 answers"),
        ({"ask": [{"op": "no.such"}, {"op": "no.such"}]}, "'no.such'"),
        ({"ask": [{"oper": "x"}, {}]}, "oper"),
        ({"compare": "py:tests.agents.voices:nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_is_said_at_once(args: dict[str, Any], said: str) -> None:
    with pytest.raises(AgentDefinitionError, match=said):
        agree(["a", "b"], **args)


def test_a_comparison_that_is_no_number_is_named() -> None:
    result, _ = run(answers=["a", "b"], compare=VOICES + "unsure")
    assert result.state == "failed"
    assert "must return a number from 0 to 1, not nan" in str(result.error)


# -- termination ----------------------------------------------------------------------------------------------


def answered(decides: Task, askers: list[Task], words: list[str]) -> dict[str, Any]:
    """The arguments of the look at a round, in which the askers say these words."""
    known = {task.id: word for task, word in zip(askers, words, strict=True)}
    resolved: dict[str, Any] = resolve(decides.args, lambda ref: known[ref.task])
    return resolved


WORDS = st.sampled_from(["red", "green", "blue", "red red", "", "blue green"])


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.lists(WORDS, min_size=n, max_size=n), st.lists(st.lists(WORDS, min_size=n, max_size=n), max_size=6)
        )
    ),
    st.floats(0, 1),
    st.integers(0, MOST_REROUTES),
)
@settings(max_examples=80, deadline=None)
def test_whatever_scripted_agents_say_it_ends_within_the_bound(
    script: tuple[list[str], list[list[str]]], at_least: float, reroutes: int
) -> None:
    answers, later = script
    ask = [{"op": VOICES + "stubborn", "args": {"name": "x"}} for _ in answers]
    said = deque(later or [answers])
    outcome: Any = agree(answers, ask=ask, at_least=at_least, reroutes=reroutes)
    asked = 0
    while not isinstance(outcome, dict):
        tasks = (
            list(outcome)
            if isinstance(outcome, Graph)
            else [edit.task for edit in outcome.patch.edits if isinstance(edit, Add)]
        )
        asked += 1
        assert asked <= reroutes
        words = said.popleft()
        said.append(words)
        *askers, decides = tasks
        outcome = look(**answered(decides, askers, words), ctx=HERE)
        assert isinstance(outcome, dict | Growth)
    assert outcome["reroutes"] == asked
    assert outcome["agreed"] == (outcome["score"] >= at_least)
    assert outcome["agreed"] or asked == reroutes
    assert (outcome["answer"] in outcome["answers"]) if outcome["agreed"] else outcome["answer"] is None


def test_a_round_that_is_none_is_refused() -> None:
    for turn in (-1, 3):
        with pytest.raises(AgentDefinitionError, match="cannot be"):
            look({"reroutes": 2}, ["a", "b"], turn, ctx=HERE)


def test_the_voices_are_tools() -> None:
    assert voices.follower(["x"]) == "x"
