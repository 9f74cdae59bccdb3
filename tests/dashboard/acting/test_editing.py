"""What has not started of a run is changed from the dashboard: foreseen, taken, or refused with every reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.dashboard.acting.desk import Desk, Said
from tests.dashboard.acting.test_steering import asks, post
from tests.dashboard.logs import Log, board

from orrery.dashboard.web.app import application
from orrery.graph import Graph, Ref, Task
from orrery.journal.memory import MemoryJournal
from orrery.runtime.history import fold
from orrery.runtime.person import me
from orrery.scheduler import events as ev


def test_a_living_run_takes_a_change_that_was_shown_before(desk: Desk) -> None:
    desk.begin()
    desk.wait_for(asks)
    draft = desk.get("/runs/r/draft").json
    text = draft["text"].replace("@inputs.line", 'line="changed"')
    assert text != draft["text"], draft
    before = desk.journal.head("r")
    shown = desk.post("/runs/r/edit", seq=draft["seq"], text=text, preview=True)
    assert (shown.status, shown.json["outcome"]) == (200, "preview"), shown.json
    changed = [line for line in shown.json["lines"] if line.startswith("+ ") and '"changed"' in line]
    assert len(changed) == 1, shown.json
    assert desk.journal.head("r") == before, "nothing was said to the run"
    taken = desk.post("/runs/r/edit", seq=draft["seq"], text=text, because="it reads better")
    assert (taken.json["outcome"], taken.json["lines"]) == ("taken", shown.json["lines"])
    patch = desk.events(ev.GraphPatched)[-1].patch
    assert (patch.by, patch.because.startswith("it reads better (edit-")) == (me(), True)
    desk.post("/runs/r/tasks/ask/answer", verdict="approve")
    desk.wait_for(lambda machine: machine.state == "succeeded")
    assert desk.lines() == ["changed"]


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    """A run that nobody drives: `done` is over, `ask` asks, and the others wait."""
    found = MemoryJournal()
    graph = Graph(
        [
            Task("done", "work"),
            Task("ask", "ask", {"question": "?"}, executor="person"),
            Task("ship", "text.count", {"text": "a", "of": Ref("ask")}),
            Task("other", "text.count", {"text": "b", "of": Ref("ask")}),
        ],
        outputs={"out": Ref("ship")},
    )
    log = Log(found, "r", graph)
    log.did("done", 1.0, 2.0)
    found.release(log.lease)
    yield found
    found.close()


@pytest.fixture
def client(journal: MemoryJournal) -> TestClient:
    return TestClient(application(board(journal)))


def draft_of(client: TestClient) -> tuple[int, str]:
    found = client.get("/api/runs/r/draft").json()
    return found["seq"], found["text"]


def edit(client: TestClient, seq: int, text: str, **more: object) -> Said:
    return post(client, "/runs/r/edit", seq=seq, text=text, **more)


def test_the_same_text_changes_nothing(client: TestClient, journal: MemoryJournal) -> None:
    seq, text = draft_of(client)
    assert edit(client, seq, text) == Said(200, {"outcome": "nothing"})
    assert edit(client, seq, text.replace("# ", "# so, ")) == Said(200, {"outcome": "nothing"})
    assert journal.head("r") == seq


def test_tasks_are_added_and_taken_away(client: TestClient, journal: MemoryJournal) -> None:
    seq, text = draft_of(client)
    kept = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("other"))
    said = edit(client, seq, kept.replace("return", 'more = text.count(text="c")\nreturn'))
    assert (said.status, said.json["outcome"]) == (200, "taken")
    assert {line[:7] for line in said.json["lines"]} == {"- other", "+ more "}
    assert list(fold(journal, "r").machine.graph.tasks) == ["done", "ask", "ship", "more"]


def test_who_changes_something_else_than_another_did_meanwhile_gets_both(client: TestClient) -> None:
    seq, text = draft_of(client)
    assert edit(client, seq, text.replace('"a"', '"theirs"')).json["outcome"] == "taken"
    assert edit(client, seq, text.replace('"b"', '"ours"')).json["outcome"] == "taken"
    _, now = draft_of(client)
    assert ('"theirs"' in now, '"ours"' in now) == (True, True)


def test_who_changes_what_another_has_changed_is_refused_whole(client: TestClient, journal: MemoryJournal) -> None:
    seq, text = draft_of(client)
    assert edit(client, seq, text.replace('"a"', '"theirs"')).json["outcome"] == "taken"
    head = journal.head("r")
    for preview in (True, False):
        said = edit(client, seq, text.replace('"a"', '"ours"').replace('"b"', '"ours"'), preview=preview)
        assert (said.status, said.json["outcome"]) == (200, "refused")
        assert [(one["code"], "ship" in one["place"]) for one in said.json["faults"]] == [
            ("patch/changed-meanwhile", True)
        ]
    assert journal.head("r") == head
    _, now = draft_of(client)
    assert "ours" not in now


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (lambda text: text + 'done = text.count(text="x")\n', "text/locked", True),
        (lambda text: text + 'ask = text.count(text="x")\n', "text/locked", True),
        (lambda text: text.replace('"a"', "nobody"), "graph/unknown-task", True),
        (lambda text: text.replace("ship = ", "ship = = "), "text/syntax", True),
        (lambda text: text.replace("other = ", "ship = "), "text/duplicate", True),
        (lambda text: text.replace('"a"', "other").replace('"b"', "ship"), "graph/cycle", False),
    ],
)
def test_what_is_wrong_with_a_change_is_told_with_its_line(
    client: TestClient, journal: MemoryJournal, change: object, code: str, line: bool
) -> None:
    assert callable(change)
    seq, text = draft_of(client)
    said = edit(client, seq, change(text))
    assert (said.status, said.json["outcome"]) == (200, "refused"), said.json
    found = [one for one in said.json["faults"] if one["code"] == code]
    assert found, said.json
    assert not line or all(one["line"] > 0 for one in found), found
    assert journal.head("r") == seq


def test_what_has_started_since_the_draft_is_not_changed(client: TestClient, journal: MemoryJournal) -> None:
    seq, text = draft_of(client)
    assert post(client, "/runs/r/tasks/ask/answer", verdict="approve").status == 200
    lease = journal.acquire("r", 5.0)
    journal.append([(lease, [ev.TaskStarted(5.0, "ship", 1)])])
    journal.release(lease)
    said = edit(client, seq, text.replace('"a"', '"z"'))
    assert (said.json["outcome"], [one["code"] for one in said.json["faults"]]) == ("refused", ["patch/locked"])
    assert edit(client, seq, text.replace('"b"', '"z"')).json["outcome"] == "taken", "what has not is"


@pytest.mark.parametrize("seq", [0, -1, 10_000, 2**63])
def test_there_is_no_draft_of_an_event_that_has_not_been(client: TestClient, seq: int) -> None:
    said = edit(client, seq, "")
    assert (said.status, said.json["code"]) == (400, "request")
