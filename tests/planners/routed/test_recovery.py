"""SIGKILL while a route heals: what was made is not made again, and the route goes on from there."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter

import pytest
from tests.cli.conftest import Call, Folder
from tests.cli.conftest import call as call  # noqa: PLC0414 - a fixture
from tests.cli.conftest import folder as folder  # noqa: PLC0414 - a fixture
from tests.planners.logs import log_of

from orrery.planners.routed import answers
from orrery.routing.tool_graph.heal import Compensation, Reroute
from orrery.scheduler import events as ev

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups are POSIX here")

FLOW = """
name: healing
tasks:
  go:
    uses: route
    with:
      ask: nobody
      have: {line: booked, path: go.txt, text: broken, other: dearer}
      want: [end]
      tools:
        book: {uses: "py:./work.py:note", needs: line, gives: booking, effects: keyed, undo: cancel}
        cancel: {uses: "py:./work.py:greet", needs: {who: booking}, effects: idempotent}
        pay: {uses: "py:./work.py:fail", needs: {text: booking}, gives: paid, effects: pure}
        visit: {uses: "py:./work.py:wait_for", needs: {path: path}, gives: seen, effects: pure, seconds: 9}
        write: {uses: "py:./work.py:note", needs: {line: seen}, gives: paid, effects: pure}
        send: {uses: "py:./work.py:greet", needs: {who: paid}, gives: end, effects: pure}
outputs:
  end: ${{ tasks.go }}
"""


def test_a_route_that_is_killed_while_it_heals_goes_on_from_what_was_made(folder: Folder, call: Call) -> None:
    folder.write("flow.yaml", FLOW)
    process = folder.start("run", "flow.yaml", "--run", "r", "--json")
    folder.wait_for(lambda: (folder.path / "waiting.txt").exists(), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = [event.task for event in log_of(folder) if isinstance(event, ev.TaskSucceeded)]
    assert "go/1.book" in before
    folder.write("go.txt", "")
    done = call("resume", "r", "--json")
    assert done.json["outputs"] == {"end": {"end": "hello go.txt"}}, done
    assert (folder.path / "notes.txt").read_text().splitlines() == ["booked", "go.txt"]
    events = log_of(folder)
    starts = Counter(event.task for event in events if isinstance(event, ev.TaskStarted))
    assert all(starts[task] == 1 for task in before), "nothing that had ended was begun again"
    (answered,) = answers(events)
    assert answered.tool == "pay"
    assert [type(one) for one in answered.decisions] == [Compensation]
    assert Reroute not in map(type, answered.decisions)
