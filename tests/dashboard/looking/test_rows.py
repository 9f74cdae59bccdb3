"""What the rows and the head of a run say, and what they cost."""

from __future__ import annotations

import msgspec
import pytest
from tests.dashboard.logs import Log

from orrery.dashboard.rows import Change, TaskRow
from orrery.dashboard.spectator import Spectator
from orrery.errors import Failure, UnknownRunError
from orrery.graph import Edge, Effects, Graph, Limits, Ref, Retry, Task
from orrery.graph.nest import nested
from orrery.graph.patch import Add, Drop, Patch
from orrery.graph.values import encode
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev

CHILDREN = 10_000


def look(journal: MemoryJournal, after: int = 0, spectator: Spectator | None = None) -> Change:
    spectator = spectator or Spectator(journal, "r")
    spectator.catch_up()
    return spectator.changed_after(after)


def row(change: Change, task: str) -> TaskRow:
    return next(row for row in change.tasks if row.id == task)


def test_a_row_says_what_a_page_needs(journal: MemoryJournal) -> None:
    ask = Task("ask", "model.ask", {"prompt": "why?", "model": "openai:small"}, executor="thread", label="Ask why")
    tell = Task("tell", "say", {"text": Ref("ask")})
    after_all = Edge("ask", "last", on="completion", hard=False)
    log = Log(journal, "r", Graph([ask, tell, Task("last", "say")], [after_all], {"answer": Ref("tell")}))
    log.say(ev.TaskStarted(2.0, "ask", 1), ev.TaskProgressed(3.0, "ask", 1, 0.25, "a quarter\nis done", "pi"))
    found = row(look(journal), "ask")
    assert (found.label, found.executor, found.model, found.state) == ("Ask why", "thread", "openai:small", "running")
    assert (found.queued_at, found.began_at, found.ended_at) == (2.0, 2.0, None)
    assert (found.fraction, found.note, found.where) == (0.25, "a quarter is done", "pi")
    usage = ev.Usage(0.5, 70)
    log.say(ev.TaskSucceeded(6.0, "ask", 1, usage=usage, began_at=2.5, where="mac"))
    change = look(journal)
    found = row(change, "ask")
    assert (found.began_at, found.ended_at, found.money, found.tokens, found.where) == (2.5, 6.0, 0.5, 70, "mac")
    assert (found.fraction, found.ready_at) == (None, 0.0)
    assert [(need.task, need.on, need.hard) for need in row(change, "tell").needs] == [("ask", "success", True)]
    assert [(need.task, need.on, need.hard) for need in row(change, "last").needs] == [("ask", "completion", False)]
    assert change.outputs == {"answer": ("tell",)}
    assert (change.head.money, change.head.tokens) == (0.5, 70)


def test_attempts_add_up_and_a_failure_says_why(journal: MemoryJournal) -> None:
    retry = Limits(retry=Retry(attempts=2, backoff_s=1.0, jitter=0.0))
    log = Log(journal, "r", Graph([Task("a", "work", limits=retry), Task("b", "work", {"x": Ref("a")})]))
    failure = Failure("ValueError", "no\nluck")
    log.say(ev.TaskStarted(1.0, "a", 1), ev.TaskFailed(2.0, "a", 1, failure, ev.Usage(1.0, 5), began_at=1.5))
    change = look(journal)
    assert (row(change, "a").state, row(change, "a").because) == ("retrying", "ValueError: no luck")
    log.say(ev.TimeReached(3.0), ev.TaskStarted(3.0, "a", 2), ev.TaskFailed(4.0, "a", 2, failure, ev.Usage(2.0, 6)))
    change = look(journal)
    found = row(change, "a")
    assert (found.state, found.attempt, found.money, found.tokens) == ("failed", 2, 3.0, 11)
    assert (found.queued_at, found.ended_at, found.because) == (3.0, 4.0, "ValueError: no luck")
    assert row(change, "b").because == "'a' is failed, so its edge on success cannot fire"
    assert (change.head.state, change.head.failed, change.head.counts) == (
        "failed",
        ("a",),
        {"failed": 1, "skipped": 1},
    )
    assert change.head.because == "ValueError: no luck"


