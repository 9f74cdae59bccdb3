"""Calls of a consolidated plan to replicas of a model server: where each goes, and in which order they are made.

Three things pull: a beginning that prompts share is read once on every replica that needs it, so calls that begin
alike belong together; replicas should end together, so no group may be too large; and what others wait for goes first.

Prompts are put into a trie by their pieces. Level by level of the plan, subtrees go to replicas whole, the largest
first, each to where it would be done soonest, reading included; a subtree that is larger than the grain is split, and
small ones beside each other are bundled. Several grains are tried, and several orders: by the longest way to the
plan's end, by levels, by the trie. A plan that is small enough for it is put through the serving model in every one of
these ways, and improved by moving one call at a time. Near-linear: O(calls x pieces + bundles x replicas).

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
    """

    replica: tuple[int, ...]
    rank: tuple[int, ...]
    seconds: float
    because: str


def assign(calls: Sequence[Call], timing: Timing, *, replicas: int, effort: int = EFFORT, seed: int = 0) -> Assignment:
    """Replicas and an order for calls, so that all have ended soon.

    Args:
        calls: with their prompts by pieces, the expected lengths of their answers, and what they wait for; their own
            `replica` and `rank` are not looked at.
        timing: of each replica.
        effort: calls that may be put through the serving model; more finds better plans for small instances.
        seed: of the search's dice.

    Raises:
        RequestError: no replicas, or calls that wait for each other.
    """
    if replicas < 1:
        raise RequestError(f"{replicas} replicas cannot serve anything; there must be at least one")
    if not calls:
        return Assignment((), (), 0.0, "there is nothing to do")
    plan = _Plan(calls, timing, replicas)
    places = {plan.places(grain): grain for grain in reversed(GRAINS)}
    if len(calls) * len(places) * 2 > effort:
        best = min(places, key=lambda place: (plan.busiest_s(place), places[place]))
        by_levels = plan.fits_cache(best)
        order = plan.by_level if by_levels else plan.by_trie
        why = (
            "level by level, as all beginnings stay in the cache"
            if by_levels
            else "by beginnings, as the cache is full"
        )
        because = f"too many calls to simulate; in parts of 1/{places[best]} of a replica's share, {why}"
        return Assignment(best, order, plan.busiest_s(best), because)
    return _searched(plan, places, effort, Random(seed))  # noqa: S311 - repeatable, not secret


def performed(
    calls: Sequence[Call], timing: Timing, place: Sequence[int], rank: Sequence[int], *, replicas: int
) -> Simulated:
    """What comes of the calls in the serving model, if they are made so."""
    placed = [
        Call(call.prompt, call.answer_tokens, call.at, call.after, call.model, where, when, call.key)
        for call, where, when in zip(calls, place, rank, strict=True)
    ]
    return simulate(placed, timing, replicas=replicas)


class _Found(NamedTuple):
    """A plan, and how long it takes in the serving model."""

    seconds: float
    place: tuple[int, ...]
    order: tuple[int, ...]


class _Node(msgspec.Struct, gc=False):
    """A beginning of prompts: its last piece, and what is before it.

    Args:
        parent: the number of the node before; -1 for the root.
        tokens: of the piece.
        position: of the node in a walk from the root, children in the order in which they came.
    """

    parent: int
    tokens: int
    position: int = 0


