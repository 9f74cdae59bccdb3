"""From tokens to clauses: what is done one after the other, and under which condition.

A clause begins after a full stop, a semicolon or "then"; after a comma or "and" only where a verb or a question
follows, so that "the lines and words" stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import (
    AGGREGATES,
    CHARTS,
    FILE_NOUNS,
    FILE_TYPES,
    FOLDER_NOUNS,
    LEVELS,
    MEASURES,
    METRICS,
    NOUNS_TOO,
    RANKS,
    ROW_NOUNS,
    TIME_PARTS,
    VERBS,
    words,
)

_SENTENCE_ENDS = frozenset(".;!?\n…–—")  # noqa: RUF001 - dashes as people type them
_NOUNS = frozenset(
    (*FILE_TYPES, *FILE_NOUNS, *FOLDER_NOUNS, *MEASURES, *LEVELS, *ROW_NOUNS, *AGGREGATES, *RANKS, *CHARTS, *TIME_PARTS)
) | {word for phrase in METRICS for word in phrase}
"""Words that are nouns or adjectives, and so no verb that nobody knows."""
_THEN = words("then afterwards afterward subsequently")
_AND = words("and but plus also")
_LEADING = words(
    """please kindly also then now next finally lastly first firstly second secondly just simply to let us
    afterwards so i want would like you can could need me will should we once that done after that's go ahead
    and do"""
)
"""Words that may stand before a clause's verb without saying anything."""
_MOST_LEADING = 8
_IF = words("if unless when whenever provided")
_ELSE = words("otherwise else")
_OPENING = words("for in from using with within under across")
"""Words with which a phrase begins that says, before the verb, of what it speaks."""
_DETERMINERS = words("""the a an every each all any it them this that these those its their both only""")
_PREPOSITIONS = words(
    """using via according based by in under from to into as with over on for of at per between inside within"""
)

PHRASAL: dict[tuple[str, ...], str] = {
    ("back", "up"): "copy",
    ("get", "rid", "of"): "remove",
    ("throw", "away"): "remove",
    ("look", "for"): "search",
    ("search", "for"): "search",
    ("find", "out"): "show",
    ("work", "out"): "show",
    ("add", "up"): "sum",
    ("sum", "up"): "sum",
    ("print", "out"): "show",
    ("write", "down"): "write",
    ("make", "a", "copy", "of"): "copy",
    ("make", "copy", "of"): "copy",
    ("make", "copies", "of"): "copy",
    ("put", "copies", "of"): "copy",
    ("put", "a", "copy", "of"): "copy",
    ("place", "copies", "of"): "copy",
    ("place", "a", "copy", "of"): "copy",
    ("take", "copies", "of"): "copy",
    ("in", "which"): "which",
    ("how", "many"): "count",
    ("how", "much"): "show",
    ("how", "often"): "occurrences",
    ("how", "big"): "size",
    ("how", "large"): "size",
    ("how", "long"): "length",
    ("how", "full"): "show",
    ("how", "busy"): "show",
    ("what",): "show",
    ("which",): "which",
    ("where",): "which",
    ("is", "there"): "which",
    ("are", "there"): "show",
    ("take", "a", "copy", "of"): "copy",
    ("take", "snapshot", "of"): "measure",
    ("take", "a", "snapshot", "of"): "measure",
    ("who",): "which",
    ("break", "down"): "count",
}
"""Verbs of several words, and the words with which questions begin."""


@dataclass
class Clause:
    """One thing to do.

    Args:
        words: its tokens without the verb.
        intent: what its verb asks for (see `VERBS`), "" where none is known.
        verb: the tokens of the verb; empty for a bare noun phrase.
        condition: the number of the condition it stands under; None: it is always done.
        negated: it is done where the condition does not hold.
        sentence: the number of its sentence.
    """

    words: list[Token]
    intent: str = ""
    verb: list[Token] = field(default_factory=list)
    condition: int | None = None
    negated: bool = False
    sentence: int = 0

    @property
    def start(self) -> int:
        """Where it begins, in characters."""
        return min((token.start for token in (*self.verb, *self.words)), default=0)


@dataclass
class Condition:
    """What must hold; `negated` where it was introduced by "unless"."""

    words: list[Token]
    opener: Token
    negated: bool = False


@dataclass
class Outline:
    """The clauses of a request in order, their conditions, and the connecting words that lead nowhere."""

    clauses: list[Clause]
    conditions: list[Condition]
    loose: list[Token]


def outline(found: Sequence[Token], tool_verbs: frozenset[str] = frozenset()) -> Outline:
    """How a request hangs together.

    Args:
        tool_verbs: further words that begin a clause, such as the names of the user's tools.
    """
    return _Outliner(list(found), tool_verbs).read()


