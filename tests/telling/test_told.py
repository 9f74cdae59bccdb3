"""Every event is told in words."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from orrery.errors import Failure, Problem
from orrery.graph import Graph, Task
from orrery.graph.diff import diff
from orrery.graph.values import encode
from orrery.scheduler import events as ev
from orrery.telling.told import told

PATCH = msgspec.structs.replace(diff(Graph(), Graph([Task("a", "op")])), by="ann")
PROBLEMS = (Problem("patch/locked", "task 'a'", "it has started"), Problem("x", "", "and ended"))
VALUES = {
    "patch": PATCH,
    "problems": PROBLEMS,
    "tasks": ("a", "b"),
    "failure": Failure("OSError", "no luck"),
    "value": msgspec.Raw(encode(3)),
    "attempt": 2,
    "due": 9.0,
    "until": 9.0,
    "epoch": 4,
    "spent": 12.0,
    "allowed": 10.0,
    "cancelled": False,
    "state": "failed",
    "verdict": "deny",
    "fraction": 0.5,
}


def made(kind: type[ev.Event]) -> ev.Event:
    """An event of a kind with something in each of its fields."""
    rest = {
        field.name: VALUES.get(field.name, f"some-{field.name}")
        for field in msgspec.structs.fields(kind)
        if field.name != "at" and (field.required or field.name in ("failure", "by", "because", "target"))
    }
    return kind(at=5.0, **rest)


@pytest.mark.parametrize("kind", get_args(ev.AnyEvent), ids=lambda kind: kind.__name__)
def test_no_event_is_told_by_the_name_of_its_type(kind: type[ev.Event]) -> None:
    said = told(made(kind))
    assert kind.__name__ not in said
    assert said == said.strip()
    assert said.count(chr(10)) == 0


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (ev.RunStarted(5.0, "r", target="flow.yaml"), "the run began: flow.yaml"),
        (ev.RunStarted(5.0, "r"), "the run began"),
        (ev.RunPaused(5.0, "ann"), "the run was paused by ann: nothing new starts"),
        (ev.RunContinued(5.0), "the run was continued"),
        (ev.RunCancelRequested(5.0, "ann", "too late"), "the run is to end, says ann, because too late"),
        (ev.PatchRejected(5.0, PATCH, PROBLEMS), "a patch by ann was refused: it has started; and ended"),
        (ev.EditOpened(5.0, "e1", ("a", "b"), 9.0), "a change is thought about (e1), which holds 2 tasks"),
        (ev.TimeReached(5.0), "a time was reached at which something was due"),
        (ev.BudgetExceeded(5.0, "tokens", 12, 10), "the budget is used up: tokens 12 of 10"),
        (ev.RunEnded(5.0, "succeeded"), "the run ended: succeeded"),
        (ev.RunEnded(5.0, "failed", Failure("OSError", "no luck")), "the run ended: failed, OSError: no luck"),
    ],
)
def test_what_happens_to_a_run_is_told_with_who_and_why(event: ev.Event, said: str) -> None:
    assert told(event) == said
