"""A folder with workflows, and the command line as a real process in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orrery.cli import main

WORK = '''
"""What the workflows of these tests do."""

import os
import time
from pathlib import Path


def greet(who: str) -> str:
    return f"hello {who}"


def note(line: str) -> str:
    """Leave a line behind, so that a test can count how often this ran."""
    with Path("notes.txt").open("a") as file:
        file.write(line + "\\n")
    return line


def wait_for(path: str) -> str:
    """Return once there is such a file."""
    Path("waiting.txt").touch()
    while not Path(path).exists():
        time.sleep(0.01)
    return path


def odd() -> dict:
    return {"nan": float("nan"), "bytes": b"\\x00\\xff", "big": 2**200, "text": "\\u2603"}


def fail(text: str) -> None:
    raise ValueError(text)


def fail_once() -> str:
    if Path("tried.txt").exists():
        return "well"
    Path("tried.txt").touch()
    raise OSError("not yet")
'''

HELLO = """
name: hello
description: greets
inputs:
  who: {type: string, default: world}
tasks:
  greet: {uses: "py:./work.py:greet", with: {who: "${{ inputs.who }}"}}
  again: {uses: "py:./work.py:note", with: {line: "${{ tasks.greet }}"}}
outputs:
  said: ${{ tasks.again }}
"""

SLOW = """
name: slow
tasks:
  first: {uses: "py:./work.py:note", with: {line: first}}
  slow: {uses: "py:./work.py:wait_for", with: {path: go.txt}, needs: first, executor: process}
  last: {uses: "py:./work.py:note", with: {line: last}, needs: slow}
outputs:
  said: ${{ tasks.last }}
"""

ASKS = """
name: asks
tasks:
  ask: {ask: "Ship it?"}
  ship: {uses: "py:./work.py:note", with: {line: shipped}, needs: ask}
outputs:
  answer: ${{ tasks.ask }}
"""

FAILS = """
name: fails
tasks:
  good: {uses: "py:./work.py:greet", with: {who: you}}
  bad: {uses: "py:./work.py:fail", with: {text: "no such luck"}}
outputs:
  both: ["${{ tasks.good }}", "${{ tasks.bad }}"]
"""


@dataclass
class Folder:
    """A working folder, and what is run in it."""

    path: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        """Put a file there."""
        path = self.path / name
        path.write_text(text, encoding="utf-8")
        return path

    def lines(self, name: str = "notes.txt") -> list[str]:
        """The lines of a file; none if there is no file."""
        path = self.path / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The command line as a process of its own, in a session of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "orrery", *words],
            cwd=self.path,
            env={**_environment(), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def orrery(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.start(*words, env=env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def wait_for(self, what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Return once something holds; fails if the process ends before."""
        import time

        deadline = time.monotonic() + 60
        while not what():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)  # the other process tells nobody; there is nothing to wait on

    def is_waiting(self) -> bool:
        """Whether the slow task of `slow.yaml` is running."""
        return (self.path / "waiting.txt").exists()


def _environment() -> dict[str, str]:
    drop = {"ORRERY_STORE", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM"}
    return {name: value for name, value in os.environ.items() if name not in drop} | {"TERM": "dumb"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A working folder with some workflows in it."""
    found = Folder(tmp_path)
    found.write("work.py", WORK)
    for name, text in (("hello", HELLO), ("slow", SLOW), ("asks", ASKS), ("fails", FAILS)):
        found.write(f"{name}.yaml", text)
    yield found
    for process in found.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The object on the last line of stdout."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


Call = Callable[..., Said]


@pytest.fixture
def call(folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command line called in this process, inside the folder: quicker where no process is needed."""
    monkeypatch.chdir(folder.path)
    monkeypatch.delenv("ORRERY_STORE", raising=False)

    def run(*words: str) -> Said:
        capsys.readouterr()
        status = main(words)
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run
