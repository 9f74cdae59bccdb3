"""From a request to tokens: words, quoted text, paths, patterns, URLs, numbers with their units, comparison signs.

Every token knows where it stands, so that whatever is not understood can be pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from orrery.planners.rules.vocabulary import CONTRACTIONS, NUMBER_WORDS, UNITS, singular
from orrery.planners.rules.where import Where

Kind = Literal["word", "quoted", "path", "glob", "suffix", "url", "number", "sign", "stop", "device"]
"""`stop` is punctuation; a `suffix` is a file's ending that stands alone, such as ".py"; a `device` is a place."""


@dataclass(frozen=True)
class Token:
    """One word or sign of a request.

    Args:
        text: as it was written; of quoted text, what stands between the quotes.
        word: what it is compared by: lower case, and in the singular.
        start, end: where it stands, in characters from 0.
        number: the value of a number, in `unit`.
        unit: "bytes", "seconds", "percent", or "" for a plain number.
        where: of a whole phrase such as "on web1 and web2", what it names; see `whereabouts`.
    """

    kind: Kind
    text: str
    start: int
    end: int
    word: str = ""
    number: float = 0.0
    unit: str = ""
    where: Where | None = None

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, in the singular or as written."""
        return self.kind == "word" and (self.word in words or self.text.lower() in words)


_QUOTES: Mapping[str, str] = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`", "«": "»", "„": "“"}  # noqa: RUF001
_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s?(?P<unit>%|[A-Za-z]{1,12}\b)?(?![\w./-]*[\w/])"
)
_DATE = re.compile(r"\d{4}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?(?![\w/-])")
_SIGN = re.compile(r">=|<=|==|!=|<>|=|>|<|≥|≤|≠")
_SIGNS: Mapping[str, str] = {"==": "=", "<>": "!=", "≥": ">=", "≤": "<=", "≠": "!="}
_WORD = re.compile(r"[^\s\"“”«»;,!?()=<>≥≤≠:`]+")
_STOPS = re.compile(r"[;,!?():…–—]|\.(?=\s|$)")  # noqa: RUF001 - dashes as people type them
_SUFFIX = re.compile(r"(?:\*?\.)([A-Za-z][A-Za-z0-9]{0,7})s?")
_FILE = re.compile(r"[\w@%+~-][\w@%+.~-]*\.[A-Za-z][A-Za-z0-9]{0,7}")
_HOSTS = frozenset({"com", "org", "net", "io"})
_NOT_FILES = frozenset({"e.g", "i.e", "etc", "vs"})


def tokens(text: str) -> list[Token]:
    """The tokens of a request, in order. Total: every text has some."""
    return [*_with_contractions_opened(_raw(text))]


def _raw(text: str) -> Iterator[Token]:
    place = 0
    while place < len(text):
        found = _at(text, place)
        if found is None:
            place += 1
            continue
        yield found
        place = found.end


def _at(text: str, place: int) -> Token | None:
    sign = text[place]
    if sign.isspace():
        return Token("stop", "\n", place, place + 1) if sign == "\n" and text[place:].strip() else None
    if sign in _QUOTES and (quoted := _quoted(text, place)) is not None:
        return quoted
    if (found := _URL.match(text, place)) is not None:
        url = found[0].rstrip(".,;:!?)")
        return Token("url", url, place, place + len(url))
    if (found := _DATE.match(text, place)) is not None:
        return Token("word", found[0], place, found.end(), found[0].lower())
    if (found := _NUMBER.match(text, place)) is not None and (number := _number(found)) is not None:
        return number
    if (found := _SIGN.match(text, place)) is not None:
        return Token("sign", _SIGNS.get(found[0], found[0]), place, found.end())
    if (found := _STOPS.match(text, place)) is not None:
        return Token("stop", found[0], place, found.end())
    found = _WORD.match(text, place)
    return _word(found[0], place) if found is not None else Token("stop", sign, place, place + 1)


def _quoted(text: str, place: int) -> Token | None:
    end = text.find(_QUOTES[text[place]], place + 1)
    while end > 0 and text[place] in "'‘" and text[end + 1 : end + 2].isalnum():  # noqa: RUF001 - 'it's' goes on
        end = text.find(_QUOTES[text[place]], end + 1)
    return Token("quoted", text[place + 1 : end], place, end + 1) if end > 0 else None


def _number(found: re.Match[str]) -> Token | None:
    value = float(found["number"].replace(",", ""))
    unit = found["unit"] or ""
    attached = unit and found.start("unit") == found.end("number")
    scale = UNITS.get(unit) or UNITS.get(unit.lower())
    if scale is not None and (attached or len(unit) > 1 or unit == "%"):
        return Token("number", found[0], found.start(), found.end(), found[0].lower(), value * scale[0], scale[1])
    if attached:  # "3rd", "10x", "v2"
        return None
    end = found.end("number")
    return Token("number", found["number"], found.start(), end, found["number"], value)


def _word(text: str, place: int) -> Token:
    text = text.rstrip(".'’") or text  # noqa: RUF001
    if text.endswith(("'s", "’s")) and "/" not in text:  # noqa: RUF001
        whole, text = len(text), text[:-2]
    else:
        whole = len(text)
    end = place + whole
    bare = text.lower()
    if any(sign in text for sign in "*?[") and len(text) > 1 and not _SUFFIX.fullmatch(text):
        return Token("glob", text, place, end, bare)
    if (found := _SUFFIX.fullmatch(text)) is not None:
        return Token("glob" if text.startswith("*") else "suffix", text, place, end, found[1].lower())
    is_path = "/" in text and not _is_choice(text)
    if is_path or text in ("~", "..") or (_FILE.fullmatch(text) and bare not in _NOT_FILES):
        return Token("path", text, place, end, bare)
    if bare in NUMBER_WORDS:
        return Token("number", text, place, end, bare, float(NUMBER_WORDS[bare]))
    return Token("word", text, place, end, singular(bare))


def _is_choice(text: str) -> bool:
    """Whether a slash stands between two plain words, as in "and/or"."""
    return text.lower() in ("and/or", "either/or")


def _with_contractions_opened(found: Iterator[Token]) -> Iterator[Token]:
    for token in found:
        opened = CONTRACTIONS.get(token.text.lower().replace("’", "'")) if token.kind == "word" else None  # noqa: RUF001
        if opened is None:
            yield token
        else:
            for word in opened.split():
                yield replace(token, text=word, word=singular(word))
