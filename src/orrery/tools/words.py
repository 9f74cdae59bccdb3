"""Words: what two texts about the same thing have in common when they use different words for it.

A text becomes terms: stems, and the concepts that stems belong to. Concepts come from `thesaurus.txt`, one a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_JOINED = re.compile(r"(?<=\b\w)[-'\u2019](?=\w)|(?<=\w)['\u2019](?=\w{1,2}\b)")
_URL = re.compile(r"\bhttps?://\S+")
_IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_FILE = re.compile(
    r"(?<![\w.])[\w-]+\.(?:csv|docx?|html?|jpe?g|json|log|md|mp[34]|pdf|png|pptx?|py|txt|wav|xlsx?|ya?ml|zip)\b"
)
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
WEAK = frozenset(
    _WORD.findall(
        "come find get give go going got handle happen keep know left look make made need new old put see set show "
        "still take tell thing think use used way whats work works"
    )
)
"""Words that say little about what is meant, though they are rare in descriptions."""
_SUFFIXES = tuple(
    _WORD.findall(
        "isations izations isation ization ations ation ingly edly ments ment ities ity ness ional ions ion "
        "ings ing ers er ors or ises ise izes ize ated ates ate ally ly ied ies ed es e s y"
    )
)
_SHORTEST_STEM = 3


def words_of(text: str) -> list[str]:
    """The words of a text or a name, in lower case; "readTable" and "read_table" are two each, "e-mail" is one."""
    return [found.lower() for found in _WORD.findall(_CAMEL.sub(" ", _JOINED.sub("", text)))]


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
        least = _SHORTEST_STEM + (len(suffix) > 2 and suffix != "ing")
        if word.endswith(suffix) and len(word) - len(suffix) >= least:
            rest = word[: -len(suffix)]
            doubled = rest[-1] == rest[-2] and rest[-1] not in "lsz" and suffix[0] in "aei"
            return rest[:-1] if doubled else rest
    return word


def terms_of(text: str) -> Iterator[tuple[str, str]]:
    """Each term of a text with the words that it came from: stems, and concepts, which are written "=3".

    A phrase that the thesaurus knows ("call off") counts instead of its words.
    """
    concepts, starts = _concepts(), _phrase_starts()
    words: list[str] = []
    for found in _WORD.findall(_JOINED.sub("", _literals(text))):
        # A brand such as "PowerPoint" is one word where the thesaurus knows it.
        words += [found.lower()] if stem(found.lower()) in concepts else words_of(found)
    stems = [stem(word) for word in words]
    place = 0
    while place < len(words):
        for length in (3, 2) if stems[place] in starts else ():
            phrase = " ".join(stems[place : place + length])
            if length <= len(words) - place and phrase in concepts:
                said = " ".join(words[place : place + length])
                yield phrase, said
                for concept in concepts[phrase]:
                    yield concept, said
                place += length
                break
        else:
            word, found = words[place], stems[place]
            place += 1
            if word in _COMMON:
                continue
            yield found, word
            for concept in concepts.get(found, ()):
                yield concept, word


@cache
def _phrase_starts() -> frozenset[str]:
    """The first stems of the phrases that the thesaurus knows."""
    return frozenset(entry.partition(" ")[0] for entry in _concepts() if " " in entry)


def _literals(text: str) -> str:
    """The text with addresses and names of files in it replaced by what kind of thing they are."""
    return _FILE.sub(" file ", _IP.sub(" ip address ", _URL.sub(" web page url ", text)))


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
