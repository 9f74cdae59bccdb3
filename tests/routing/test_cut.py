"""Cuts: a proof that holds, and no smaller than it need be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.routing.tool_graph.cut import prove
from orrery.routing.tool_graph.tools import Tool, ToolGraph
from tests.routing.graphs import closure, layered, some_artefacts, tool_graphs, wanted_artefacts


def check(graph: ToolGraph, have: list[str], want: list[str], dead: set[int]) -> str:
    """Hold the proof against brute force; what was found, in a word."""
    alive = [name for name in graph.names if int(name[1:]) not in dead]
    gone = [name for name in graph.names if name not in alive]

    def is_open(tools: Iterable[str]) -> bool:
        return set(want) <= closure(graph, tools, have)

    proof = prove(graph, alive, have, want)
    if proof is None:
        assert is_open(alive)
        return "open"
    assert not is_open(alive)
    if proof.missing:
        assert not is_open(graph.names)
        assert not proof.cut
        return "impossible"
    assert set(proof.cut) <= set(gone)
    assert not is_open([name for name in graph.names if name not in proof.cut]), "it blocks every way by itself"
    assert is_open([*alive, *proof.opening])
    for size in range(len(gone) + 1):
        sets = list(itertools.combinations(gone, size))
        blocking = any(not is_open([name for name in graph.names if name not in chosen]) for chosen in sets)
        opening = any(is_open([*alive, *chosen]) for chosen in sets)
        assert not blocking or size >= len(proof.cut)
        assert not opening or size >= len(proof.opening)
    assert proof.opening_is_least
    return proof.method


@settings(max_examples=80, deadline=None)
@given(tool_graphs(), some_artefacts, wanted_artefacts, st.sets(st.integers(0, 6), min_size=1))
def test_a_cut_is_one_and_is_the_smallest(graph: ToolGraph, have: list[str], want: list[str], dead: set[int]) -> None:
    assert check(graph, have, want, dead) in ("open", "impossible", "max-flow", "search")


@settings(max_examples=80, deadline=None)
@given(tool_graphs(most_needs=1), some_artefacts, wanted_artefacts, st.sets(st.integers(0, 6), min_size=2))
def test_where_ways_are_paths_the_cut_is_found_by_flow(
    graph: ToolGraph, have: list[str], want: list[str], dead: set[int]
) -> None:
    assert check(graph, have, want, dead) in ("open", "impossible", "max-flow")


def test_two_bridges_over_one_river() -> None:
    tools = [
        Tool("boat", needs={"n": "north"}, gives={"south": ""}),
        Tool("bridge", needs={"n": "north"}, gives={"south": ""}),
        Tool("road", needs={"s": "south"}, gives={"town": ""}),
    ]
    graph = ToolGraph(tools)
    proof = prove(graph, ["road"], ["north"], ["town"])
    assert proof is not None
    assert (proof.cut, proof.method, len(proof.opening)) == (("boat", "bridge"), "max-flow", 1)
    assert str(proof) == (
        "every way leads through one of boat, bridge, and all are dead; the fewest whose return would open one: boat"
    )
    narrow = prove(graph, [], ["north"], ["town"])
    assert narrow is not None
    assert narrow.cut == ("road",)


@pytest.mark.parametrize("seed", range(4))
def test_the_cut_of_a_graph_too_large_to_search_is_one_too(seed: int) -> None:
    random = Random(seed)
    graph = layered(random, 20)
    alive = [name for name in graph.names if random.random() < 0.6]
    proof = prove(graph, alive, [], ["19.0"])
    assert proof is not None
    assert not set(proof.cut) & set(alive)
    assert "19.0" not in closure(graph, [name for name in graph.names if name not in proof.cut], [])
    assert "19.0" in closure(graph, [*alive, *proof.opening], [])


def test_what_no_tool_gives_is_named() -> None:
    graph = ToolGraph([Tool("a", needs={"x": "x"}, gives={"y": ""})])
    proof = prove(graph, ["a"], [], ["y"])
    assert proof is not None
    assert str(proof) == "no tool gives x, even if all are well"


def test_tools_that_wait_for_each_other_give_nothing() -> None:
    graph = ToolGraph([Tool("a", needs={"x": "x"}, gives={"y": ""}), Tool("b", needs={"y": "y"}, gives={"x": ""})])
    proof = prove(graph, ["a", "b"], [], ["y"])
    assert proof is not None
    assert proof.missing == ("y",)
