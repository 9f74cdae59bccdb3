"""Wall clocks that jump: runs keep their order, their timeouts and their pauses."""

from __future__ import annotations

import pytest

from orrery.journal.stores import open_journal

from .conftest import Chair

JUMPING = """
import os, time

real, start, ahead_s = time.time, time.monotonic(), float(os.environ.get("AHEAD_S", "0"))
after_s, jump_s = float(os.environ.get("JUMP_AFTER_S", "inf")), float(os.environ.get("JUMP_S", "0"))


def jumping():
    return real() + ahead_s + (jump_s if time.monotonic() - start > after_s else 0)


time.time = jumping
"""
FLOW = """
name: clocks
tasks:
  first: {uses: "py:./work.py:note", with: {line: first}}
  nap: {run: "sleep 1", needs: first, timeout: 30s}
  flaky: {uses: "py:./flaky.py:flaky", needs: nap, retry: {attempts: 2, backoff: 50ms}}
  last: {uses: "py:./work.py:note", with: {line: last}, needs: flaky, timeout: 30s}
outputs:
  said: ${{ tasks.last }}
"""
FLAKY = """
from pathlib import Path

def flaky():
    if not Path("tried.txt").exists():
        Path("tried.txt").touch()
        raise OSError("not yet")
"""
HOUR, YEAR = 3600.0, 31_536_000.0


@pytest.fixture
def clocks(chair: Chair) -> Chair:
    """A chair whose clock can be made to jump through the environment."""
    chair.write("clock/sitecustomize.py", JUMPING)
    chair.write("flow.yaml", FLOW)
    chair.write("flaky.py", FLAKY)
    chair.env["PYTHONPATH"] = str(chair.path / "clock")
    return chair


def times(chair: Chair) -> list[float]:
    """When each event of run r happened, as its log says."""
    journal = open_journal(f"sqlite:///{chair.path}/.orrery/runs.db")
    try:
        return [event.at for _, event in journal.read("r")]
    finally:
        journal.close()


@pytest.mark.parametrize("jump_s", [-HOUR, HOUR, -YEAR, YEAR])
def test_a_clock_that_jumps_during_a_run_changes_nothing(clocks: Chair, jump_s: float) -> None:
    env = {"JUMP_AFTER_S": "0.8", "JUMP_S": str(jump_s)}
    said = clocks.orrery("run", "flow.yaml", "--run", "r", "--json", env=env)
    assert (said.status, said.json["outputs"]) == (0, {"said": "last"}), said
    assert said.json["seconds"] < 60
    assert clocks.notes() == ["first", "last"]
    found = times(clocks)
    assert found == sorted(found)
    assert clocks.orrery("replay", "r").status == 0


REST = """
name: rest
tasks:
  wait: {uses: "py:./work.py:wait_for", with: {path: go.txt}}
  flaky: {uses: "py:./flaky.py:flaky", needs: wait, retry: {attempts: 2, backoff: 50ms}}
  long: {run: "sleep 60", needs: {flaky: completion}, timeout: 100ms, effects: idempotent}
  last: {uses: "py:./work.py:note", with: {line: last}, needs: {long: failure}}
outputs:
  said: ${{ tasks.last }}
"""


@pytest.mark.parametrize("ahead_s", [-HOUR, -YEAR, YEAR])
def test_pauses_and_timeouts_are_kept_when_a_run_is_resumed_under_a_wrong_clock(clocks: Chair, ahead_s: float) -> None:
    clocks.killed_halfway(REST)
    said = clocks.orrery("resume", "r", "--json", env={"AHEAD_S": str(ahead_s)})
    assert (said.status, said.json["outputs"]) == (0, {"said": "last"}), said
    assert said.json["seconds"] >= 0
    assert clocks.notes() == ["last"]
    found = times(clocks)
    assert found == sorted(found)
    assert clocks.states() == {"r": "succeeded"}
    assert clocks.orrery("replay", "r").status == 0
