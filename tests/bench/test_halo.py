"""The bench of Halo: every query gets what it would get by itself, and equal calls are made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orrery.bench.optimiser import halo
from orrery.bench.optimiser.halo_best import best_s, instance
from orrery.bench.optimiser.halo_runs import Model, row_by_row
from orrery.bench.optimiser.halo_workloads import WORKLOADS, Workload, common, documents, hops
from orrery.models.serving import simulate
from orrery.routing.replicas import assign, performed

FEW_SLOTS = replace(halo.SERVER, slots=4)
"""With so few queries the shared work only counts where slots are scarce."""


@pytest.mark.parametrize("make", WORKLOADS, ids=lambda make: make.__name__)
def test_a_plan_of_many_queries_gives_each_its_own_outputs(make: Callable[[int, int], Workload]) -> None:
    one = halo.compare(make(20, 7), FEW_SLOTS, brief=True)
    assert one.exact
    assert one.distinct < one.calls
    assert one.halo.ran.seconds < one.rows_s


def test_one_query_is_no_slower_as_a_plan() -> None:
    one = halo.compare(documents(1, 1))
    assert one.exact
    assert one.halo.ran.seconds <= one.alone_s * 1.001


def test_calls_that_are_equal_only_at_run_time_are_made_once() -> None:
    one = halo.compare(hops(30, 3), brief=True)
    assert one.halo.in_plan > one.distinct == one.halo.ran.made


def test_without_anything_in_common_nothing_is_gained() -> None:
    one = halo.compare(common(8, 1, 0.0), FEW_SLOTS, brief=True)
    assert one.distinct == one.calls
    assert one.halo.ran.seconds == pytest.approx(one.rows_s, rel=0.05)


def test_the_check_of_outputs_can_fail() -> None:
    """A model that answers equal calls differently cannot give both ways the same."""

    class Forgetful(Model):
        def __call__(self, asked):  # type: ignore[no-untyped-def]
            self.answers[asked] = f"{len(self.answers)} " * 5
            return self.answers[asked]

    workload = documents(4, 1)
    assert row_by_row(workload, Forgetful()).outputs != row_by_row(workload, Model()).outputs


@pytest.mark.parametrize("seed", range(4))
def test_no_plan_is_better_than_the_best(seed: int) -> None:
    calls, timing = instance(seed, 4)
    best = best_s(calls, timing, 2)
    found = assign(calls, timing, replicas=2)
    assert best <= found.seconds * (1 + 1e-9)
    assert best <= performed(calls, timing, (0,) * 4, range(4), replicas=2).seconds * (1 + 1e-9)
    assert best <= simulate(calls, timing, replicas=2, balance="prefix-affinity").seconds * (1 + 1e-9)