class _Plan:
    """What is known of the calls: their trie, their levels, their ways to the end."""

    def __init__(self, calls: Sequence[Call], timing: Timing, replicas: int) -> None:
        self.calls, self.timing, self.replicas = calls, timing, replicas
        self._nodes: list[_Node] = [_Node(-1, 0)]
        self._leaves = self._grow()
        self._walk()
        order, after = _in_order(calls)
        depth, way_s, height = [0] * len(calls), [0.0] * len(calls), [0] * len(calls)
        for place in order:
            depth[place] = max((depth[before] + 1 for before in calls[place].after), default=0)
        # Of many calls on a replica each has its share of every step; of few, all that is left to slow them is company.
        batch = max(1.0, min(float(timing.slots or len(calls)), len(calls) / replicas))
        share = timing.company(batch) / batch if timing.slots else 1 / batch
        self._work_s = [timing.write_s(call.answer_tokens) * share + timing.first_s / batch for call in calls]
        for place in reversed(order):
            behind = after[place]
            own = self._nodes[self._leaves[place]].tokens
            alone_s = timing.due_s(calls[place].answer_tokens, uncached=own)
            way_s[place] = alone_s + max((way_s[later] for later in behind), default=0.0)
            height[place] = 1 + max((height[later] for later in behind), default=0)
        self._levels: list[list[int]] = [[] for _ in range(max(depth) + 1)]
        for place, level in enumerate(depth):
            self._levels[level].append(place)
        positions = [self._nodes[leaf].position for leaf in self._leaves]
        everything = range(len(calls))
        self.by_way = _ranks(sorted(everything, key=lambda place: (-way_s[place], positions[place], place)))
        self.by_level = _ranks(sorted(everything, key=lambda place: (-height[place], positions[place], place)))
        self.by_trie = _ranks(sorted(everything, key=lambda place: (positions[place], depth[place], place)))

    def performed_s(self, place: Sequence[int], rank: Sequence[int]) -> float:
        """How long it takes in the serving model."""
        return performed(self.calls, self.timing, place, rank, replicas=self.replicas).seconds

    def places(self, grain: int) -> tuple[int, ...]:
        """A replica for each call, with groups of at most one part in `grain` of a replica's share of a level."""
        found = [0] * len(self.calls)
        load = [0.0] * self.replicas
        read: list[set[int]] = [{0} for _ in range(self.replicas)]
        for level in self._levels:
            largest_s = sum(self._work_s[place] for place in level) / self.replicas / grain
            groups = [
                (sum(self._work_s[place] for place in group), top, group)
                for top, group in self._groups(level, largest_s)
            ]
            groups.sort(key=lambda one: (-one[0], self._nodes[one[1]].position, one[2][0]))
            for work_s, top, group in groups:
                best = min(range(self.replicas), key=lambda r: (load[r] + self._to_read_s(top, read[r]), r))
                load[best] += work_s
                for place in group:
                    found[place] = best
                    load[best] += self._read_into(self._leaves[place], read[best])
        return tuple(found)

    def busiest_s(self, place: Sequence[int]) -> float:
        """About how long the busiest replica works, the longest way to the end included if that is longer."""
        load = [0.0] * self.replicas
        read: list[set[int]] = [{0} for _ in range(self.replicas)]
        for call, where in enumerate(place):
            load[where] += self._work_s[call] + self._read_into(self._leaves[call], read[where])
        return max(load)

    def fits_cache(self, place: Sequence[int]) -> bool:
        """Whether every replica can keep all beginnings that it reads."""
        block = self.timing.block_tokens
        if not block:
            return True
        read: list[set[int]] = [{0} for _ in range(self.replicas)]
        for call, where in enumerate(place):
            self._read_into(self._leaves[call], read[where])
        most = self.timing.cache_blocks * block
        return all(sum(self._nodes[node].tokens for node in known) <= most for known in read)

    def _grow(self) -> list[int]:
        """Put all prompts into the trie; the node at which each ends."""
        known: dict[object, int] = {}
        leaves = []
        for call in self.calls:
            node = known.setdefault(call.model, len(self._nodes))
            if node == len(self._nodes):
                self._nodes.append(_Node(0, 0))
            for piece in call.prompt:
                parent, node = node, known.setdefault((node, piece), len(self._nodes))
                if node == len(self._nodes):
                    self._nodes.append(_Node(parent, piece.tokens))
            leaves.append(node)
        return leaves

    def _walk(self) -> None:
        """Number the nodes from the root, each before those below it."""
        below: list[list[int]] = [[] for _ in self._nodes]
        for number, node in enumerate(self._nodes[1:], start=1):
            below[node.parent].append(number)
        position, ahead = 0, [0]
        while ahead:
            number = ahead.pop()
            self._nodes[number].position = position
            position += 1
            ahead.extend(reversed(below[number]))

    def _groups(self, level: Sequence[int], largest_s: float) -> Iterator[tuple[int, list[int]]]:
        """The calls of a level in groups that begin alike, none larger unless it is one call: (its beginning, it)."""
        weight: dict[int, float] = {}
        below: dict[int, dict[int, None]] = {}
        ending: dict[int, list[int]] = {}
        for place in level:
            node = self._leaves[place]
            ending.setdefault(node, []).append(place)
            while True:
                weight[node] = weight.get(node, 0.0) + self._work_s[place]
                if not node:
                    break
                below.setdefault(self._nodes[node].parent, {})[node] = None
                node = self._nodes[node].parent
        largest_s *= 1 + 1e-9
        ahead = [0]
        while ahead:
            node = ahead.pop()
            if weight[node] <= largest_s:
                yield node, self._all_below(node, below, ending)
                continue
            bundle: list[int] = []
            bundled_s = 0.0
            for part_s, part in self._parts(node, below, ending, weight):
                if isinstance(part, int) and part_s > largest_s:
                    ahead.append(part)
                    continue
                if bundle and bundled_s + part_s > largest_s:
                    yield node, bundle
                    bundle, bundled_s = [], 0.0
                bundle.extend(part if isinstance(part, list) else self._all_below(part, below, ending))
                bundled_s += part_s
            if bundle:
                yield node, bundle

    def _parts(
        self, node: int, below: dict[int, dict[int, None]], ending: dict[int, list[int]], weight: dict[int, float]
    ) -> Iterator[tuple[float, int | list[int]]]:
        """What a beginning is made of: calls that end there, one by one, and longer beginnings."""
        for place in ending.get(node, ()):
            yield self._work_s[place], [place]
        for child in below.get(node, ()):
            yield weight[child], child

    def _all_below(self, top: int, below: dict[int, dict[int, None]], ending: dict[int, list[int]]) -> list[int]:
        found: list[int] = []
        ahead = [top]
        while ahead:
            node = ahead.pop()
            found.extend(ending.get(node, ()))
            ahead.extend(reversed(below.get(node, {})))
        return found

    def _to_read_s(self, node: int, read: set[int]) -> float:
        """Seconds to read a beginning where so much has been read already."""
        tokens = 0
        while node not in read:
            tokens += self._nodes[node].tokens
            node = self._nodes[node].parent
        return self.timing.read_s(tokens)

    def _read_into(self, node: int, read: set[int]) -> float:
        """The same, and from now on it has been read."""
        tokens = 0
        while node not in read:
            read.add(node)
            tokens += self._nodes[node].tokens
            node = self._nodes[node].parent
        return self.timing.read_s(tokens)


