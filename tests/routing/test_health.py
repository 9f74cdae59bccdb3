"""Health: one failure is heard, noise is not, and nothing flaps."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.routing.tool_graph.health import (
    STEPS,
    Breaker,
    Failed,
    Health,
    Limited,
    Monitor,
    Observation,
    ProbeLost,
    Step,
    Trusted,
    Worked,
)
from orrery.routing.tool_graph.tools import Tool, ToolGraph

GRAPH = ToolGraph([Tool("t", gives={"x": ""}, seconds=2.0, money=0.5)])
STEADY = Monitor(jitter=0.0)


def changes_of_side(seen: Sequence[Observation], monitor: Monitor, *, every_s: float) -> int:
    """How often a tool went from usable to dead or back while it was watched."""
    health, sides = Health(monitor), [True]
    for number, one in enumerate(seen):
        at = number * every_s
        usable = health.is_alive("t", at=at)
        health = health.after([one], at=at)
        for side in (usable, health.is_alive("t", at=at)):
            if side != sides[-1]:
                sides.append(side)
    return len(sides) - 1


def test_a_failure_opens_a_pause_tries_and_two_uses_close() -> None:
    health = Health(STEADY).after([Failed("t", "no answer")], at=100.0)
    assert health.of("t").breaker is Breaker.OPEN
    assert not health.is_alive("t", at=129.0)
    assert health.weights(GRAPH, at=129.0) == {}
    assert health.is_alive("t", at=130.0)
    tried = health.after([Worked("t")], at=130.0)
    assert tried.of("t").breaker is Breaker.HALF_OPEN
    assert tried.after([Failed("t")], at=131.0).of("t").until == 131.0 + 60.0, "the second pause is twice as long"
    assert tried.after([Worked("t")], at=131.0).of("t").breaker is Breaker.CLOSED


def test_the_lower_threshold_must_be_reached_too() -> None:
    monitor = Monitor(weight=0.1, open_at=0.5, close_at=0.2, passes=2, jitter=0.0)
    health = Health(monitor).after([Failed("t")] * 7, at=0.0)
    assert health.of("t").breaker is Breaker.OPEN
    health = health.after([Worked("t")] * 2, at=30.0)
    assert health.of("t").breaker is Breaker.HALF_OPEN, "two passes are not enough while errors are remembered"
    assert health.after([Worked("t")] * 8, at=31.0).of("t").breaker is Breaker.CLOSED


@given(st.lists(st.sampled_from([Worked("t"), Failed("t"), ProbeLost("t"), Limited("t", 3.0), Trusted("t")])))
def test_every_history_is_a_legal_one(seen: list[Observation]) -> None:
    health = Health()
    for number, one in enumerate(seen):
        before = health.of("t").breaker
        health = health.after([one], at=number * 20.0)
        after = health.of("t").breaker
        reached = {before} | {to for (of, _), to in STEPS.items() if of is before}
        reached |= {to for (of, _), to in STEPS.items() if of in reached}
        assert after in reached
        assert 0.0 <= health.of("t").errors <= 1.0
        assert msgspec.convert(msgspec.to_builtins(health), Health) == health


@pytest.mark.parametrize("seed", range(5))
def test_probes_of_which_half_are_lost_do_not_make_it_flap(seed: int) -> None:
    random = Random(seed)
    healthy = [ProbeLost("t") if random.random() < 0.5 else Worked("t") for _ in range(300)]
    # Now and then four are lost in a row, and that counts as an error: it may open a few times, not at every turn.
    assert changes_of_side(healthy, Monitor(lost_in_a_row=8), every_s=10.0) <= 4
    dead = [ProbeLost("t") if random.random() < 0.5 else Failed("t") for _ in range(300)]
    health = Health()
    for number, one in enumerate(dead):
        health = health.after([one], at=number * 10.0)
    assert health.of("t").breaker is Breaker.OPEN


def test_health_that_oscillates_changes_sides_ever_more_seldom() -> None:
    seen: list[Observation] = [Failed("t") if number % 2 else Worked("t") for number in range(1000)]
    first, all_ = (changes_of_side(seen[:count], STEADY, every_s=10.0) for count in (100, 1000))
    assert all_ <= 20
    assert all_ - first < 2 * first, "ten times as long is not ten times as often"


def test_a_service_that_asks_for_a_pause_is_saturated_and_not_dead() -> None:
    health = Health(Monitor(price_per_s=1.0)).after([Limited("t", 7.0)], at=10.0)
    assert health.is_alive("t", at=10.0)
    assert health.wait_s("t", at=12.0) == 5.0
    assert health.weights(GRAPH, at=12.0) == {"t": pytest.approx(0.5 + 2.0 + 5.0)}
    assert health.weights(GRAPH, at=20.0) == {"t": pytest.approx(2.5)}


def test_slowness_that_was_seen_makes_a_tool_dearer() -> None:
    slow = Health(Monitor(price_per_s=1.0)).after([Worked("t", 22.0)], at=0.0)
    assert slow.weights(GRAPH, at=0.0)["t"] == pytest.approx(22.5)
    assert slow.after([Worked("t", float("nan"))], at=0.0).weights(GRAPH, at=0.0)["t"] == pytest.approx(22.5)


def test_a_tool_near_its_limit_is_dearer() -> None:
    near = ToolGraph([Tool("t", gives={"x": ""}, saturation=0.9), Tool("u", gives={"x": ""}, seconds=5.0)])
    assert Health(Monitor(price_per_s=1.0)).weights(near, at=0.0) == {"t": pytest.approx(10.0), "u": 5.0}


def test_who_says_that_a_tool_is_back_is_believed_on_trial() -> None:
    health = Health().after([Failed("t")], at=0.0).after([Trusted("t")], at=1.0)
    assert health.of("t").breaker is Breaker.HALF_OPEN
    assert health.after([Failed("t")], at=2.0).of("t").breaker is Breaker.OPEN
    assert (Breaker.CLOSED, Step.TRUST) not in STEPS


def test_a_monitor_without_two_thresholds_is_refused() -> None:
    with pytest.raises(ValueError, match="close_at below open_at"):
        Monitor(open_at=0.3, close_at=0.3)
    with pytest.raises(msgspec.ValidationError, match="pauses"):
        msgspec.convert({"pause_s": -1.0}, Monitor)


def test_the_jitter_is_of_the_seed() -> None:
    pauses = [Health(Monitor(seed=seed)).after([Failed("t")], at=0.0).of("t").until for seed in (1, 1, 2)]
    assert pauses[0] == pauses[1] != pauses[2]
    assert all(27.0 <= pause <= 33.0 for pause in pauses)
