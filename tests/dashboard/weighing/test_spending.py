"""Where time and money of a run went: shares add up to the whole, and nothing that was waited for is without a name."""

from __future__ import annotations

import contextlib

import pytest
from tests.dashboard.logs import Log

from orrery.dashboard.account import account_of
from orrery.dashboard.spending import spending_of
from orrery.dashboard.weighed import Share, Spending
from orrery.errors import Failure
from orrery.graph import Edge, Graph, Ref, Task
from orrery.graph.task import Limits, Retry
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from orrery.scheduler.asking import PERSON
from orrery.testing.world import RUN, run_world

KINDS = ("by_op", "by_model", "by_device", "by_task")


def weighed(log: Log) -> Spending:
    return spending_of(account_of(log.journal, log.machine.run))


def waits(shares: tuple[Share, ...]) -> dict[str, float]:
    return {share.name: round(share.waited_s, 6) for share in shares if share.waited_s}


@pytest.mark.parametrize("block", range(4))
def test_every_kind_of_share_adds_up_whatever_happened_to_the_run(block: int) -> None:
    for seed in range(15 * block, 15 * block + 15):
        with contextlib.closing(MemoryJournal()) as journal:
            run_world(seed, journal=journal)
            account = account_of(journal, RUN)
        found, ledger = spending_of(account), account.machine.ledger
        assert found.money == pytest.approx(ledger.money), seed
        assert found.tokens == ledger.tokens, seed
        assert found.duration_s == pytest.approx(account.machine.now - account.machine.started_at)
        for kind in KINDS:
            shares: tuple[Share, ...] = getattr(found, kind)
            for total, field in (
                (found.money, "money"),
                (found.tokens, "tokens"),
                (found.seconds, "seconds"),
                (found.queued_s, "queued_s"),
                (found.duration_s, "waited_s"),
                (len(account.spent), "attempts"),
            ):
                summed = sum(getattr(share, field) for share in shares)
                assert summed == pytest.approx(total, abs=1e-6), (seed, kind, field)
            assert all(share.waited_s >= 0 and share.queued_s >= 0 for share in shares), seed


def test_money_and_tokens_are_told_by_model_and_time_by_device(journal: MemoryJournal) -> None:
    graph = Graph(
        [
            Task("draft", "model.ask", {"prompt": "a", "model": "small"}),
            Task("judge", "model.ask", {"prompt": Ref("draft"), "model": "large"}),
            Task("count", "text.count", {"text": Ref("judge")}),
        ]
    )
    log = Log(journal, "answers", graph)
    log.did("draft", 0.0, 2.0, usage=ev.Usage(0.25, 100), where="pi")
    log.did("judge", 2.0, 3.0, usage=ev.Usage(1.0, 50), where="mac")
    log.did("count", 3.0, 3.5)
    found = weighed(log)
    assert [(one.name, one.money, one.tokens) for one in found.by_model] == [
        ("large", 1.0, 50),
        ("small", 0.25, 100),
        ("(no model)", 0.0, 0),
    ]
    assert waits(found.by_device) == {"mac": 1.0, "pi": 2.0, "(this machine)": 0.5}
    assert [one.name for one in found.by_task] == ["judge", "draft", "count"]


def test_what_no_attempt_explains_is_named_for_what_it_was(journal: MemoryJournal) -> None:
    again = Limits(retry=Retry(attempts=2, backoff_s=4.0, jitter=0.0))
    graph = Graph(
        [
            Task("look", "text.count", {"text": "a"}, limits=again),
            Task("agree", "approval.ask", {"question": "well?"}, executor=PERSON),
            Task("last", "text.count", {"text": "b"}),
        ],
        [Edge("look", "agree"), Edge("agree", "last")],
    )
    log = Log(journal, "slow", graph)
    log.say(ev.TaskStarted(0.0, "look", 1), ev.TaskFailed(1.0, "look", 1, Failure("OSError", "away"), began_at=0.5))
    due = log.machine.timers.next_due()
    assert due is not None
    log.say(ev.TimeReached(due), ev.TaskStarted(due, "look", 2), ev.TaskSucceeded(due + 1, "look", 2))
    asked = due + 1
    log.say(ev.TaskAnswered(asked + 30, "agree", "approve"))
    log.say(ev.RunPaused(asked + 31), ev.RunContinued(asked + 51))
    log.did("last", asked + 53, asked + 55, started=asked + 51)
    found = waits(weighed(log).by_task)
    assert found["look"] == pytest.approx(1.5)
    assert found["(retry pause)"] == pytest.approx(due - 1.0)
    assert found["(person)"] == pytest.approx(30.0)
    assert found["(stood still)"] == pytest.approx(20.0)
    assert found["(queue)"] == pytest.approx(0.5 + 1.0 + 2.0)  # before `look`, and `last` before and after the pause
    assert found["last"] == pytest.approx(2.0)
    assert sum(found.values()) == pytest.approx(weighed(log).duration_s)


def test_a_run_that_lay_about_without_a_driver_stood_still(journal: MemoryJournal) -> None:
    log = Log(journal, "left", Graph([Task("a", "text.count", {"text": "a"})]))
    log.say(ev.TaskStarted(1.0, "a", 1), ev.TaskProgressed(2.0, "a", 1, 0.5))
    log.say(ev.RunResumed(1002.0, 2))
    log.say(ev.TaskStarted(1002.0, "a", 2), ev.TaskSucceeded(1004.0, "a", 2))
    assert waits(weighed(log).by_op)["(stood still)"] == pytest.approx(1000.0)


def test_the_fifty_dearest_tasks_are_told_and_the_others_together(journal: MemoryJournal) -> None:
    log = Log(journal, "many", Graph([Task(f"t{n}", "text.count", {"text": "a"}) for n in range(60)]))
    for n in range(60):
        log.did(f"t{n}", 0.0 + n, 1.0 + n, usage=ev.Usage(money=float(n)))
    shares = weighed(log).by_task
    assert len(shares) == 51
    assert shares[0].name == "t59"
    others = shares[-1]
    assert (others.name, others.tasks, others.money) == ("(other tasks)", 10, sum(range(10)))
