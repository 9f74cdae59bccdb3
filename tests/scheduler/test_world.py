"""The seeded world: a thousand lives, every promise checked after every turn."""

from __future__ import annotations

import pytest

from orrery.scheduler.states import STEPS, State, diagram
from orrery.testing.world import run_world

SEEDS = 1_000
BATCHES = 8


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_promise_holds_in_every_world(batch: int) -> None:
    for seed in range(batch, SEEDS, BATCHES):
        run_world(seed)


def test_a_world_is_the_same_each_time() -> None:
    assert run_world(7) == run_world(7)


def test_a_large_world_holds_as_well() -> None:
    assert run_world(3, tasks=18).tasks >= 18


def test_every_state_can_be_reached_and_left() -> None:
    targets = set(STEPS.values()) | {State.WAITING}
    assert targets == set(State)
    assert all(f"{state.value} -->" in diagram() for state in State)
