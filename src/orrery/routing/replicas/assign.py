"""Calls of a consolidated plan to replicas of a model server: where each goes, and in which order they are made.

Three things pull: a beginning that prompts share is read once on every replica that needs it, so calls that begin
alike belong together; replicas should end together, so no group may be too large; and what others wait for goes first.

Prompts are put into a trie by their pieces. Level by level of the plan, subtrees go to replicas whole, the largest
first, each to where it would be done soonest, reading included; a subtree that is larger than the grain is split, and
small ones beside each other are bundled. Several grains are tried, and several orders: by the longest way to the
plan's end, by levels, by the trie. A plan that is small enough for it is put through the serving model in every one of
these ways, and one of a dozen calls is improved by moving one at a time. Near-linear: O(calls x pieces + bundles x
replicas).

Source: the idea of planning many workflows as one, with placement by a cost model of prefill, decode and cache, is
Halo's ("Batch query processing and optimization for agentic workflows", 2025). Its solver works epoch by epoch with
dynamic programming; this one does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from orrery.errors import RequestError
from orrery.models.serving import Call, Simulated, Timing, simulate
from orrery.routing.replicas.plan import Plan, ranks

EFFORT = 8000
"""How many calls are put through the serving model to compare and improve plans; 0 decides by estimates alone."""

KICKS = 12
"""So many kicks in vain end the search before its effort is spent."""

GRAINS = (1, 4, 32)
"""A group of calls is at most this part of what a replica would have to do of a level, tried one after the other."""


class Assignment(NamedTuple):
    """Where calls go, and in which order.

    Args:
        replica: of each call, its place among the replicas.
        rank: of each call; of those that are ready for one replica, the lowest goes first.
        seconds: until all have ended, by the serving model if `because` says so, else estimated.
        busy_s: of each replica, until it has done its part, if that was estimated.
    """

    replica: tuple[int, ...]
    rank: tuple[int, ...]
    seconds: float
    because: str
    busy_s: tuple[float, ...] = ()


def assign(
    calls: Sequence[Call],
    timing: Timing,
    *,
    replicas: int,
    effort: int = EFFORT,
    seed: int = 0,
    read: Sequence[Sequence[int]] = (),
    busy_s: Sequence[float] = (),
) -> Assignment:
    """Replicas and an order for calls, so that all have ended soon.

    Args:
        calls: with their prompts by pieces, the expected lengths of their answers, and what they wait for; their own
            `replica` and `rank` are not looked at.
        timing: of each replica.
        effort: calls that may be put through the serving model; more finds better plans for small instances.
        seed: of the search's dice.
        read: of each replica, how many tokens each prompt begins with that it has read before; nothing unless given.
        busy_s: of each replica, how long it has to work on what it was given before. The serving model begins with
            empty replicas: it knows of neither, only the estimates do.

    Raises:
        RequestError: no replicas, or calls that wait for each other.
    """
    if replicas < 1:
        raise RequestError(f"{replicas} replicas cannot serve anything; there must be at least one")
    if not calls:
        return Assignment((), (), 0.0, "there is nothing to do", tuple(busy_s))
    plan = Plan(calls, timing, replicas, read, busy_s)
    spreads = [plan.spread(grain) for grain in (GRAINS if plan.is_wide else GRAINS[:1])]
    places = dict.fromkeys(spread.place for spread in spreads)
    if len(calls) * len(places) * 2 > effort:
        best = min(spreads, key=lambda spread: spread.busiest_s)  # of equals the one with the largest parts
        if best.fits_cache:
            order, why = plan.by_level, "level by level, as all beginnings stay in the cache"
        else:
            order, why = plan.by_trie, "by beginnings, as the cache is full"
        because = f"too many calls to simulate; in parts of 1/{best.grain} of a replica's share, {why}"
        return Assignment(best.place, order, best.busiest_s, because, best.busy_s)
    return _searched(plan, places, effort, Random(seed))  # noqa: S311 - repeatable, not secret


def performed(
    calls: Sequence[Call], timing: Timing, place: Sequence[int], rank: Sequence[int], *, replicas: int
) -> Simulated:
    """What comes of the calls in the serving model, if they are made so."""
    placed = [
        msgspec.structs.replace(call, replica=where, rank=when)
        for call, where, when in zip(calls, place, rank, strict=True)
    ]
    return simulate(placed, timing, replicas=replicas)


class _Found(NamedTuple):
    """A plan, and how long it takes in the serving model."""

    seconds: float
    place: tuple[int, ...]
    order: tuple[int, ...]


def _searched(plan: Plan, places: Iterable[tuple[int, ...]], effort: int, dice: Random) -> Assignment:
    """The best of several plans in the serving model, improved by single moves, and from there by kicks.

    Source: iterated local search (Lourenço, Martin, Stützle, 2003).
    """
    orders = dict.fromkeys((plan.by_way, plan.by_level, plan.by_trie))
    starts = [_Found(_seconds(plan, place, order), place, order) for place in places for order in orders]
    starts.sort(key=lambda one: one.seconds)  # stable: of equals the first tried
    size = len(plan.calls)
    left = effort // size - len(starts)
    if left < size * (plan.replicas + size):  # not even once round all single moves: chance hits would not be worth it
        left = 0
    best, ahead, in_vain = starts[0], deque(starts), 0
    while left > 0 and in_vain < KICKS:
        in_vain += not ahead
        here = ahead.popleft() if ahead else _kicked(plan, best, dice)
        moves = _moves(here, plan.replicas)
        while left > 0 and (move := next(moves, None)) is not None:
            left -= 1
            seconds = _seconds(plan, *move)
            if seconds < here.seconds * (1 - 1e-9):
                here = _Found(seconds, *move)
                moves = _moves(here, plan.replicas)
        left -= 1  # also where there is nothing to move
        if here.seconds < best.seconds:
            best, in_vain = here, 0
    gain = 1 - best.seconds / starts[0].seconds if best.seconds < starts[0].seconds else 0.0
    because = f"the best of {len(starts)} plans in the serving model" + (f", improved by {gain:.1%}" if gain else "")
    return Assignment(best.place, best.order, best.seconds, because)


def _kicked(plan: Plan, best: _Found, dice: Random) -> _Found:
    """Near the best, but not where single moves have been: two calls anywhere, at any time."""
    place, in_turn = list(best.place), sorted(range(len(best.order)), key=best.order.__getitem__)
    for _ in range(2):
        call = dice.randrange(len(place))
        place[call] = dice.randrange(plan.replicas)
        in_turn.remove(call)
        in_turn.insert(dice.randrange(len(place)), call)
    order = ranks(in_turn)
    return _Found(_seconds(plan, place, order), tuple(place), order)


def _moves(found: _Found, replicas: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All plans that differ by one call on another replica, two that change places, or one earlier or later."""
    place, order = found.place, found.order
    for call, here in enumerate(place):
        for replica in range(replicas):
            if replica != here:
                yield (*place[:call], replica, *place[call + 1 :]), order
    in_turn = sorted(range(len(order)), key=order.__getitem__)
    for call in in_turn:
        rest = [one for one in in_turn if one != call]
        for position in range(len(order)):
            if position != order[call]:
                yield place, ranks([*rest[:position], call, *rest[position:]])
    for call, here in enumerate(place):
        for other in range(call + 1, len(place)):
            if place[other] != here:
                swapped = list(place)
                swapped[call], swapped[other] = swapped[other], here
                yield tuple(swapped), order


def _seconds(plan: Plan, place: Sequence[int], rank: Sequence[int]) -> float:
    """How long it takes in the serving model."""
    return performed(plan.calls, plan.timing, place, rank, replicas=plan.replicas).seconds
