"""Figures, files and the fleet over HTTP: what is answered, and how what cannot be is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.dashboard.logs import Log, board

from orrery.dashboard import single
from orrery.dashboard.web.app import application
from orrery.fleet.hub.registry import Registry
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal


@pytest.fixture
def client(journal: MemoryJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORRERY_HUB", raising=False)
    log = Log(journal, "a/b", Graph([Task("count", "text.count", {"text": "x"})], outputs={}))
    log.did("count", 0.0, 2.0, value=1)
    with TestClient(application(board(journal, tmp_path))) as found:
        yield found


def test_figures_of_a_run_are_answered(client: TestClient) -> None:
    assert client.get("/api/runs/a%2Fb/spending").json()["by_op"][0]["name"] == "text.count"
    assert client.get("/api/runs/a%2Fb/explain").json()["foreseen"][0]["actual"] == pytest.approx(2.0)
    assert client.get("/api/compare", params={"a": "a/b", "b": "a/b"}).json()["total"] == 1


def test_what_is_not_there_or_not_ours_is_refused_with_a_code(client: TestClient) -> None:
    for path in ("runs/none/spending", "runs/none/explain", "runs/none/export.json", "compare?a=a/b&b=none"):
        answer = client.get(f"/api/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-run"), path
    answer = client.get("/api/explain", params={"target": "os:system"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request")
    assert client.get("/api/compare?a=a/b").status_code == 400


def test_a_run_is_had_as_a_file(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.get("/api/runs/a%2Fb/export.json")
    assert json.loads(answer.content)["format"] == "orrery-run"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''a-b.json"
    monkeypatch.setattr(single, "FOLDER", tmp_path)
    unbuilt = client.get("/api/runs/a%2Fb/export.html")
    assert (unbuilt.status_code, unbuilt.json()["code"]) == (400, "page-not-built")
    (tmp_path / "single.js").write_text("0")
    (tmp_path / "single.css").write_text("p {}")
    built = client.get("/api/runs/a%2Fb/export.html")
    assert built.headers["content-disposition"].endswith("a-b.html")
    assert built.content.startswith(b"<!doctype html>")


def test_the_fleet_is_refused_with_the_status_that_fits(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/api/fleet").json()["running"] is False
    nobody = client.post("/api/fleet/enrol", json={"name": "pi"})
    assert (nobody.status_code, nobody.json()["code"]) == (409, "hub-not-here")
    Registry(tmp_path / ".orrery" / "hub").close()
    assert client.post("/api/fleet/enrol", json={"name": "pi", "skills": ["gpu"]}).json()["token"].startswith("enrol.")
    for deed in ("drain", "revoke"):
        unknown = client.post(f"/api/fleet/no%2Fone/{deed}", json={})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-name")
    assert client.post("/api/fleet/enrol", json={"name": "no name"}).json()["code"] == "enrolment"
    assert client.post("/api/fleet/enrol", json={"nam": "pi"}).status_code == 400
