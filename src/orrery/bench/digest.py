"""Digest: one number for every decision of a seeded run, to be compared between processes.

`python -m orrery.bench.digest SEED TASKS` prints it with the number of events.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Sequence

from orrery.bench.virtual import simulate
from orrery.errors import Failure
from orrery.graph import Task
from orrery.scheduler.codec import encode_events
from orrery.scheduler.events import Event, RunOptions
from orrery.testing.graphs import random_graph

CAPACITY = {"inline": 8, "gpu": 3, "net": 3}


def seeded_run(seed: int, tasks: int) -> list[Sequence[Event]]:
    """What each turn of a run wrote: a random graph of which a tenth of the attempts fail."""
    chance = random.Random(seed)  # noqa: S311 (not a secret)

    def ending(task: Task, _attempt: int) -> tuple[float, Failure | None]:
        seconds = task.estimate.seconds * chance.uniform(0.5, 2.0)
        return seconds, Failure("Unlucky", "it was not to be") if chance.random() < 0.1 else None

    graph = random_graph(seed, tasks=tasks, each=0.0)
    return list(simulate(graph, capacity=CAPACITY, ending=ending, options=RunOptions(seed=seed)))


def digest(turns: Sequence[Sequence[Event]]) -> str:
    """SHA-256 over the events as they are stored."""
    whole = hashlib.sha256()
    for events in turns:
        whole.update(encode_events(events))
    return whole.hexdigest()


def _main(seed: str, tasks: str) -> None:
    turns = seeded_run(int(seed), int(tasks))
    print(digest(turns), sum(map(len, turns)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