def test_the_attempt_that_decided_gives_the_times(journal: MemoryJournal) -> None:
    hedged = Task("a", "work", effects=Effects("pure"), limits=Limits(hedge_after_s=1.0))
    log = Log(journal, "r", Graph([hedged]))
    log.say(ev.TaskStarted(1.0, "a", 1), ev.TimeReached(2.5), ev.TaskStarted(2.5, "a", 2))
    assert row(look(journal), "a").queued_at == 2.5
    log.say(ev.TaskSucceeded(4.0, "a", 1, began_at=1.25))
    spectator = Spectator(journal, "r")
    found = row(look(journal, 0, spectator), "a")
    assert (found.queued_at, found.began_at, found.ended_at) == (1.0, 1.25, 4.0)
    assert [(one.number, one.outcome) for one in spectator.attempts()] == [(1, "succeeded"), (2, "stopped")]


def test_a_run_without_a_driver_is_interrupted_and_its_attempts_are_lost(journal: MemoryJournal) -> None:
    log = Log(journal, "r", Graph([Task("a", "work", effects=Effects("pure"))]))
    log.say(ev.TaskStarted(1.0, "a", 1))
    spectator = Spectator(journal, "r")
    assert look(journal, 0, spectator).head.state == "running"
    journal.release(log.lease)
    change = look(journal, 3, spectator)
    assert (change.head.state, change.head.live, change.tasks) == ("interrupted", False, ())
    log.lease = journal.acquire("r", 9.0)
    log.say(ev.RunResumed(9.0, 2))
    change = look(journal, 3, spectator)
    assert (change.head.state, row(change, "a").state, row(change, "a").ended_at) == ("running", "ready", 1.0)
    log.say(ev.RunPaused(10.0))
    assert look(journal, 4, spectator).head.state == "paused"


def test_a_person_is_asked_in_the_head(journal: MemoryJournal) -> None:
    log = Log(journal, "r", Graph([Task("ok", "ask", {"question": "Send it?"}, executor="person")]))
    assert look(journal).head.asking == {"ok": "Send it?"}
    log.say(ev.TaskAnswered(5.0, "ok", "approve", msgspec.Raw(encode(True))))
    assert look(journal).head.asking == {}


def test_a_task_that_goes_leaves_word_of_it_and_may_come_back(journal: MemoryJournal) -> None:
    log = Log(journal, "r", Graph([Task("a", "work"), Task("b", "work")]))
    spectator = Spectator(journal, "r")
    before = look(journal, 0, spectator).seq
    log.say(ev.GraphPatched(1.0, Patch((Drop("b"),))))
    gone = look(journal, before, spectator)
    assert (gone.gone, gone.tasks) == (("b",), ())
    assert look(journal, 0, spectator).gone == ()
    log.say(ev.GraphPatched(2.0, Patch((Add(Task("b", "other")),))))
    back = look(journal, before, spectator)
    assert (back.gone, [(one.id, one.op, one.born) for one in back.tasks]) == ((), [("b", "other", 4)])
    log.say(ev.GraphPatched(3.0, Patch((Drop("b"),))))
    assert look(journal, before, spectator).gone == ("b",)


def test_growth_of_ten_thousand_costs_what_changed(journal: MemoryJournal) -> None:
    log = Log(journal, "r", Graph([Task("many", "spread"), Task("sum", "add", {"all": Ref("many")})]))
    children = Graph([Task(str(n), "work") for n in range(CHILDREN)], outputs={"result": [Ref("0")]})
    patch, result = nested(children, under="many")
    log.say(ev.TaskStarted(1.0, "many", 1))
    spectator = Spectator(journal, "r")
    seq = look(journal, 0, spectator).seq
    log.say(ev.TaskExpanded(2.0, "many", 1, patch, result))
    grown = look(journal, seq, spectator)
    assert len(grown.tasks) == CHILDREN + 1
    assert (row(grown, "many").state, row(grown, "many").needs) == ("grown", ())
    for n in range(20):
        log.did(f"many/{n}", 3.0 + n, 3.5 + n)
        seq = spectator.machine.seq
        change = look(journal, seq, spectator)
        assert [one.id for one in change.tasks] == [f"many/{n}"]
    assert change.head.counts == {"grown": 1, "ready": CHILDREN - 20, "waiting": 1, "succeeded": 20}


def test_an_unknown_run_is_an_error_and_an_unknown_number_gives_all(journal: MemoryJournal) -> None:
    with pytest.raises(UnknownRunError):
        look(journal)
    Log(journal, "r", Graph([Task("a", "work")]))
    assert len(look(journal, 1000).tasks) == 1
