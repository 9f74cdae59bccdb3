"""What is answered over HTTP: names with slashes, parts of values, refusals, and nothing that could be executed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from tests.dashboard.logs import Log, board

from orrery.dashboard.listing import MOST_EVENTS
from orrery.dashboard.web.app import application
from orrery.graph import Blob, Graph, Ref, Task
from orrery.graph.values import encode
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.fixture
def client(journal: MemoryJournal) -> Iterator[TestClient]:
    with TestClient(application(board(journal))) as found:
        yield found


@pytest.fixture
def log(journal: MemoryJournal) -> Log:
    """A run that has ended, with a picture, a page and a table in its results."""
    tasks = [Task("draw", "chart"), Task("page", "page"), Task("rows", "rows")]
    log = Log(journal, "r", Graph(tasks, [], {"picture": Ref("draw"), "rows": Ref("rows", ("inner",))}), target="f.py")
    blob = journal.blobs.put(PNG, "image/png")
    log.did("draw", 1.0, 2.0, value={"picture": blob, "a/b": [blob]})
    log.did("page", 1.0, 2.0, value="<script>alert(1)</script>")
    log.did("rows", 1.0, 2.0, value=journal.blobs.put(encode({"inner": [{"n": 2**60}]}), "value"))
    return log


def test_rows_events_past_timeline_and_outputs(client: TestClient, log: Log) -> None:
    assert [row["id"] for row in client.get("/api/runs/r/rows").json()["tasks"]] == ["draw", "page", "rows"]
    assert "tasks" not in client.get("/api/runs/r/rows?after=9").json()
    assert len(client.get("/api/runs/r/events?most=4").json()["events"]) == 4
    assert client.get("/api/runs/r/past").json()["until"] == 9
    assert len(client.get("/api/runs/r/timeline").json()["attempts"]) == 3
    outputs = client.get("/api/runs/r/outputs").json()["outputs"]
    assert (outputs["rows"]["kind"], outputs["rows"]["rows"]) == ("table", [[str(2**60)]])
    assert client.get("/api/runs/r/tasks/page").json()["output"]["text"] == "<script>alert(1)</script>"


def test_values_are_whole_and_cannot_be_executed(client: TestClient, log: Log) -> None:
    digest = client.get("/api/runs/r/tasks/draw").json()["output"]["json"]["picture"]["blob"]
    for address in (f"blob={digest}", "task=draw&path=/picture", "output=picture&path=/a~1b/0"):
        picture = client.get(f"/api/runs/r/value?{address}")
        assert (picture.status_code, picture.content, picture.headers["content-type"]) == (200, PNG, "image/png")
        assert picture.headers["content-security-policy"].startswith("sandbox")
    page = client.get("/api/runs/r/value?task=page")
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["content-disposition"].startswith("attachment")
    assert client.get("/api/runs/r/value?output=rows").json() == [{"n": str(2**60)}]
    assert client.get("/api/runs/r/value?task=rows&path=/inner/0/n").json() == str(2**60)


def test_a_blob_is_given_only_to_a_run_that_refers_to_it(client: TestClient, journal: MemoryJournal, log: Log) -> None:
    other = journal.blobs.put(b"another run's secret", "text/plain")
    assert client.get(f"/api/runs/r/value?blob={other.digest}").status_code == 404
    Log(journal, "s", Graph([Task("a", "work", {"files": [other, {"deep": Blob("1" * 64, 3)}]})]))
    assert client.get(f"/api/runs/s/value?blob={other.digest}").content == b"another run's secret"
    assert client.get(f"/api/runs/s/value?blob={'1' * 64}").status_code == 503


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("nothing/rows", 404),
        ("nothing/events", 404),
        ("r/tasks/nothing", 404),
        ("r/value", 400),
        ("r/value?task=a&output=b", 400),
        ("r/value?task=nothing", 404),
        ("r/value?output=nothing", 404),
        ("r/value?blob=..%2F..%2Fetc", 404),
        ("r/value?task=draw&path=picture", 400),
        ("r/value?task=draw&path=/nothing", 404),
        ("r/value?task=draw&path=/a~1b/-1", 404),
        ("r/rows?after=-1", 400),
        ("r/rows?after=x", 400),
        ("r/rows?after=99999999999999999999", 400),
        ("r/rows?other=1", 400),
        ("r/events?most=100000", 400),
        ("r/stream?after=x", 400),
    ],
)
def test_refusals(client: TestClient, log: Log, address: str, status: int) -> None:
    answer = client.get(f"/api/runs/{address}")
    assert (answer.status_code, bool(answer.json()["code"])) == (status, True)


def test_a_browser_that_resumes_names_the_event_in_a_header(client: TestClient, log: Log) -> None:
    assert client.get("/api/runs/r/stream", headers={"Last-Event-ID": "x"}).status_code == 400


def test_the_list_counts_what_is_small_or_was_looked_at(client: TestClient, journal: MemoryJournal, log: Log) -> None:
    long = Log(journal, "long", Graph([Task("a", "work"), Task("b", "work")]), target="Big.py")
    long.say(ev.TaskStarted(1.0, "a", 1))
    events = [ev.TaskProgressed(1.0, "a", 1)] * MOST_EVENTS
    journal.append([(long.lease, events)])
    listed = client.get("/api/runs").json()
    assert ([run["run"] for run in listed["runs"]], listed["total"]) == (["long", "r"], 2)
    assert listed["states"] == {"running": 1, "succeeded": 1}
    assert (listed["runs"][1]["tasks"], listed["runs"][1]["done"], listed["runs"][1]["failed"]) == (3, 3, 0)
    assert "tasks" not in listed["runs"][0]
    client.get("/api/runs/long/rows")
    looked = client.get("/api/runs?q=BIG").json()["runs"]
    assert [(run["run"], run["tasks"], run["done"]) for run in looked] == [("long", 2, 0)]
    assert client.get(f"/api/runs?state={quote('succeeded')}").json()["total"] == 1
