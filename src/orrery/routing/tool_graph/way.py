"""Way: the cheapest set of tools that gives what is wanted from what there is.

Every tool of a way is used and paid once, however many others need what it gives. Where each tool needs one thing and
one thing is wanted, a way is a path and Dijkstra's algorithm finds the cheapest. A tool that needs several things
makes it a tree of and-or; with costs that add up, Knuth's generalisation of Dijkstra (superior functions) finds the
cheapest *tree* in the same time. A tree pays a shared part once for each use, so the set of its tools costs at most
what the tree does and may still be dearer than the cheapest set, which is NP-hard to find (it contains set cover). So:

1. Knuth's tree, each of its tools counted once, is the first way found;
2. the same algorithm with the dearest need in place of their sum bounds every way from below: what costs more than the
   way found is no part of a better one;
3. on what is then left, branch and bound finds the cheapest set, within a limit on its steps.

`Way.exact` says whether the way is proven cheapest; `Way.bound` is what every way costs at least. Ties: the way that
was found first, and that is the one whose tools have the earlier names.

Source: D. E. Knuth, "A generalization of Dijkstra's algorithm", Information Processing Letters 6(1), 1977. The bound
is the heuristic h-max of planning without deletions (Bonet and Geffner, 2001).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from orrery.routing.tool_graph.tools import Artefact, ToolGraph

SEARCH_STEPS = 2_000
"""So many choices does the search for the cheapest set look at before it takes the best that it has found."""
SEARCH_TOOLS = 16
"""Where more tools than this could be part of a better way, no search is made: it would seldom end within its limit."""
BOUND_TOOLS = 500
"""In a graph with more tools not even the bound is computed: it takes as long as finding the way."""
_HAD = -1


class Way(msgspec.Struct, frozen=True):
    """A set of tools that gives what is wanted, in an order in which each has what it needs.

    Args:
        steps: the tools, each once.
        cost: the sum of their weights.
        sources: each artefact that is needed on the way, or wanted → the tool that makes it; "" where it is there
            already.
        exact: it is proven that no way costs less.
        bound: what every way costs at least.
    """

    steps: tuple[str, ...]
    cost: float
    sources: Mapping[Artefact, str]
    exact: bool
    bound: float

    def uses(self, artefact: Artefact) -> bool:
        """Whether an artefact that was there already is needed or wanted."""
        return self.sources.get(artefact) == ""


def cheapest(
    graph: ToolGraph,
    weights: Mapping[str, float],
    have: Collection[Artefact],
    want: Collection[Artefact],
    *,
    using: Sequence[Collection[Artefact]] = (),
) -> Way | None:
    """The cheapest way from what there is to what is wanted; None if there is none.

    Args:
        weights: what each tool costs, at least 0; one that is left out, infinite or no number is dead.
        have: what is there already, for nothing.
        using: groups of what is there already; of each, something must be used on the way. If the cheapest way of all
            does not do so, one that does is searched for, and where that gives up, None is returned although there
            may be one.

    Complexity: n tools with m needs take O((n + m) log n); the search adds at most `SEARCH_STEPS` choices.
    """
    problem = _Problem.of(graph, weights, have, want)
    if problem is None:
        return None
    found = problem.first()
    if found is None:
        return None
    way = problem.as_way(found)
    if not all(any(map(way.uses, group)) for group in using):
        return problem.searched(None, using=using)
    if way.exact or len(graph.names) > BOUND_TOOLS:
        return way
    return problem.searched(found, using=using)


def is_open(graph: ToolGraph, tools: Collection[str], have: Collection[Artefact], want: Collection[Artefact]) -> bool:
    """Whether there is a way that uses only these tools."""
    problem = _Problem.of(graph, dict.fromkeys(tools, 1.0), have, want)
    return problem is not None and problem.first() is not None


class _Found(NamedTuple):
    """A way by numbers: which tool makes each artefact that it needs, and what the tools cost together."""

    makers: dict[int, int]
    cost: float
    order: list[int]


class _Problem:
    """One question, by numbers. Artefacts that no tool knows are had or impossible, and need no number."""

    def __init__(
        self, graph: ToolGraph, weights: list[float], had: list[int], want: list[int], known: list[str]
    ) -> None:
        self.graph, self.weights = graph, weights
        self.had, self.want, self.known = had, want, known
        self.is_had = bytearray(len(graph.artefacts))
        for artefact in had:
            self.is_had[artefact] = 1

    @classmethod
    def of(
        cls,
        graph: ToolGraph,
        weights: Mapping[str, float],
        have: Collection[Artefact],
        want: Collection[Artefact],
    ) -> _Problem | None:
        """The question by numbers; None if something is wanted that is neither there nor given by any tool."""
        number, there = graph.number, set(have)
        wanted = sorted(set(want))
        known = [artefact for artefact in wanted if artefact in there]
        asked = [artefact for artefact in wanted if artefact not in there]
        if any(artefact not in number for artefact in asked):
            return None
        get = weights.get
        by_step = [weight if (weight := get(name, math.inf)) >= 0 else math.inf for name in graph.names]
        had = sorted(number[artefact] for artefact in there if artefact in number)
        return cls(graph, by_step, had, [number[artefact] for artefact in asked], known)

    # -- Knuth -------------------------------------------------------------------------------------------

    def settle(self, *, adding: bool, most: float = math.inf) -> tuple[list[float], list[int], list[int]]:
        """What each artefact costs, who makes it, and in which order they were settled.

        Args:
            adding: needs cost their sum; otherwise as much as the dearest of them, which bounds from below.
            most: what costs as much or more is not settled. Without it, all ends once the wanted are.

        Returns: costs (infinite where not settled), makers, and the settled artefacts that are not had, cheapest first.
        """
        graph, weights = self.graph, self.weights
        takers, needs, gives = graph.takers, graph.needs, graph.gives
        value = [math.inf] * len(graph.artefacts)
        maker = [_HAD] * len(graph.artefacts)
        settled = bytearray(len(graph.artefacts))
        missing = list(map(len, needs))
        total = weights.copy() if adding else [0.0] * len(weights)
        left = set(self.want) if most == math.inf else set()
        waits = bool(left) or most < math.inf
        order: list[int] = []
        queue: list[tuple[float, int, int]] = [(0.0, _HAD, artefact) for artefact in self.had]
        for step, lacking in enumerate(missing):
            if not lacking and weights[step] < most:
                for given in gives[step]:
                    heappush(queue, (weights[step], step, given))
        while queue and waits:
            cost, step, artefact = heappop(queue)
            if settled[artefact]:
                continue
            settled[artefact] = 1
            value[artefact], maker[artefact] = cost, step
            if step != _HAD:
                order.append(artefact)
            if artefact in left:
                left.discard(artefact)
                waits = bool(left)
            for taker in takers[artefact]:
                missing[taker] -= 1
                if adding:
                    total[taker] += cost
                elif cost > total[taker]:
                    total[taker] = cost
                if missing[taker] == 0:
                    whole = total[taker] if adding else total[taker] + weights[taker]
                    if whole < most:
                        for given in gives[taker]:
                            if not settled[given]:
                                heappush(queue, (whole, taker, given))
        return value, maker, order

    def first(self) -> _Found | None:
        """The way of Knuth's tree, each tool counted once; None if there is no way."""
        value, maker, order = self.settle(adding=True)
        if any(value[artefact] == math.inf for artefact in self.want):
            return None
        makers: dict[int, int] = {}
        open_ = list(self.want)
        while open_:
            artefact = open_.pop()
            if artefact not in makers:
                step = makers[artefact] = maker[artefact]
                if step != _HAD:
                    open_.extend(self.graph.needs[step])
        steps = dict.fromkeys(maker[artefact] for artefact in order if artefact in makers)
        return _Found(makers, math.fsum(self.weights[step] for step in steps), list(steps))

    # -- the cheapest set --------------------------------------------------------------------------------

    def searched(self, found: _Found | None, *, using: Sequence[Collection[Artefact]]) -> Way | None:
        """The cheapest way that can be found: better than the one given, or that one."""
        most = _ALL if found is None else found.cost
        value, _, _ = self.settle(adding=False, most=most)
        lowest = max((value[artefact] for artefact in self.want), default=0.0)
        if found is not None and lowest >= found.cost:  # what is wanted was not even settled below that cost
            return self.as_way(found, exact=True)
        search = _Search(self, value, most, using)
        if found is not None and not search.is_small():
            return self.as_way(found, bound=lowest)
        best, complete = search.best(found)
        if best is None:
            return None
        return self.as_way(best, exact=complete, bound=lowest)

    def as_way(self, found: _Found, *, exact: bool = False, bound: float = 0.0) -> Way:
        """The same by names. A path is exact without further proof, and so is a way of nothing."""
        graph = self.graph
        exact = exact or not found.order or (len(self.want) == 1 and graph.is_simple)
        names = graph.artefacts
        sources = dict.fromkeys(self.known, "")
        sources |= {
            names[artefact]: "" if step == _HAD else graph.names[step]
            for artefact, step in sorted(found.makers.items())
        }
        steps = tuple(graph.names[step] for step in found.order)
        return Way(steps, found.cost, sources, exact, found.cost if exact else bound)


