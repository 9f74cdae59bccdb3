"""Other ways to say the same, told in the one way that the rest of the grammar reads.

Only constructions whose meaning does not depend on what else is said: "20 or more" is "at least 20", "should it fail"
is "if it fails", "X should be written to Y" is "write X to Y". Every token keeps its place in the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from orrery.planners.rules.lexer import Token, tokens
from orrery.planners.rules.vocabulary import FILE_NOUNS, UNITS, VERBS, words

_SAME: Mapping[tuple[str, ...], str] = {
    ("json", "lines"): "jsonl", ("out", "of"): "from", ("if", "not", ","): "otherwise", ("anything",): "any files",
    ("show", "up"): "occur", ("shows", "up"): "occur", ("turn", "up"): "occur", ("turns", "up"): "occur",
    ("come", "up"): "occur", ("comes", "up"): "occur", ("crop", "up"): "occur", ("crops", "up"): "occur",
    ("a", "dozen"): "12", ("as", "well", "as"): "and", ("along", "with"): "and", ("together", "with"): "and",
    ("a", "minimum", "of"): "at least", ("a", "maximum", "of"): "at most", ("in", "case"): "if",
    ("provided", "that"): "if", ("as", "long", "as"): "if", ("on", "a", "monthly", "basis"): "by month",
    ("in", "the", "order", "of"): "in order of", ("in", "chronological", "order"): "sorted by time",
    ("chronologically",): "sorted by time", ("in", "time", "order"): "sorted by time",
    ("on", "a", "daily", "basis"): "by day", ("on", "an", "hourly", "basis"): "by hour",
    ("are", "left", "in"): "are in", ("remain", "in"): "are in", ("are", "still", "left"): "are",
}  # fmt: skip
"""Words that stand for others wherever they stand; the longest one counts."""
_PARTICIPLES: Mapping[str, str] = {
    "written": "write", "put": "put", "drawn": "draw", "shown": "show", "sent": "send", "kept": "keep", "told": "tell",
    **{f"{verb}{'d' if verb.endswith('e') else 'ed'}": verb for verb in VERBS},
    **{f"{verb[:-1]}ied": verb for verb in VERBS if verb.endswith("y")},
    "dropped": "drop", "plotted": "plot",
}  # fmt: skip
_MUST = words("should must shall ought need needs has have is are")
_JOINTS = words("and but then so also please")


def reworded(found: Sequence[Token]) -> list[Token]:
    """The tokens as the grammar expects them."""
    result = _replaced(list(found))
    for change in (_one_of_a_unit, _or_more, _inverted_if, _file_count):
        result = _everywhere(result, change)
    return [token for sentence in _sentences(result) for token in _active(_average_last(sentence))]


def _like(at: Token, text: str) -> list[Token]:
    """New tokens that stand where a token of the request stands."""
    return [replace(token, start=at.start, end=at.end) for token in tokens(text)]


def _replaced(found: list[Token]) -> list[Token]:
    result: list[Token] = []
    place = 0
    while place < len(found):
        for length in (4, 3, 2, 1):
            here = found[place : place + length]
            instead = _SAME.get(tuple(token.text.lower() for token in here)) if _is_plain(here) else None
            if instead is not None:
                result += _like(here[0], instead)
                place += length
                break
        else:
            result.append(found[place])
            place += 1
    return result


def _is_plain(here: Sequence[Token]) -> bool:
    return all(token.kind in ("word", "number", "stop") for token in here)


_Change = Callable[[list[Token], int], tuple[list[Token], int]]
"""What stands at a place instead, and of how many tokens; of none where nothing is to be changed."""


def _everywhere(found: list[Token], change: _Change) -> list[Token]:
    result: list[Token] = []
    place = 0
    while place < len(found):
        instead, length = change(found, place)
        result += instead if length else [found[place]]
        place += length or 1
    return result


def _at(found: Sequence[Token], place: int) -> Token:
    return found[place] if 0 <= place < len(found) else Token("stop", "", 0, 0)


def _one_of_a_unit(found: list[Token], place: int) -> tuple[list[Token], int]:
    """ "A megabyte" is 1 MB, where it is compared with."""
    token, unit = found[place], _at(found, place + 1).text.lower()
    of_bytes = len(unit) > 2 and UNITS.get(unit, (0, ""))[1] == "bytes"
    single = token.is_word("a", "an") or token.word == "one"
    return (_like(token, f"1 {unit}"), 2) if single and of_bytes else ([], 0)


def _or_more(found: list[Token], place: int) -> tuple[list[Token], int]:
    """ "20 or more", "5 files or fewer": at least 20, at most 5 files."""
    token = found[place]
    if token.kind != "number":
        return [], 0
    for noun in (0, 1):
        if _at(found, place + noun + 1).is_word("or") and _at(found, place + noun + 2).is_word(*_BOUNDS):
            bound = _BOUNDS[_at(found, place + noun + 2).text.lower()]
            before = found[place - 1] if place else token
            if before.kind == "sign" or before.is_word("than", "least", "most"):
                return [], 0
            return [*_like(token, bound), *found[place : place + noun + 1]], noun + 3
    return [], 0


_BOUNDS: Mapping[str, str] = {
    "more": "at least", "above": "at least", "over": "at least", "higher": "at least", "greater": "at least",
    "larger": "at least", "bigger": "at least", "longer": "at least", "fewer": "at most", "less": "at most",
    "below": "at most", "under": "at most", "lower": "at most", "smaller": "at most", "shorter": "at most",
}  # fmt: skip


def _inverted_if(found: list[Token], place: int) -> tuple[list[Token], int]:
    """ "Should it fail, ...": if it fails."""
    before, following = _at(found, place - 1), _at(found, place + 1)
    begins = before.kind == "stop" or before.is_word(*_JOINTS)
    if found[place].is_word("should") and begins and following.is_word("it", "this", "that", "there", "they", "any"):
        return _like(found[place], "if"), 1
    return [], 0


def _file_count(found: list[Token], place: int) -> tuple[list[Token], int]:
    """ "The file count": the number of files."""
    token = found[place]
    if (
        token.is_word(*FILE_NOUNS)
        and token.text.lower() == token.word
        and _at(found, place + 1).text.lower() == "count"
    ):
        return _like(token, f"number of {token.word}s"), 2
    return [], 0


def _sentences(found: list[Token]) -> list[list[Token]]:
    """The parts between full stops and their like, each with the one that ends it."""
    result: list[list[Token]] = [[]]
    for token in found:
        result[-1].append(token)
        if token.kind == "stop" and token.text in ".;!?\n":
            result.append([])
    return result


def _average_last(sentence: list[Token]) -> list[Token]:
    """ "On average, what is the amount": said after what it is about."""
    if [token.text.lower() for token in sentence[:2]] != ["on", "average"]:
        return sentence
    opened, rest = sentence[:2], sentence[2:]
    rest = rest[1:] if rest and rest[0].text == "," else rest
    end = len(rest) - 1 if rest and rest[-1].kind == "stop" else len(rest)
    return [*rest[:end], *opened, *rest[end:]]


def _active(sentence: list[Token]) -> list[Token]:
    """ "The number of files should be written to x.txt": write the number of files to x.txt."""
    for place in range(1, len(sentence) - 2):
        if not sentence[place].is_word(*_MUST):
            continue
        passive = place + (2 if sentence[place + 1].is_word("to") else 1)
        verb = _PARTICIPLES.get(_at(sentence, passive + 1).text.lower())
        if not _at(sentence, passive).is_word("be") or verb is None:
            continue
        begin = next(
            (at + 1 for at in range(place - 1, -1, -1) if sentence[at].text == "," or sentence[at].is_word(*_JOINTS)), 0
        )
        if begin and not sentence[begin - 1].is_word("then") and sentence[begin - 1].text != ",":
            begin = _after_joint(sentence, begin)
        moved = _like(sentence[passive + 1], verb)
        return [
            *sentence[:begin],
            *moved,
            *sentence[begin:place],
            *_active([sentence[place], *sentence[passive + 2 :]])[1:],
        ]
    return sentence


def _after_joint(sentence: Sequence[Token], begin: int) -> int:
    """Where the subject begins: "the lines and words should be counted" has one subject of two nouns."""
    return begin if any(token.text.lower() in VERBS for token in sentence[: begin - 1]) else 0
