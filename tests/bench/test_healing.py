"""The scenarios of the healing bench: each is handled as it must be, whoever else is asked meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from orrery.bench.optimiser.healing_runs import SCENARIOS, Scenario, healed, reacted


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: f"{one.topology}: {one.name}")
def test_a_scenario_is_handled_right(scenario: Scenario) -> None:
    ran = asyncio.run(healed(scenario))
    assert not ran.wrong
    assert ran.right
    assert ran.calls <= 1


def test_the_baseline_asks_for_every_step_and_leaves_effects_behind() -> None:
    by_name = {one.name: one for one in SCENARIOS}
    assert asyncio.run(reacted(by_name["one tool fails"])).calls == 7, (
        "six steps with the one that failed, and an answer"
    )
    assert asyncio.run(reacted(by_name["effects no longer used"])).orphans == 2


def test_a_scenario_that_goes_otherwise_is_not_called_right() -> None:
    by_name = {one.name: one for one in SCENARIOS}
    usual = by_name["one tool fails"]
    expected = Scenario(usual.name, usual.topology, usual.words, ("Escalation",), usual.ends_with)
    assert asyncio.run(healed(expected)).wrong == "answered by Reroute"
