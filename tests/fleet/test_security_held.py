"""A device that says it has, or has done, what it was never given: it cannot be its when the place forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from orrery.fleet.messages import Held, Result
from orrery.graph.place import Place
from tests.fleet.test_hub import Stage, results

ON_GOOD = Place(on=("good",))
PHASES = ("queued", "running", "done", "broken")
FENCES = (0, 1, 2**32 + 1, 2**53)
PLACES = (ON_GOOD, Place(apart=("bad",)), Place(skills=("vault",)))


def lie(phase: Any, fence: int = 5, work: str = "a#1") -> Held:
    return Held(work, "a", "a", phase, fence)


def is_done_by_good(stage: Stage) -> None:
    """Whoever lied, the task is given to the device that it is meant for, and what that says counts."""
    heard = stage.device("good", skills=("vault",), slots=4)
    assert stage.assigned["a#1"][0] == "good", heard
    # What the liar says of it under whatever fence changes nothing.
    for fence in (*FENCES, stage.fence()):
        assert not results(stage.said("bad", Result(work="a#1", status="succeeded", fence=fence, value=b"\xa3bad")))
    [ended] = results(stage.ends(value=b"\xa4good"))
    assert (ended.status, ended.value, ended.device) == ("succeeded", b"\xa4good", "good")


@pytest.mark.parametrize("effects", ["pure", "idempotent", "keyed", "once"])
@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("fence", FENCES)
@pytest.mark.parametrize("phase", PHASES)
def test_said_before_it_is_asked_for(phase: str, fence: int, place: Place, effects: str) -> None:
    stage = Stage()
    stage.client()
    stage.device("bad", lie(phase, fence))
    assert not results(stage.asks(place=place, effects=effects))
    is_done_by_good(stage)


@pytest.mark.parametrize("effects", ["pure", "idempotent", "keyed", "once"])
@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("fence", FENCES)
@pytest.mark.parametrize("phase", PHASES)
def test_said_while_it_waits(phase: str, fence: int, place: Place, effects: str) -> None:
    stage = Stage()
    stage.client()
    stage.asks(place=place, effects=effects)
    assert not results(stage.device("bad", lie(phase, fence)))
    is_done_by_good(stage)


@pytest.mark.parametrize("phase", PHASES)
def test_said_of_an_earlier_attempt_at_the_same_task(phase: str) -> None:
    stage = Stage()
    stage.client()
    stage.device("bad", lie(phase, work="a#0"))
    assert not results(stage.asks(place=ON_GOOD))
    stage.said("bad", Result(work="a#0", status="succeeded", fence=5, value=b"\xa3bad"))
    is_done_by_good(stage)


@pytest.mark.parametrize("phase", PHASES)
def test_an_earlier_attempt_that_ended_before_it_is_asked_for(phase: str) -> None:
    stage = Stage()
    stage.client()
    stage.device("bad", lie(phase, work="a#0"))
    stage.said("bad", Result(work="a#0", status="succeeded", fence=5, value=b"\xa3bad"))
    assert not results(stage.asks(place=ON_GOOD))
    is_done_by_good(stage)


@pytest.mark.parametrize("phase", PHASES)
def test_said_while_another_earlier_one_is_awaited(phase: str) -> None:
    stage = Stage(epoch=2, expected=("good", "bad"))
    stage.client()
    assert not results(stage.asks(place=ON_GOOD, seen_on="good"))
    assert not results(stage.device("bad", lie(phase)))
    is_done_by_good(stage)
