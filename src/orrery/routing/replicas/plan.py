"""A plan's calls by what they have in common: the trie of their prompts, their levels, their ways to the end.

From these come a replica for each call (`Plan.spread`) and orders (`Plan.by_way`, `by_level`, `by_trie`), by estimates
alone; see `assign` for what is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import msgspec

from orrery.errors import RequestError
from orrery.models.serving import Call, Timing


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


class Layout(NamedTuple):
    """A replica for each call, about how long each works, and whether all keep what they read."""

    grain: int
    place: tuple[int, ...]
    busy_s: tuple[float, ...]
    fits_cache: bool

    @property
    def busiest_s(self) -> float:
        """How long the busiest works."""
        return max(self.busy_s)


class Plan:
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
        return ranks(sorted(range(len(way_s)), key=lambda place: (-way_s[place], self._positions[place], place)))

    @cached_property
    def by_level(self) -> tuple[int, ...]:
        """The same, if the way is counted in calls; of equals those that begin alike follow each other."""
        height = [1] * len(self.calls)
        for place in reversed(self._order):
            for later in self._after.get(place, ()):
                height[place] = max(height[place], 1 + height[later])
        return ranks(sorted(range(len(height)), key=lambda place: (-height[place], self._positions[place], place)))

    @cached_property
    def by_trie(self) -> tuple[int, ...]:
        """The same, if all that begins alike goes first and then what begins otherwise."""
        depth, positions = self._depth, self._positions
        return ranks(sorted(range(len(depth)), key=lambda place: (positions[place], depth[place], place)))

    def spread(self, grain: int) -> Layout:
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
        return Layout(grain, tuple(found), tuple(load), not self.timing.block_tokens or max(tokens) <= room)

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


def ranks(in_turn: Sequence[int]) -> tuple[int, ...]:
    """The rank of each call, from the calls in the order of their ranks."""
    found = [0] * len(in_turn)
    for rank, place in enumerate(in_turn):
        found[place] = rank
    return tuple(found)


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
