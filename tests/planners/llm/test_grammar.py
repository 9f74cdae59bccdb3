"""The lines of a plan: read and written, one by one and from a stream that is cut anywhere."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.graph import INDEX, ITEM, Expr, Ref, Template
from orrery.planners.llm.grammar import Argument, End, Fault, Statement, Step, read
from orrery.planners.llm.reader import PlanReader
from orrery.planners.llm.writing import write, write_value

# -- what plans are made of ---------------------------------------------------------------------------------

words = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["$1", "{{x}}", "${2}", "1. run()", "join()", 'a "b"', "\\", "it's", "a\nb", "日本語", "#", "<END_OF_PLAN>"]
)
keys = words | st.integers(0, 9) | texts
refs = st.builds(Ref, st.integers(1, 99).map(str), st.lists(keys, max_size=3).map(tuple))
items = st.builds(Ref, st.sampled_from([ITEM, INDEX]), st.lists(keys, max_size=2).map(tuple))
plain = (
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | texts
)


def templates(references: st.SearchStrategy[Ref]) -> st.SearchStrategy[Template]:
    """Texts between references, none of them empty: the one form in which a template is read."""
    pieces = st.lists(st.tuples(references, texts.filter(bool)), min_size=1, max_size=3)
    return pieces.map(lambda pairs: Template(part for pair in pairs for part in pair))


def values(references: st.SearchStrategy[Ref]) -> st.SearchStrategy[Any]:
    return st.recursive(
        plain | references | templates(references),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    )


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Any step that can be written."""
    each = draw(st.none() | refs | st.lists(plain, max_size=3))
    args = values(refs if each is None else refs | items)
    named = draw(st.dictionaries(words, args, max_size=3))
    first = draw(st.lists(args, max_size=2))
    listed = [Argument(None, value) for value in first] + [Argument(name, value) for name, value in named.items()]
    when = draw(st.none() | st.builds(lambda ref, n: Expr(f"_1 > {n}", {"_1": ref}), refs, st.integers(0, 9)))
    after = tuple(draw(st.lists(st.integers(1, 99), max_size=2)))
    tool = draw(st.sampled_from(["search", "files.read", "my-tool.run", "größe"]))
    return Step(
        draw(st.integers(1, 9999)),
        tool,
        tuple(listed),
        each,
        after,
        when,
        draw(st.none() | st.sampled_from(["web1", "any", ["a", "b"], Ref("1"), Ref("2", ("host",))])),
    )


ends = st.builds(End) | st.builds(lambda answer: End(answers=True, answer=answer), values(refs))


def read_in_pieces(text: str, cuts: list[int], **options: Any) -> tuple[list[Statement], PlanReader]:
    reader = PlanReader(**options)
    found: list[Statement] = []
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    for begin, end in pairwise(places):
        found += reader.feed(text[begin:end])
    return [*found, *reader.finish()], reader


# -- round trips --------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(steps() | ends)
def test_what_is_written_is_read_as_it_was(statement: Step | End) -> None:
    assert read(write(statement)) == statement


@settings(max_examples=60, deadline=None)
@given(st.lists(steps(), max_size=4), ends, st.lists(st.integers(0, 10_000), max_size=6), st.booleans())
def test_a_plan_reads_the_same_wherever_the_stream_is_cut(
    plan: list[Step], end: End, cuts: list[int], fenced: bool
) -> None:
    lines = [*map(write, plan), write(end)]
    text = "\n".join(["Sure, here it is:", "```text", *lines, "```", "9. never(read=1)"] if fenced else lines)
    found, reader = read_in_pieces(text, cuts)
    assert found == [*plan, end]
    assert reader.ended


@settings(max_examples=25, deadline=None)
@given(st.lists(steps(), min_size=1, max_size=3))
def test_one_character_at_a_time_is_enough(plan: list[Step]) -> None:
    text = "\r\n".join(map(write, plan))
    assert read_in_pieces(text, list(range(len(text))))[0] == plan


