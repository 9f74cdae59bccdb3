"""The best placement and order of a few calls, by trying all: what the optimiser of consolidated plans is held to."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from orrery.models.serving import Call, Piece, Timing
from orrery.routing.replicas import performed


def instance(seed: int, size: int) -> tuple[list[Call], Timing]:
    """A small plan and its servers, by dice: three documents, some calls that wait for one or two before them."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    documents = [Piece(("document", i), dice.choice([500, 1000, 3000])) for i in range(3)]
    calls = []
    for i in range(size):
        prompt = (Piece("system", 200), dice.choice(documents), Piece(i, dice.randint(20, 300)))
        after = tuple(before for before in range(i) if dice.random() < 0.3)[:2]
        calls.append(Call(prompt, dice.randint(10, 300), after=after))
    law = Timing(0.05, 50, dice.choice([1000, 4000]), slots=dice.choice([1, 2, 4]), slowdown=dice.choice([0.05, 0.3]))
    return calls, law


def best_s(calls: Sequence[Call], timing: Timing, replicas: int) -> float:
    """The shortest time that any placement and any order comes to, no slot being left free for what comes later."""
    return min(
        performed(calls, timing, place, rank, replicas=replicas).seconds for place, rank in _all(calls, replicas)
    )


def _all(calls: Sequence[Call], replicas: int) -> Iterator[tuple[list[int], list[int]]]:
    """Every placement with every order that the dependencies allow, those that come to the same once."""
    seen: set[tuple[tuple[int, ...], ...]] = set()

    def longer(lines: tuple[tuple[int, ...], ...], in_turn: tuple[int, ...]) -> Iterator[tuple[list[int], list[int]]]:
        if lines in seen:
            return
        seen.add(lines)
        if len(in_turn) == len(calls):
            place, rank = [0] * len(calls), [0] * len(calls)
            for replica, line in enumerate(lines):
                for call in line:
                    place[call] = replica
            for position, call in enumerate(in_turn):
                rank[call] = position
            yield place, rank
            return
        for call in range(len(calls)):
            if call in in_turn or not all(before in in_turn for before in calls[call].after):
                continue
            for replica in range(replicas):
                if replica and not lines[replica - 1]:
                    break  # empty replicas are alike
                line = (*lines[replica], call)
                yield from longer((*lines[:replica], line, *lines[replica + 1 :]), (*in_turn, call))

    yield from longer(((),) * replicas, ())
