"""The plan cache: requests of a known shape reuse their plan, with new arguments and after a check."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.planners.llm.conftest import TESTED, Outcome, Plan
from tests.simulated import Simulated

from orrery.planners import Goal, draft
from orrery.planners.cache import Kept, PlanCache, Shape, Slot, abstracted, filled, shape_of
from orrery.planners.llm import LlmPlanner
from orrery.planners.llm.grammar import End, Step, read
from orrery.planners.llm.reuse import Reusable, kept, recalled

HEIGHTS = '1. t.search(query="height of K2")\n2. t.search(query="height of Mont Blanc")\nanswer: [$1, $2]'
PAIR = "Compare the height of K2 with that of Mont Blanc."


def reusable(*lines: str) -> Reusable:
    read_lines = [read(line) for line in lines]
    return Reusable(
        [line for line in read_lines if isinstance(line, Step)], next(x for x in read_lines if isinstance(x, End))
    )


# -- shapes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "words", "values"),
    [
        (PAIR, "compare the height of <0 name> with that of <1 name>", ["K2", "Mont Blanc"]),
        ('Say "a b" to src/x.py 3 times', "say <0 text> to <1 path> <2 number> times", ["a b", "src/x.py", "3"]),
        ("Add 1,000 and 2.5 and 1,000", "add <0 number> and <1 number> and <0 number>", ["1,000", "2.5"]),
        ("Count  the lines!", "count the lines", []),
    ],
)
def test_what_varies_in_a_request_becomes_slots(request_: str, words: str, values: list[str]) -> None:
    shape = shape_of(request_)
    assert shape.words == words
    assert [slot.value for slot in shape.slots] == values


@given(st.text(max_size=60))
def test_every_request_has_a_shape(text: str) -> None:
    assert shape_of(text) == shape_of(text)


@given(st.lists(st.text("ab \"\\$1.{}'é\n", min_size=1, max_size=8), min_size=2, max_size=2, unique=True))
def test_a_value_is_put_in_as_it_is(values: list[str]) -> None:
    def shape(value: str) -> Shape:
        return Shape("say <0 text>", (Slot("text", value),), (1,))

    found = abstracted({"text": ["x", "say: zzz"]}, shape("zzz"))
    assert found is not None
    assert found[1] == {}
    assert filled(found[0], shape(values[0])) == {"text": ["x", f"say: {values[0]}"]}


# -- what is kept -------------------------------------------------------------------------------------------


def pinned(request_: str, *lines: str) -> list[str] | None:
    """The values that keep their place when a plan is kept; None if it is not kept."""
    found = kept(reusable(*lines), shape_of(request_))
    return None if found is None else list(found.pinned.values())


def test_values_that_the_plan_does_not_use_stay() -> None:
    assert pinned("Sum up Paris and Rome", '1. t.search(query="Rome")', "answer: $1") == ["Paris"]


def test_numbers_that_the_plan_uses_more_often_stay() -> None:
    assert pinned("Add 5 twice", "1. t.add(a=5, b=5)", "answer: $1") == ["5"]
    assert pinned("Add 5 and 6", "1. t.add(a=5, b=6)", "answer: $1") == []


def test_values_in_programs_conditions_and_keys_stay() -> None:
    assert pinned('Run "x y"', '1. shell.script(script="echo x y")', "answer: $1") == ["x y"]
    assert pinned("Find 7", "1. t.add(a=7)", "2. t.add(a=$1) if $1 > 7", "answer: $2") == ["7"]
    assert pinned("Find Paris and Paris", '1. t.echo(value={"Paris": "Paris"})', "answer: $1") == ["Paris"]


def test_values_that_are_spoken_of_in_other_words_stay() -> None:
    assert pinned("How high is Mount Everest", '1. t.search(query="Mount Everest")', 'answer: "Everest: " + $1') == [
        "Mount Everest"
    ]


def test_an_answer_that_the_model_knew_is_not_kept() -> None:
    assert pinned("What is the capital of France", "answer: Paris") is None


@given(st.binary(max_size=40))
def test_a_damaged_entry_is_no_plan(data: bytes) -> None:
    assert recalled(Kept(data, {}), shape_of("x")) is None


def test_plans_survive_the_file_and_other_files_find_nothing(tmp_path: Path) -> None:
    cache, shape = PlanCache.of(tmp_path), shape_of(PAIR)
    assert cache.find(shape) is None
    found = kept(reusable(*HEIGHTS.splitlines()), shape)
    assert found is not None
    assert cache.keep(shape, found)
    assert cache.find(shape_of("Compare the height of Etna with that of Vesuvius")) == found
    cache.drop(shape)
    assert cache.find(shape) is None
    (tmp_path / ".orrery" / "plans.db").write_bytes(b"no database")
    assert cache.find(shape) is None
    assert not cache.keep(shape, found)


# -- in runs ------------------------------------------------------------------------------------------------


def test_a_request_of_a_known_shape_asks_nobody_for_its_plan(plan: Plan) -> None:
    first = plan(HEIGHTS, text=PAIR, cache=True)
    assert first.answer == ["found height of K2", "found height of Mont Blanc"]
    second = plan("1. t.fail()", text="Compare the height of Etna with that of the Zugspitze", cache=True)
    assert len(second.story.plans) == 1  # "the Zugspitze": other words
    third = plan("1. t.fail()", text="compare the height of Etna with that of Olympus Mons", cache=True)
    assert third.answer == ["found height of Etna", "found height of Olympus Mons"]
    assert third.server.requests == []


def test_a_plan_with_a_joiner_is_reused_and_joined_anew(plan: Plan) -> None:
    joined = HEIGHTS.replace("answer: [$1, $2]", "join()")
    plan(joined, ["finish: K2"], text=PAIR, cache=True)
    done = plan("1. t.fail()", ["finish: Etna"], text=PAIR.replace("K2", "Etna"), cache=True)
    assert done.answer == "Etna"
    assert done.story.plans == []
    assert '"found height of Etna"' in done.story.joins[0].text


def test_without_the_option_nothing_is_kept(plan: Plan, tmp_path: Path) -> None:
    plan(HEIGHTS, text=PAIR)
    assert not (tmp_path / ".orrery" / "plans.db").exists()


@pytest.mark.parametrize(
    ("lines", "joins"),
    [
        ('1. t.search(query="K2")\n2. t.fail(message="Mont Blanc")\njoin()', ["finish: one"]),
        ('1. t.search(query="K2, Mont Blanc")\njoin()', ["replan: more", "finish: x"]),
    ],
)
def test_a_plan_that_failed_or_was_not_enough_is_not_kept(plan: Plan, lines: str, joins: list[str]) -> None:
    plan([lines, "3. t.add(1)\njoin()"], joins, text=PAIR, cache=True)
    again = plan(HEIGHTS, text=PAIR, cache=True)
    assert len(again.story.plans) == 1


def test_a_kept_plan_that_no_longer_fits_is_forgotten_and_the_model_asked(plan: Plan, tmp_path: Path) -> None:
    plan(HEIGHTS, text=PAIR, cache=True)
    with sqlite3.connect(tmp_path / ".orrery" / "plans.db") as database:
        (data,) = database.execute("SELECT plan FROM plans").fetchone()
        database.execute("UPDATE plans SET plan = ?", (data.replace(b"t.search", b"t.sought"),))
    done = plan(HEIGHTS, text=PAIR, cache=True)
    assert len(done.story.plans) == 1
    assert plan(HEIGHTS, text=PAIR, cache=True).story.plans == []


def test_a_kept_plan_that_fails_is_forgotten(plan: Plan) -> None:
    story = "1. t.numbers(count=3)\nanswer: $1.list[2]"
    assert plan(story, text="the last of 3", cache=True).answer == 2
    failed: Outcome = plan(["2. t.add(1)\nanswer: $2"], ["replan: too few"], text="the last of 1", cache=True)
    assert failed.answer == 2
    assert len(plan(story, text="the last of 4", cache=True).story.plans) == 1


def test_a_draft_neither_keeps_nor_forgets(plan: Plan, simulated: Simulated, tmp_path: Path) -> None:
    plan(HEIGHTS, text=PAIR, cache=True)
    goal = Goal(PAIR, {"cache": True}, tuple(each.name for each in TESTED))
    assert len(draft(LlmPlanner(), goal, tmp_path)) == 2
    assert plan("1. t.fail()", text=PAIR, cache=True).story.plans == []
