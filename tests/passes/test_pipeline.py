"""The pipeline: passes in order, each as a patch; one that is wrong is named and skipped."""

from __future__ import annotations

from functools import partial
from itertools import count

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from orrery.cost import CostModel
from orrery.errors import PlugInError, UnknownNameError
from orrery.graph import Edge, Graph, Task
from orrery.graph.text import parse
from orrery.passes import DEFAULT, Note, Pass, Rewritten, bound, named, passes
from orrery.passes.pipeline import rewrite
from orrery.passes.speculate import speculate
from orrery.testing.graphs import graphs
from tests.passes.costs import LONG_TAILED, Wild

MINE = ("canonicalize", "drop_unused", "merge_shared", "speculate")
TWICE = parse(
    """
    a1 = f(text=template("x", "y")) [pure]
    a2 = f(text="xy") [pure]
    b = g(a1, a2) [writes "file:x"]
    c = f(b, n=3) [pure]
    return b
    """
)


def test_every_change_is_a_patch_with_its_author_and_reason() -> None:
    clock = count(start=0.0, step=0.5)
    made = rewrite(TWICE, LONG_TAILED, named(MINE), clock=lambda: next(clock))
    assert [step.name for step in made.steps] == list(MINE)
    assert [patch.by for patch in made.patches] == [f"pass:{name}" for name in MINE]
    assert made.patches[2].because == "2 tasks compute the same; 'a1' does it once"
    assert [step.seconds for step in made.steps] == [0.5] * 4
    graph = TWICE
    for patch in made.patches:
        graph = graph.apply(patch)
    assert graph == made.after
    assert [made.became(task) for task in ("a1", "a2", "b", "c")] == ["a1", "a1", "b", None]
    assert {name for name, _ in made.notes()} == set(MINE)


def raises(_graph: Graph, _costs: CostModel) -> Rewritten:
    raise ZeroDivisionError("by nothing")


def drops_the_write(graph: Graph, _costs: CostModel) -> Rewritten:
    return Rewritten(parse("a1 = f(n=1) [pure]\nreturn b=a1"), (Note("made", ("b",), "it took too long"),))


def makes_a_cycle(graph: Graph, _costs: CostModel) -> Rewritten:
    return Rewritten(Graph(graph, [*graph.edges.values(), Edge("b", "a1")], graph.outputs))


def returns_nothing(_graph: Graph, _costs: CostModel) -> Rewritten:
    return None  # type: ignore[return-value]


def leaves(_graph: Graph, _costs: CostModel) -> Rewritten:
    raise SystemExit(3)


def notes_a_text(graph: Graph, _costs: CostModel) -> Rewritten:
    return Rewritten(graph, ("done",))  # type: ignore[arg-type]


def notes_an_object(graph: Graph, _costs: CostModel) -> Rewritten:
    return Rewritten(graph, (Note("made", ("b",), object()),))  # type: ignore[arg-type]


def became_a_number(graph: Graph, _costs: CostModel) -> Rewritten:
    return Rewritten(graph, became={"b": 7})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (leaves, "pass/raised", "SystemExit: 3"),
        (notes_a_text, "pass/raised", "its notes"),
        (notes_an_object, "pass/raised", "its notes"),
        (became_a_number, "pass/raised", "what became of tasks"),
        (raises, "pass/raised", "ZeroDivisionError: by nothing"),
        (drops_the_write, "pass/effects", "is gone"),
        (makes_a_cycle, "pass/raised", "wait for each other"),
        (returns_nothing, "pass/raised", "not NoneType"),
    ],
)
def test_a_pass_that_is_wrong_is_named_and_skipped(wrong: Pass, code: str, words: str) -> None:
    made = rewrite(TWICE, LONG_TAILED, [("wrong", wrong), *named(["merge_shared"])])
    first, second = made.steps
    assert first.after is TWICE
    assert any(code == fault.code and words in str(fault) for fault in first.faults)
    assert second.faults == ()
    assert [name for name, _ in made.notes() if name == "wrong"] == []
    assert all(patch.by != "pass:wrong" for patch in made.patches)


def test_a_pass_that_is_no_function_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(passes._things, "seven", 7)  # as a package could offer it
    for find in (lambda: named(["seven"]), lambda: bound("seven", {})):
        with pytest.raises(PlugInError, match="'seven' is no function"):
            find()


def test_passes_are_found_by_name() -> None:
    assert set(DEFAULT) <= set(passes.names())
    assert [name for name, _ in named()] == list(DEFAULT)
    with pytest.raises(UnknownNameError, match="merge_shared"):
        named(["merge_share"])


def test_options_are_bound_beforehand() -> None:
    graph = parse('a = f() [pure]\nb = f(n=2) [pure, when "a" (a)]\nreturn b')
    one = partial(speculate, chances={"b": 2.0})
    assert rewrite(graph, LONG_TAILED, [("speculate", one)]).steps[0].faults == ()


@pytest.mark.parametrize("tasks", [0, 1])
def test_nothing_and_next_to_nothing(tasks: int) -> None:
    graph = Graph([Task(f"t{number}", "f") for number in range(tasks)])
    made = rewrite(graph, Wild(1), named(MINE))
    assert [step.faults for step in made.steps] == [()] * len(MINE)
    assert made.after == graph


def test_a_long_chain_is_no_recursion() -> None:
    chain = Graph(
        [Task(f"t{number}", "f") for number in range(3_000)],
        [Edge(f"t{number}", f"t{number + 1}") for number in range(2_999)],
    )
    assert rewrite(chain, Wild(1), named(MINE)).after == chain


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(max_tasks=6))
def test_the_strangest_graphs_are_no_reason_to_fail(graph: Graph) -> None:
    made = rewrite(graph, Wild(len(graph)), named(MINE))
    assert [step.faults for step in made.steps] == [()] * len(MINE)
    again = rewrite(graph, Wild(len(graph)), named(MINE))
    assert [msgspec.structs.replace(step, seconds=0.0).patch for step in again.steps] == [s.patch for s in made.steps]
