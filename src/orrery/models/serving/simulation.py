"""Calls to replicas of a model server, in virtual time: 100,000 calls take seconds."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import msgspec

from orrery.errors import RequestError
from orrery.models.serving.balance import Balance, balances
from orrery.models.serving.prefixes import Piece
from orrery.models.serving.replica import Job, Replica
from orrery.models.serving.timing import Timing


class Call(msgspec.Struct, frozen=True, gc=False):
    """A call that is to be served.

    Args:
        prompt: what is read, from its beginning; equal leading pieces are what prompts share.
        answer_tokens: how many are written.
        at: when it is made, in seconds; later if it waits for others.
        after: the places of those calls in the list that must have ended before.
        model: prompts of different models share nothing.
        replica: the place of the replica that must take it; None leaves it to the balance.
        rank: a caller that plans ahead holds its calls back until their replica has a free slot, and then makes the
            one of the lowest rank. None: it is made at once, and waits in the replica's own line.
        key: calls with one key are made once, and all of them have its answer when it is there; None: it is made.
    """

    prompt: tuple[Piece, ...]
    answer_tokens: int
    at: float = 0.0
    after: tuple[int, ...] = ()
    model: str = ""
    replica: int | None = None
    rank: int | None = None
    key: Hashable = None

    @property
    def prompt_tokens(self) -> int:
        """How many tokens are read."""
        return sum(piece.tokens for piece in self.prompt)


class Served(NamedTuple):
    """What came of a call; times in seconds of the simulation.

    Args:
        at: when it was made, or was first held back.
        started: when it got a slot.
        first: when its first token was out.
        ended: when its last was.
        cached: prompt tokens that need not be read.
        replica: the place of the replica that took it.
        shared: it was not made: another with its key was, whose answer it has; `started` and `first` say when.
    """

    at: float
    started: float
    first: float
    ended: float
    cached: int
    replica: int
    shared: bool = False

    @property
    def seconds(self) -> float:
        """From the call to its last token."""
        return self.ended - self.at


class Simulated(NamedTuple):
    """What came of all calls.

    Args:
        calls: what came of each, in the order of the list.
        seconds: from time 0 to the last token of all.
        made: how many calls were made; the others shared an answer.
        prompt_tokens: in all prompts of calls that were made.
        cached_tokens: of these in a prefix cache, and so not read.
        answer_tokens: written.
    """

    calls: tuple[Served, ...]
    seconds: float
    made: int
    prompt_tokens: int
    cached_tokens: int
    answer_tokens: int

    @property
    def prefilled_tokens(self) -> int:
        """Prompt tokens that had to be read."""
        return self.prompt_tokens - self.cached_tokens


class Cluster:
    """Replicas behind a balance. For drivers of their own; `simulate` is the usual one.

    Args:
        timing: of each replica.
        replicas: how many.
        balance: the rule by which a replica is chosen, or its name.

    Raises:
        RequestError: no replicas.
        UnknownNameError: there is no such rule.
    """

    def __init__(self, timing: Timing, *, replicas: int = 1, balance: Balance | str = "round-robin") -> None:
        if replicas < 1:
            raise RequestError(f"{replicas} replicas cannot serve anything; there must be at least one")
        self.replicas = tuple(Replica(timing) for _ in range(replicas))
        self._balance = balances.get(balance) if isinstance(balance, str) else balance
        self._count = 0
        self._due: list[tuple[float, int, int]] = []
        self._version = [0] * replicas

    def arrive(self, call: Call, at: float) -> tuple[int, Job]:
        """Take a call at a time that is not before any told already: the replica's place, and the call there."""
        place = call.replica
        if place is None:
            place = self._balance(call, self.replicas, self._count) if len(self.replicas) > 1 else 0
        self._count += 1
        replica = self.replicas[place]
        job = replica.arrive(
            at,
            prompt_tokens=call.prompt_tokens,
            cached=replica.prefixes.read_pieces(call.model, call.prompt),
            answer_tokens=call.answer_tokens,
        )
        self._arm(place)
        return place, job

    def next_due(self) -> float:
        """When something happens by the passing of time alone; `inf` if nothing does."""
        while self._due and self._due[0][2] != self._version[self._due[0][1]]:
            heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def advance(self) -> list[tuple[int, Job]]:
        """Go to `next_due` and let happen there what does, at one replica: the calls that ended, with its place."""
        if (at := self.next_due()) == math.inf:
            return []
        place = self._due[0][1]
        ended = self.replicas[place].advance(at)
        self._arm(place)
        return [(place, job) for job in ended]

    def _arm(self, place: int) -> None:
        self._version[place] += 1
        due = self.replicas[place].next_due()
        if due < math.inf:
            heappush(self._due, (due, place, self._version[place]))


def simulate(
    calls: Iterable[Call], timing: Timing, *, replicas: int = 1, balance: Balance | str = "round-robin"
) -> Simulated:
    """When each call is served, in virtual time.

    What ends at a time ends before what comes then; of calls that come at once, the one that stands first in the list
    is first. O(n (log n + replicas)) for n calls and their pieces.

    Args:
        timing: of each replica.
        balance: the rule by which a replica is chosen, or its name: "round-robin", "least-loaded", "prefix-affinity".

    Raises:
        RequestError: a call's times, tokens or replica make no sense, or calls wait for each other.
        UnknownNameError: there is no such balance.

    >>> long = Piece("a manual", 4000)
    >>> calls = [Call((long, Piece(question, 20)), answer_tokens=51) for question in ("what?", "why?")]
    >>> timing = Timing(first_s=0.1, tokens_per_s=50, prefill_per_s=4000, slots=8, slowdown=0.05)
    >>> [round(one.ended, 2) for one in simulate(calls, timing).calls]
    [2.16, 2.16]
    """
    return _Simulation(list(calls), Cluster(timing, replicas=replicas, balance=balance)).run()


