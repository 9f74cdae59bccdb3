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
from dataclasses import dataclass, field
from functools import cached_property
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
    plan = _Plan(calls, timing, replicas, read, busy_s)
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


@dataclass(slots=True)
class _Level:
    """The calls that are as far from the plan's beginning, by their prompts.

    Args:
        work_s: of all of them.
        weight_s: of those whose prompts begin so, by the node of the trie.
        below: the longer beginnings.
        ending: the calls whose prompts are just that.
    """

    work_s: float = 0.0
    weight_s: dict[int, float] = field(default_factory=dict)
    below: dict[int, list[int]] = field(default_factory=dict)
    ending: dict[int, list[int]] = field(default_factory=dict)


class _Group(NamedTuple):
    """Calls that go to one replica, how long they keep it, and the beginning that their prompts have in common."""

    work_s: float
    top: int
    calls: list[int]


class _Read(NamedTuple):
    """What a replica has read: beginnings to their end, and how many tokens of the last piece of others."""

    whole: set[int]
    part: dict[int, int]


class _Spread(NamedTuple):
    """A replica for each call, about how long each works, and whether all keep what they read."""

    grain: int
    place: tuple[int, ...]
    busy_s: tuple[float, ...]
    fits_cache: bool

    @property
    def busiest_s(self) -> float:
        """How long the busiest works."""
        return max(self.busy_s)


