"""Affinity: the calls of one plan after another, each to the replica that has read what its prompt begins with.

A plan is placed by `assign`. What that does not know is remembered here from plan to plan: which beginnings each
replica has read, as far as its cache may hold them, and how much work each has been given. What a call asks stays the
same: it goes to a replica of the model that it names, or is left alone.

The order goes into the graph as the order of its tasks, by which whoever runs it breaks ties: of calls behind which
equally much is to come, those that begin alike go one after another, and the replicas take turns. It delays nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from orrery.cost.calls import ModelCall, asked_of, conversations
from orrery.cost.platform import Model
from orrery.graph.graph import Graph
from orrery.graph.place import FLEET
from orrery.graph.ref import TaskId
from orrery.graph.task import Task
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving import Timing
from orrery.models.serving.prefixes import Piece, PrefixCache
from orrery.routing.replicas.assign import assign
from orrery.routing.replicas.calls import beginning, model_calls
from orrery.scheduler.asking import PERSON

BLOCK_TOKENS = 64
"""Beginnings are remembered in blocks of this size."""

MOST_BLOCKS = 20_000
"""So many are remembered of each replica at most, the newest: a few megabytes, and 1.28 million tokens."""

ASSUMED = Timing(first_s=0.1, tokens_per_s=50, prefill_per_s=5000, slots=16, slowdown=0.01)
"""What a server is taken for of which the settings say nothing."""


class Placed(NamedTuple):
    """A plan whose calls go where their beginnings are known.

    Args:
        graph: the plan; the very same if nothing is to be said of it.
        servers: of each call that could have gone to several, which it goes to, by name.
    """

    graph: Graph
    servers: Mapping[TaskId, str]


class Affinity:
    """Places one plan after another.

    Args:
        servers_of: a model's name as a task has it → the model and its replicas, by the names by which they are asked.
    """

    def __init__(self, servers_of: Callable[[str], Sequence[Model]]) -> None:
        self._servers_of = servers_of
        self._replicas: dict[str, _Replica] = {}

    def place(self, graph: Graph) -> Placed:
        """The plan with a replica for each call that may have one, and its calls in order.

        Left alone are calls whose model is only known when they are made, or is a replica itself; for-eaches, whose
        items would all go to one; and calls that a device of a fleet makes, which has settings of its own.
        """
        groups: dict[tuple[str, ...], tuple[Sequence[Model], list[Task]]] = {}
        for task, _, servers in self._calls(graph):
            if len(servers) > 1 or (servers[0].timing is not None and servers[0].timing.block_tokens):
                groups.setdefault(tuple(server.name for server in servers), (servers, []))[1].append(task)
        chosen: dict[TaskId, str] = {}
        turns: dict[TaskId, tuple[int, int]] = {}
        for servers, tasks in groups.values():
            self._spread(graph, servers, tasks, chosen, turns)
        return Placed(_rewritten(graph, chosen, turns, {names[0] for names in groups}), chosen)

    def recall(self, tasks: Iterable[Task]) -> None:
        """Take in a plan that was placed before, by whomever: what its calls read, and where."""
        for _, call, servers in self._calls(tasks):
            self._replica(servers[0]).known.read_pieces("", _blocks(beginning(call)))

    def _calls(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, ModelCall, Sequence[Model]]]:
        """The calls that can be placed, each with the servers that may answer it."""
        found: dict[str, Sequence[Model]] = {}
        for task in tasks:
            call = ModelCall.of(task)
            if call is None or call.model is None or task.each is not None or task.executor in (FLEET, PERSON):
                continue
            if call.model not in found:
                found[call.model] = self._servers_of(call.model)
            if found[call.model]:
                yield task, call, found[call.model]

    def _replica(self, server: Model) -> _Replica:
        replica = self._replicas.get(server.name)
        if replica is None:
            timing = _law([server])
            most = timing.cache_blocks * (timing.block_tokens or ASSUMED.block_tokens) // BLOCK_TOKENS
            replica = self._replicas[server.name] = _Replica(
                PrefixCache(BLOCK_TOKENS, most_blocks=min(MOST_BLOCKS, most))
            )
        return replica

    def _spread(
        self,
        graph: Graph,
        servers: Sequence[Model],
        tasks: Sequence[Task],
        chosen: dict[TaskId, str],
        turns: dict[TaskId, tuple[int, int]],
    ) -> None:
        """Say where the calls go that any of these servers may answer, and when: the how manieth there, and of whom."""
        replicas = [self._replica(server) for server in servers]
        calls = model_calls(graph, only={task.id for task in tasks})
        blocks = [
            _blocks("".join(piece.key for piece in call.prompt if isinstance(piece.key, str)))
            for call in calls.values()
        ]
        least = min(replica.given_s for replica in replicas)
        found = assign(
            list(calls.values()),
            _law(servers),
            replicas=len(servers),
            effort=0,
            read=[[replica.known.known("", one) for one in blocks] for replica in replicas],
            busy_s=[replica.given_s - least for replica in replicas],
        )
        where = dict(zip(calls, found.replica, strict=True))
        for conversation in conversations(tasks):  # what was said is in the cache of whoever said it
            where.update(dict.fromkeys((task.id for task in conversation), where[conversation[0].id]))
        for replica, busy_s in zip(replicas, found.busy_s, strict=True):
            replica.given_s = busy_s
        made = [0] * len(servers)
        for task, _, block in sorted(zip(calls, found.rank, blocks, strict=True), key=lambda one: one[1]):
            place = where[task]
            replicas[place].known.read_pieces("", block)
            turns[task] = (made[place], place)
            made[place] += 1
            if len(servers) > 1:
                chosen[task] = servers[place].name


class _Replica(msgspec.Struct):
    """What is remembered of one: the beginnings that it has read, and the work that it has been given beyond others."""

    known: PrefixCache
    given_s: float = 0.0


def _law(servers: Sequence[Model]) -> Timing:
    """How fast the servers are: as the first says of which anything is known. Reading is never taken to be free."""
    server = next((server for server in servers if server.timing is not None), servers[0])
    timing = server.timing or ASSUMED
    if timing.prefill_per_s == math.inf:
        timing = replace(timing, prefill_per_s=ASSUMED.prefill_per_s)
    return timing


def _blocks(text: str) -> list[Piece]:
    """The whole blocks of a text."""
    size = BLOCK_TOKENS * CHARS_PER_TOKEN
    return [Piece(text[start : start + size], BLOCK_TOKENS) for start in range(0, len(text) - size + 1, size)]


def _rewritten(
    graph: Graph, chosen: Mapping[TaskId, str], turns: Mapping[TaskId, tuple[int, int]], originals: Iterable[str]
) -> Graph:
    """The graph with its calls where they were chosen to be, and in their turn."""
    own = set(originals)  # a call that goes to the model that it names is left as it is written
    in_turn = iter(sorted(turns, key=turns.__getitem__))
    order = [next(in_turn) if task in turns else task for task in graph.tasks]
    tasks = [
        asked_of(graph[task], chosen[task]) if task in chosen and chosen[task] not in own else graph[task]
        for task in order
    ]
    if all(one is other for one, other in zip(tasks, graph, strict=True)):
        return graph
    return Graph(tasks, graph.edges.values(), graph.outputs)
