"""When each token is due, and what of a prompt need not be read again."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from orrery.errors import RequestError
from orrery.models.request import CHARS_PER_TOKEN


@dataclass(frozen=True)
class Timing:
    """How fast the model is. Token i, from 0, is due `first_s + uncached / prefill_per_s + i / tokens_per_s` after
    its request: an absolute schedule, so that lateness of one token never delays the next.

    Args:
        first_s: seconds to the first token.
        tokens_per_s: how many follow in a second; `inf` sends all at once.
        prefill_per_s: prompt tokens read in a second, those in the prefix cache left out; `inf` reads for free.
        block_tokens: prompts share prefixes in whole blocks of this size; 0 switches the prefix cache off.

    Raises:
        RequestError: a number is out of range.
    """

    first_s: float = 0.4
    tokens_per_s: float = 50.0
    prefill_per_s: float = math.inf
    block_tokens: int = 16

    def __post_init__(self) -> None:
        if not (self.first_s >= 0 and self.tokens_per_s > 0 and self.prefill_per_s > 0 and self.block_tokens >= 0):
            raise RequestError(f"{self}: first_s and block_tokens must be at least 0, the rates above 0")

    def due_s(self, token: int, *, uncached: int = 0) -> float:
        """Seconds after the request at which a stream has come so far as to have `token` tokens out."""
        return self.first_s + uncached / self.prefill_per_s + max(0, token - 1) / self.tokens_per_s


INSTANT = Timing(first_s=0.0, tokens_per_s=math.inf)
"""No waiting at all: for tests in which time is not the subject."""


class PrefixCache:
    """Which beginnings of prompts a model has read already, in blocks, as servers with a paged cache keep them.

    A block is known by itself and all before it, so a prompt's cached part is always a prefix. The least recently
    used blocks are forgotten first.
    """

    def __init__(self, block_tokens: int, *, most_blocks: int = 100_000) -> None:
        self._characters = block_tokens * CHARS_PER_TOKEN
        self._block_tokens = block_tokens
        self._most = most_blocks
        self._known: OrderedDict[int, None] = OrderedDict()

    def read(self, model: str, prompt: str) -> int:
        """How many of a prompt's tokens were known; from now on all of its whole blocks are."""
        if not self._characters:
            return 0
        known, chain, matching = 0, hash(model), True
        for start in range(0, len(prompt) - self._characters + 1, self._characters):
            chain = hash((chain, prompt[start : start + self._characters]))
            matching = matching and chain in self._known
            known += matching
            self._known[chain] = None
            self._known.move_to_end(chain)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return min(known * self._block_tokens, -(-len(prompt) // CHARS_PER_TOKEN))
