"""Which of several replicas takes a call: rules of a load balancer, each a function of what it can see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orrery.models.serving.replica import Replica
from orrery.registry import Registry

if TYPE_CHECKING:
    from orrery.models.serving.simulation import Call

Balance = Callable[["Call", Sequence[Replica], int], int]
"""(call, replicas, how many calls came before it) -> the place of a replica."""

balances: Registry[Balance] = Registry("balance", group="orrery.balances")
"""The rules by name."""


@balances.register("round-robin")
def round_robin(call: Call, replicas: Sequence[Replica], count: int) -> int:  # noqa: ARG001 - a rule may look at all
    """Each in turn."""
    return count % len(replicas)


@balances.register("least-loaded")
def least_loaded(call: Call, replicas: Sequence[Replica], count: int) -> int:  # noqa: ARG001 - a rule may look at all
    """The one with the least left to do; ties go to the lowest place."""
    return min(range(len(replicas)), key=lambda place: (replicas[place].work_s, place))


@balances.register("prefix-affinity")
def prefix_affinity(call: Call, replicas: Sequence[Replica], count: int) -> int:  # noqa: ARG001 - a rule may look at all
    """The one that has the least to do and to read before this call's first token; ties go to the lowest place.

    What a prompt shares with earlier ones counts for a replica, and so does a short line: neither is pursued at any
    price, for both are seconds.
    """

    def first_token_s(place: int) -> float:
        replica = replicas[place]
        known = replica.prefixes.known(call.model, call.prompt)
        return replica.work_s + replica.timing.read_s(call.prompt_tokens - known)

    return min(range(len(replicas)), key=lambda place: (first_token_s(place), place))