@given(st.text(max_size=80), st.lists(st.integers(0, 80), max_size=3))
def test_no_text_breaks_the_reader(text: str, cuts: list[int]) -> None:
    whole, _ = read_in_pieces(text, [])
    assert read_in_pieces(text, cuts)[0] == whole


@given(st.text("1.(a)\"'$[]{},=+ \n", max_size=60))
def test_no_text_in_the_characters_of_the_grammar_breaks_it_either(text: str) -> None:
    read_in_pieces(text, [])


# -- references and data ------------------------------------------------------------------------------------


def step_of(line: str, **options: bool) -> Step:
    found = read(line, **options)
    assert isinstance(found, Step), found
    return found


def args_of(line: str, **options: bool) -> list[Any]:
    return [argument.value for argument in step_of(line, **options).args]


def test_a_dollar_sign_between_quotes_is_text() -> None:
    assert args_of('1. say("$1", ["$2.x", "{{x}}"], {"a": "${3}"})') == ["$1", ["$2.x", "{{x}}"], {"a": "${3}"}]


def test_bare_references_have_paths() -> None:
    assert args_of('5. f($1, ${2}, $3.rows[0].name, $4["a b"][-1], $1.0)') == [
        Ref("1"),
        Ref("2"),
        Ref("3", ("rows", 0, "name")),
        Ref("4", ("a b", -1)),
        Ref("1", (0,)),
    ]


def test_quoted_references_count_only_where_they_are_asked_for_and_stand_alone() -> None:
    line = '3. math("$1 / $2", ["$1", "${2}", "$1!"], "$2.n")'
    assert args_of(line) == ["$1 / $2", ["$1", "${2}", "$1!"], "$2.n"]
    assert args_of(line, quoted_references=True) == ["$1 / $2", [Ref("1"), Ref("2"), "$1!"], Ref("2", ("n",))]


def test_a_plan_in_the_words_of_llmcompiler_is_read() -> None:
    plan = (
        '1. search("Mount Everest height")\n2. search("K2 height")\n'
        'Thought: I can compare them now.\n3. math("which is higher?", ["$1", "$2"])\n4. join()<END_OF_PLAN>\n'
    )
    found, _ = read_in_pieces(plan, [], quoted_references=True)
    assert [type(statement) for statement in found] == [Step, Step, Step, End]
    assert found[2] == Step(3, "math", (Argument(None, "which is higher?"), Argument(None, [Ref("1"), Ref("2")])))


def test_texts_are_joined_by_structure() -> None:
    (value,) = args_of('2. say("a $1 " + $1.n + "b" + "c" + 3)')
    assert value == Template(["a $1 ", Ref("1", ("n",)), "bc3"])
    assert args_of('2. say("a" + "b")') == ["ab"]
    assert write_value(Template([Ref("1")])) == '"" + $1'


def test_clauses_say_each_after_and_if() -> None:
    step = step_of('4. f(path=$item.path) for each $1.files after $2, $3 if len($2) > 3 and $item.kind == "a $1"')
    assert step.each == Ref("1", ("files",))
    assert step.after == (2, 3)
    assert step.when == Expr('len(_1) > 3 and _2 == "a $1"', {"_1": Ref("2"), "_2": Ref(ITEM, ("kind",))})
    assert list(step.needs()) == [1, 2, 3]


# -- what is no plan, and what is a bad line ----------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    ["", "Thought: first search(x)", "1. First I look it up", "I'd join (them)", "```", "- a point", "$1", "2024. (a"],
)
def test_prose_is_none(line: str) -> None:
    assert read(line) is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1. f(", "value"),
        ('1. f("a', "does not end on its line"),
        ("1. f(what=lines)", "between quotes"),
        ("1. f(a=1, a=2)", "given twice"),
        ("1. f(a=1, 2)", "cannot follow"),
        ("1. f($1 + $2)", "joins texts"),
        ("1. f($item)", "each"),
        ("1. f($1abc)", "reference"),
        ("1. f(1) and more", "each, on, after and if"),
        ("1. f(1) if nothing > 2", "'nothing'"),
        ("1. f(1) if _1 > $2", "underscore"),
        ("1. f(1) if import os", "condition"),
        ("1. f(1) after $1.x", "whole steps"),
        ("1. f({1: 2})", "key"),
        ("1. f(1e999)", "too large"),
        ("1. f(" + "[" * 60 + "]" * 60 + ")", "nested"),
        ("1. f(" + "9" * 5000 + ")", "cannot be read"),
        ("answer: the sum of $1 and $2", "joins texts|must end|value"),
        ('answer: "never closed', "does not end"),
    ],
)
def test_a_bad_line_says_what_is_wrong_with_it(line: str, says: str) -> None:
    fault = read(line)
    assert isinstance(fault, Fault), fault
    assert fault.problem.code == "plan/syntax"
    assert any(part in fault.problem.message for part in says.split("|")), fault.problem.message


