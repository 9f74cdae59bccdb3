"""The lines of edits: what they mean, that nothing is guessed, and that taking them in twice changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import Problem
from orrery.graph import Drop, Edge, Edit, LiveGraph, Patch, Ref, Unlink
from orrery.planners.constellation.edits import Dropped, Linked, edits_for, parse
from orrery.planners.llm.binding import Binder
from orrery.planners.llm.grammar import End, Step
from orrery.planners.toolbox import usable
from orrery.tools.approval import judge


@pytest.fixture
def binder(tmp_path: Path) -> Binder:
    """Makes tasks of steps, with the tools that read and count."""
    tools = usable(["files.read", "files.remove", "files.glob", "text.count"])
    return Binder("plan", tools, judge, tmp_path, 60.0)


def apply(graph: LiveGraph, edits: tuple[Edit, ...]) -> None:
    """Change a graph, which must be possible."""
    done = graph.apply(Patch(edits))
    assert isinstance(done, Patch), done


def test_each_kind_of_line_has_one_meaning() -> None:
    said = parse(
        '# a comment\n\n1. files.read(path="a")\ndrop $3, 5\nlink $1 -> 4 on Failure\nunlink 1->$2\nanswer: $1\ndone\n'
    )
    assert said.problems == ()
    assert said.is_done
    assert isinstance(said.edits[0], Step)
    assert said.edits[1:] == (
        Dropped(3),
        Dropped(5),
        Linked(1, 4, "failure"),
        Linked(1, 2, undone=True),
        End(answers=True, answer=Ref("1")),
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("I will now read the file.", "is none of"),
        ("drop the first step", "is none of"),
        ("join()", "is none of"),
        ("link $1 -> $2 on tuesday", "'tuesday' is no outcome"),
        ("1. files.read(path=", "value"),
        ('drop $1\n1. files.read(path="a")', "spoken of in two lines"),
        ("answer: 1\nanswer: 2", "said twice"),
        ('1. files.read(path="' + "x" * 30_000 + '")', "longer than"),
        ("wait\n" * 2_000, "write at most"),
    ],
)
def test_a_line_that_could_mean_anything_else_is_a_problem(line: str, expected: str) -> None:
    said = parse(line)
    assert any(expected in str(problem) for problem in said.problems), said.problems


def test_wait_changes_nothing() -> None:
    assert parse("wait") == ((), False, ())
    assert parse("```\nwait\n```") == ((), False, ())


@given(text=st.text(max_size=200))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    said = parse(text)
    assert all(isinstance(problem, Problem) for problem in said.problems)


def test_steps_are_added_replaced_linked_and_dropped(binder: Binder) -> None:
    graph = LiveGraph()
    edits, problems = edits_for(
        parse('1. files.glob(pattern="*")\n2. files.read(path=$1[0])\n3. text.count(text=$2) after $1\nanswer: $3'),
        binder,
        graph,
    )
    assert problems == ()
    apply(graph, edits)
    assert list(graph.tasks) == ["plan-1", "plan-2", "plan-3"]
    assert graph.outputs == {"answer": Ref("plan-3")}
    edits, problems = edits_for(parse('3. text.count(text="x")\nlink $2 -> $3 on completion'), binder, graph)
    assert problems == ()
    apply(graph, edits)
    assert graph.tasks["plan-3"].args == {"text": "x"}
    assert graph.explicit["plan-3"] == {"plan-2": Edge("plan-2", "plan-3", "completion")}
    edits, _ = edits_for(parse("unlink $2 -> $3\ndrop $2"), binder, graph)
    assert edits == (Unlink("plan-2", "plan-3"), Drop("plan-2"))
    apply(graph, edits)
    assert list(graph.tasks) == ["plan-1", "plan-3"]


def test_what_must_be_asked_for_is_asked_for_and_asked_no_longer_once_it_is_harmless(
    binder: Binder, tmp_path: Path
) -> None:
    (tmp_path / "old.log").touch()
    graph = LiveGraph()
    edits, _ = edits_for(parse('1. files.remove(path="old.log")'), binder, graph)
    apply(graph, edits)
    assert graph.tasks["plan-1-ask"].executor == "person"
    assert "plan-1-ask" in graph.incoming["plan-1"]
    edits, _ = edits_for(parse('1. files.read(path="old.log")'), binder, graph)
    apply(graph, edits)
    assert list(graph.tasks) == ["plan-1"]
    assert graph.incoming["plan-1"] == {}


def test_what_may_not_be_done_and_what_there_is_not_are_problems(binder: Binder) -> None:
    said = parse('1. files.remove(path="/")\n2. teleport.home()\ndrop $9')
    problems = edits_for(said, binder, LiveGraph())[1]
    codes = {problem.code for problem in problems}
    assert codes >= {"plan/refused", "plan/unknown-line", "plan/unknown-tool"}


LINES = st.sampled_from(
    [
        '1. files.glob(pattern="*")',
        '1. files.glob(pattern="*.py")',
        "2. files.read(path=$1[0])",
        '2. files.read(path="a") after $1',
        '3. files.remove(path="x") after $1',
        "3. text.count(text=$2)",
        "drop $3",
        "drop $2",
        "link $1 -> $3",
        "link $1 -> $2 on completion",
        "unlink $1 -> $3",
        "answer: $1",
        "answer: [$1, 2]",
    ]
)


@given(turns=st.lists(st.lists(LINES, min_size=1, max_size=4), max_size=6))
def test_words_that_were_taken_in_already_change_nothing(turns: list[list[str]]) -> None:
    binder = Binder("plan", usable(["files.read", "files.remove", "files.glob", "text.count"]), judge, Path(), 60.0)
    graph = LiveGraph()
    for lines in turns:
        said = parse("\n".join(lines))
        edits, problems = edits_for(said, binder, graph)
        if problems or not isinstance(graph.apply(Patch(edits)), Patch):
            continue
        assert edits_for(said, binder, graph, again=True) == ((), ())
