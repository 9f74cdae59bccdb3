"""What a call would take, by formula: for a cost model that asks thousands of times."""

from __future__ import annotations

import math
from typing import NamedTuple

from orrery.models.serving.timing import Timing


def call_seconds(
    timing: Timing, *, prompt_tokens: float, cached_tokens: float = 0.0, answer_tokens: float, batch: float = 1.0
) -> float:
    """Seconds from a call's slot to its last token, if it is written in so large a batch all along."""
    alone_s = timing.write_s(answer_tokens)
    return timing.first_s + timing.read_s(max(0.0, prompt_tokens - cached_tokens)) + alone_s * timing.company(batch)


def batch_seconds(
    timing: Timing,
    *,
    calls: int,
    prompt_tokens: float,
    cached_tokens: float = 0.0,
    answer_tokens: float,
    replicas: int = 1,
) -> float:
    """Seconds until so many equal calls that come at once have all been answered, about.

    Full batches one after the other on each replica; the reading of all prompts and the getting ready of the first
    come on top.
    """
    if calls <= 0:
        return 0.0
    each = math.ceil(calls / replicas)
    slots = each if timing.slots is None else min(each, timing.slots)
    full, rest = divmod(each, slots)
    read_s = timing.read_s(max(0.0, prompt_tokens - cached_tokens))
    alone_s = timing.write_s(answer_tokens)
    written_s = alone_s * (full * timing.company(slots) + (timing.company(rest) if rest else 0.0))
    rounds = full + bool(rest)
    return timing.first_s * rounds + read_s * (1 if timing.slots is None else each) + written_s


class Load(NamedTuple):
    """How calls fare that keep coming.

    Args:
        batch: how many answers grow at once, in the mean.
        used: the share of a replica's slots that is taken, 1 where it cannot keep up.
        waited_s: in line for a slot, in the mean; `inf` where more comes than goes.
        seconds: from the call to its last token, in the mean; `inf` likewise.
    """

    batch: float
    used: float
    waited_s: float
    seconds: float


OVERLOADED = Load(math.inf, 1.0, math.inf, math.inf)


def under_load(
    timing: Timing,
    *,
    calls_per_s: float,
    prompt_tokens: float,
    cached_tokens: float = 0.0,
    answer_tokens: float,
    replicas: int = 1,
) -> Load:
    """How calls fare that come at random times at a steady rate, spread evenly over replicas.

    By Little's law: with rate r and an answer that takes w seconds alone, k = r w / (1 - share of time spent reading)
    are written at once if company costs nothing, and k / (1 - k slowdown) as it is. Waiting to be read is that of a
    server with equal services (Pollaczek and Khinchine), waiting for a slot that of one with as many servers as slots
    (Erlang's C). Approximate; held against the simulation in tests/models/serving.
    """
    rate = calls_per_s / replicas
    read_s = timing.read_s(max(0.0, prompt_tokens - cached_tokens))
    alone_s = timing.write_s(answer_tokens)
    if timing.slots is None:
        seconds = timing.first_s + read_s + alone_s
        return Load(rate * alone_s, 0.0, 0.0, seconds)
    reading = rate * read_s
    if reading >= 1:
        return OVERLOADED
    without = rate * alone_s / (1 - reading)
    if without * timing.slowdown >= 1:
        return OVERLOADED
    batch = without / (1 - without * timing.slowdown)
    read_wait_s = reading * read_s / (2 * (1 - reading))
    held_s = timing.first_s + read_wait_s + read_s + alone_s * (1 + timing.slowdown * batch) / (1 - reading)
    busy = rate * held_s
    if busy >= timing.slots:
        return OVERLOADED
    waited_s = _erlang_c(timing.slots, busy) * held_s / (timing.slots - busy)
    return Load(batch, busy / timing.slots, waited_s, waited_s + held_s)


def _erlang_c(servers: int, busy: float) -> float:
    """The chance that all servers are taken, if `busy` would be taken of infinitely many. Source: Erlang (1917)."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = busy * blocked / (count + busy * blocked)
    return blocked / (1 - busy / servers * (1 - blocked))
