"""A desk: a folder with workflows, its store, and the endpoints over them; what is begun there are real processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil
from starlette.testclient import TestClient

from orrery.dashboard.board import Board
from orrery.dashboard.web.app import application
from orrery.journal import open_journal
from orrery.runtime.history import fold
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine

ASKS = """
name: asks
description: asks before it ships
inputs:
  line: {type: string, default: shipped, description: What is left behind.}
tasks:
  ask: {ask: "Ship it?"}
  ship: {uses: "py:./work.py:note", with: {line: "${{ inputs.line }}"}, needs: ask}
outputs:
  answer: ${{ tasks.ask }}
  said: ${{ tasks.ship }}
"""

KINDS = """
name: kinds
inputs:
  text: string
  whole: {type: integer, default: 3}
  real: {type: number, description: How much.}
  yes: boolean
  list: {type: array, default: [1, a]}
  map: object
  any: {default: null}
tasks:
  all:
    uses: py:./work.py:same
    with: {value: ["${{ inputs.text }}", "${{ inputs.whole }}", "${{ inputs.real }}", "${{ inputs.yes }}",
                   "${{ inputs.list }}", "${{ inputs.map }}", "${{ inputs.any }}"]}
outputs:
  all: ${{ tasks.all }}
"""

WORK = '''
"""What the workflows of these tests do."""

from pathlib import Path


def note(line: str) -> str:
    """Leave a line behind, so that a test can count how often this ran."""
    with Path("notes.txt").open("a") as file:
        file.write(line + "\\n")
    return line


def same(value):
    return value
'''


E = TypeVar("E", bound=ev.Event)


class Said(NamedTuple):
    """An answer: its status, and what it says."""

    status: int
    json: Any


class Desk:
    """What a test has of it.

    Args:
        folder: gets workflows and a store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, f"sqlite:///{folder}/.orrery/runs.db"
        for name, text in (("asks.yaml", ASKS), ("kinds.yaml", KINDS), ("work.py", WORK)):
            (folder / name).write_text(text, encoding="utf-8")
        self.journal = open_journal(self.store)
        self.board = Board(self.journal, self.store, folder)
        self.client = TestClient(application(self.board))

    def close(self) -> None:
        """End what was begun here, and let the store go."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.client.close()
        self.board.close()

    def get(self, path: str, **query: str) -> Said:
        """Ask for something below /api."""
        answer = self.client.get(f"/api{path}", params=query)
        return Said(answer.status_code, answer.json())

    def post(self, path: str, **said: Any) -> Said:
        """Say something below /api."""
        answer = self.client.post(f"/api{path}", json=said)
        return Said(answer.status_code, answer.json())

    def begin(self, target: str = "asks.yaml", run: str = "r", **said: Any) -> str:
        """Start a run, which is taken; its name."""
        answer = self.post("/runs", target=target, run=run, **said)
        assert answer.status == 200, answer.json
        name: str = answer.json["run"]
        return name

    def machine(self, run: str = "r") -> Machine:
        """How a run stands."""
        return fold(self.journal, run).machine

    def wait_for(self, what: Callable[[Machine], bool], run: str = "r") -> Machine:
        """How a run stands once something holds of it, which its process brings about."""
        until = time.monotonic() + 30
        while not what(machine := self.machine(run)):
            assert time.monotonic() < until, (machine.state, machine.records, self.output(run))
            time.sleep(0.01)  # the other process tells nobody; there is nothing to wait on
        return machine

    def events(self, kind: type[E], run: str = "r") -> list[E]:
        """The events of a kind in a run's log."""
        return [event for _, event in self.journal.read(run) if isinstance(event, kind)]

    def lines(self) -> list[str]:
        """What its tasks have left behind."""
        path = self.folder / "notes.txt"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def output(self, run: str = "r") -> str:
        """What the process of a run has said."""
        path = self.folder / ".orrery" / "started" / f"{run}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def processes(self) -> list[psutil.Process]:
        """The processes that drive runs of this store."""
        return list(self._processes())

    def kill_driver(self) -> None:
        """Kill the process that drives the only run that goes on, which hears nothing of it."""
        (process,) = self.processes()
        os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs([process], timeout=10)

    def _processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter(["cmdline"]):
            if f"--store={self.store}" in (process.info["cmdline"] or ()):
                yield process