_ALL = math.nextafter(math.inf, 0.0)
"""More than any way costs."""


class _Search:
    """Branch and bound over who makes each artefact that is needed, from what is wanted backwards.

    Args:
        value: a lower bound on the cost of each artefact; infinite where it cannot be part of a better way.
        most: what a better way costs less than.
        using: groups of which something must be used.
    """

    def __init__(
        self, problem: _Problem, value: list[float], most: float, using: Sequence[Collection[Artefact]]
    ) -> None:
        graph = problem.graph
        self.problem, self.value, self.most = problem, value, most
        self.using = [
            {graph.number[artefact] for artefact in group if artefact in graph.number}
            for group in using
            if not set(group) & set(problem.known)
        ]
        self.towards = self._downstream() if using else {}
        self._makers: dict[int, list[int]] = {}

    def makers(self, artefact: int) -> list[int]:
        """The tools by which a better way could make an artefact, the most promising one first."""
        found = self._makers.get(artefact)
        if found is None:
            value, weights, needs = self.value, self.problem.weights, self.problem.graph.needs
            ranked = [
                (step not in self.towards, weights[step], step)
                for step in self.problem.graph.makers[artefact]
                if weights[step] + max(map(value.__getitem__, needs[step]), default=0.0) < self.most
            ]
            found = self._makers[artefact] = [step for *_, step in sorted(ranked)]
        return found

    def is_small(self) -> bool:
        """Whether at most `SEARCH_TOOLS` tools could be part of a better way."""
        seen: dict[int, None] = {}
        open_ = list(self.problem.want)
        reached = set(open_)
        while open_ and len(seen) <= SEARCH_TOOLS:
            for step in self.makers(open_.pop()):
                if step not in seen:
                    seen[step] = None
                    more = [need for need in self.problem.graph.needs[step] if need not in reached]
                    reached.update(more)
                    open_.extend(need for need in more if not self.problem.is_had[need])
        return len(seen) <= SEARCH_TOOLS

    def _downstream(self) -> dict[int, None]:
        """The tools that use what must be used, or what such tools give: tried first, since a way must have some."""
        graph = self.problem.graph
        reached: dict[int, None] = {}
        queue = [taker for group in self.using for artefact in sorted(group) for taker in graph.takers[artefact]]
        while queue:
            step = queue.pop()
            if step not in reached:
                reached[step] = None
                queue.extend(taker for given in graph.gives[step] for taker in graph.takers[given])
        return reached

    def best(self, found: _Found | None) -> tuple[_Found | None, bool]:
        """The best way that `SEARCH_STEPS` choices find, and whether everything was looked at."""
        problem, weights = self.problem, self.problem.weights
        needs, is_had = problem.graph.needs, problem.is_had
        best, most = found, self.most
        # A state: what was paid, what must still be made, who makes what has been decided.
        stack: list[tuple[float, tuple[int, ...], dict[int, int]]] = [(0.0, tuple(problem.want), {})]
        looked = 0
        while stack:
            paid, open_, decided = stack.pop()
            if paid + self._least(open_, decided) >= most:
                continue
            looked += 1
            if looked > SEARCH_STEPS:
                return best, False
            if not open_:
                sound = self._sound(decided)
                if sound is not None:
                    best, most = sound, sound.cost
                continue
            artefact = min(open_, key=lambda one: (len(self.makers(one)), one))
            rest = tuple(one for one in open_ if one != artefact)
            chosen = set(decided.values())
            for step in reversed(self.makers(artefact)):
                after = {**decided, artefact: step}
                more = tuple(
                    need for need in needs[step] if not is_had[need] and need not in after and need not in rest
                )
                stack.append((paid + (0.0 if step in chosen else weights[step]), (*rest, *more), after))
        return best, True

    def _least(self, open_: tuple[int, ...], decided: Mapping[int, int]) -> float:
        """What is still to be paid at least: the cheapest maker of each open artefact, where they share no maker."""
        seen = set(decided.values())
        least = 0.0
        for artefact in open_:
            makers = self.makers(artefact)
            if seen.isdisjoint(makers):
                seen.update(makers)
                least += min((self.problem.weights[step] for step in makers), default=math.inf)
        return least

    def _sound(self, decided: dict[int, int]) -> _Found | None:
        """The way that the decisions make; None if tools wait for each other, or something is not used that must be."""
        problem = self.problem
        needs = problem.graph.needs
        order: dict[int, None] = {}
        there: set[int] = set()
        waiting = sorted(set(decided.values()))
        while waiting:
            later = []
            for step in waiting:
                if all(problem.is_had[need] or (need in there) for need in needs[step]):
                    order[step] = None
                    there.update(artefact for artefact, maker in decided.items() if maker == step)
                else:
                    later.append(step)
            if len(later) == len(waiting):
                return None
            waiting = later
        had = {need: _HAD for step in order for need in needs[step] if problem.is_had[need]}
        if any(group.isdisjoint(had) for group in self.using):
            return None
        cost = math.fsum(problem.weights[step] for step in order)
        return _Found({**had, **decided}, cost, list(order))


__all__ = ["SEARCH_STEPS", "SEARCH_TOOLS", "Way", "cheapest", "is_open"]
