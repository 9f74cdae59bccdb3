"""The law of a model server: how long it reads, and how fast it writes alone and in company."""

from __future__ import annotations

import math
from dataclasses import dataclass

from orrery.errors import RequestError


@dataclass(frozen=True)
class Timing:
    """How fast a model is, and how many calls it works on at once.

    A call alone has its token i, from 0, out `first_s + uncached / prefill_per_s + i / tokens_per_s` after it came.
    Without `slots` that holds for every call, however many there are: an absolute schedule, so that lateness of one
    token never delays the next. With `slots` calls are in each other's way, as `replica` describes.

    Args:
        first_s: seconds to the first token that keep nobody else waiting: the way there, and getting ready.
        tokens_per_s: how many follow in a second; `inf` sends all at once.
        prefill_per_s: prompt tokens read in a second, those in the prefix cache left out; `inf` reads for free.
        block_tokens: prompts share prefixes in whole blocks of this size; 0 switches the prefix cache off.
        slots: calls that are worked on at once, the others wait in line; None: all that come, and none slows another.
        slowdown: how much longer a step takes for each further call that is written in it, as a share of a step
            alone. 0: company costs nothing; 1: b calls at once are as slow as b calls one after the other.
        cache_blocks: the most blocks that the prefix cache keeps.

    Raises:
        RequestError: a number is out of range.
    """

    first_s: float = 0.4
    tokens_per_s: float = 50.0
    prefill_per_s: float = math.inf
    block_tokens: int = 16
    slots: int | None = None
    slowdown: float = 0.0
    cache_blocks: int = 100_000

    def __post_init__(self) -> None:
        if not (self.first_s >= 0 and self.tokens_per_s > 0 and self.prefill_per_s > 0 and self.block_tokens >= 0):
            raise RequestError(f"{self}: first_s and block_tokens must be at least 0, the rates above 0")
        if not (0 <= self.first_s < math.inf and 0 <= self.slowdown < math.inf and self.cache_blocks >= 0):
            raise RequestError(f"{self}: first_s, slowdown and cache_blocks must be finite and at least 0")
        if self.slots is not None and self.slots < 1:
            raise RequestError(f"{self}: there must be at least one slot; leave `slots` out for no limit")
        if self.slots is None and self.slowdown > 0:
            raise RequestError(f"{self}: a slowdown needs slots; without them no call slows another")

    def due_s(self, token: int, *, uncached: int = 0) -> float:
        """Seconds after the request at which a stream has come so far as to have `token` tokens out, alone."""
        return self.first_s + self.read_s(uncached) + self.write_s(token)

    def read_s(self, uncached: float) -> float:
        """Seconds to read so many prompt tokens."""
        return uncached / self.prefill_per_s

    def write_s(self, tokens: float) -> float:
        """Seconds from the first token of an answer to its last, written alone."""
        return 0.0 if self.tokens_per_s == math.inf else max(0.0, tokens - 1) / self.tokens_per_s

    def company(self, batch: float) -> float:
        """How much longer a step takes with so many calls in it than with one: at least 1."""
        return 1.0 + self.slowdown * max(0.0, batch - 1)


INSTANT = Timing(first_s=0.0, tokens_per_s=math.inf)
"""No waiting at all: for tests in which time is not the subject."""
