"""A folder in which Orrery is at home: workflows, a store, runs by its own commands, and its dashboard on loopback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

from orrery.dashboard.acting import cancel
from orrery.errors import OrreryError
from orrery.journal import open_journal
from orrery.scheduler.events import AnyEvent, Event

WORKFLOWS = Path(__file__).parent / "workflows"
_OURS = ("ORRERY_STORE", "ORRERY_HUB", "ORRERY_HUB_TOKEN", "ORRERY_MODEL")
Kind = TypeVar("Kind", bound=Event)


class House:
    """Everything that a test of the page looks at.

    Args:
        folder: an empty folder; it becomes a git repository.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(WORKFLOWS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        self.programs: list[subprocess.Popen[str]] = []
        self.port = 0
        self.server = self.serve()
        self.journal = open_journal(f"sqlite:///{folder}/.orrery/runs.db")

    def spoil(self) -> None:
        """Break the index of the repository, as a full disk does: the demo fails here from now on."""
        (self.folder / ".git" / "index").write_bytes(b"broken")

    # -- programs ---------------------------------------------------------------------------------------

    def start(self, *words: str, folder: Path | None = None) -> subprocess.Popen[str]:
        """A command of Orrery's as a process of its own."""
        known = {name: value for name, value in os.environ.items() if name not in _OURS}
        program = subprocess.Popen(
            [sys.executable, "-m", "orrery", *words],
            cwd=folder or self.folder,
            env={**known, "HOME": str(self.folder), "TERM": "dumb", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.programs.append(program)
        return program

    def end(self, *programs: subprocess.Popen[str]) -> None:
        """Wait for the end of commands."""
        for program in programs:
            program.communicate(timeout=60)

    def run(self, name: str, target: str, *words: str) -> subprocess.Popen[str]:
        """Begin a run, and return once it is in the store; its process goes on."""
        program = self.start("run", target, "--run", name, *words)
        assert program.stdout is not None
        said = program.stdout.readline()
        assert name in said, said + program.stdout.read()
        return program

    def open_gates(self, gate: str, *numbers: int) -> None:
        """Let steps of a run go on."""
        for number in numbers:
            (self.folder / f"{gate}-{number}").touch()

    # -- the dashboard ----------------------------------------------------------------------------------

    def serve(self) -> subprocess.Popen[str]:
        """Start the dashboard; again on the port that it had."""
        program = self.start("ui", "--port", str(self.port), "--json")
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line.startswith("{"), line + program.stdout.read()
        said = json.loads(line)
        self.url, self.link = str(said["url"]), str(said["link"])
        self.port = int(self.url.rpartition(":")[2])
        return program

    def crash(self) -> None:
        """Kill the dashboard as a lack of memory would."""
        self.server.kill()
        self.server.communicate()

    @property
    def token(self) -> str:
        """What opens it."""
        return self.link.rpartition("=")[2]

    # -- the log ----------------------------------------------------------------------------------------

    def log(self, run: str) -> list[AnyEvent]:
        """What happened in a run, as its log has it."""
        return [event for _, event in self.journal.read(run)]

    def told(self, run: str, kind: type[Kind]) -> list[Kind]:
        """What happened of one kind."""
        return [event for event in self.log(run) if isinstance(event, kind)]

    def close(self) -> None:
        """End everything that was started here, runs that the dashboard began too."""
        for run in self.journal.runs():
            if run.live:
                try:
                    cancel(self.journal, run.run, "the tests are over")
                except OrreryError:
                    continue  # it has ended by itself
        self.journal.close()
        for program in self.programs:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            if program.stdout is not None:
                program.stdout.close()


__all__ = ["House"]