@pytest.mark.parametrize("line", ["2. join()", "join()", "3. join($1, $2)<END_OF_PLAN>", "<END_OF_PLAN>", "Join()"])
def test_the_end_has_several_names(line: str) -> None:
    assert read(line) == End()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("answer: $3.total", Ref("3", ("total",))),
        ("**Answer:** It's 5 (or so), I think", "It's 5 (or so), I think"),
        ('7. answer: "a" + $1', Template(["a", Ref("1")])),
        ('answer: {"n": $1}', {"n": Ref("1")}),
    ],
)
def test_an_answer_is_a_value_or_a_sentence(line: str, answer: Any) -> None:
    assert read(line) == End(answers=True, answer=answer)


# -- streams ------------------------------------------------------------------------------------------------


def test_a_call_may_go_on_over_several_lines() -> None:
    found, _ = read_in_pieces('1. f(\n  a=[1,\n     2],\n  b="x")\n2. g()\n', [3, 9])
    assert found == [Step(1, "f", (Argument("a", [1, 2]), Argument("b", "x"))), Step(2, "g")]


@pytest.mark.parametrize("bad", ["1. f([1, 2", '1. f("x', "1. f(a={"])
def test_a_line_that_never_closes_does_not_swallow_the_next(bad: str) -> None:
    found, _ = read_in_pieces(f"{bad}\n2. g()\njoin()\n", [])
    assert [type(statement) for statement in found] == [Fault, Step, End]


def test_two_lines_in_one_piece_come_together() -> None:
    reader = PlanReader()
    assert reader.feed("1. a()\n2. b()\n3. ") == [Step(1, "a"), Step(2, "b")]
    assert reader.feed("c()") == []
    assert reader.finish() == [Step(3, "c")]


def test_a_line_without_end_is_refused_and_the_rest_still_read() -> None:
    reader = PlanReader(max_line_chars=1_000)
    found = reader.feed('1. f("')
    for _ in range(10_000):
        found += reader.feed("x" * 50)
    found += reader.feed('")\n2. g()\n')
    assert [type(statement) for statement in found] == [Fault, Step]
    assert isinstance(found[0], Fault)
    assert found[0].problem.code == "plan/line-length"
    assert found[0].number == 1


def test_prose_without_end_costs_nothing() -> None:
    reader = PlanReader(max_line_chars=1_000)
    assert [reader.feed("la la " * 1_000) for _ in range(100)] == [[]] * 100
    assert len(reader.prose) <= 500


def test_what_is_no_part_of_the_plan_is_remembered_briefly() -> None:
    _, reader = read_in_pieces("I am sorry, I cannot do that.\n", [])
    assert reader.prose == "I am sorry, I cannot do that."


def test_five_thousand_lines_cost_five_times_as_much_as_one_thousand() -> None:
    def seconds(lines: int) -> float:
        text = "".join(f'{n}. math(problem="a", context=[${n}.x, 1.5])\n' for n in range(lines))
        pieces = list(range(0, len(text), 4))
        began = time.process_time()
        found, _ = read_in_pieces(text, pieces)
        assert len(found) == lines
        return time.process_time() - began

    few = min(seconds(1_000) for _ in range(3))
    assert min(seconds(5_000) for _ in range(2)) < 5 * few * 2.5