class _Plan:
    """What is known of the calls: their trie, their levels, their ways to the end."""

    def __init__(
        self,
        calls: Sequence[Call],
        timing: Timing,
        replicas: int,
        read: Sequence[Sequence[int]] = (),
        busy_s: Sequence[float] = (),
    ) -> None:
        self.calls, self.timing, self.replicas = calls, timing, replicas
        self._busy_s = list(busy_s) or [0.0] * replicas
        self._nodes: list[_Node] = [_Node(-1, 0)]
        self._leaves = self._grow()
        self._walk()
        self._before = [self._read_before(known) for known in read] or [_Read({0}, {})] * replicas
        self._order, self._after = _in_order(calls)
        self._depth = [0] * len(calls)
        for place in self._order:
            for before in calls[place].after:
                self._depth[place] = max(self._depth[place], self._depth[before] + 1)
        # Of many calls on a replica each has its share of every step; of few, all that is left to slow them is company.
        batch = max(1.0, min(float(timing.slots or len(calls)), len(calls) / replicas))
        share = timing.company(batch) / batch if timing.slots else 1 / batch
        self._work_s = [timing.write_s(call.answer_tokens) * share + timing.first_s / batch for call in calls]
        self._levels = [_Level() for _ in range(max(self._depth) + 1)]
        for place, level in enumerate(self._depth):
            self._put(place, self._levels[level])
        self._positions = [self._nodes[leaf].position for leaf in self._leaves]

    @property
    def is_wide(self) -> bool:
        """Whether any level has two calls, so that the grain matters."""
        return len(self._levels) < len(self.calls)

    @cached_property
    def by_way(self) -> tuple[int, ...]:
        """The ranks of the calls if those go first behind which the longest way lies."""
        way_s = [0.0] * len(self.calls)
        for place in reversed(self._order):
            own = self._nodes[self._leaves[place]].tokens
            alone_s = self.timing.due_s(self.calls[place].answer_tokens, uncached=own)
            way_s[place] = alone_s + max((way_s[later] for later in self._after.get(place, ())), default=0.0)
        return _ranks(sorted(range(len(way_s)), key=lambda place: (-way_s[place], self._positions[place], place)))

    @cached_property
    def by_level(self) -> tuple[int, ...]:
        """The same, if the way is counted in calls; of equals those that begin alike follow each other."""
        height = [1] * len(self.calls)
        for place in reversed(self._order):
            for later in self._after.get(place, ()):
                height[place] = max(height[place], 1 + height[later])
        return _ranks(sorted(range(len(height)), key=lambda place: (-height[place], self._positions[place], place)))

    @cached_property
    def by_trie(self) -> tuple[int, ...]:
        """The same, if all that begins alike goes first and then what begins otherwise."""
        depth, positions = self._depth, self._positions
        return _ranks(sorted(range(len(depth)), key=lambda place: (positions[place], depth[place], place)))

    def performed_s(self, place: Sequence[int], rank: Sequence[int]) -> float:
        """How long it takes in the serving model."""
        return performed(self.calls, self.timing, place, rank, replicas=self.replicas).seconds

    def spread(self, grain: int) -> _Spread:
        """A replica for each call, with groups of at most one part in `grain` of a replica's share of a level."""
        found = [0] * len(self.calls)
        load = list(self._busy_s)
        tokens = [0] * self.replicas
        read = [_Read(set(before.whole), before.part) for before in self._before]
        for level in self._levels:
            groups = list(self._groups(level, level.work_s / self.replicas / grain))
            groups.sort(key=lambda one: (-one.work_s, self._nodes[one.top].position, one.calls[0]))
            for group in groups:
                best = min(range(self.replicas), key=lambda r: (load[r] + self._to_read_s(group.top, read[r]), r))
                new = 0
                for place in group.calls:
                    found[place] = best
                    new += self._read_into(self._leaves[place], read[best])
                load[best] += group.work_s + self.timing.read_s(new)
                tokens[best] += new
        room = self.timing.cache_blocks * self.timing.block_tokens
        return _Spread(grain, tuple(found), tuple(load), not self.timing.block_tokens or max(tokens) <= room)

    def _grow(self) -> list[int]:
        """Put all prompts into the trie; the node at which each ends."""
        known: dict[object, int] = {}
        leaves, count = [], len(self._nodes)
        for call in self.calls:
            node = known.setdefault(call.model, count)
            if node == count:
                self._nodes.append(_Node(0, 0))
                count += 1
            for piece in call.prompt:
                parent, node = node, known.setdefault((node, piece), count)
                if node == count:
                    self._nodes.append(_Node(parent, piece.tokens))
                    count += 1
            leaves.append(node)
        return leaves

    def _walk(self) -> None:
        """Number the nodes from the root, each before those below it."""
        first, following = [0] * len(self._nodes), [0] * len(self._nodes)  # child and sibling; 0, the root, is none
        for number in range(len(self._nodes) - 1, 0, -1):
            parent = self._nodes[number].parent
            following[number], first[parent] = first[parent], number
        position, ahead = 0, [0]
        while ahead:
            number = ahead.pop()
            self._nodes[number].position = position
            position += 1
            if following[number]:
                ahead.append(following[number])
            if first[number]:
                ahead.append(first[number])

    def _put(self, place: int, level: _Level) -> None:
        """Count a call in its level, at all beginnings of its prompt."""
        node, work_s = self._leaves[place], self._work_s[place]
        level.ending.setdefault(node, []).append(place)
        while node:
            known = level.weight_s.get(node)
            level.weight_s[node] = work_s if known is None else known + work_s
            parent = self._nodes[node].parent
            if known is None:
                level.below.setdefault(parent, []).append(node)
            node = parent
        level.work_s += work_s

    def _groups(self, level: _Level, largest_s: float) -> Iterator[_Group]:
        """The calls of a level in groups that begin alike, none larger unless it is one call."""
        largest_s *= 1 + 1e-9
        ahead = [0]
        while ahead:
            node = ahead.pop()
            weight_s = level.weight_s[node] if node else level.work_s
            if weight_s <= largest_s:
                yield _Group(weight_s, node, _all_below(node, level))
                continue
            bundle: list[int] = []
            bundled_s = 0.0
            for place in level.ending.get(node, ()):
                if bundle and bundled_s + self._work_s[place] > largest_s:
                    yield _Group(bundled_s, node, bundle)
                    bundle, bundled_s = [], 0.0
                bundle.append(place)
                bundled_s += self._work_s[place]
            for child in level.below.get(node, ()):
                part_s = level.weight_s[child]
                if part_s > largest_s:
                    ahead.append(child)
                    continue
                if bundle and bundled_s + part_s > largest_s:
                    yield _Group(bundled_s, node, bundle)
                    bundle, bundled_s = [], 0.0
                bundle.extend(_all_below(child, level) if child in level.below else level.ending[child])
                bundled_s += part_s
            if bundle:
                yield _Group(bundled_s, node, bundle)

    def _read_before(self, known: Sequence[int]) -> _Read:
        """What a replica has read that knows so many tokens of the beginning of each call's prompt."""
        read = _Read({0}, {})
        for leaf, tokens in zip(self._leaves, known, strict=True):
            path, node = [], leaf
            while node not in read.whole:
                path.append(node)
                node = self._nodes[node].parent
            left = tokens - self._tokens_to(node)
            for node in reversed(path):
                if left < self._nodes[node].tokens:
                    read.part[node] = max(left, read.part.get(node, 0))
                    break
                read.whole.add(node)
                left -= self._nodes[node].tokens
        return read

    def _tokens_to(self, node: int) -> int:
        """How long a beginning is."""
        tokens = 0
        while node:
            tokens += self._nodes[node].tokens
            node = self._nodes[node].parent
        return tokens

    def _to_read_s(self, node: int, read: _Read) -> float:
        """Seconds to read a beginning where so much has been read already."""
        tokens = 0
        while node not in read.whole:
            tokens += self._nodes[node].tokens - read.part.get(node, 0)
            node = self._nodes[node].parent
        return self.timing.read_s(tokens)

    def _read_into(self, node: int, read: _Read) -> int:
        """Tokens of a beginning that have not been read; from now on they have."""
        tokens = 0
        while node not in read.whole:
            read.whole.add(node)
            tokens += self._nodes[node].tokens - read.part.get(node, 0)
            node = self._nodes[node].parent
        return tokens


