"""A user's chair: a folder, files in it, and commands and scripts that run there as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.forked import Forks, forks

WORK = '''
"""What the tasks of these tests do."""

import time
from pathlib import Path


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


def echo(value: object = None) -> object:
    return value


def many(letters: int) -> str:
    return "x" * letters
'''

SLOW = """
name: slow
tasks:
  first: {uses: "py:./work.py:note", with: {line: first}}
  slow: {uses: "py:./work.py:wait_for", with: {path: go.txt}, needs: first, executor: process}
  last: {uses: "py:./work.py:note", with: {line: last}, needs: slow}
outputs:
  said: ${{ tasks.last }}
"""


@dataclass(frozen=True)
class Said:
    """What a process said, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The object on the last line of stdout."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found

    @property
    def both(self) -> str:
        """All that it said."""
        return self.out + self.err

    def fails(self, status: int, *parts: str) -> None:
        """Assert that it ended with `status` and said each part, to a person and not to a programmer."""
        assert self.status == status, self
        for part in parts:
            assert part in self.both, self
        assert "Traceback" not in self.both, self
        assert "internal error" not in self.both, self


@dataclass
class Chair:
    """A working folder and what is run in it."""

    path: Path
    forks: Forks
    env: dict[str, str] = field(default_factory=dict)
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, content: str | bytes) -> Path:
        """Put a file there."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def notes(self) -> list[str]:
        """The lines that tasks left behind."""
        path = self.path / "notes.txt"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, *words: str, env: Mapping[str, str] | None = None, folder: str = ".") -> subprocess.Popen[str]:
        """`orrery` as a process, in a group of its own."""
        return self.spawn(sys.executable, "-m", "orrery", *words, env=env, folder=folder)

    def spawn(self, *command: str, env: Mapping[str, str] | None = None, folder: str = ".") -> subprocess.Popen[str]:
        """Any program as a process, in a group of its own."""
        process = subprocess.Popen(
            command,
            cwd=self.path / folder,
            env={**_environment(), **self.env, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def orrery(self, *words: str, env: Mapping[str, str] | None = None, folder: str = ".") -> Said:
        """Run a command to its end."""
        if not (self.env or env):
            return Said(*self.forks.orrery(words, self.path / folder, _environment()))
        return ended(self.start(*words, env=env, folder=folder))

    def python(self, code: str, env: Mapping[str, str] | None = None) -> Said:
        """Run a script, written as `script.py`, to its end."""
        self.write("script.py", code)
        return ended(self.spawn(sys.executable, "script.py", env=env))

    def wait_for_file(self, name: str, process: subprocess.Popen[str]) -> None:
        """Return once there is such a file; fails if the process ends before."""
        deadline = time.monotonic() + 60
        while not (self.path / name).exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)  # the other process tells nobody; there is nothing to wait on

    def killed_halfway(self, workflow: str = SLOW) -> None:
        """Start a workflow as run r and kill the whole of it while a task waits for `go.txt`, which is then made."""
        self.write("slow.yaml", workflow)
        process = self.start("run", "slow.yaml", "--run", "r")
        self.wait_for_file("waiting.txt", process)
        kill(process)
        (self.path / "waiting.txt").unlink()
        (self.path / "go.txt").touch()

    def states(self) -> dict[str, str]:
        """Every run in the usual store with its state, as `orrery runs` tells it."""
        if not (self.path / ".orrery").exists():
            return {}
        said = self.orrery("runs", "--json")
        assert said.status == 0, said
        return {run["run"]: run["state"] for run in said.json["runs"]}

    def end(self) -> None:
        """Kill what still runs."""
        for process in self._started:
            kill(process)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def _environment() -> dict[str, str]:
    drop = {"ORRERY_STORE", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name not in drop} | {"TERM": "dumb"}


def ended(process: subprocess.Popen[str]) -> Said:
    """What a process said, once it has ended."""
    out, err = process.communicate(timeout=100)
    return Said(process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process group, and wait."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def one_for_all() -> Iterator[Forks]:
    """What commands are forked off."""
    with forks() as made:
        yield made


@pytest.fixture
def chair(tmp_path: Path, one_for_all: Forks) -> Iterator[Chair]:
    """A folder with `work.py` in it."""
    made = Chair(tmp_path, one_for_all)
    made.write("work.py", WORK)
    yield made
    made.end()
