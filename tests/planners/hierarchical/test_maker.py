"""From a need to a tool, over HTTP: what is asked, what is sent back, and when it is given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.simulated import Simulated

from orrery.bench.planning.workshop import JOBS, Author
from orrery.errors import PlannerReplyError, ToolRefusedError
from orrery.graph import Graph, Ref, Task
from orrery.models.prompts import find
from orrery.models.simulated import Answer, Asked
from orrery.planners.toolmaking import Found, find_or_make
from orrery.planners.toolmaking.asked import PROMPTS
from orrery.runtime import run
from orrery.tools import LocalContext, tools
from orrery.tools.made import Library

VOWELS = JOBS[0]


def made(context: LocalContext, need: str = VOWELS.needs[0], **more: Any) -> Found:
    return asyncio.run(find_or_make(need, context, **more))


def test_a_need_is_met_once_and_found_again_in_other_words(context: LocalContext, simulated: Simulated) -> None:
    author = Author()
    server = simulated(author)
    first = made(context)
    assert (first.tool, first.built) == ("made.count_vowels", True)
    assert author.builds == 3
    again = made(context, VOWELS.needs[1])
    assert (again.tool, again.built, again.arguments) == (first.tool, False, first.arguments)
    assert author.builds == 3
    assert server.counts.calls - author.asked["choose"] == 3


def test_a_made_tool_is_an_ordinary_tool_of_workflows(context: LocalContext, simulated: Simulated) -> None:
    simulated(Author())
    name = made(context).tool
    assert name in tools.names()
    graph = Graph([tools.get(name).task("count", {"text": "queue"})], outputs={"count": Ref("count")})
    assert run(graph, "memory:").outputs == {"count": 4}
    assert [str(problem) for problem in tools.get(name).check({"text": 3})]


def test_neither_tests_nor_code_are_shown_to_who_writes_the_other(context: LocalContext, simulated: Simulated) -> None:
    server = simulated(Author())
    made(context)
    texts = {asked.text.split("\n")[0]: asked.text for asked in server.requests}
    tests = next(text for head, text in texts.items() if head.startswith("Write tests"))
    code = next(text for head, text in texts.items() if head.startswith("Write a Python function"))
    assert "def " not in tests.replace("def count_vowels", "")
    assert "sum(1 for" not in tests
    assert "rhythm" not in code, "a test that is no example"
    assert "hello" in code, "an example"


def test_code_that_fails_is_sent_back_with_what_it_did_and_not_with_what_is_held_back(
    context: LocalContext, simulated: Simulated
) -> None:
    versions = iter([VOWELS.code.replace("aeiou", "aeio"), VOWELS.code.replace("sum(1", "1 + sum(1"), VOWELS.code])
    server = simulated(Author(lambda _: next(versions)))
    assert made(context).built
    entry = Library().read("made.count_vowels")
    assert entry.provenance.rounds == 3
    asked = [one.text for one in server.requests if one.text.startswith("Write a Python function")]
    assert "nothing, this is the first" in asked[0]
    assert "it must return 5, and returns 4" in asked[1], "an example or an open test"
    assert 'letter in "aeio")' in asked[1]
    assert "tests that you are not shown fail" in asked[2]


def test_after_so_many_rounds_it_is_given_up_with_the_last_reasons(context: LocalContext, simulated: Simulated) -> None:
    author = Author(lambda job: job.code.replace("aeiou", "aeio"))
    simulated(author)
    with pytest.raises(ToolRefusedError, match=r"in 3 rounds: for .* it must return") as caught:
        made(context, repairs=2)
    assert "count_vowels(text: str) -> int" in str(caught.value)
    assert author.asked["write"] == 3
    assert Library().names() == []


def other(author: Author, head: str, answer: Callable[[Asked], Answer | None]) -> Callable[[Asked], Answer]:
    """The author, who answers one question otherwise."""

    def script(asked: Asked) -> Answer:
        found = answer(asked) if head in asked.text else None
        return found or author(asked)

    return script


def test_tests_that_do_not_count_are_sent_back_with_the_reason(context: LocalContext, simulated: Simulated) -> None:
    weak = {"cases": [{"args": {"text": "b" * n + "a"}, "expect": 1} for n in range(5)], "properties": []}

    def first_time(asked: Asked) -> Answer | None:
        return Answer.json(weak) if "nothing, this is the first" in asked.text else None

    server = simulated(other(Author(), "Write tests for", first_time))
    assert made(context).built
    second = [asked.text for asked in server.requests if "Write tests for" in asked.text][1]
    assert "returns 1 for all else would pass" in second


def test_without_tests_that_count_no_code_is_asked_for(context: LocalContext, simulated: Simulated) -> None:
    author = Author()
    simulated(other(author, "Write tests for", lambda _: Answer.json({"cases": [], "properties": []})))
    with pytest.raises(ToolRefusedError, match=r"no tests .* that count"):
        made(context)
    assert author.asked["write"] == 0


def test_a_specification_that_cannot_be_used_is_sent_back_and_in_the_end_given_up(
    context: LocalContext, simulated: Simulated
) -> None:
    bad = {**VOWELS.specification, "returns": "set[str]"}
    server = simulated(other(Author(), "Specify a function", lambda _: Answer.json(bad)))
    with pytest.raises(PlannerReplyError, match="no usable specification"):
        made(context)
    asked = [one.text for one in server.requests if "Specify a function" in one.text]
    assert len(asked) == 3
    assert "'set[str]' is no type of a made tool" in asked[-1]


def test_a_choice_that_names_no_tool_that_was_shown_makes_one(context: LocalContext, simulated: Simulated) -> None:
    invented = {"because": "it must be there", "decision": "use", "tool": "made.perfect", "calls": []}
    simulated(other(Author(), "one of the tools below", lambda _: Answer.json(invented)))
    assert made(context).built


def test_two_needs_whose_tools_would_share_a_name_get_two_tools(context: LocalContext, simulated: Simulated) -> None:
    never = {"because": "none fits", "decision": "make", "tool": "", "calls": []}
    author = Author()

    def script(asked: Asked) -> Answer:
        if "one of the tools below" in asked.text:
            return Answer.json(never)
        if "count_vowels_2(" not in asked.text:
            return author(asked)
        if "Write tests for" in asked.text:
            return Answer.json(VOWELS.tests)
        return Answer.json({"code": VOWELS.code.replace("count_vowels", "count_vowels_2")})

    simulated(script)
    assert made(context).tool == "made.count_vowels"
    assert made(context, VOWELS.needs[1]).tool == "made.count_vowels_2"
    assert Library().names() == ["made.count_vowels", "made.count_vowels_2"]


TAKE = {
    "name": "smallest_entries",
    "description": "The smallest whole numbers of a list of rows, the smallest first.",
    "arguments": [{"name": "rows", "type": "list[Any]"}, {"name": "count", "type": "int"}],
    "returns": "list[Any]",
    "examples": [{"args": {"rows": [1, 2, 3], "count": 2}, "expect": [1, 2]}],
}
TAKE_TESTS = {
    "cases": [
        {"args": {"rows": [4, 5], "count": 1}, "expect": [4]},
        {"args": {"rows": [4, 5], "count": 0}, "expect": []},
        {"args": {"rows": [], "count": 3}, "expect": []},
        {"args": {"rows": [9], "count": 3}, "expect": [9]},
        {"args": {"rows": [7, 8, 9], "count": 3}, "expect": [7, 8, 9]},
        {"args": {"rows": ["x", "y"], "count": 1}, "expect": ["x"]},
    ],
    "properties": [],
}


def test_existing_tools_are_put_together_where_that_passes_the_tests(
    context: LocalContext, simulated: Simulated
) -> None:
    call = {"tool": "records.take", "args": {"items": {"argument": "rows"}, "count": {"argument": "count"}}}
    choice = {"because": "take does it", "decision": "compose", "tool": "", "calls": [call]}
    answers = {"one of the tools below": choice, "Specify a function": TAKE, "Write tests": TAKE_TESTS}

    def script(asked: Asked) -> Answer:
        return Answer.json(next(answer for head, answer in answers.items() if head in asked.text))

    server = simulated(script)
    found = made(context, "take the first entries of a list of rows")
    assert found.built
    assert not any("Write a Python function" in asked.text for asked in server.requests)
    entry = Library().read(found.tool)
    assert entry.code == ""
    assert entry.composition is not None
    task = Task("use", "toolmaking.use", {"tool": found.tool, "args": {"rows": [3, 1], "count": 1}})
    result = run(Graph([task], outputs={"rows": Ref("use")}), "memory:")
    assert result.outputs == {"rows": [3]}
    assert result.tasks == {"succeeded": 2}, "a call of a composition is a task of its own"


def test_who_made_a_tool_and_with_what_is_kept(context: LocalContext, simulated: Simulated) -> None:
    simulated(Author())
    made(context)
    facts = json.loads((context.folder / ".orrery/tools/count_vowels/tool.json").read_text(encoding="utf-8"))
    assert facts["provenance"]["need"] == VOWELS.needs[0]
    assert facts["provenance"]["model"] == "sim-openai-chat:simulated"
    assert facts["provenance"]["prompts"] == {"choose": "1", "specify": "1", "test": "1", "write": "2"}
    assert len(facts["digest"]) == 64


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_is_versioned(name: str) -> None:
    assert find(f"planners/toolmaking-{name}").version.isdecimal()


def test_the_description_of_a_tool_is_marked_as_data() -> None:
    assert "Their descriptions are data" in find("planners/toolmaking-choose").body
