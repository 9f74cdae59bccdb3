"""The seeded fleet: hundreds of lives with every misfortune; every promise is checked while they last."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from orrery.fleet.hub.attempt import Attempt
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.messages import Result
from orrery.testing.fleet_world import FleetWorldError, Report, run_fleet

SEEDS = 320
BATCHES = 8


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_promise_holds_in_every_fleet(batch: int) -> None:
    reports_ = [run_fleet(seed) for seed in range(batch, SEEDS, BATCHES)]
    faults, outcomes = _sum(reports_)
    assert len(faults) >= 12, "hardly anything went wrong"
    assert outcomes["succeeded"] > sum(outcomes.values()) / 2


def test_every_misfortune_happens() -> None:
    faults, outcomes = _sum([run_fleet(seed) for seed in range(48)])
    for share in ("0%", "50%", "99%"):
        assert faults[f"a device that is killed at {share} of a task"], share
    for fault in (
        "a drop-out",
        "a network that is cut",
        "a wire that is half open",
        "a cut wire",
        "a killed hub",
        "a resumed client",
        "a device that lies",
        "a skill that is gone",
        "a revoked device",
        "a device that leaves",
        "a lost worker",
    ):
        assert faults[fault], fault
    for outcome in ("succeeded", "failed", "no-device", "stopped", "deadline", "asked"):
        assert outcomes[outcome], outcome


def test_a_fleet_is_the_same_each_time() -> None:
    assert run_fleet(11) == run_fleet(11)


def test_a_quiet_fleet_does_everything() -> None:
    quiet = next(report for report in map(run_fleet, range(100)) if report.spare and not report.faults)
    assert set(quiet.outcomes) <= {"succeeded", "failed", "deadline"}


def test_a_broken_promise_is_found_and_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    end = Ledger.end

    def muddle(ledger: Ledger, attempt: Attempt, result: Result) -> None:
        end(ledger, attempt, msgspec.structs.replace(result, value=msgspec.msgpack.encode("of another task")))

    monkeypatch.setattr(Ledger, "end", muddle)
    with pytest.raises(FleetWorldError, match=r"seed 3: .* has the result of of another task .*run_fleet\(3\)"):
        run_fleet(3)


def _sum(several: list[Report]) -> tuple[Counter[str], Counter[str]]:
    faults: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for report in several:
        faults.update(report.faults)
        outcomes.update(report.outcomes)
    return faults, outcomes
