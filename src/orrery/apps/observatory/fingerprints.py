"""Finding what was written twice: fingerprints of token runs, compared across files.

Source: winnowing (Schleimer, Wilkerson and Aiken, 2003): of all hashes of runs of `RUN` tokens, the smallest
in each window of `WINDOW` is kept, so any copy of at least RUN + WINDOW - 1 tokens shares a fingerprint.
Literals count as equal, names do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from itertools import combinations
from typing import TypedDict

RUN = 30
WINDOW = 12
MAX_SHARERS = 12
"""A fingerprint found in more files than this is an idiom (a licence, a preamble), not a copy."""

Fingerprint = tuple[int, int]
"""A hash of 48 bits and the line on which its run begins."""


class Duplicate(TypedDict):
    """Two files with text in common: how much of the smaller one, and the first place in each."""

    one: str
    other: str
    share: float
    shared: int
    one_line: int
    other_line: int


def fingerprints(tokens: Sequence[tuple[str, int]]) -> list[Fingerprint]:
    """The winnowed fingerprints of a file's tokens, given as (text, line)."""
    words = [_normal(word) for word, _ in tokens]
    hashes = [
        int.from_bytes(blake2b("\0".join(words[at : at + RUN]).encode("utf-8", "replace"), digest_size=6).digest())
        for at in range(len(words) - RUN + 1)
    ]
    kept: dict[int, None] = {}
    for begin in range(max(0, len(hashes) - WINDOW + 1)) or range(bool(hashes)):
        window = hashes[begin : begin + WINDOW]
        # Of equal hashes the rightmost: then one choice lasts for as many windows as it can.
        kept[begin + len(window) - 1 - window[::-1].index(min(window))] = None
    return [(hashes[at], tokens[at][1]) for at in kept]


def _normal(word: str) -> str:
    first = word[0]
    if first.isdigit():
        return "0"
    return '""' if first in "\"'" or word[-1] in "\"'" else word


def duplicates(files: Sequence[tuple[str, Sequence[Fingerprint]]], *, most: int = 12) -> list[Duplicate]:
    """The pairs of files that share most, given as (path, fingerprints); a share of 1 is a whole copy."""
    sharers: dict[int, dict[str, int]] = defaultdict(dict)
    for path, marks in files:
        for mark, line in marks:
            sharers[mark].setdefault(path, line)
    shared: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for places in sharers.values():
        if 1 < len(places) <= MAX_SHARERS:
            for one, other in combinations(sorted(places), 2):
                shared[one, other].append((places[one], places[other]))
    sizes = {path: len({mark for mark, _ in marks}) for path, marks in files}
    found: list[Duplicate] = [
        {
            "one": one,
            "other": other,
            "share": round(len(places) / max(1, min(sizes[one], sizes[other])), 4),
            "shared": len(places),
            "one_line": min(places)[0],
            "other_line": min(places)[1],
        }
        for (one, other), places in shared.items()
    ]
    found.sort(key=lambda pair: (-pair["shared"], pair["one"], pair["other"]))
    return found[:most]
