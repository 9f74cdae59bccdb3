"""The demo as a person runs it: a real process over a real, small repository."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orrery.apps.observatory import main
from orrery.journal import open_journal
from orrery.scheduler import events as ev

GUARD = """
import os, sys

def guard(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1"):
        with open(os.environ["OUTSIDE"], "a") as file:
            file.write(f"{args[1]}\\n")
        raise PermissionError(f"the demo connects to {args[1]}")

sys.addaudithook(guard)
"""
"""Loaded by every Python of these tests: notes and refuses connections to anywhere but this machine."""


class Place:
    """A folder with a git repository of `files` modules, and the demo as a process in it."""

    def __init__(self, folder: Path, files: int = 4) -> None:
        self.folder = folder / "tree"
        self.outside = folder / "outside.txt"
        (folder / "guard").mkdir()
        (folder / "guard" / "sitecustomize.py").write_text(GUARD)
        self.environment = {**os.environ, "PYTHONPATH": str(folder / "guard"), "OUTSIDE": str(self.outside)}
        self.environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "HTTP_PROXY": "http://127.0.0.1:9"}
        self.environment.pop("ORRERY_STORE", None)
        (self.folder / "kit").mkdir(parents=True)
        (self.folder / "kit" / "__init__.py").write_text("from kit.part0 import work\n")
        for number in range(files):
            body = "\n".join(f"    if x > {n} and x < {n + 3} or x == {n * 7}:\n        x += {n}" for n in range(8))
            (self.folder / "kit" / f"part{number}.py").write_text(
                f"import os\n\n\ndef work{number or ''}(x: int) -> int:\n{body}\n    return x + {number}\n"
            )
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Begin")

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=self.folder, check=True, env=self.environment)

    def demo(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orrery.apps.observatory", *words],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def result(self, *words: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What the demo prints last with --json, which has succeeded."""
        done = self.demo("--json", *words, environment=environment)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def events(self) -> list[ev.AnyEvent]:
        """The log of the only run."""
        journal = open_journal(f"sqlite:///{self.folder}/.orrery/runs.db")
        try:
            (run,) = journal.runs()
            return [event for _, event in journal.read(run.run)]
        finally:
            journal.close()


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, dict[str, Any]]:
    """A place in which the demo has run once, and what it printed."""
    place = Place(tmp_path_factory.mktemp("ended"))
    return place, place.result()


def test_the_demo_measures_a_repository_and_writes_a_report_that_needs_nothing_else(
    ended: tuple[Place, dict[str, Any]],
) -> None:
    place, result = ended
    html, markdown = (Path(result["outputs"][form]) for form in ("html", "markdown"))
    assert html.parent == place.folder / ".orrery" / "demo" / result["run"]
    page, text = html.read_text(), markdown.read_text()
    for title in (
        "The packages as planets",
        "What ran when",
        "Files by change and complexity",
        "Files by their size",
        "Functions by cyclomatic complexity",
        "Imports between packages",
        "Commits over time",
        "Processor and memory",
    ):
        assert f'aria-label="{title}' in page
    assert "kit/part1.py" in page
    assert "second try" in page
    assert "prefers-color-scheme: dark" in page
    assert "<script" not in page
    assert "<link" not in page
    assert "src=" not in page
    for picture in ("hotspots", "files", "complexity", "imports", "timeline", "history", "machine"):
        assert f"](charts/{picture}.svg)" in text
        assert (html.parent / "charts" / f"{picture}.svg").read_text().startswith("<svg")
    assert not place.outside.exists(), place.outside.read_text()


def test_the_numbers_it_tells_are_those_of_its_own_log(ended: tuple[Place, dict[str, Any]]) -> None:
    place, result = ended
    attempts = [event for event in place.events() if isinstance(event, ev.TaskSucceeded | ev.TaskFailed)]
    assert result["ran"] == len({event.task for event in attempts})
    assert result["retries"] == sum(event.attempt > 1 for event in attempts)
    assert result["healed"] == len({event.task for event in attempts if isinstance(event, ev.TaskFailed)}) > 0
    work_s = sum(event.at - (event.began_at or event.at) for event in attempts)
    assert result["work_s"] == pytest.approx(work_s, abs=0.05)
    assert result["speed_up"] == pytest.approx(result["work_s"] / result["wall_s"], abs=0.02)
    assert result["most_at_once"] > 1
    assert result["resumed"] is None


