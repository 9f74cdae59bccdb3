"""Ways: as cheap as brute force finds, in an order that can be walked, or proven not to be there."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.routing.tool_graph.tools import Tool, ToolGraph, healthy_weights
from orrery.routing.tool_graph.way import cheapest, is_open
from tests.routing.graphs import brute_force, closure, layered, some_artefacts, tool_graphs, wanted_artefacts


@settings(max_examples=100, deadline=None)
@given(tool_graphs(), some_artefacts, wanted_artefacts, st.sets(st.integers(0, 6)))
def test_a_way_costs_what_brute_force_says(graph: ToolGraph, have: list[str], want: list[str], dead: set[int]) -> None:
    weights = {name: cost for name, cost in healthy_weights(graph, 1.0).items() if int(name[1:]) not in dead}
    way, least = cheapest(graph, weights, have, want), brute_force(graph, weights, have, want)
    assert is_open(graph, weights, have, want) == (least is not None)
    if way is None:
        assert least is None
        return
    assert way.exact
    assert way.cost == way.bound == pytest.approx(least)
    there = set(have)
    for step in way.steps:
        assert set(graph[step].needs.values()) <= there
        there |= set(graph[step].gives)
    assert set(want) <= there
    for artefact, maker in way.sources.items():
        assert artefact in (graph[maker].gives if maker else have)


@settings(max_examples=100, deadline=None)
@given(tool_graphs(), some_artefacts, wanted_artefacts)
def test_what_must_be_used_is_used(graph: ToolGraph, have: list[str], want: list[str]) -> None:
    weights = healthy_weights(graph, 1.0)
    for artefact in have:
        way = cheapest(graph, weights, have, want, using=[[artefact]])
        if way is not None:
            assert way.uses(artefact)
            assert set(want) <= closure(graph, way.steps, have)


def test_a_shared_step_is_paid_once_where_a_tree_pays_it_twice() -> None:
    graph = ToolGraph(
        [
            Tool("shared", gives={"s": ""}, seconds=5),
            Tool("left", needs={"s": "s"}, gives={"l": ""}),
            Tool("right", needs={"s": "s"}, gives={"r": ""}),
            Tool("left-alone", gives={"l": ""}, seconds=5),
            Tool("right-alone", gives={"r": ""}, seconds=5),
            Tool("join", needs={"l": "l", "r": "r"}, gives={"j": ""}),
        ]
    )
    way = cheapest(graph, healthy_weights(graph, 1.0), [], ["j"])
    assert way is not None
    assert (set(way.steps), way.cost, way.exact) == ({"shared", "left", "right", "join"}, 8.0, True)


def test_ties_go_to_the_earlier_name() -> None:
    graph = ToolGraph([Tool(name, gives={"x": ""}) for name in ("zeta", "alpha", "mid")])
    way = cheapest(graph, healthy_weights(graph, 1.0), [], ["x"])
    assert way is not None
    assert way.steps == ("alpha",)


@pytest.mark.parametrize("weight", [math.inf, math.nan, -1.0])
def test_a_weight_that_is_no_cost_is_a_dead_tool(weight: float) -> None:
    graph = ToolGraph([Tool("a", gives={"x": ""}), Tool("b", gives={"x": ""}, seconds=9)])
    way = cheapest(graph, {"a": weight, "b": 9.0}, [], ["x"])
    assert way is not None
    assert way.steps == ("b",)


@pytest.mark.parametrize(
    "figures",
    [{"reliability": 0.0}, {"reliability": math.nan}, {"saturation": 1.0}, {"seconds": math.nan}, {"money": -9.0}],
)
def test_figures_that_make_no_sense_are_those_of_a_dead_tool(figures: dict[str, float]) -> None:
    graph = ToolGraph([Tool("a", gives={"x": ""}, **figures), Tool("b", gives={"x": ""}, seconds=9.0)])  # type: ignore[arg-type]
    way = cheapest(graph, healthy_weights(graph, 1.0), [], ["x"])
    assert way is not None
    assert way.steps == ("b",)


def test_nothing_wanted_and_nothing_known() -> None:
    empty = ToolGraph([])
    assert cheapest(empty, {}, ["x"], ["x"]) is not None
    assert cheapest(empty, {}, [], ["x"]) is None


def test_a_long_chain() -> None:
    graph = ToolGraph([Tool(f"t{n:05}", needs={"x": f"a{n}"}, gives={f"a{n + 1}": ""}) for n in range(20_000)])
    way = cheapest(graph, healthy_weights(graph, 1.0), ["a0"], ["a20000"])
    assert way is not None
    assert len(way.steps) == 20_000
    assert way.cost == 20_000


def test_a_graph_too_large_to_search_still_has_a_way_and_a_bound() -> None:
    graph = layered(Random(1), 10)
    weights = healthy_weights(graph, 1.0)
    way = cheapest(graph, weights, [], ["9.0"])
    assert way is not None
    assert 0 < way.bound <= way.cost
    assert "9.0" in closure(graph, way.steps, [])
    assert way == cheapest(graph, weights, [], ["9.0"])
