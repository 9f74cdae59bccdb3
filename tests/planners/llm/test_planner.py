"""The planner that asks a model, over real HTTP and in real runs: what it does when all goes well."""

from __future__ import annotations

from tests.planners.llm.conftest import Plan

from orrery.graph import Ref, Template


def test_a_plan_that_answers_itself_asks_once(plan: Plan) -> None:
    done = plan("1. t.add(a=1, b=2)\n2. t.add(a=$1, b=10)\nanswer: $2\n")
    assert done.answer == 13
    assert len(done.server.requests) == 1
    assert done.states() == {"plan-1": "succeeded", "plan-2": "succeeded"}


def test_a_joiner_looks_at_the_results_and_answers(plan: Plan) -> None:
    done = plan('1. t.search(query="K2")\n2. join()\n', ["finish: K2 (the [second] highest)"])
    assert done.answer == "K2 (the [second] highest)"
    assert '"found K2"' in done.story.joins[0].text
    assert done.states() == {"plan-1": "succeeded", "plan-join-1": "succeeded"}


def test_prose_fences_gaps_and_positional_arguments_are_understood(plan: Plan) -> None:
    done = plan(
        "Sure!\n```\nThought: two steps.\n3. t.add(1, 2)\n17. t.add($3)\n```\nanswer: $17\nHope it helps: 4. t.fail()"
    )
    assert done.answer == 4


def test_results_are_put_together_by_structure(plan: Plan) -> None:
    done = plan('1. t.numbers(count=3)\nanswer: {"text": "n = " + $1.count, "last": $1.list[-1], "all": [$1]}\n')
    assert done.answer == {"text": "n = 3", "last": 2, "all": [{"list": [0, 1, 2], "count": 3}]}
    assert done.machine.graph.outputs["answer"]["text"] == Template(["n = ", Ref("plan-1", ("count",))])


def test_each_after_and_if(plan: Plan) -> None:
    done = plan(
        "1. t.numbers(count=3)\n"
        "2. t.add(a=$item, b=$index) each $1.list\n"
        '3. t.echo(value="big") if len($2) > 5\n'
        '4. t.echo(value="small") after $2 if $1.count < 5\n'
        "answer: [$2, $3, $4]\n"
    )
    assert done.answer == [[0, 2, 4], None, "small"]
    assert done.states()["plan-3"] == "skipped"


def test_the_joiner_may_ask_for_another_plan_which_goes_on_from_the_frontier(plan: Plan) -> None:
    done = plan(
        ['1. t.search(query="a")\njoin()', '2. t.echo(value=[$1, "more"])\njoin()'],
        ["replan: the second part is missing", "finish: both"],
    )
    assert done.answer == "both"
    again = done.story.plans[1].text
    assert "the second part is missing" in again
    assert '"found a"' in again
    assert "from 2 on" in again
    assert done.value("plan-2") == ["found a", "more"]
    assert len(done.server.requests) == 4


def test_the_last_joiner_must_answer(plan: Plan) -> None:
    done = plan(["1. t.add(1)\njoin()", "2. t.add(2)\njoin()"], ["replan: more"], max_rounds=2)
    assert done.answer == "more"
    assert "last chance to answer? no" in done.story.joins[0].text
    assert "last chance to answer? yes" in done.story.joins[1].text


def test_an_answer_without_any_step_is_one(plan: Plan) -> None:
    assert plan("answer: Paris").answer == "Paris"


def test_a_second_plan_may_answer_by_itself(plan: Plan) -> None:
    done = plan(["1. t.add(1)\njoin()", "2. t.add($1)\nanswer: $2"], ["replan: one more"])
    assert done.answer == 3
    assert len(done.story.joins) == 1


def test_ready_steps_run_while_the_plan_is_still_being_written(plan: Plan) -> None:
    slow = "1. t.add(a=1, b=2)\n" + "Thought: " + "and on " * 100 + "\nanswer: $1\n"
    done = plan(slow, server={"first_s": 0.0, "tokens_per_s": 400.0})
    ready_at = done.machine.records["plan-1"].ready_at
    assert done.answer == 3
    assert ready_at is not None
    assert ready_at - done.machine.started_at < 0.3
    assert done.result.seconds > 0.4


def test_in_the_words_of_llmcompiler(plan: Plan) -> None:
    done = plan('1. t.add(1, 2)\n2. t.echo(["$1", "$1!"])\nanswer: $2', compat="llmcompiler")
    assert done.answer == [3, "$1!"]


def test_patches_say_why(plan: Plan) -> None:
    done = plan("1. t.add(1)\nanswer: $1")
    assert done.machine.graph.tasks["plan-1"].label == "1. t.add(a=1)"


def test_the_model_is_told_of_its_tools_in_one_line_each(plan: Plan) -> None:
    done = plan("answer: 1")
    assert "t.add(a: float, b: float?) -> float: Add two numbers." in done.story.plans[0].system
    assert "t.numbers(count: int) -> {text: any}: The numbers from 0." in done.story.plans[0].system
