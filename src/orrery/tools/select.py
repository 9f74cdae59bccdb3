"""Selecting tools: from thousands, the few that a need in words is about.

Words decide first (BM25 over the parts of names, descriptions and arguments; stems and concepts, so that other
words for the same thing count too), then the embedding puts the best of them in order. Both need no model, no
download and no library, and give the same on every machine.

How well it does stands in `tests/tools/test_select.py`, on needs that were written after it was frozen.

Example requests make the difference where people say things in words of their own: they count as a field of the
card, and the embedding looks for the nearest of them.

Sources: BM25 (Robertson and Zaragoza, 2009), with the fields weighted before saturation as in its BM25F; a text that
is found by the questions it answers: doc2query (Nogueira et al., 2019), where a model writes them and here the author.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from orrery.models.embedding import Vector, embed
from orrery.tools.tool import Tool
from orrery.tools.words import WEAK, terms_of

_SATURATION, _LENGTH_SHARE = 2.0, 0.4
"""BM25's k1 and b."""
_NAME_WEIGHT, _DESCRIPTION_WEIGHT, _WORDS_WEIGHT, _EXAMPLE_WEIGHT = 1.6, 1.0, 0.4, 0.5
_CONCEPT_WEIGHT = 1.0
_HASHED_WEIGHT, _MEANING_WEIGHT = 10.0, 40.0
_SPACE_WEIGHT = 0.5
_WEAK_SHARE = 0.6
_RERANKED = 40


class ToolCard(msgspec.Struct, frozen=True):
    """What is known of a tool when one is looked for.

    Args:
        name: such as "files.read".
        description: what it does, in a sentence or two.
        words: what else it may be found by, such as the names of its arguments.
        examples: requests that it is the right tool for, as people say them.
    """

    name: str
    description: str
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, tool: Tool[..., Any]) -> ToolCard:
        """The card of a tool: its name, its description, the names of its arguments, and its example requests."""
        return cls(tool.name, tool.description, tuple(tool.hints), tool.examples)


class Match(msgspec.Struct, frozen=True):
    """A tool that was found; a higher `score` fits better, and only scores of one search compare."""

    name: str
    score: float
    because: str


class ToolIndex:
    """Finds tools by what is needed.

    Args:
        cards: the tools; of two with one name the later counts.
        embedder: puts the best in order; one that knows meanings, such as "minilm", counts for more.
    """

    def __init__(self, cards: Iterable[ToolCard], *, embedder: str = "hashed") -> None:
        self._embedder = embedder
        self._cards = list({card.name: card for card in cards}.values())
        self._vectors: dict[int, list[Vector]] = {}
        counted = [_weights(card) for card in self._cards]
        self._words = _Postings(counted)
        spaces: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for card, weights in zip(self._cards, counted, strict=True):
            of_space = spaces[card.name.rpartition(".")[0]]
            for term, weight in weights.items():
                of_space[term] += weight
        places = {space: place for place, space in enumerate(spaces)}
        self._space_of = [places[card.name.rpartition(".")[0]] for card in self._cards]
        self._space_words = _Postings([*spaces.values()])

    def __len__(self) -> int:
        return len(self._cards)

    def find(self, need: str, most: int = 5) -> list[Match]:
        """The tools that fit the need, best first; none where no word says anything about a tool.

        Args:
            need: what is to be done, in words.
            most: how many are wanted.
        """
        terms = dict(terms_of(need))
        scores, met = self._words.scores(terms)
        space_scores, _ = self._space_words.scores(terms)
        for place in scores:
            scores[place] += _SPACE_WEIGHT * space_scores.get(self._space_of[place], 0.0)
        ahead = heapq.nlargest(max(most, _RERANKED), scores, key=lambda place: (scores[place], -place))
        near = self._nearness(need, ahead)
        ranked = sorted(ahead, key=lambda place: (-scores[place] - near[place], self._cards[place].name))
        return [
            Match(
                self._cards[place].name,
                scores[place] + near[place],
                "it is about " + ", ".join(repr(word) for word in met[place]),
            )
            for place in ranked[:most]
        ]

    def _nearness(self, need: str, places: list[int]) -> dict[int, float]:
        """How near each card's embedding is to the need's, in the measure of the words' scores."""
        weight = _HASHED_WEIGHT if self._embedder == "hashed" else _MEANING_WEIGHT
        missing = [place for place in places if place not in self._vectors]
        texts = [_texts(self._cards[place]) for place in missing]
        asked, *found = embed([need, *(text for each in texts for text in each)], embedder=self._embedder)
        vectors = iter(found)
        for place, each in zip(missing, texts, strict=True):
            self._vectors[place] = list(islice(vectors, len(each)))
        return {place: weight * max(map(asked.cosine, self._vectors[place])) for place in places}


class _Postings:
    """Which texts hold which terms, and how much each says about them (BM25)."""

    def __init__(self, texts: Sequence[Mapping[str, float]]) -> None:
        self._count = len(texts)
        self._found: dict[str, list[tuple[int, float]]] = defaultdict(list)
        lengths = [sum(weights.values()) for weights in texts]
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        for place, (weights, length) in enumerate(zip(texts, lengths, strict=True)):
            room = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * length / mean)
            for term, weight in weights.items():
                self._found[term].append((place, weight * (_SATURATION + 1) / (weight + room)))

    def scores(self, terms: Mapping[str, str]) -> tuple[dict[int, float], dict[int, dict[str, float]]]:
        """Each text's score, and what each word of the need adds to it: a word counts once, by its best term.

        Args:
            terms: term → the word that it came from.
        """
        met: dict[int, dict[str, float]] = defaultdict(dict)
        for term, word in terms.items():
            postings = self._found.get(term)
            if not postings:
                continue
            rarity = math.log(1 + (self._count - len(postings) + 0.5) / (len(postings) + 0.5))
            if term[0] == "=":
                rarity *= _CONCEPT_WEIGHT
            if word in WEAK:
                rarity *= _WEAK_SHARE
            for place, weight in postings:
                gain, before = rarity * weight, met[place]
                if gain > before.get(word, 0.0):
                    before[word] = gain
        return {place: sum(gains.values()) for place, gains in met.items()}, met


def _texts(card: ToolCard) -> list[str]:
    """What a need may be near to: the card as a whole, or one of its examples."""
    return [f"{card.name} {card.description}", *card.examples]


def _weights(card: ToolCard) -> dict[str, float]:
    """Each term of a card with its weight."""
    weights: dict[str, float] = defaultdict(float)
    for text, weight in (
        (card.name, _NAME_WEIGHT),
        (card.description, _DESCRIPTION_WEIGHT),
        (" ".join(card.words), _WORDS_WEIGHT),
        *((example, _EXAMPLE_WEIGHT) for example in card.examples),
    ):
        for term, _ in terms_of(text):
            weights[term] += weight
    return weights
