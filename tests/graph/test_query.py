"""Questions about graphs, held against networkx and against each other."""

from __future__ import annotations

import itertools

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import UnknownNameError
from orrery.graph import Each, Edge, Estimate, Graph, Ref, Task
from orrery.graph.query import (
    ancestors,
    critical_path,
    descendants,
    estimated_seconds,
    levels,
    sinks,
    sources,
    total_work,
    width,
    width_at_least,
)
from orrery.testing.graphs import graphs, random_graph


def _as_networkx(graph: Graph) -> nx.DiGraph[str]:
    twin: nx.DiGraph[str] = nx.DiGraph()
    twin.add_nodes_from(graph.tasks)
    twin.add_edges_from((edge.source, edge.target) for task in graph for edge in graph.incoming(task.id))
    return twin


def _width_by_matching(twin: nx.DiGraph[str]) -> int:
    closure = nx.transitive_closure_dag(twin)
    halves: nx.Graph[tuple[str, str]] = nx.Graph()
    left = [("out", node) for node in twin]
    halves.add_nodes_from(left)
    halves.add_nodes_from(("in", node) for node in twin)
    halves.add_edges_from((("out", a), ("in", b)) for a, b in closure.edges)
    matching = nx.bipartite.hopcroft_karp_matching(halves, left)
    return len(twin) - len(matching) // 2


def _agrees(graph: Graph) -> None:
    twin = _as_networkx(graph)
    number, antichain = width(graph)
    assert number == len(antichain) == len(set(antichain)) == _width_by_matching(twin)
    fewer, independent = width_at_least(graph)
    assert min(number, 1) <= fewer == len(independent) == len(set(independent)) <= number
    reach = {task: set(descendants(graph, task)) for task in graph.tasks}
    assert all(reach[task] == nx.descendants(twin, task) for task in graph.tasks)
    assert all(set(ancestors(graph, task)) == nx.ancestors(twin, task) for task in graph.tasks)
    for tasks in (antichain, independent):
        assert not any(b in reach[a] or a in reach[b] for a, b in itertools.combinations(tasks, 2))
    assert [sorted(row) for row in levels(graph)] == [sorted(row) for row in nx.topological_generations(twin)]
    assert set(sources(graph)) == {node for node in twin if twin.in_degree(node) == 0}
    assert set(sinks(graph)) == {node for node in twin if twin.out_degree(node) == 0}


@given(graphs(max_tasks=8))
@settings(max_examples=60, deadline=None)
def test_small_strange_graphs_agree_with_networkx(graph: Graph) -> None:
    _agrees(graph)


@given(st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=40))
@settings(max_examples=300, deadline=None)
def test_the_width_is_that_of_the_largest_antichain(pairs: list[tuple[int, int]]) -> None:
    edges = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    graph = Graph([Task(f"{n}", "f") for n in range(14)], [Edge(f"{a}", f"{b}") for a, b in sorted(edges)])
    number, antichain = width(graph)
    assert number == len(antichain) == _width_by_matching(_as_networkx(graph))


@pytest.mark.parametrize("seed", range(6))
def test_larger_random_graphs_agree_with_networkx(seed: int) -> None:
    _agrees(random_graph(seed, tasks=80, dependencies=1.0 + seed / 2))


def test_the_width_counts_what_no_level_shows() -> None:
    graph = Graph([Task(n, "f") for n in "smtnuw"], [Edge("s", "t"), Edge("t", "u"), Edge("t", "w"), Edge("m", "n")])
    assert [len(row) for row in levels(graph)] == [2, 2, 2]
    number, antichain = width(graph)
    assert number == 3
    assert sorted(antichain) in (["m", "u", "w"], ["n", "u", "w"])
    assert width(Graph()) == width_at_least(Graph()) == (0, [])
    assert width_at_least(graph)[0] == 3


def test_the_width_in_linear_time_falls_little_short() -> None:
    graphs = [random_graph(seed, tasks=120, dependencies=1.0 + seed % 3) for seed in range(12)]
    short = [1 - width_at_least(graph)[0] / width(graph)[0] for graph in graphs]
    assert sum(short) / len(short) < 0.02
    assert max(short) < 0.11


def test_the_longest_path_is_found_with_its_seconds() -> None:
    graph = Graph(
        [
            Task("a", "f", estimate=Estimate(1)),
            Task("b", "f", {"x": Ref("a")}, estimate=Estimate(5)),
            Task("c", "f", {"x": Ref("a")}, estimate=Estimate(2), each=Each([1, 2, 3])),
            Task("d", "f", {"b": Ref("b"), "c": Ref("c")}, estimate=Estimate(0.5)),
        ]
    )
    assert critical_path(graph) == (["a", "c", "d"], 7.5)
    assert critical_path(graph, lambda _: 1.0) == (["a", "b", "d"], 3.0)
    assert total_work(graph) == 12.5
    assert critical_path(Graph()) == ([], 0.0)


@given(graphs(max_tasks=7))
@settings(max_examples=60, deadline=None)
def test_no_path_is_longer_than_the_critical_one(graph: Graph) -> None:
    path, seconds = critical_path(graph)
    twin = _as_networkx(graph)
    assert all(twin.has_edge(a, b) for a, b in itertools.pairwise(path))
    ends: dict[str, float] = {}
    for node in nx.topological_sort(twin):
        ends[node] = max((ends[before] for before in twin.predecessors(node)), default=0.0) + estimated_seconds(
            graph[node]
        )
    assert seconds == pytest.approx(max(ends.values(), default=0.0))
    assert sum(estimated_seconds(graph[task]) for task in path) == pytest.approx(seconds)


def test_an_unknown_task_is_named_with_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'count'"):
        ancestors(Graph([Task("count", "f")]), "coutn")