def _searched(plan: _Plan, places: Iterable[tuple[int, ...]], effort: int, dice: Random) -> Assignment:
    """The best of several plans in the serving model, improved by single moves, and from there by kicks, as long as the
    effort lasts. Source: iterated local search (Lourenço, Martin, Stützle, 2003)."""
    orders = dict.fromkeys((plan.by_way, plan.by_level, plan.by_trie))
    starts = [_Found(plan.performed_s(place, order), place, order) for place in places for order in orders]
    starts.sort(key=lambda one: one.seconds)  # stable: of equals the first tried
    left = effort // len(plan.calls) - len(starts)
    best, ahead, in_vain = starts[0], deque(starts), 0
    while left > 0 and in_vain < KICKS:
        in_vain += not ahead
        here = ahead.popleft() if ahead else _kicked(plan, best, dice)
        moves = _moves(here, plan.replicas)
        while left > 0 and (move := next(moves, None)) is not None:
            left -= 1
            seconds = plan.performed_s(*move)
            if seconds < here.seconds * (1 - 1e-9):
                here = _Found(seconds, *move)
                moves = _moves(here, plan.replicas)
        left -= 1  # also where there is nothing to move
        if here.seconds < best.seconds:
            best, in_vain = here, 0
    gain = 1 - best.seconds / starts[0].seconds if best.seconds < starts[0].seconds else 0.0
    because = f"the best of {len(starts)} plans in the serving model" + (f", improved by {gain:.1%}" if gain else "")
    return Assignment(best.place, best.order, best.seconds, because)


def _kicked(plan: _Plan, best: _Found, dice: Random) -> _Found:
    """Near the best, but not where single moves have been: two calls anywhere, at any time."""
    place, in_turn = list(best.place), sorted(range(len(best.order)), key=best.order.__getitem__)
    for _ in range(2):
        call = dice.randrange(len(place))
        place[call] = dice.randrange(plan.replicas)
        in_turn.remove(call)
        in_turn.insert(dice.randrange(len(place)), call)
    order = _ranks(in_turn)
    return _Found(plan.performed_s(place, order), tuple(place), order)


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
                yield place, _ranks([*rest[:position], call, *rest[position:]])
    for call, here in enumerate(place):
        for other in range(call + 1, len(place)):
            if place[other] != here:
                swapped = list(place)
                swapped[call], swapped[other] = swapped[other], here
                yield tuple(swapped), order


def _ranks(in_turn: Sequence[int]) -> tuple[int, ...]:
    """The rank of each call, from the calls in the order of their ranks."""
    ranks = [0] * len(in_turn)
    for rank, place in enumerate(in_turn):
        ranks[place] = rank
    return tuple(ranks)


def _in_order(calls: Sequence[Call]) -> tuple[list[int], list[list[int]]]:
    """The calls, each behind those that it waits for; and of each those that wait for it."""
    after: list[list[int]] = [[] for _ in calls]
    missing = [0] * len(calls)
    for place, call in enumerate(calls):
        for before in dict.fromkeys(call.after):
            if not 0 <= before < len(calls):
                raise RequestError(f"call {place} waits for call {before}, which is not in the list")
            after[before].append(place)
            missing[place] += 1
    order = [place for place, count in enumerate(missing) if not count]
    for place in order:
        for later in after[place]:
            missing[later] -= 1
            if not missing[later]:
                order.append(later)
    if len(order) < len(calls):
        waiting = next(place for place, count in enumerate(missing) if count)
        raise RequestError(f"call {waiting} is never made: it waits for itself, by way of {list(calls[waiting].after)}")
    return order, after
