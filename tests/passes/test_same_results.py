"""Whatever passes make of a graph, it does the same: results, failures, effects and their order.

Few graphs here, so that the suite is quick; `orrery bench optimiser --only passes` runs ten thousand.
"""

from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.bench.optimiser.passes import Drawn
from orrery.graph import Graph
from orrery.graph.text import parse
from orrery.passes import Pass, named, passes
from orrery.passes.effects import may_share
from orrery.passes.fold_conversation import fold_conversation
from orrery.passes.merge_shared import merge_graphs
from orrery.passes.pipeline import rewrite
from orrery.passes.speculate import speculate
from orrery.testing.lookalikes import INPUT_VALUES, lookalikes
from orrery.testing.performing import differences, perform
from tests.passes.costs import LONG_TAILED, Wild

MINE = ("canonicalize", "drop_unused", "merge_shared", "speculate")


def steps_for(graph: Graph, names: tuple[str, ...]) -> list[tuple[str, Pass]]:
    """The passes, `speculate` with a chance for every condition."""
    chances = {task.id: 0.95 for task in graph}
    return [(name, partial(speculate, chances=chances) if name == "speculate" else one) for name, one in named(names)]


def check(graph: Graph, names: tuple[str, ...], costs: Wild | None = None) -> bool:
    """The graph before and after does the same, and no pass broke its word; whether anything changed."""
    made = rewrite(graph, costs or LONG_TAILED, steps_for(graph, names))
    assert [fault for step in made.steps for fault in step.faults] == []
    impure = {task.id for task in graph if not may_share(task)}
    assert impure == {task.id for task in made.after if not may_share(task)}
    assert all(made.after[task].limits.hedge_after_s is None for task in impure)
    if made.after is graph:
        return False
    was, now = (perform(each, inputs=INPUT_VALUES) for each in (graph, made.after))
    assert differences(graph, made.after, was, now, made.became) == []
    return True


@pytest.mark.parametrize("name", MINE)
def test_a_single_pass_leaves_what_a_graph_does(name: str) -> None:
    assert sum([check(lookalikes(seed), (name,)) for seed in range(40)]) >= 10


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(MINE), min_size=1, max_size=6), st.floats(0, 1))
def test_passes_in_any_order_leave_what_a_graph_does(seed: int, names: list[str], impure: float) -> None:
    check(lookalikes(seed, impure=impure), tuple(names), Wild(seed))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_estimates_decide_how_and_never_what(seed: int) -> None:
    graph = lookalikes(seed)
    results = [
        perform(rewrite(graph, costs, steps_for(graph, MINE)).after, inputs=INPUT_VALUES)
        for costs in (LONG_TAILED, Wild(seed), Wild(seed + 1))
    ]
    if not any(result.undecided for result in results):
        assert results[0].outputs == results[1].outputs == results[2].outputs


def test_a_failure_that_a_soft_edge_says_is_dealt_with_still_is() -> None:
    """Found by the bench: the soft edge into a task that needs k of n went, and the run failed."""
    graph = lookalikes(1003755, tasks=8, impure=0.0, traps=1.0, asks=0.4)
    counting = [key for key, edge in graph.edges.items() if not edge.hard and graph[key[1]].join is not None]
    made = rewrite(graph, Drawn(1003755), named([*MINE[:3], "choose_topology"]))
    was, now = (perform(each, inputs=INPUT_VALUES) for each in (graph, made.after))
    assert [step.faults for step in made.steps] == [()] * 4
    assert counting
    assert all(key in made.after.edges for key in counting)
    assert differences(graph, made.after, was, now, made.became) == []


def test_a_conversation_is_not_folded_into_another() -> None:
    """Found by the bench: folded, placed and folded again, a marked text was marked once more."""
    graph = lookalikes(1006252, tasks=9, impure=0.3, traps=0.1, asks=0.9)
    fold = partial(fold_conversation, least_saved=0.0)
    steps: list[tuple[str, Pass]] = [("fold_conversation", fold), *named(["merge_shared"]), ("fold_conversation", fold)]
    made = rewrite(graph, Drawn(1006252), steps)
    was, now = (perform(each, inputs=INPUT_VALUES) for each in (graph, made.after))
    assert [step.faults for step in made.steps] == [()] * 3
    assert differences(graph, made.after, was, now, made.became) == []


@pytest.mark.parametrize("seed", range(15))
def test_many_graphs_as_one_return_what_each_returns(seed: int) -> None:
    chance = random.Random(seed)
    several = [lookalikes(chance.randrange(4), tasks=8, impure=0.1) for _ in range(3)]
    merged, names = merge_graphs(several, LONG_TAILED)
    whole = perform(merged.graph, inputs=INPUT_VALUES)
    for number, graph in enumerate(several):
        alone = perform(graph, inputs=INPUT_VALUES)
        assert set(names[number]) == set(graph.tasks)
        assert all(task in merged.graph for task in names[number].values())
        for name, value in alone.outputs.items():
            if not alone.undecided and not whole.undecided:
                assert whole.outputs[f"g{number}.{name}"] == value
    assert len(merged.graph) <= sum(map(len, several))


def test_equal_graphs_are_one_but_for_their_effects() -> None:
    graph = parse("a = f(n=@inputs.x) [pure]\nb = f(a, n=2) [pure, after a]\nc = g(b)\nreturn b, c")
    merged, names = merge_graphs([graph] * 5, LONG_TAILED)
    assert list(merged.graph.tasks) == ["g0/a", "g0/b", "g0/c", "g1/c", "g2/c", "g3/c", "g4/c"]
    assert names[4] == {"a": "g0/a", "b": "g0/b", "c": "g4/c"}


def test_the_passes_under_test_are_those_that_are_registered() -> None:
    assert all(name in passes for name in MINE)