class _Outliner:
    def __init__(self, found: list[Token], tool_verbs: frozenset[str]) -> None:
        self.tokens, self.tool_verbs = found, tool_verbs
        self.outline = Outline([], [], [])
        self.sentence = 0
        self.scope: tuple[int | None, bool] = (None, False)
        self.last_condition: int | None = None
        self.prefix: list[Token] = []

    def read(self) -> Outline:
        place, begin = 0, 0
        while place < len(self.tokens):
            token = self.tokens[place]
            if token.kind == "stop" and token.text in _SENTENCE_ENDS:
                self._close(begin, place)
                self.sentence += 1
                self.scope = (None, False)
                place = begin = place + 1
            elif token.is_word(*_ELSE):
                self._close(begin, place)
                if self.last_condition is None:
                    self.outline.loose.append(token)
                else:
                    earlier = self.outline.conditions[self.last_condition]
                    self.scope = (self.last_condition, not earlier.negated)
                place = begin = place + 1
            elif token.is_word(*_IF) and not self._is_if_of_question(place):
                place = begin = self._condition(begin, place)
            elif self._splits(place):
                self._close(begin, place)
                place = begin = place + 1
            else:
                place += 1
        self._close(begin, place)
        return self.outline

    def _is_if_of_question(self, place: int) -> bool:
        """Whether "if" stands for "whether", as in "check if ..."; there is nothing to do but to answer."""
        before = self.tokens[place - 1] if place else None
        if before is None or not before.is_word("check", "see", "know", "tell", "determine"):
            return False
        rest = self.tokens[place:]
        return not any(t.kind == "stop" and t.text == "," for t in rest) and not any(t.is_word(*_ELSE) for t in rest)

    def _splits(self, place: int) -> bool:
        token = self.tokens[place]
        if token.is_word(*_THEN) or token.is_word("next", "finally", "lastly"):
            return token.is_word(*_THEN) or self.begins_clause(place + 1)
        is_joint = token.is_word(*_AND) or (token.kind == "stop" and token.text in ",:")
        return is_joint and self.begins_clause(place + 1)

    def begins_clause(self, place: int) -> bool:
        """Whether a verb or a question stands here, words that lead up to it passed over."""
        start = place
        while place < len(self.tokens) and (self.tokens[place].is_word(*_LEADING) or self.tokens[place].text == ","):
            if place - start > _MOST_LEADING:  # nobody says so many; and the way through a text stays linear
                return False
            if self.phrasal(place) is not None:
                return True
            place += 1
        if place >= len(self.tokens):
            return False
        if self.tokens[place].is_word(*_IF) or self.tokens[place].is_word(*_ELSE):
            return True
        if self.tokens[place].is_word("for") and self._at(place + 1).is_word("each", "every"):
            return place > start or self._at(place - 1).text != ","
        return self.verb_at(place) > 0

    def _at(self, place: int) -> Token:
        return self.tokens[place] if 0 <= place < len(self.tokens) else Token("stop", "", 0, 0)

    def phrasal(self, place: int) -> tuple[int, str] | None:
        """A verb of several words or a question word here: how many tokens it has, and what it asks for."""
        for length in (4, 3, 2, 1):
            words = tuple(token.text.lower() for token in self.tokens[place : place + length])
            if len(words) == length and words in PHRASAL:
                if words == ("which",) and not self._at(place - 1).is_word("and", "then") and self._in_clause(place):
                    return None
                if words in (("where",), ("who",), ("what",)) and self._in_clause(place):
                    return None
                return length, PHRASAL[words]
        return None

    def _in_clause(self, place: int) -> bool:
        """Whether something of the same clause stands before, which makes "where" a relative pronoun."""
        before = self._at(place - 1)
        return place > 0 and before.kind != "stop" and not before.is_word(*_LEADING) and not before.is_word(*_AND)

    def verb_at(self, place: int) -> int:
        """How many tokens the verb here has; 0 where none stands."""
        if (phrasal := self.phrasal(place)) is not None:
            return phrasal[0]
        token, following = self._at(place), self._at(place + 1)
        if token.kind != "word":
            return 0
        word = token.text.lower()
        takes_object = (
            following.kind in ("path", "glob", "quoted", "url", "suffix", "number", "device")
            or following.is_word(*_DETERMINERS)
            or following.word in FILE_TYPES
        )
        if word in self.tool_verbs:
            return 1
        if word in VERBS:
            if word not in NOUNS_TOO:
                return 1
            if self._at(place - 1).is_word("the", "a", "an", "its", "their", "each", "every"):
                return 0
            if word in AGGREGATES and self._at(place - 1).is_word(*_AND) and self._at(place - 2).word in AGGREGATES:
                return 0  # "the average and total amount"
            if word == "load" and following.is_word("average"):
                return 0
            if following.is_word("by") and VERBS[word] in ("sort", "group"):
                return 1
            plain_noun = following.kind == "word" and not following.is_word(*_PREPOSITIONS, *_AND, "is", "are")
            return 1 if takes_object or plain_noun else 0
        unknown = word not in _DETERMINERS | _PREPOSITIONS | _AND | _LEADING and token.word not in _NOUNS
        return (
            1
            if unknown
            and takes_object
            and not following.is_word("that", "all", "any", "both")
            and (following.kind not in ("number", "suffix", "glob"))
            and self._may_be_verb(token)
            and not word.endswith(("ing", "ed"))
            else 0
        )

    @staticmethod
    def _may_be_verb(token: Token) -> bool:
        return token.text.islower() or token.text.istitle()

    def _condition(self, begin: int, place: int) -> int:
        """Read a condition that opens at `place`; returns where the next clause begins."""
        opener = self.tokens[place]
        leads = all(
            token.is_word(*_LEADING, "only", "but") or token.kind == "stop" for token in self.tokens[begin:place]
        )
        end = place + 1
        while end < len(self.tokens):
            token = self.tokens[end]
            if token.kind == "stop" and token.text in _SENTENCE_ENDS | {":"}:
                break
            if token.is_word(*_ELSE) or token.is_word("then"):
                break
            if token.kind == "stop" and token.text == ",":
                if leads or self.begins_clause(end + 1) or self._at(end + 1).is_word(*_ELSE):
                    break
            elif (token.is_word("and", "but") and not leads and self._hard_verb(end + 1)) or (
                leads and end > place + 2 and self._hard_verb(end)
            ):
                break
            end += 1
        words = [t for t in self.tokens[place + 1 : end] if not t.is_word("that", "only") or t.is_word("contain")]
        number = len(self.outline.conditions)
        self.outline.conditions.append(Condition(words, opener, negated=opener.is_word("unless")))
        self.last_condition = number
        applies = (number, opener.is_word("unless"))
        if leads:
            self.scope = applies
        else:
            outer, self.scope = self.scope, applies
            rest = place - 1 if self.tokens[place - 1].is_word("only", "but") else place
            self._close(begin, rest)
            self.scope = outer
        at_end = self._at(end)
        if at_end.is_word(*_ELSE) or (at_end.kind == "stop" and at_end.text in _SENTENCE_ENDS):
            return end
        return end + 1 if at_end.kind == "stop" or at_end.is_word("then", "and", "but") else end

    def _hard_verb(self, place: int) -> bool:
        """Whether a word stands here that can be nothing but a verb with its object."""
        token, following = self._at(place), self._at(place + 1)
        word = token.text.lower()
        if token.kind != "word" or (word not in VERBS and word not in self.tool_verbs):
            return False
        if self._at(place - 1).is_word("the", "a", "an", "of", "is", "are", "its", "not", "more", "any", "at", "to"):
            return False
        return following.kind in ("path", "quoted", "glob", "url") or following.is_word(*_DETERMINERS)

    def _close(self, begin: int, end: int) -> None:
        """Make the tokens a clause, its verb found."""
        while begin < end and (
            self.tokens[begin].kind == "stop"
            or self.tokens[begin].is_word(*_AND)
            or (self.tokens[begin].is_word(*_LEADING) and self.phrasal(begin) is None)
        ):
            begin += 1
        while end > begin and (self.tokens[end - 1].kind == "stop" or self.tokens[end - 1].is_word(*_AND)):
            end -= 1
        if begin == end:
            return
        prefix: list[Token] = []
        place = begin
        if self.tokens[begin].is_word("for") and self._at(begin + 1).is_word("each", "every", "all"):
            while place < end and self.tokens[place].text not in (",", ":") and not self._hard_or_plain(place):
                place += 1
            prefix = self.tokens[begin:place]
            while place < end and (self.tokens[place].kind == "stop" or self.tokens[place].is_word(*_LEADING, *_AND)):
                place += 1
        elif self.tokens[begin].is_word(*_OPENING):
            hard = next(
                (
                    at
                    for at in range(begin + 2, end)
                    if self.tokens[at - 1].kind in ("path", "glob") and self.verb_at(at)
                ),
                None,
            )
            if hard is not None and not any(t.text == "," for t in self.tokens[begin:hard]):
                prefix, place = self.tokens[begin:hard], hard
            comma = next((at for at in range(begin, end) if self.tokens[at].text == ","), None)
            if comma is not None and self.begins_clause(comma + 1):
                prefix, place = self.tokens[begin:comma], comma + 1
                while place < end and self.tokens[place].is_word(*_LEADING):
                    place += 1
        length, intent = self._verb(place, end)
        if not length and self.tokens[begin].is_word(*_OPENING) and self._goes_on(end):
            self.prefix = self.tokens[begin:end]  # it says of what the next clause speaks
            return
        words = [*self.prefix, *prefix, *self.tokens[place + length : end]]
        self.prefix = []
        condition, negated = self.scope
        verb = self.tokens[place : place + length]
        self.outline.clauses.append(Clause(words, intent, verb, condition, negated, self.sentence))

    def _goes_on(self, end: int) -> bool:
        return self._at(end).text == "," or self._at(end).text == ":"

    def _hard_or_plain(self, place: int) -> bool:
        word = self.tokens[place].text.lower()
        return self.tokens[place].kind == "word" and (
            (word in VERBS and word not in NOUNS_TOO) or self._hard_verb(place)
        )

    def _verb(self, place: int, end: int) -> tuple[int, str]:
        if place >= end:
            return 0, ""
        if (phrasal := self.phrasal(place)) is not None:
            return phrasal
        length = self.verb_at(place)
        if length == 0 and self.tokens[place].text.lower() in VERBS and place + 1 >= end:
            length = 1  # "sort", "count": a verb alone
        return length, VERBS.get(self.tokens[place].text.lower(), "") if length else ""
