"""The layout: layers, distances, few crossings, and speed."""

from __future__ import annotations

import itertools
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.drawing.layout import layered
from orrery.testing.graphs import random_graph


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
@settings(max_examples=100, deadline=None)
def test_arcs_go_forward_and_nodes_keep_their_distance(pairs: list[tuple[int, int]]) -> None:
    nodes = [f"{n:02}" for n in range(12)]
    arcs = [(nodes[min(pair)], nodes[max(pair)]) for pair in pairs if pair[0] != pair[1]]
    layout = layered(nodes, arcs)
    assert set(layout.at) == set(nodes)
    for arc in arcs:
        path = [layout.at[arc[0]], *layout.bends.get(arc, ()), layout.at[arc[1]]]
        assert all(b[0] - a[0] == 1 for a, b in itertools.pairwise(path))
    for a, b in itertools.combinations(nodes, 2):
        assert layout.at[a][0] != layout.at[b][0] or abs(layout.at[a][1] - layout.at[b][1]) > 0.99
    assert all(0 <= x < layout.size[0] and 0 <= y <= layout.size[1] for x, y in layout.at.values())
    assert layered(nodes, arcs) == layout


def test_a_crossing_that_can_be_avoided_is_avoided() -> None:
    layout = layered(["a", "b", "x", "y"], [("a", "y"), ("b", "x")])
    assert (layout.at["a"][1] < layout.at["b"][1]) == (layout.at["y"][1] < layout.at["x"][1])


def test_a_chain_is_a_straight_line_and_an_empty_graph_is_nothing() -> None:
    layout = layered(["a", "b", "c"], [("a", "b"), ("b", "c")])
    assert {y for _, y in layout.at.values()} == {0.0}
    assert layered([], []).size == (0, 0.0)


def test_two_thousand_nodes_take_less_than_two_seconds() -> None:
    graph = random_graph(5, tasks=2_000)
    nodes = [task.id for task in graph.in_order()]
    arcs = [(edge.source, edge.target) for node in nodes for edge in graph.incoming(node)]
    begin = time.process_time()
    layered(nodes, arcs)
    assert time.process_time() - begin < 2


def test_edges_over_the_whole_graph_do_not_fill_it_with_points() -> None:
    nodes = [str(n) for n in range(1_500)]
    arcs = [*itertools.pairwise(nodes), *((nodes[0], node) for node in nodes[2:])]
    begin = time.process_time()
    layout = layered(nodes, arcs)
    assert sum(map(len, layout.bends.values())) < 5_000
    assert time.process_time() - begin < 4