def test_a_server_that_refuses_and_drops_is_healed_by_retries(ended: tuple[Place, dict[str, Any]]) -> None:
    place, _ = ended
    failures = [event.failure for event in place.events() if isinstance(event, ev.TaskFailed)]
    assert any("503" in failure.message and failure.retry_after_s == 1 for failure in failures)
    assert sum("answered" not in failure.message for failure in failures) == 1
    assert {failure.type for failure in failures} == {"HttpError"}


def test_a_killed_demo_is_resumed_by_the_next_and_no_finished_task_runs_again(tmp_path: Path) -> None:
    place = Place(tmp_path, files=24)
    killed = place.demo("--crash")
    assert killed.returncode == -signal.SIGKILL
    farewell = killed.stdout.splitlines()[-1]
    assert farewell.endswith("tasks are done; killing this process now. Go on with: orrery demo")
    said_done = int(farewell.split()[0])
    before = {event.task for event in place.events() if isinstance(event, ev.TaskSucceeded)}
    assert len(before) == said_done

    result = place.result()
    resumed = result["resumed"]
    assert resumed == {"done_before": said_done, "ran_again": 0, "ran_after": resumed["ran_after"]}
    events = place.events()
    (at,) = (number for number, event in enumerate(events) if isinstance(event, ev.RunResumed))
    started_after = {event.task for event in events[at:] if isinstance(event, ev.TaskStarted)}
    assert started_after
    assert not before & started_after
    assert "killed, then resumed" in Path(result["outputs"]["html"]).read_text()


def test_it_can_be_killed_again_and_again(tmp_path: Path) -> None:
    place = Place(tmp_path, files=24)
    for _ in range(2):
        assert place.demo("--crash", "--json").returncode == -signal.SIGKILL
    assert place.result()["resumed"]["ran_again"] == 0
    assert sum(isinstance(event, ev.RunResumed) for event in place.events()) == 2


def test_without_git_it_says_so_and_does_the_rest(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "bin").mkdir()
    os.symlink(shutil.which("sh") or "/bin/sh", tmp_path / "bin" / "sh")
    result = place.result(environment={"PATH": str(tmp_path / "bin")})
    text = Path(result["outputs"]["markdown"]).read_text()
    assert "there is no git history" in text
    assert "git: not found" in text
    assert "kit/part1.py" in text
    assert "How it came to be" not in text


def test_a_shallow_clone_is_measured_with_what_it_has(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.git("commit", "-q", "--allow-empty", "-m", "Go on")
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{place.folder}", str(tmp_path / "shallow")],
        check=True,
        env=place.environment,
    )
    place.folder = tmp_path / "shallow"
    text = Path(place.result()["outputs"]["markdown"]).read_text()
    assert "the clone is shallow" in text
    assert "\n1 commits, 1 authors" in text


def test_a_source_tree_that_may_not_be_written_is_looked_at_from_elsewhere(tmp_path: Path) -> None:
    place = Place(tmp_path)
    store, folder = tmp_path / "runs.db", tmp_path / "report"
    place.folder.chmod(0o555)
    try:
        result = place.result("--store", f"sqlite:///{store}", "--folder", str(folder))
    finally:
        place.folder.chmod(0o755)
    assert Path(result["outputs"]["html"]) == folder / "report.html"
    assert not (place.folder / ".orrery").exists()


def test_a_demo_after_one_that_has_ended_is_a_new_one_and_tells_people_what_was_gained(tmp_path: Path) -> None:
    place = Place(tmp_path)
    first = place.result()["run"]
    done = place.demo()
    assert done.returncode == 0, done.stderr
    assert f"run {first}" not in done.stdout
    assert done.stderr == ""
    for said in ("report.html", "in parallel", "speed-up", "healed", "orrery demo --crash"):
        assert said in done.stdout


def test_a_store_that_is_none_is_an_error_and_not_a_traceback(tmp_path: Path) -> None:
    done = Place(tmp_path).demo("--store", "nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'nowhere' is not the URL of a store")


def test_the_command_line_finds_it_under_its_name() -> None:
    assert main.__module__ == "orrery.apps.observatory.command"
