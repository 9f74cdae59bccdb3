"""What of a prompt need not be read again, because another one began alike."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

from orrery.models.request import CHARS_PER_TOKEN


class Piece(NamedTuple):
    """A part of a prompt that is equal wherever its key is: an instruction, a document, a question.

    Prompts share what their equal pieces from the beginning on amount to.
    """

    key: Hashable
    tokens: int


class PrefixCache:
    """Which beginnings of prompts a model has read already, in blocks, as servers with a paged cache keep them.

    A piece is known by itself and all before it, so a prompt's cached part is always a prefix. What was not used
    longest is forgotten first, and of one prompt its end before its beginning.

    Args:
        block_tokens: only whole blocks of this size are kept; 0 keeps nothing.
        most_blocks: as many are kept at most.
    """

    def __init__(self, block_tokens: int, *, most_blocks: int = 100_000) -> None:
        self._characters = block_tokens * CHARS_PER_TOKEN
        self._block_tokens = block_tokens
        self._most = most_blocks
        self._blocks = 0
        self._known: OrderedDict[Hashable, int] = OrderedDict()

    def read(self, model: str, prompt: str) -> int:
        """How many of a text's tokens were known; from now on all of its whole blocks are."""
        if not self._characters:
            return 0
        return min(self.read_pieces(model, self._cut(prompt)), -(-len(prompt) // CHARS_PER_TOKEN))

    def read_pieces(self, model: str, pieces: Iterable[Piece]) -> int:
        """How many tokens of a prompt were known; from now on all of its whole blocks are."""
        if not self._block_tokens:
            return 0
        known, chains, matching = 0, [], True
        for chain, end, blocks in self._chains(model, pieces):
            matching = matching and chain in self._known
            known = end if matching else known
            chains.append((chain, blocks))
        # From the end, so that the beginning is the newest: a block is of no use without those before it.
        for chain, blocks in reversed(chains):
            if chain not in self._known:
                self._known[chain] = blocks
                self._blocks += blocks
            self._known.move_to_end(chain)
        while self._blocks > self._most:
            self._blocks -= self._known.popitem(last=False)[1]
        return known // self._block_tokens * self._block_tokens

    def known(self, model: str, pieces: Iterable[Piece]) -> int:
        """How many tokens of a prompt would be found, were it read now; changes nothing."""
        if not self._block_tokens:
            return 0
        known = 0
        for chain, end, _ in self._chains(model, pieces):
            if chain not in self._known:
                break
            known = end
        return known // self._block_tokens * self._block_tokens

    def _chains(self, model: str, pieces: Iterable[Piece]) -> Iterator[tuple[Hashable, int, int]]:
        """For each piece what it and all before it are known by, where it ends, and how many blocks end in it."""
        chain, start = hash(model), 0
        for key, tokens in pieces:
            chain, end = hash((chain, key, tokens)), start + tokens
            yield chain, end, end // self._block_tokens - start // self._block_tokens
            start = end

    def _cut(self, prompt: str) -> Iterator[Piece]:
        """The whole blocks of a text."""
        for start in range(0, len(prompt) - self._characters + 1, self._characters):
            yield Piece(prompt[start : start + self._characters], self._block_tokens)
