"""Words: what two texts about the same thing have in common when they use different words for it.

A text becomes terms: stems, and the concepts that stems belong to. Concepts come from `thesaurus.txt`, one a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_JOINED = re.compile(r"(?<=\b\w)[-'\u2019](?=\w)|(?<=\w)['\u2019](?=\w{1,2}\b)")
_COMMON = frozenset(
    _WORD.findall(
        "a about again all also an and any are as at be been before being both but by can could d did do does "
        "each for from had has have he her here him his how i if in into is isn it its itself just let ll m "
        "many may me might much must my no nor not now of off on once one only or other our out over own per "
        "please re s shall she should so some such t than that the their them then there these they this "
        "those through to too two under until up us ve very want was we were what when where whether which "
        "while who whom whose why will with without would you your yours"
    )
)
_SUFFIXES = tuple(
    _WORD.findall(
        "isations izations isation ization ations ation ingly edly ments ment ities ity ness ional ions ion "
        "ings ing ers er ors or ises ise izes ize ated ates ate ally ly ied ies ed es e s y"
    )
)
_SHORTEST_STEM = 3


def words_of(text: str) -> list[str]:
    """The words of a text or a name in lower case, common ones left out; "readTable" and "read_table" are two each."""
    split = _CAMEL.sub(" ", _JOINED.sub("", text))
    return [word for found in _WORD.findall(split) if (word := found.lower()) not in _COMMON]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its ending, so that "resize", "resized" and "resizing" are one.

    Lighter than Porter's stemmer (1980): one suffix goes, and a doubled consonant before it.

    >>> [stem(word) for word in ("resizing", "files", "stopped", "translation")]
    ['resiz', 'fil', 'stop', 'transl']
    """
    if not word.isascii() or word.isdigit() or len(word) <= _SHORTEST_STEM:
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            rest = word[: -len(suffix)]
            doubled = rest[-1] == rest[-2] and rest[-1] not in "lsz" and suffix[0] in "aei"
            return rest[:-1] if doubled else rest
    return word


def terms_of(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each term with the words that it came from: stems, and concepts, which are written "=3"."""
    concepts = _concepts()
    stems = [stem(word) for word in words]
    for word, found in zip(words, stems, strict=True):
        yield found, word
        for concept in concepts.get(found, ()):
            yield concept, word
    for (first, second), (word, other) in zip(pairwise(stems), pairwise(words), strict=True):
        for concept in concepts.get(f"{first} {second}", ()):
            yield concept, f"{word} {other}"


@cache
def _concepts() -> dict[str, tuple[str, ...]]:
    """Stem (or pair of stems) → the concepts that it belongs to."""
    found: dict[str, tuple[str, ...]] = {}
    lines = files("orrery.tools").joinpath("thesaurus.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("#"):
            continue
        for entry in line.split():
            key = " ".join(stem(word) for word in entry.split("_"))
            if f"={number}" not in found.get(key, ()):
                found[key] = (*found.get(key, ()), f"={number}")
    return found
