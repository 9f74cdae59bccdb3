"""A word from the dashboard reaches a run: through the process that drives it, or into its log where none does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient
from tests.dashboard.acting.desk import Desk, Said
from tests.dashboard.logs import Log, board

from orrery.dashboard.web.app import application
from orrery.graph import Graph, Ref, Task
from orrery.graph.values import decode
from orrery.journal.memory import MemoryJournal
from orrery.runtime.history import fold
from orrery.runtime.person import me
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine


def asks(machine: Machine) -> bool:
    return "ask" in machine.records and machine.records["ask"].state.value == "asking"


def test_a_living_run_is_paused_goes_on_and_gets_its_answer_with_a_comment(desk: Desk) -> None:
    desk.begin()
    desk.wait_for(asks)
    said = desk.post("/runs/r/pause")
    assert (said.status, said.json["outcome"]) == (200, "sent")
    desk.wait_for(lambda machine: machine.paused)
    assert desk.get("/runs/r/rows").json["head"]["state"] == "paused"
    answer = {"verdict": "approve", "value": {"yes": [1, None]}, "comment": "looks good ☃"}
    said = desk.post("/runs/r/tasks/ask/answer", **answer)
    assert (said.status, said.json["outcome"]) == (200, "applied"), "it is in the log"
    machine = desk.wait_for(lambda machine: not asks(machine))
    assert (machine.state, machine.records["ship"].state.value) == ("running", "ready"), "it is paused still"
    assert desk.post("/runs/r/continue").json["outcome"] == "sent"
    desk.wait_for(lambda machine: machine.state == "succeeded")
    assert desk.lines() == ["shipped"]
    (told,) = desk.events(ev.TaskAnswered)
    assert (told.verdict, decode(told.value), told.because, told.by) == (
        "approve",
        answer["value"],
        "looks good ☃",
        me(),
    )
    assert desk.get("/runs/r/value", output="answer") == Said(200, answer["value"])


def test_of_answers_that_contradict_each_other_one_holds_and_the_others_hear_of_it(desk: Desk) -> None:
    desk.begin()
    desk.wait_for(asks)
    verdicts = ["approve", "deny"] * 3
    with ThreadPoolExecutor(len(verdicts)) as pool:
        said = list(pool.map(lambda verdict: desk.post("/runs/r/tasks/ask/answer", verdict=verdict), verdicts))
    (told,) = desk.events(ev.TaskAnswered)
    agreed = [one.status for verdict, one in zip(verdicts, said, strict=True) if verdict == told.verdict]
    against = [one.status for verdict, one in zip(verdicts, said, strict=True) if verdict != told.verdict]
    assert 200 in agreed
    assert set(agreed) <= {200, 400}, "400: it waits no more"
    assert set(against) <= {400, 409}


def test_a_living_run_is_cancelled_with_a_reason_and_its_process_ends(desk: Desk) -> None:
    desk.begin()
    desk.wait_for(asks)
    (process,) = desk.processes()
    assert desk.post("/runs/r/cancel", because="too late").json["outcome"] == "sent"
    desk.wait_for(lambda machine: machine.state == "cancelled")
    process.wait(10)
    assert [event.because for event in desk.events(ev.RunCancelRequested)] == ["too late"]
    assert desk.lines() == []


def test_a_run_whose_driver_was_killed_is_resumed_and_finishes(desk: Desk) -> None:
    desk.begin()
    desk.wait_for(asks)
    held = desk.post("/runs/r/resume")
    assert (held.status, held.json["code"]) == (409, "run-locked")
    desk.kill_driver()
    assert desk.get("/runs/r/rows").json["head"]["state"] == "interrupted"
    said = desk.post("/runs/r/tasks/ask/answer", verdict="approve")
    assert (said.json["outcome"], "until it is resumed" in said.json["text"]) == ("applied", True)
    assert desk.post("/runs/r/resume") == Said(200, {"run": "r"})
    desk.wait_for(lambda machine: machine.state == "succeeded")
    assert desk.lines() == ["shipped"]
    ended = desk.post("/runs/r/resume")
    assert (ended.status, ended.json["code"]) == (409, "run-ended")


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    """Runs that nobody drives: one that asks, one of the same that was begun by a program, and one that has ended."""
    found = MemoryJournal()
    graph = Graph(
        [Task("ask", "ask", {"question": "?"}, executor="person"), Task("a/b", "work", {"x": Ref("ask")})],
        outputs={"out": Ref("a/b")},
    )
    for run in ("r", "over"):
        log = Log(found, run, graph)
        if run == "over":
            log.say(ev.RunCancelRequested(1.0))
        found.release(log.lease)
    yield found
    found.close()


@pytest.fixture
def client(journal: MemoryJournal) -> TestClient:
    return TestClient(application(board(journal)))


def post(client: TestClient, path: str, **said: object) -> Said:
    answer = client.post(f"/api{path}", json=said)
    return Said(answer.status_code, answer.json())


def test_what_nobody_drives_takes_a_word_at_once(client: TestClient, journal: MemoryJournal) -> None:
    assert post(client, "/runs/r/pause").json["outcome"] == "applied"
    again = post(client, "/runs/r/pause")
    assert (again.status, again.json["code"], "paused already" in again.json["message"]) == (400, "request", True)
    assert post(client, "/runs/r/continue").json["outcome"] == "applied"
    assert "is not paused" in post(client, "/runs/r/continue").json["message"]
    assert post(client, "/runs/r/tasks/ask/answer", verdict="approve").status == 200
    assert fold(journal, "r").machine.records["a/b"].state.value == "ready"
    said = post(client, "/runs/r/cancel", because="enough")
    assert (said.json["outcome"], "cancelled" in said.json["text"]) == ("applied", True)
    again = post(client, "/runs/r/cancel")
    assert (again.status, again.json["code"]) == (409, "run-ended")


def test_a_question_that_is_denied_fails_with_the_comment(client: TestClient, journal: MemoryJournal) -> None:
    said = post(client, "/runs/r/tasks/ask/answer", verdict="deny", comment="not like this")
    assert (said.json["outcome"], "failed" in said.json["text"]) == ("applied", True)
    assert "not like this" in str(fold(journal, "r").machine.records["ask"].failure)


@pytest.mark.parametrize(
    ("path", "said", "refusal"),
    [
        *(
            (f"/runs/none/{word}", {}, (404, "unknown-run"))
            for word in ("cancel", "pause", "continue", "resume", "retry")
        ),
        *((f"/runs/over/{word}", {}, (409, "run-ended")) for word in ("cancel", "pause", "continue", "resume")),
        ("/runs/r/retry", {}, (400, "request")),
        ("/runs/none/edit", {"seq": 1, "text": ""}, (404, "unknown-run")),
        ("/runs/over/edit", {"seq": 1, "text": ""}, (409, "run-ended")),
        ("/runs/none/tasks/ask/answer", {"verdict": "approve"}, (404, "unknown-run")),
        ("/runs/over/tasks/ask/answer", {"verdict": "approve"}, (409, "run-ended")),
        ("/runs/r/tasks/aks/answer", {"verdict": "approve"}, (404, "unknown-name")),
        ("/runs/r/tasks/a%2Fb/answer", {"verdict": "approve"}, (400, "request")),
        ("/runs/r/tasks/ask/answer", {}, (400, "request")),
        ("/runs/r/tasks/ask/answer", {"verdict": "perhaps"}, (400, "request")),
        ("/runs/r/tasks/ask/answer", {"verdict": "approve", "more": 1}, (400, "request")),
        ("/runs/r/tasks/ask/answer", {"verdict": "rerun"}, (400, "request")),
        ("/runs/r/cancel", {"because": 1}, (400, "request")),
        ("/runs/r/pause", {"why": "x"}, (400, "request")),
        (f"/runs/{'x' * 201}/pause", {}, (400, "request")),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_no_word_in_the_log(
    client: TestClient, journal: MemoryJournal, path: str, said: dict[str, object], refusal: tuple[int, str]
) -> None:
    before = {run.run: run.events for run in journal.runs()}
    answer = post(client, path, **said)
    assert (answer.status, answer.json["code"]) == refusal, answer.json
    assert answer.json["message"]
    assert {run.run: run.events for run in journal.runs()} == before