def _all_below(top: int, level: _Level) -> list[int]:
    """The calls of a level whose prompts begin so, in the order of the trie."""
    found: list[int] = []
    ahead = [top]
    while ahead:
        node = ahead.pop()
        found.extend(level.ending.get(node, ()))
        ahead.extend(reversed(level.below.get(node, ())))
    return found


def _searched(plan: _Plan, places: Iterable[tuple[int, ...]], effort: int, dice: Random) -> Assignment:
    """The best of several plans in the serving model, improved by single moves, and from there by kicks.

    Source: iterated local search (Lourenço, Martin, Stützle, 2003).
    """
    orders = dict.fromkeys((plan.by_way, plan.by_level, plan.by_trie))
    starts = [_Found(plan.performed_s(place, order), place, order) for place in places for order in orders]
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


def _in_order(calls: Sequence[Call]) -> tuple[list[int], dict[int, list[int]]]:
    """The calls, each behind those that it waits for; and of those for which some wait, which these are."""
    after: dict[int, list[int]] = {}
    missing = [0] * len(calls)
    for place, call in enumerate(calls):
        for before in dict.fromkeys(call.after) if len(call.after) > 1 else call.after:
            if not 0 <= before < len(calls):
                raise RequestError(f"call {place} waits for call {before}, which is not in the list")
            after.setdefault(before, []).append(place)
            missing[place] += 1
    order = [place for place, count in enumerate(missing) if not count]
    for place in order:
        for later in after.get(place, ()):
            missing[later] -= 1
            if not missing[later]:
                order.append(later)
    if len(order) < len(calls):
        waiting = next(place for place, count in enumerate(missing) if count)
        raise RequestError(f"call {waiting} is never made: it waits for itself, by way of {list(calls[waiting].after)}")
    return order, after
