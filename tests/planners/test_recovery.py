"""SIGKILL at the worst moments: what a planner and its models had said is neither lost nor paid for twice.

Real processes, a real store, and a model server that counts what it is asked.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.conftest import Call, Folder
from tests.cli.conftest import call as call  # noqa: PLC0414 - a fixture
from tests.cli.conftest import folder as folder  # noqa: PLC0414 - a fixture
from tests.planners.logs import log_of
from tests.simulated import Simulated
from tests.simulated import simulated as simulated  # noqa: PLC0414 - a fixture

from orrery.models.simulated import Answer, Asked, SimulatedServer
from orrery.scheduler import events as ev

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups are POSIX here")

PLANNERS = ["llm", "constellation"]
REQUEST = "ask two things and put the answers together"


def is_planning(asked: Asked) -> bool:
    """Whether it is a planner that asks."""
    return asked.messages[0].role == "system" and asked.messages[0].text.startswith(("You plan ", "You steer "))


class Model:
    """A model that plans once, in words given, and answers questions; the first time as slowly as it is told.

    Args:
        plan: what it says when it is asked for a plan; later it says that nothing is to change.
        slow: a question, or "plan", that is answered a token at a time until the test lets go.
    """

    def __init__(self, plan: str, slow: str = "") -> None:
        self.plan, self.slow = plan, slow
        self.asked: list[str] = []

    def __call__(self, asked: Asked) -> Answer:
        """The answer."""
        what = "plan" if is_planning(asked) else asked.messages[-1].text
        first = what not in self.asked
        self.asked.append(what)
        text = (self.plan if first or self.slow == "plan" else "done") if what == "plan" else f"about {what}"
        if what == self.slow and first:
            return Answer(text if what == "plan" else "x" * 40_000, tokens_per_s=20.0)
        return Answer(text)

    def counted(self) -> dict[str, int]:
        """How often each thing was asked."""
        return dict(Counter(self.asked))


def kill_when(folder: Folder, process: subprocess.Popen[str], what: Callable[[list[ev.Event]], bool]) -> None:
    """SIGKILL the process, and all that it started, once its log says so."""
    folder.wait_for(lambda: what(log_of(folder)), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def starts(events: list[ev.Event]) -> dict[str, int]:
    """How many attempts were started at each task."""
    return dict(Counter(event.task for event in events if isinstance(event, ev.TaskStarted)))


def recorded(events: list[ev.Event]) -> set[str]:
    """The tasks whose end is written down."""
    return {event.task for event in events if isinstance(event, ev.TaskSucceeded)}


def resumed(call: Call) -> dict[str, Any]:
    """The run, resumed to its end by this process, which is another one than was killed."""
    done = call("resume", "r", "--json")
    assert done.status == 0, done
    return done.json


def begin(folder: Folder, planner: str, request: str = REQUEST) -> subprocess.Popen[str]:
    """The command line, planning."""
    return folder.start("run", request, "--planner", planner, "--run", "r", "--json")


@pytest.mark.parametrize("planner", PLANNERS)
def test_killed_in_the_middle_of_a_models_answer_inside_a_step(
    folder: Folder, call: Call, simulated: Simulated, planner: str
) -> None:
    plan = (
        '1. model.ask(prompt="one", cache=false)\n2. model.ask(prompt="two", cache=false) after $1\nanswer: [$1, $2]\n'
    )
    model = Model(plan, slow="two")
    simulated(model)
    process = begin(folder, planner)

    def is_streaming(events: list[ev.Event]) -> bool:
        return any(isinstance(event, ev.TaskProgressed) and event.task.endswith("-2") for event in events)

    kill_when(folder, process, is_streaming)
    before = recorded(log_of(folder))
    found = resumed(call)
    assert found["outputs"] == {"answer": ["about one", "about two"]}, found
    counted = model.counted()
    assert (counted["one"], counted["two"]) == (1, 2), "what was recorded is not asked again; what was not, is"
    if planner == "llm":
        assert counted["plan"] == 1, "the finished plan is not asked for twice"
    again = Counter(event.task for event in log_of(folder) if isinstance(event, ev.TaskStarted))
    assert all(again[task] == 1 for task in before)


@pytest.mark.parametrize("planner", PLANNERS)
def test_killed_while_waiting_for_an_approval(folder: Folder, call: Call, simulated: Simulated, planner: str) -> None:
    folder.write("old.log", "old")
    plan = '1. model.ask(prompt="one", cache=false)\n2. files.remove(path="old.log") after $1\nanswer: $1\n'
    model = Model(plan)
    simulated(model)
    process = begin(folder, planner)
    kill_when(
        folder,
        process,
        lambda events: (
            any(isinstance(event, ev.PersonAsked) for event in events)
            and any(task.endswith("-1") and "think" not in task for task in recorded(events))
        ),
    )
    asking = call("show", "r", "--json").json["asking"]
    (task,) = asking
    assert "files.remove" in asking[task], "the exact call is in the question"
    assert "removes 'old.log'" in asking[task], "and so is the reason"
    assert (folder.path / "old.log").exists()
    assert call("approve", "r", task).status == 0
    assert resumed(call)["outputs"] == {"answer": "about one"}
    assert not (folder.path / "old.log").exists()
    assert model.counted()["one"] == 1
    if planner == "llm":
        assert model.counted()["plan"] == 1


def test_killed_while_the_plan_streams(folder: Folder, call: Call, simulated: Simulated) -> None:
    plan = "".join(f'{n}. model.ask(prompt="q{n}", cache=false)\n' for n in range(1, 7)) + "answer: [$1, $6]\n"
    model = Model(plan, slow="plan")
    simulated(model)
    process = begin(folder, "llm")
    kill_when(folder, process, lambda events: len(recorded(events)) >= 2)
    events = log_of(folder)
    before = recorded(events)
    planned = sum(isinstance(event, ev.GraphPatched) for event in events)
    assert planned < 8, "the plan was not finished"
    assert resumed(call)["outputs"] == {"answer": ["about q1", "about q6"]}
    counted = model.counted()
    assert counted["plan"] == 2, "the model is asked for the rest, once"
    assert all(counted[f"q{task.rpartition('-')[2]}"] == 1 for task in before), counted


def test_killed_while_a_thinker_thinks_and_what_it_had_said_before_stands(
    folder: Folder, call: Call, simulated: Simulated
) -> None:
    said = iter(
        (
            Answer('1. model.ask(prompt="one", cache=false)'),
            Answer('2. model.ask(prompt="two", cache=false)\n' + "# " + "x" * 40_000, tokens_per_s=20.0),
            Answer('2. model.ask(prompt="three", cache=false)\nanswer: [$1, $2]\ndone'),
        )
    )
    asked: list[str] = []

    def model(question: Asked) -> Answer:
        what = "plan" if is_planning(question) else question.messages[-1].text
        asked.append(what)
        return next(said) if what == "plan" else Answer(f"about {what}")

    simulated(model)
    process = begin(folder, "constellation")
    kill_when(
        folder,
        process,
        lambda events: any(isinstance(e, ev.TaskProgressed) and e.task.endswith("think-2") for e in events),
    )
    assert resumed(call)["outputs"] == {"answer": ["about one", "about three"]}
    assert Counter(asked) == {"plan": 3, "one": 1, "three": 1}


def test_resume_needs_nothing_but_the_store(folder: Folder, call: Call, simulated: Simulated) -> None:
    model = Model('1. model.ask(prompt="one", cache=false)\nanswer: $1\n', slow="one")
    server: SimulatedServer = simulated(model)
    process = begin(folder, "constellation")
    kill_when(folder, process, lambda _: server.counts.running > 0 and "one" in model.asked)
    runs = call("runs", "--json").json["runs"]
    assert [(run["target"], run["state"]) for run in runs] == [(REQUEST, "interrupted")]
    assert resumed(call)["outputs"] == {"answer": "about one"}
