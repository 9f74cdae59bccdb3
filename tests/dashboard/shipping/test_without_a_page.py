"""A checkout without Node: it says how the page is built, and all else works."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.dashboard.logs import Log, board

from orrery.dashboard.web import page
from orrery.dashboard.web.app import application
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal

ROOT = Path(__file__).parents[3]
STAMP = "ui/node_modules/.ready"


def test_the_dashboard_answers_and_says_what_is_missing(
    journal: MemoryJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    log = Log(journal, "counted", Graph([Task("count", "text.count", {"text": "x"})], outputs={}))
    log.did("count", 0.0, 2.0, value=1)
    with TestClient(application(board(journal, tmp_path))) as client:
        told = client.get("/")
        assert (told.status_code, told.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "make ui" in told.text
        assert "needs Node" in told.text
        assert "default-src 'none'" in told.headers["content-security-policy"]
        assert client.get("/assets/index.js").status_code == 404
        assert client.get("/single.js").status_code == 404
        assert client.get("/api/runs").json()["runs"][0]["run"] == "counted"
        assert client.get("/api/runs/counted/tasks/count").status_code == 200
        assert client.get("/api/openapi.json").status_code == 200
        (tmp_path / "index.html").write_text("<!doctype html><title>Orrery</title>")
        assert client.get("/").status_code == 200, "a page that is built meanwhile is shown"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile, and of the page what it looks at; `bin` has the programs that it finds."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "ui").mkdir()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / "ui" / name, tmp_path / "ui")
    (tmp_path / "bin").mkdir()
    for name in ("make", "sh", "find", "grep", "mkdir", "rm", "touch", "cat"):
        program = shutil.which(name)
        assert program is not None
        (tmp_path / "bin" / name).symlink_to(program)
    return tmp_path


def make(checkout: Path, target: str) -> subprocess.CompletedProcess[str]:
    """What make says with these programs only."""
    command = [str(checkout / "bin" / "make"), target]
    surroundings = {"PATH": str(checkout / "bin"), "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=checkout, env=surroundings, capture_output=True, text=True, timeout=60)


def install(checkout: Path, program: str, script: str) -> None:
    """Let make find a program that is this script."""
    path = checkout / "bin" / program
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_make_says_in_a_line_that_there_is_no_node(checkout: Path) -> None:
    on_the_way = make(checkout, STAMP)
    assert on_the_way.returncode == 0
    assert on_the_way.stderr == "there is no Node with npm: the page of the dashboard is neither built nor checked\n"
    asked_for = make(checkout, "ui")
    assert asked_for.returncode != 0
    assert "there is no Node" in asked_for.stderr


@pytest.mark.parametrize(
    ("code", "goes_on"), [("EAI_AGAIN", True), ("ECONNREFUSED", True), ("EBADENGINE", True), ("EINTEGRITY", False)]
)
def test_only_what_is_not_the_fault_of_the_page_is_passed_over(checkout: Path, code: str, goes_on: bool) -> None:
    install(checkout, "node", "exit 0")
    install(checkout, "npm", f"echo 'npm error code {code}'; exit 1")
    found = make(checkout, STAMP)
    assert (found.returncode == 0) is goes_on
    assert code in found.stderr
    assert not (checkout / STAMP).exists()
    assert make(checkout, "ui").returncode != 0


def test_a_page_that_cannot_be_built_fails(checkout: Path) -> None:
    install(checkout, "node", "exit 0")
    install(checkout, "npm", "test $1 = ci && exec mkdir -p node_modules; echo wrong >&2; exit 2")
    assert make(checkout, STAMP).returncode == 0
    built = make(checkout, "ui")
    assert built.returncode != 0
    assert "wrong" in built.stderr
