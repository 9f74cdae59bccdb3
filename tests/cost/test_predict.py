"""Predictions: as the scheduler itself would run the graph, in virtual time."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.bench.virtual import makespan
from orrery.cost import Cost, Estimates, Model, Option, Platform, Spread, predict
from orrery.cost.cost import AS_WRITTEN
from orrery.graph import Edge, Graph, Ref, Task
from orrery.graph.query import critical_path, total_work
from orrery.graph.task import Each, Estimate, Limits
from orrery.models.serving import Timing
from orrery.testing.strategies import graphs


def work(name: str, seconds: float = 1.0, **more: object) -> Task:
    return Task(name, "x", estimate=Estimate(seconds), **more)  # type: ignore[arg-type]


def random_tasks(seed: int, size: int) -> Graph:
    """Tasks of random length that depend on up to three before them."""
    chance = random.Random(seed)
    tasks = [work(f"t{n}", chance.uniform(0.5, 4.0)) for n in range(size)]
    edges = {
        (source, n): Edge(f"t{source}", f"t{n}", hard=chance.random() < 0.8)
        for n in range(1, size)
        for source in chance.sample(range(n), min(n, chance.randrange(4)))
    }
    return Graph(tasks, edges.values())


class Fixed:
    """A cost model that says the same of every task, or something else of some."""

    def __init__(self, platform: Platform | None = None, **costs: Cost) -> None:
        self.platform = platform or Platform()
        self._costs = costs

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        return self._costs.get(task.id, Cost(Spread.about(1.0, 2.0), source="learned"))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 5))
def test_with_declared_seconds_it_is_what_the_scheduler_itself_needs(seed: int, size: int, workers: int) -> None:
    graph = random_tasks(seed, size)
    found = predict(graph, Estimates(Platform(capacity={"inline": workers})))
    assert found.seconds.mid == pytest.approx(makespan(graph, workers=workers), rel=1e-9)
    assert found.work_s.mid == pytest.approx(total_work(graph))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 25))
def test_with_room_for_all_it_is_the_critical_path(seed: int, size: int) -> None:
    graph = random_tasks(seed, size)
    found = predict(graph, Estimates())
    path, seconds = critical_path(graph)
    assert found.critical_path == tuple(path)
    assert found.seconds.mid == pytest.approx(seconds)
    assert found.seconds.low <= seconds <= found.seconds.high


@settings(deadline=None, max_examples=50)
@given(graphs(max_tasks=8), st.sampled_from((None, 0, 1, 2)))
def test_any_graph_comes_to_an_end(graph: Graph, workers: int | None) -> None:
    capacity = {} if workers is None else dict.fromkeys(("inline", "thread", "process", "gpu", "fleet"), workers)
    found = predict(graph, Estimates(Platform(capacity=capacity), graph=graph))
    assert list(found.tasks) == [task.id for task in graph.in_order()]
    assert found.seconds.high < math.inf
    assert all(one.ends_s >= one.begins_s for one in found.tasks.values())


def test_a_graph_of_nothing_takes_nothing() -> None:
    found = predict(Graph(), Estimates())
    assert (found.seconds, found.critical_path) == (Spread.exactly(0), ())


def test_long_chains_and_wide_graphs_are_no_trouble() -> None:
    chain = Graph([work(str(n)) for n in range(10_000)], [Edge(str(n), str(n + 1)) for n in range(9_999)])
    assert predict(chain, Estimates()).seconds.mid == pytest.approx(10_000)
    wide = Graph([work(str(n), executor="thread") for n in range(10_000)])
    assert predict(wide, Estimates(Platform(capacity={"thread": 4}))).seconds.mid == pytest.approx(2500)


def test_items_run_beside_each_other_as_far_as_there_is_room() -> None:
    each = work("e", 3.0, each=Each([1] * 10), executor="process")
    graph = Graph([each, work("after")], [Edge("e", "after")])
    found = predict(graph, Estimates(Platform(capacity={"process": 4})))
    assert (found.seconds.mid, found.work_s.mid, found.tasks["e"].items) == (3 * 3 + 1, 31, 10)
    assert predict(graph, Estimates()).seconds.mid == 4
    million = Graph([work("e", 0.5, each=Each([0] * 1_000_000), executor="process")])
    assert predict(million, Estimates(Platform(capacity={"process": 2}))).seconds.mid == pytest.approx(250_000)
    assert predict(million, Estimates()).seconds.mid == pytest.approx(0.5)


def test_items_that_were_learned_to_differ_take_their_mean_and_not_their_median() -> None:
    graph = Graph([work("e", each=Each([0] * 200), executor="process")])
    platform, spread = Platform(capacity={"process": 1}), Spread(0.2, 1.0, 5.0)
    differ = Cost(spread, items=Spread.exactly(200), source="learned")
    assert predict(graph, Fixed(platform, e=differ)).seconds.mid > 300
    known = Cost(Spread(0.2, 1.0, 5.0, mean=2.2), items=Spread.exactly(200), source="learned")
    assert predict(graph, Fixed(platform, e=known)).seconds.mid == pytest.approx(440)


def test_calls_wait_for_the_slots_of_their_model() -> None:
    tasks = [Task(f"c{n}", "model.ask", {"prompt": "x", "max_tokens": 11}) for n in range(6)]
    timing = Timing(1.0, 10.0)
    for model in (Model("m", timing=timing, slots=2), Model("m", timing=Timing(1.0, 10.0, slots=2))):
        found = predict(Graph(tasks), Estimates(Platform({"m": model}, default_model="m")))
        assert found.seconds.mid == pytest.approx(6.0)
    free = predict(Graph(tasks), Estimates(Platform({"m": Model("m", timing=timing)}, default_model="m")))
    assert free.seconds.mid == pytest.approx(2.0)


def test_what_more_than_there_is_would_be_needed_for_is_taken_to_run_alone() -> None:
    greedy = [work(name, 2.0, limits=Limits(resources={"gpu": 9})) for name in "ab"]
    assert predict(Graph(greedy), Estimates(Platform(capacity={"gpu": 4}))).seconds.mid == 4.0


def test_a_task_for_the_case_of_failure_counts_by_its_chance() -> None:
    graph = Graph([work("a"), work("rescue", 50.0), work("b")], [Edge("a", "rescue", on="failure"), Edge("a", "b")])
    paid = Cost(Spread.exactly(50.0), money=Spread.exactly(10.0), source="learned")
    fails = Cost(Spread.exactly(1.0), fails=0.2, source="learned")
    found = predict(graph, Fixed(a=fails, rescue=paid))
    assert found.seconds.mid == 2.0
    assert found.tasks["rescue"].chance == pytest.approx(0.2)
    assert found.money.mid == pytest.approx(2.0)
    often = predict(graph, Fixed(a=Cost(Spread.exactly(1.0), fails=0.7, source="learned"), rescue=paid))
    assert often.seconds.mid == 51.0
    never = Fixed(a=fails, b=Cost(Spread.exactly(9.0), runs=0.0, source="learned"))
    assert predict(graph, never).seconds.mid == 1.0, "what never ran is not expected to"


def test_the_more_items_there_are_the_likelier_one_of_them_fails() -> None:
    for accepts, chance in ((False, 1 - 0.9**20), (True, 0.0)):
        each = work("a", each=Each([0] * 20, accept_errors=accepts))
        graph = Graph([each, work("rescue")], [Edge("a", "rescue", on="failure")])
        fails = Cost(Spread.exactly(1.0), items=Spread.exactly(20), fails=0.1, source="learned")
        assert predict(graph, Fixed(a=fails)).tasks["rescue"].chance == pytest.approx(chance)


def test_a_join_goes_when_enough_have_ended() -> None:
    tasks = [work("a", 1.0), work("b", 5.0), work("c", 9.0), work("d", 1.0, join=2)]
    graph = Graph(tasks, [Edge(name, "d") for name in "abc"])
    assert predict(graph, Estimates()).tasks["d"].begins_s == 5.0


def test_a_person_is_named_and_takes_no_time() -> None:
    graph = Graph([work("a"), Task("ok", "ask", {"question": "Go?"}, executor="person"), work("b")],
                  [Edge("a", "ok"), Edge("ok", "b")])  # fmt: skip
    found = predict(graph, Estimates())
    assert (found.seconds.mid, found.asks, found.critical_path) == (2.0, ("ok",), ("a", "b"))


def test_errors_that_are_independent_cancel_and_ignorance_adds_up() -> None:
    chain = Graph([work(str(n)) for n in range(100)], [Edge(str(n), str(n + 1)) for n in range(99)])
    known = predict(chain, Fixed()).seconds
    assert known.mid == pytest.approx(100)
    assert known.high == pytest.approx(100 + math.sqrt(100))
    unknown = predict(chain, Estimates()).seconds
    assert unknown.low == pytest.approx(10)
    assert unknown.high == pytest.approx(1000)


def test_it_waits_for_results_that_it_refers_to() -> None:
    graph = Graph([work("a", 2.0), work("b", 3.0, args={"x": Ref("a")})])
    assert predict(graph, Estimates()).tasks["b"].begins_s == 2.0
