"""Prompts as pieces, cut where they part from one another."""

from __future__ import annotations

from collections.abc import Sequence

from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving.prefixes import Piece


def cut_where_they_part(prompts: Sequence[str], *, least_tokens: int = 16) -> list[tuple[Piece, ...]]:
    """Each text as pieces, so that two texts share as many leading pieces as they share characters, up to a block.

    That is a compressed trie (Morrison's, 1968) of the texts, made from their sorted order: neighbours in it part
    where any two texts part. A long document that a thousand prompts begin with is one piece, not a hundred blocks.
    O(characters + n log n comparisons).

    Args:
        least_tokens: beginnings shorter than this are not told apart; a server's block.

    >>> [len(pieces) for pieces in cut_where_they_part(["a" * 80 + "b" * 80, "a" * 80 + "c" * 80, "d" * 80])]
    [2, 2, 1]
    """
    least = max(1, least_tokens * CHARS_PER_TOKEN)
    texts = sorted(set(prompts))
    node_of: dict[str, int] = {}
    depth, parent = [0], [-1]  # of the trie's nodes: how many characters lie above their ends
    path = [0]
    before = ""
    for text in texts:
        shared = _common(before, text)
        shared = shared if shared >= least else 0
        last = -1
        while depth[path[-1]] > shared:
            last = path.pop()
        if depth[path[-1]] < shared:  # the text before goes on from the middle of a piece: cut it there
            depth.append(shared)
            parent.append(path[-1])
            path.append(len(depth) - 1)
            parent[last] = path[-1]
        if len(text) > shared or not text:
            depth.append(len(text))
            parent.append(path[-1])
            path.append(len(depth) - 1)
        node_of[text] = path[-1]
        before = text
    last_piece: dict[int, Piece] = {}  # of a node, made once: a long text is hashed once, too
    pieces: dict[str, tuple[Piece, ...]] = {}
    for text, leaf in node_of.items():
        found, node = [], leaf
        while node:
            piece = last_piece.get(node)
            if piece is None:
                above, end = depth[parent[node]], depth[node]
                tokens = -(-end // CHARS_PER_TOKEN) - -(-above // CHARS_PER_TOKEN)
                piece = last_piece[node] = Piece(text[above:end], tokens)
            found.append(piece)
            node = parent[node]
        pieces[text] = tuple(reversed(found))
    return [pieces[prompt] for prompt in prompts]


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common from the beginning, by halving: comparing slices is fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
