"""Cursor: a place in a clause's tokens, with what is known there, moved on by the readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from orrery.planners.rules.frame import Frame
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.surroundings import Column, Surroundings
from orrery.planners.rules.vocabulary import ARTICLES, SYNONYMS, singular


@cache
def _split(phrase: str) -> list[str]:
    return phrase.split()


_ROWS_THEMSELVES = ("line", "request")
"""Columns of logs whose names mean, to people, the rows."""
NOTHING = Token("stop", "", 0, 0)


class Cursor:
    """Where the reading of a clause stands.

    Args:
        tokens: the clause without its verb.
        frame: what has been understood so far.
        around: the folder.
        columns: those of the tables and logs of which the clause may speak.
        intent: what the clause's verb asks for.
    """

    def __init__(
        self, tokens: Sequence[Token], frame: Frame, around: Surroundings, columns: Sequence[Column], intent: str
    ) -> None:
        self.tokens, self.place = list(tokens), 0
        self.frame, self.around, self.columns, self.intent = frame, around, columns, intent
        self.column_words: Mapping[tuple[str, ...], str] = column_words(columns)
        self.pending: str = ""
        """The column that was mentioned last and may still be compared: "amount" in "amount over 100"."""

    def at(self, ahead: int = 0) -> Token:
        """The token so many places on; one that is nothing at the end."""
        place = self.place + ahead
        return self.tokens[place] if 0 <= place < len(self.tokens) else NOTHING

    @property
    def done(self) -> bool:
        """Whether all has been read."""
        return self.place >= len(self.tokens)

    def next(self, count: int = 1) -> Token:
        """Pass over tokens, which count as understood; returns the first."""
        token = self.at()
        self.frame.used += self.tokens[self.place : self.place + count]
        self.place += count
        return token

    def take(self, *phrases: str) -> bool:
        """Pass over the first of these phrases that stands here, word by word; False where none does."""
        here = self.at()
        if here.kind != "word":
            return False
        written = here.text.lower()
        for phrase in phrases:
            first, *rest = _split(phrase)
            if first in (here.word, written) and all(
                self.at(ahead).is_word(word) for ahead, word in enumerate(rest, start=1)
            ):
                self.next(1 + len(rest))
                return True
        return False

    def sees(self, phrase: str, ahead: int = 0) -> bool:
        """Whether these words stand here."""
        return all(self.at(ahead + place).is_word(word) for place, word in enumerate(phrase.split()))

    def skip_articles(self, *more: str) -> None:
        """Pass over words such as "the"."""
        while self.at().is_word(*ARTICLES, *more):
            self.next()

    def column_here(self, ahead: int = 0) -> tuple[str, int]:
        """The column whose name stands here and how many tokens the name has; "" and 0 where none does."""
        first = self.at(ahead)
        if first.kind in ("quoted", "path"):
            known = {column.name.lower(): column.name for column in self.columns}
            return (known[first.text.lower()], 1) if first.text.lower() in known else ("", 0)
        for length in (4, 3, 2, 1):
            words = tuple(self.at(ahead + place).word for place in range(length))
            if all(words) and words in self.column_words:
                return self.column_words[words], length
            written = tuple(self.at(ahead + place).text.lower() for place in range(length))
            if all(written) and written in self.column_words:
                return self.column_words[written], length
        return "", 0

    def cell_here(self, ahead: int = 0, within: str = "") -> tuple[list[tuple[str, str]], int]:
        """The columns in which the words here are a value, with that value, and how many tokens they have."""
        for length in (3, 2, 1):
            found = [self.at(ahead + place) for place in range(length)]
            if not all(token.kind in ("word", "number") for token in found):
                continue
            text = " ".join(token.text.lower() for token in found)
            hits = [
                (column.name, cell)
                for column in self.columns
                for lower, cell in column.cells
                if (lower == text or (length == 1 and lower == found[0].word)) and within in ("", column.name)
            ]
            if hits:
                return hits, length
        return [], 0

    def numeric(self, name: str) -> bool:
        """Whether a column holds numbers."""
        return any(column.name == name and column.numeric for column in self.columns)


def column_words(columns: Sequence[Column]) -> dict[tuple[str, ...], str]:
    """What people may call the columns: the words of their names, and synonyms that mean exactly one of them."""
    found: dict[tuple[str, ...], str] = {}
    names = {column.name.lower(): column.name for column in columns}
    for said, meant in SYNONYMS.items():
        known = [names[name] for name in meant if name in names]
        if known:
            found[tuple(said.split())] = known[0]
    for column in columns:
        if column.name in _ROWS_THEMSELVES:
            continue
        found[column.words] = column.name
        found[(column.name.lower(),)] = column.name
        found[(singular(column.name.lower()),)] = column.name
        # "size_bytes" is called the size, "duration_ms" the duration: a unit is no part of what a thing is called.
        if len(column.words) > 1 and column.words[-1] in ("byte", "ms", "s", "percent", "second", "usd", "eur", "at"):
            found.setdefault(column.words[:-1], column.name)
    return found
