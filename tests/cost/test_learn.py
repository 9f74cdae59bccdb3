"""Learning from logs: what counts as a duration, what as a failure, what is forgotten, and what breaks nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.cost import Estimates, Learned, learn, predict, taught_by
from orrery.cost import learned as limits
from orrery.cost.question import question_of
from orrery.graph import Edge, Graph, Ref, Task
from orrery.graph.patch import Add, Patch
from orrery.graph.task import Each
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from orrery.testing.events import events
from tests.cost.logs import Log

WORK = Task("a", "files.read", {"path": "x.csv"})


def learned(*logs: Log) -> Learned:
    """From runs in this order."""
    found = Learned()
    for number, log in enumerate(logs):
        found.take(str(number), taught_by(log.events))
    return found


def seconds(task: Task, known: Learned, **more: Any) -> float:
    return Estimates(None, known, **more).estimate(task).seconds.mid


def test_the_median_of_attempts_is_what_is_expected_and_says_so() -> None:
    known = learned(*(Log(WORK).ran("a", s).ended() for s in (1.0, 1.0, 2.0, 2.0, 2.0, 90.0)))
    cost = Estimates(None, known).estimate(WORK)
    assert cost.seconds.mid == pytest.approx(2.0, rel=0.03)
    assert (cost.source, cost.because) == ("learned", "median of 6 attempts at this step")
    assert cost.seconds.low < 1.1
    assert cost.seconds.high > 80


def test_failed_attempts_are_no_durations_but_count_as_failures() -> None:
    log = Log(WORK).failed("a", 50.0).ran("a", 1.0, at=60.0, attempt=2).ended()
    cost = Estimates(None, learned(log, log, log)).estimate(WORK)
    assert cost.seconds.mid == pytest.approx(1.0, rel=0.03)
    assert cost.settled_s is not None
    assert cost.settled_s.mid == pytest.approx(61.0, rel=0.03), "repeated attempts and the pause between are in it"
    assert cost.fails == 0.0, "it came through in the end"
    hopeless = Log(WORK).failed("a", 1.0).ended("failed")
    assert Estimates(None, learned(log, hopeless)).estimate(WORK).fails == pytest.approx(0.5, abs=0.02)


def test_the_slower_of_two_hedged_attempts_and_what_died_with_its_process_do_not_count() -> None:
    hedged = Log(WORK).add(ev.TaskStarted(1000.0, "a", 1)).ran("a", 1.0, at=5.0, attempt=2)
    hedged.add(ev.TaskStopped(1030.0, "a", 1)).ended()
    crashed = Log(WORK).add(ev.TaskStarted(1000.0, "a", 1), ev.RunResumed(5000.0, 2))
    crashed.ran("a", 1.0, at=4001.0, attempt=2).ended(at=4100.0)
    known = learned(hedged, crashed, hedged, crashed)
    finest = known.ladder(question_of(WORK, "", None))[0].experience
    assert round(finest.tries) == 4
    cost = Estimates(None, known).estimate(WORK)
    assert cost.seconds.mid == pytest.approx(1.0, rel=0.03)
    assert cost.settled_s is None or cost.settled_s.high < 10


def test_a_for_each_teaches_how_many_items_there_are_and_how_long_one_takes() -> None:
    names = Task("names", "files.glob")
    each = Task("each", "files.read", {"path": Ref("@item")}, each=Each(Ref("names")))
    log = Log(names, each).ran("names", 0.1, value=["x"] * 7).fanned_out("each", [2.0] * 7, at=1.0).ended()
    cost = Estimates(None, learned(log, log, log), graph=log.graph).estimate(each)
    assert cost.items is not None
    assert (round(cost.items.mid), cost.because) == (7, "median of 21 attempts at this step")
    assert cost.seconds.mid == pytest.approx(2.0, rel=0.03)


def test_a_task_that_grew_took_what_all_of_it_took() -> None:
    agent, inner = Task("agent", "agent.run"), Task("agent/ask", "model.ask", {"prompt": "x"})
    log = Log(agent).add(ev.TaskStarted(1000.0, "agent", 1))
    log.add(ev.TaskExpanded(1001.0, "agent", 1, Patch((Add(inner),)), Ref("agent/ask")))
    log.ran("agent/ask", 8.0, at=1.0, tokens=500, money=0.02).ended(at=9.0)
    cost = Estimates(None, learned(log, log, log)).estimate(agent)
    assert cost.seconds.mid == pytest.approx(9.0, rel=0.03)
    assert cost.tokens.mid == pytest.approx(500, rel=0.03)
    assert cost.money.mid == pytest.approx(0.02, rel=0.03)


def test_how_often_a_condition_left_a_task_out_is_its_chance() -> None:
    graph = Graph([WORK, Task("b", "x")], [Edge("a", "b", on="failure")])
    skipped = Log(graph=graph).ran("a", 1.0).add(ev.TaskSkipped(1001.0, "b", "no failure")).ended()
    handled = Log(graph=graph).failed("a", 1.0).ran("b", 1.0, at=1.0).ended()
    runs = Estimates(None, learned(skipped, skipped, handled, skipped)).estimate(graph["b"]).runs
    assert runs == pytest.approx(0.25, abs=0.02)


def test_an_input_of_another_size_is_asked_for_apart_and_another_step_lends_what_it_knows() -> None:
    logs = []
    for size, took in ((3000, 1.0), (300_000, 50.0)) * 4:
        source, reads = Task("s", "files.read"), Task("r", "text.count", {"text": Ref("s")})
        logs.append(Log(source, reads).ran("s", 0.1, value="x" * size).ran("r", took, at=1.0).ended())
    known = learned(*logs)
    small = Task("r", "text.count", {"text": "y" * 3000})
    cost = Estimates(None, known).estimate(small)
    assert cost.seconds.mid == pytest.approx(1.0, rel=0.03)
    assert cost.because == "median of 4 attempts at text.count, input 2-4 kB"
    unseen = Estimates(None, known).estimate(Task("r", "text.count", {"text": "y" * 20}))
    assert unseen.because == "median of 8 attempts at text.count"


def test_newer_runs_count_for_more() -> None:
    old, new = Log(WORK).ran("a", 1.0).ended(), Log(WORK).ran("a", 9.0).ended()
    assert seconds(WORK, learned(*[old] * 40, *[new] * 12)) == pytest.approx(1.0, rel=0.03)
    assert seconds(WORK, learned(*[old] * 40, *[new] * 18)) == pytest.approx(9.0, rel=0.03)


def test_what_is_kept_is_bounded_and_the_longest_untouched_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KINDS", 12)
    known = learned(*(Log(Task("a", f"op{n}")).ran("a", 1.0).ended() for n in range(50)))
    assert len(known) <= 12
    assert Estimates(None, known).estimate(Task("a", "op49")).source == "learned"
    assert Estimates(None, known).estimate(Task("a", "op0")).source == "default"


def written(journal: MemoryJournal, run: str, log: Log) -> None:
    lease = journal.create(run, 1000.0)
    journal.append([(lease, log.events)])
    journal.release(lease)


def test_a_store_is_read_once_and_what_cannot_be_read_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = MemoryJournal()
    for number in range(4):
        written(journal, f"r{number}", Log(WORK).ran("a", 2.0).ended())
    journal.append([(journal.create("driven", 1000.0), Log(WORK).ran("a", 99.0).events)])
    real = journal.read

    def read(run: str, after: int = 0) -> Any:
        if run == "r1":
            msgspec.msgpack.decode(b"\xc1")  # as an event of a version to come would
        return real(run, after)

    monkeypatch.setattr(journal, "read", read)
    known = learn(journal)
    assert list(known.taken) == ["r0", "r2", "r3"], "the one that is driven at present is left out"
    assert list(known.skipped) == ["r1"]
    assert seconds(WORK, known) == pytest.approx(2.0, rel=0.03)
    written(journal, "r9", Log(WORK).ran("a", 2.0).ended())
    assert list(learn(journal, known).taken) == ["r0", "r2", "r3", "r9"]
    assert list(learn(journal, runs=1).taken) == ["r9"]
    assert "too long" in learn(journal, events=3).skipped["r9"]
    journal.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(events(), max_size=30))
def test_no_log_breaks_it_and_no_figure_of_one_makes_an_estimate_absurd(log: list[ev.AnyEvent]) -> None:
    known = Learned()
    known.take("r", taught_by(log))
    for event in log:
        if isinstance(event, ev.GraphPatched):
            for edit in event.patch.edits:
                if isinstance(edit, Add):
                    assert Estimates(None, known).estimate(edit.task).seconds.high < 1e15


def test_times_that_jump_and_usage_that_cannot_be_are_no_harm() -> None:
    odd = Log(WORK).add(
        ev.TaskStarted(5e9, "a", 1),
        ev.TaskSucceeded(1.0, "a", 1, usage=ev.Usage(money=-3.0, tokens=10**30), began_at=-1e300),
    )
    cost = Estimates(None, learned(odd, odd, odd)).estimate(WORK)
    assert cost.seconds.mid == 0.0
    assert cost.money.mid == 0.0


def test_what_an_executor_needs_to_begin_is_no_part_of_an_attempt_but_of_the_time_until_it_settles() -> None:
    late = Log(WORK).add(ev.TaskStarted(1000.0, "a", 1), ev.TaskSucceeded(1005.0, "a", 1, began_at=1003.0)).ended()
    cost = Estimates(None, learned(late, late, late)).estimate(WORK)
    assert cost.settled_s is not None
    assert cost.seconds.mid == pytest.approx(2.0, rel=0.03)
    assert cost.settled_s.mid == pytest.approx(5.0, rel=0.03)
    assert predict(Graph([WORK]), Estimates(None, learned(late, late, late))).seconds.mid == pytest.approx(5, rel=0.03)
