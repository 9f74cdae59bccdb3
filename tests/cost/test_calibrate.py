"""Calibration: estimate against actual, as reckoned by hand."""

from __future__ import annotations

import pytest

from orrery.cost import Estimates, compare, predict
from orrery.graph import Edge, Graph, Ref, Task
from orrery.graph.patch import Add, Patch
from orrery.graph.task import Each, Estimate
from orrery.scheduler import events as ev
from tests.cost.logs import Log


def test_every_task_and_kind_and_the_whole_are_held_against_what_was() -> None:
    tasks = [
        Task("a", "read", estimate=Estimate(2.0)),
        Task("b", "read", estimate=Estimate(2.0)),
        Task("c", "call", estimate=Estimate(10.0, money=0.5, tokens=100)),
        Task("never", "x"),
    ]
    graph = Graph(tasks, [Edge("a", "c"), Edge("c", "never", on="failure")])
    log = Log(graph=graph).ran("a", 4.0).ran("b", 2.5).ran("c", 8.0, at=4.0, money=0.25, tokens=110)
    log.ended(at=12.0)
    found = compare(graph, predict(graph, Estimates()), log.events)
    assert (found.seconds.estimate.mid, found.seconds.actual) == (12.0, 12.0)
    assert (found.work_s.actual, found.money.actual, found.tokens.actual) == (14.5, 0.25, 110)
    assert found.money.error == pytest.approx(1.0)
    assert [(row.op, row.attempts) for row in found.kinds] == [("call", 1), ("read", 2)]
    reading = found.kinds[1]
    assert reading.error == pytest.approx((0.5 + 0.2) / 2)
    assert reading.bias == pytest.approx((2.0 + 1.25) / 2)
    assert (reading.coverage, reading.sources) == (1.0, ("declared",))
    rows = {row.task: row for row in found.tasks}
    assert (rows["c"].begins_s.estimate.mid, rows["c"].begins_s.actual) == (2.0, 4.0)
    assert (rows["never"].ran, rows["never"].seconds.actual) == (False, 0.0)
    assert rows["a"].seconds.is_covered
    assert not rows["c"].money.estimate.low > 0.25


def test_items_and_what_a_task_grew_into_count_as_the_task() -> None:
    each = Task("each", "x", {"v": Ref("@item")}, each=Each([1, 2, 3]), estimate=Estimate(2.0))
    agent = Task("agent", "agent.run", estimate=Estimate(10.0))
    graph = Graph([each, agent])
    log = Log(graph=graph).fanned_out("each", [1.0, 2.0, 4.0]).failed("agent", 1.0)
    log.add(ev.TaskStarted(1002.0, "agent", 2))
    log.add(ev.TaskExpanded(1003.0, "agent", 2, Patch((Add(Task("agent/a", "m")), Add(Task("agent/b", "m"))))))
    log.ran("agent/a", 4.0, at=3.0, tokens=10).ran("agent/b", 5.0, at=7.0, tokens=20).ran("stranger", 1.0).ended(
        at=12.0
    )
    found = compare(graph, predict(graph, Estimates()), log.events)
    kinds = {row.op: row for row in found.kinds}
    assert kinds["x"].attempts == 3
    assert kinds["x"].error == pytest.approx(0.5)
    rows = {row.task: row for row in found.tasks}
    assert (rows["each"].seconds.estimate.mid, rows["each"].seconds.actual) == (6.0, 7.0)
    assert (rows["agent"].seconds.actual, rows["agent"].tokens.actual) == (10.0, 30)
    assert found.unforeseen == 1


def test_a_run_of_which_nothing_happened_is_no_division_by_zero() -> None:
    graph = Graph([Task("a", "x"), Task("ok", "ask", executor="person")])
    found = compare(graph, predict(graph, Estimates()), [])
    assert (found.seconds.actual, found.kinds, len(found.tasks)) == (0.0, (), 1)
    assert found.seconds.error == pytest.approx(1000)
