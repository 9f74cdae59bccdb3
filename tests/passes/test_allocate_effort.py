"""allocate_effort: difficulty to tiers, what an author said stays, and more is never spent under a higher threshold."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.cost import Model, Option, Platform
from orrery.cost import difficulty as how_hard
from orrery.errors import RequestError
from orrery.graph import Effects, Estimate, Graph, Ref, Task
from orrery.graph.ref import INPUTS
from orrery.passes.allocate_effort import allocate_effort, tier_of
from orrery.passes.check import faults
from orrery.passes.fold_conversation import fold_conversation
from tests.passes.model_calls import KEEPS, FixedCosts, asking

DOC = Ref(INPUTS, ("doc",))
TIERS = (Option(), Option(thinking_tokens=2048), Option(model="big", thinking_tokens=8192))
SMALL, BIG = Model("small", 1.0, 0.1, 4.0, 0.8, KEEPS), Model("big", 4.0, 0.4, 16.0, 0.9, KEEPS)
COSTS = FixedCosts(Platform(models={"small": SMALL, "big": BIG}))


def hard(figure: float, name: str = "a", **changes: Any) -> Task:
    return msgspec.structs.replace(asking(name, "Go. ", DOC, **changes), estimate=Estimate(difficulty=figure))


def test_the_harder_the_more() -> None:
    graph = Graph([hard(0.3, "a"), hard(0.6, "b"), hard(0.9, "c")], outputs={"x": Ref("c")})
    rewritten = allocate_effort(graph, COSTS, tiers=TIERS)
    after = rewritten.graph
    assert after["a"] == graph["a"]
    assert after["b"].args == {**graph["b"].args, "thinking_tokens": 2048}
    assert after["c"].args == {**graph["c"].args, "thinking_tokens": 8192, "model": "big"}
    assert after["c"].effects.reads == ("model:big",)
    assert [note.because for note in rewritten.notes] == [
        "difficulty 0.30, below 0.50: a plain call, as it is",
        "difficulty 0.60, at least 0.50: 2048 tokens of thought",
        "difficulty 0.90, at least 0.50: big with 8192 tokens of thought",
    ]
    assert [note.kind for note in rewritten.notes] == ["rejected", "made", "made"]
    assert rewritten.notes[1].saves_tokens == -2048
    assert faults(graph, rewritten) == []


def test_an_easy_call_may_be_told_not_to_think() -> None:
    rewritten = allocate_effort(Graph([hard(0.1)]), COSTS, tiers=(Option(thinking_tokens=0), Option()))
    assert rewritten.graph["a"].args["thinking_tokens"] == 0
    assert rewritten.notes[0].because == "difficulty 0.10, below 0.50: no thought"


def test_without_tiers_the_platform_says_what_there_is() -> None:
    graph = Graph([hard(0.9)])
    assert allocate_effort(graph, COSTS).graph is graph
    thinks = Model("m", 1.0, 0.1, 4.0, 0.9, KEEPS, thinking=(8192, 0, 2048, 0))
    costs = FixedCosts(Platform(models={"m": thinks}, default_model="m"))
    assert allocate_effort(graph, costs).graph["a"].args["thinking_tokens"] == 8192
    assert allocate_effort(Graph([hard(0.6)]), costs).graph["a"].args["thinking_tokens"] == 2048
    assert allocate_effort(Graph([hard(0.2)]), costs).graph["a"].args["thinking_tokens"] == 0


def test_what_an_author_said_stays() -> None:
    for said, because in (({"thinking_tokens": 1}, "how much is thought"), ({"model": "small"}, "its model is named")):
        graph = Graph([hard(0.9, **said)])
        rewritten = allocate_effort(graph, COSTS, tiers=TIERS)
        assert rewritten.graph is graph
        assert because in rewritten.notes[0].because


def test_the_turns_of_a_conversation_get_one_tier_or_none_and_keep_their_model() -> None:
    calls = [asking("a", "Sum up. ", DOC), asking("b", "And? ", DOC, Ref("a"))]
    platform = Platform(models=COSTS.platform.models, default_model="small")
    folded = fold_conversation(Graph(calls), FixedCosts(platform)).graph
    judge = how_hard.given({"a": 0.7, "b": 0.6})
    after = allocate_effort(folded, COSTS, tiers=TIERS, difficulty=judge).graph
    assert [task.args["thinking_tokens"] for task in after] == [2048, 2048]
    for figures, because in (({"a": 0.1, "b": 0.6}, "turns of its conversation differ"), ({}, "stays with its model")):
        kept = allocate_effort(folded, COSTS, tiers=TIERS, difficulty=how_hard.given(figures, lambda *_: 0.95))
        assert kept.graph is folded
        assert because in kept.notes[0].because


@pytest.mark.parametrize("wrong", [math.nan, -1.0, 2.0, math.inf])
def test_figures_that_are_none_are_not_believed(wrong: float) -> None:
    graph = Graph([asking("a", "Prove that it holds.")])
    usual = allocate_effort(graph, COSTS, tiers=TIERS).graph
    assert allocate_effort(graph, COSTS, tiers=TIERS, difficulty=lambda *_: wrong).graph == usual
    with pytest.raises(RequestError, match="threshold"):
        allocate_effort(graph, COSTS, threshold=wrong)


def test_a_tier_is_no_place() -> None:
    with pytest.raises(RequestError, match="place"):
        allocate_effort(Graph(), COSTS, tiers=(Option(device="pi"),))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(1, 6))
def test_a_higher_threshold_never_gives_more_and_a_harder_call_never_less(a: float, b: float, c: float, n: int) -> None:
    low, high = sorted((a, b))
    assert tier_of(c, high, n) <= tier_of(c, low, n)
    assert tier_of(low, c, n) <= tier_of(high, c, n)
    assert 0 <= tier_of(a, b, n) < n


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["pure", "idempotent", "keyed", "once"])), max_size=8))
def test_tokens_fall_with_the_threshold_and_nothing_but_effort_changes(calls: list[tuple[float, Any]]) -> None:
    tasks = [hard(figure, f"t{n}", effects=Effects(kind)) for n, (figure, kind) in enumerate(calls)]
    graph = Graph(tasks, outputs={"all": [Ref(task.id) for task in tasks]})
    spent: list[float] = []
    for threshold in (0.0, 0.25, 0.5, 0.75, 1.0):
        rewritten = allocate_effort(graph, COSTS, threshold=threshold, tiers=TIERS)
        assert faults(graph, rewritten) == []
        spent.append(sum(COSTS.estimate(task).tokens.mid for task in rewritten.graph))
        for task in graph:
            now = rewritten.graph[task.id]
            assert now.effects.kind == task.effects.kind
            assert {name: now.args[name] for name in task.args} == task.args
    assert spent == sorted(spent, reverse=True)


def test_graphs_without_calls_stay_as_they_are() -> None:
    for graph in (
        Graph(),
        Graph([Task("x", "text.count", {"text": "a"})]),
        Graph([asking("p", "?", executor="person")]),
    ):
        assert allocate_effort(graph, COSTS, tiers=TIERS).graph is graph
