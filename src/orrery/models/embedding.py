"""Embedding: texts as vectors whose angle says how much they have in common.

The default needs no model, no download and no library: words, pairs of words and pieces of words are hashed into a
sparse vector. It knows nothing of meaning, so that "car" and "automobile" are strangers; it forgives endings, typing
errors and order. `minilm` (the extra `orrery[minilm]`) knows more, and fetches its model when first used.

Source: the hashing trick (Weinberger et al., 2009), with the character n-grams of fastText (Bojanowski et al., 2017).
Differs: the indices are kept sparse in 2**24 places, so that collisions need no signs to cancel out.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

import msgspec

from orrery.errors import MissingExtraError
from orrery.registry import Registry

_PLACES_MASK = (1 << 24) - 1
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be by can do does for from has have how i in into is it its me my of on or our out so "
        "than that the their then there these they this those to up was we what when where which who why will with "
        "you your"
    )
)
_WORD_WEIGHT, _COMMON_WEIGHT, _PAIR_WEIGHT, _PIECE_WEIGHT = 1.0, 0.05, 0.5, 0.35
_PIECES = (3, 4)
"""The lengths of the pieces of words, in characters."""


class Vector(msgspec.Struct, frozen=True):
    """A direction: places with weights, of length 1; nothing at all for a text without words."""

    weights: dict[int, float]

    def cosine(self, other: Vector) -> float:
        """How much two texts have in common: 1 for the same, 0 for nothing."""
        small, large = sorted((self.weights, other.weights), key=len)
        return sum(weight * large[place] for place, weight in small.items() if place in large)


class Embedder(Protocol):
    """From texts to vectors. `name` changes whenever its vectors do: old and new ones are never compared."""

    @property
    def name(self) -> str:
        """Which embedder, and which version of it."""

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """A vector of length 1 for each text."""


embedders: Registry[Embedder] = Registry("embedder", group="orrery.embedders")
"""Every embedder that can be named."""


def embed(texts: Sequence[str], *, embedder: str = "hashed") -> list[Vector]:
    """A vector for each text.

    Raises:
        UnknownNameError: there is no such embedder.
        MissingExtraError: it needs an optional part that is not installed.
    """
    return embedders.get(embedder).embed(texts)


class Hashed:
    """The default: nothing but arithmetic."""

    name = "hashed-1"

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """A vector for each text; the same for the same text, on every machine."""
        return [_unit(_features(text)) for text in texts]


class MiniLM:
    """all-MiniLM-L6-v2 by the fastembed library: 384 dense places. The model is fetched when it is first used."""

    name = "all-MiniLM-L6-v2"

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """A vector for each text. Raises MissingExtraError."""
        rows = _minilm().embed(list(texts))
        return [_unit({place: float(weight) for place, weight in enumerate(row)}) for row in rows]


embedders.add("hashed", Hashed())
embedders.add("minilm", MiniLM())


@cache
def _minilm() -> Any:
    try:
        from fastembed import TextEmbedding
    except ImportError as error:
        raise MissingExtraError("minilm", needed_for="the embedder 'minilm'") from error
    return TextEmbedding("sentence-transformers/all-MiniLM-L6-v2")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; names such as `readTable` and `read_table` are taken apart."""
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text))]


def _features(text: str) -> dict[int, float]:
    words = words_of(text)
    found: dict[int, float] = {}
    for word, count in Counter(words).items():
        often = 1.0 + math.log(count)
        if word in _COMMON:
            _add(found, f"w:{word}", _COMMON_WEIGHT * often)
            continue
        _add(found, f"w:{word}", _WORD_WEIGHT * often)
        pieces = list(_pieces(word))
        for piece in pieces:
            _add(found, f"p:{piece}", _PIECE_WEIGHT * often / math.sqrt(len(pieces)))
    telling = [word for word in words if word not in _COMMON]
    for pair in dict.fromkeys(pairwise(telling)):
        _add(found, f"b:{' '.join(sorted(pair))}", _PAIR_WEIGHT)
    return found


def _pieces(word: str) -> Iterable[str]:
    marked = f"<{word}>"
    for length in _PIECES:
        for start in range(len(marked) - length + 1):
            yield marked[start : start + length]


def _add(found: dict[int, float], feature: str, weight: float) -> None:
    place = zlib.crc32(feature.encode("utf-8", "surrogatepass")) & _PLACES_MASK
    found[place] = found.get(place, 0.0) + weight


def _unit(weights: dict[int, float]) -> Vector:
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return Vector({place: weight / length for place, weight in weights.items() if weight} if length else {})
