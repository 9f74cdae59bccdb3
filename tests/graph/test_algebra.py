"""Patches as an algebra: inverse, composition, refusal; and the incremental cycle check against a full one."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import PatchRefused
from orrery.graph import Add, Drop, Edge, Edit, Graph, Link, LiveGraph, Patch, Ref, Replace, SetOutputs, Task, Unlink
from orrery.testing.graphs import graphs, patches


def test_a_task_added_and_dropped_by_one_patch_was_never_there() -> None:
    graph = Graph([Task("a", "f")])
    patch = Patch((Add(Task("b", "f")), Link(Edge("a", "b")), Drop("b"), Replace(Task("a", "g"))))
    after, inverse = graph.apply_invertibly(patch)
    assert after == Graph([Task("a", "g")])
    assert after.apply(inverse) == graph


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_patch_and_its_inverse_are_the_identity(data: st.DataObject) -> None:
    graph = data.draw(graphs(max_tasks=5))
    after, inverse = graph.apply_invertibly(data.draw(patches(graph)))
    again, forward = after.apply_invertibly(inverse)
    assert again == graph
    assert again.apply(forward) == after


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_composing_two_patches_is_applying_one_after_the_other(data: st.DataObject) -> None:
    graph = data.draw(graphs(max_tasks=5))
    first = data.draw(patches(graph))
    middle = graph.apply(first)
    second = data.draw(patches(middle))
    assert graph.apply(first.then(second)) == middle.apply(second)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_refused_patch_changes_nothing(data: st.DataObject) -> None:
    graph = data.draw(graphs(max_tasks=5))
    live = LiveGraph()
    live.apply(graph.as_patch())
    before = _shape(live)
    patch = data.draw(patches(graph, valid=False))
    answer = live.apply(patch)
    if isinstance(answer, list):
        assert answer
        assert _shape(live) == before
        with pytest.raises(PatchRefused):
            graph.apply(patch)
    else:
        assert not isinstance(live.apply(answer), list)
        assert _shape(live) == before


Step = tuple[str, int, int]
_steps = st.lists(
    st.tuples(st.sampled_from(["link", "link", "link", "unlink", "drop", "add"]), *[st.integers(0, 9)] * 2)
)


@given(st.lists(_steps.filter(bool), max_size=12))
@settings(max_examples=150, deadline=None)
def test_the_incremental_cycle_check_agrees_with_one_from_scratch(groups: list[list[Step]]) -> None:
    live = LiveGraph()
    live.apply(Patch(tuple(Add(Task(str(n), "f")) for n in range(10))))
    oracle: nx.DiGraph[str] = nx.DiGraph()
    oracle.add_nodes_from(str(n) for n in range(10))
    for group in groups:
        wanted = oracle.copy()
        edits: list[Edit] = []
        for kind, a, b in group:
            source, target = str(a), str(b)
            if kind == "link" and source in wanted and target in wanted:
                edits.append(Link(Edge(source, target)))
                wanted.add_edge(source, target)
            elif kind == "unlink" and wanted.has_edge(source, target):
                edits.append(Unlink(source, target))
                wanted.remove_edge(source, target)
            elif kind == "drop" and source in wanted and not wanted.out_degree(source):
                edits.append(Drop(source))
                wanted.remove_node(source)
            elif kind == "add" and source not in wanted:
                edits.append(Add(Task(source, "f")))
                wanted.add_node(source)
        refused = isinstance(live.apply(Patch(tuple(edits))), list)
        assert refused == (not nx.is_directed_acyclic_graph(wanted))
        oracle = oracle if refused else wanted
        assert set(live.tasks) == set(oracle)
        assert {(s, t) for t, edges in live.incoming.items() for s in edges} == set(oracle.edges)
        assert all(live.order.position(s) < live.order.position(t) for s, t in oracle.edges)


def _shape(live: LiveGraph) -> object:
    return (
        dict(live.tasks),
        {task: dict(edges) for task, edges in live.explicit.items()},
        {task: dict(edges) for task, edges in live.incoming.items()},
        {task: set(targets) for task, targets in live.outgoing.items()},
        dict(live.outputs),
    )


@pytest.mark.parametrize("edits", [(Link(Edge("b", "a")), Unlink("a", "b")), (Unlink("a", "b"), Link(Edge("b", "a")))])
def test_an_edge_may_be_turned_round_by_one_patch_in_either_order(edits: tuple[Edit, ...]) -> None:
    graph = Graph([Task("a", "f"), Task("b", "f")], [Edge("a", "b")])
    assert list(graph.apply(Patch(edits)).edges) == [("b", "a")]


def test_a_graph_at_rest_may_lose_its_outputs_and_one_in_use_may_not() -> None:
    graph = Graph([Task("a", "f")], outputs={"x": Ref("a")})
    assert not graph.apply(Patch((SetOutputs({}),))).outputs
    live = LiveGraph()
    live.apply(graph.as_patch())
    problems = live.apply(Patch((SetOutputs({}),)), lambda _: None)
    assert isinstance(problems, list)
    assert [problem.code for problem in problems] == ["patch/drops-output"]