class _Simulation:
    """One simulation as it goes: what waits for what, what is held back, who shares whose answer."""

    def __init__(self, calls: list[Call], cluster: Cluster) -> None:
        self._calls, self._cluster = calls, cluster
        self._missing, self._releases = _dependencies(calls, len(cluster.replicas))
        self._arrivals = [(call.at, place) for place, call in enumerate(calls) if not self._missing[place]]
        heapify(self._arrivals)
        self._at = [0.0] * len(calls)
        self._jobs: list[tuple[int, Job] | None] = [None] * len(calls)
        self._places: dict[Job, int] = {}
        self._held: list[list[tuple[int, int]]] = [[] for _ in cluster.replicas]
        self._leaders: dict[Hashable, int] = {}
        self._followers: dict[int, list[int]] = {}
        self._shared = bytearray(len(calls))

    def run(self) -> Simulated:
        """Until nothing is left to happen."""
        now, may_hand_over = 0.0, dict[int, None]()
        while True:
            due = self._cluster.next_due()
            at = self._arrivals[0][0] if self._arrivals else math.inf
            if may_hand_over and min(due, at) > now:  # all that comes now has come
                for replica in may_hand_over:
                    self._hand_over(replica, now)
                may_hand_over.clear()
            elif due <= at and due < math.inf:
                now = due
                for replica, job in self._cluster.advance():
                    self._end(self._places.pop(job), job.ended)
                    if self._held[replica]:
                        may_hand_over[replica] = None
            elif self._arrivals:
                now, place = heappop(self._arrivals)
                held_at = self._come(place, now)
                if held_at is not None:
                    may_hand_over[held_at] = None
            else:
                return self._found()

    def _come(self, place: int, now: float) -> int | None:
        """A call comes; if it is held back, the place of its replica."""
        call, self._at[place] = self._calls[place], now
        if call.key is not None:
            leader = self._leaders.setdefault(call.key, place)
            if leader != place:
                self._shared[place] = True
                job = self._jobs[leader]
                if job is not None and job[1].ended <= now:
                    self._jobs[place] = job
                    self._release(place, now)
                else:
                    self._followers.setdefault(leader, []).append(place)
                return None
        if call.rank is None or call.replica is None:
            self._make(place, now)
            return None
        heappush(self._held[call.replica], (call.rank, place))
        return call.replica

    def _hand_over(self, replica: int, now: float) -> None:
        held = self._held[replica]
        while held and self._cluster.replicas[replica].is_free:
            self._make(heappop(held)[1], now)

    def _make(self, place: int, now: float) -> None:
        taken = self._jobs[place] = self._cluster.arrive(self._calls[place], now)
        self._places[taken[1]] = place

    def _end(self, place: int, now: float) -> None:
        self._release(place, now)
        for follower in self._followers.pop(place, ()):
            self._jobs[follower] = self._jobs[place]
            self._release(follower, now)

    def _release(self, place: int, now: float) -> None:
        for later in self._releases.get(place, ()):
            self._missing[later] -= 1
            if not self._missing[later]:
                heappush(self._arrivals, (max(self._calls[later].at, now), later))

    def _found(self) -> Simulated:
        served = tuple(self._served(place) for place in range(len(self._calls)))
        made = [call for call, one in zip(self._calls, served, strict=True) if not one.shared]
        return Simulated(
            served,
            max((one.ended for one in served), default=0.0),
            len(made),
            sum(call.prompt_tokens for call in made),
            sum(one.cached for one in served),
            sum(call.answer_tokens for call in made),
        )

    def _served(self, place: int) -> Served:
        found = self._jobs[place]
        if found is None:
            before = list(self._calls[place].after)
            raise RequestError(f"call {place} is never made: it waits for itself, by way of {before}")
        replica, job = found
        at, shared = self._at[place], bool(self._shared[place])
        ended = max(at, job.ended)
        return Served(at, job.started, job.first, ended, 0 if shared else job.cached, replica, shared)


def _dependencies(calls: Sequence[Call], replicas: int) -> tuple[list[int], dict[int, list[int]]]:
    """How many others each call waits for, and which wait for it."""
    missing, releases = [0] * len(calls), dict[int, list[int]]()
    for place, call in enumerate(calls):
        if not 0 <= call.at < math.inf or call.answer_tokens < 0 or any(piece.tokens < 0 for piece in call.prompt):
            raise RequestError(f"call {place}: its time must be finite, and its tokens at least 0")
        if call.replica is not None and not 0 <= call.replica < replicas:
            raise RequestError(f"call {place} wants replica {call.replica}; there are {replicas}, counted from 0")
        if call.rank is not None and call.replica is None:
            raise RequestError(f"call {place} has a rank and no replica: for which one is it held back?")
        for before in dict.fromkeys(call.after):
            if not 0 <= before < len(calls):
                raise RequestError(f"call {place} waits for call {before}, which is not in the list")
            missing[place] += 1
            releases.setdefault(before, []).append(place)
    return missing, releases
