"""The account of words: a word that changes what is meant must change the plan.

A grammar can pass over a word in many ways: a reader takes it as one that only joins, a slot is filled that nobody
looks at. None of them is visible in the plan, which is then wrong without a sign of it. So the plan is made once more
without each word that matters, and with other numbers, texts and paths; where nothing changes, the word was not heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orrery.graph import Add, Edit, Ref
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import ARTICLES, LEVELS, MATTERS, RANKS, opposite

MOST_DOUBTS = 40
_ONLY = ("only", "just", "solely")
_COMPARING = ("over", "under", "above", "below", "between")
_DIFFERENT = ("different", "distinct", "unique")
_SPREADING = ("each", "every")
_ANOTHER_DAY = "1999-09-09"

Draft = Callable[[Sequence[Token]], object]
"""Makes a plan of other tokens: something that is equal for equal plans."""


def unheard(
    found: Sequence[Token],
    verbs: Collection[int],
    names: Mapping[str, str],
    plan: object,
    draft: Draft,
    *,
    spread: bool,
) -> Iterator[Token]:
    """The words that matter and without which the plan would be the same.

    Args:
        found: the request's tokens.
        verbs: where the verbs begin, in characters; they are accounted for by their clauses.
        names: columns and values in the files that were looked at, to what could stand in their place.
        plan: the plan of all tokens, as `draft` gives it.
        spread: whether the plan answers with one thing for each of several, as "each" asks.
    """
    said = Counter(token.text for token in found)
    texts, numbers = _literals(plan)
    for place in doubtful(found, verbs, names):
        token = found[place]
        if (token.is_word(*_SPREADING) and spread) or (token.is_word(*_DIFFERENT) and "distinct" in texts):
            continue
        named = token.kind != "word" or token.text.lower() in names
        stands = token.number in numbers if token.kind == "number" else token.text.lower() in texts
        if named and stands and said[token.text] == 1:
            continue  # it stands in the plan as it was said, which is cheaper to see
        if all(other is not None and draft(other) == plan for other in _otherwise(found, place, names)):
            yield token


def doubtful(found: Sequence[Token], verbs: Collection[int], names: Mapping[str, str]) -> list[int]:
    """The places of the words that have to matter."""
    return [
        place
        for place, token in enumerate(found)
        if token.start not in verbs
        and (
            token.kind in ("quoted", "path", "glob", "url")
            or (token.kind == "number" and token.word != "one")
            or (token.kind == "word" and _matters(token, names) and not _joins(found, place))
        )
    ]


def _literals(plan: object) -> tuple[str, frozenset[float]]:
    """The texts and the numbers that stand in a plan."""
    texts: list[str] = []
    numbers: set[float] = set()
    left: list[Any] = [plan]
    while left:
        value = left.pop()
        if isinstance(value, str):
            texts.append(value.lower())
        elif isinstance(value, int | float):
            numbers.add(float(value))
        elif isinstance(value, dict):
            left += value.values()
            left += value.keys()
        elif isinstance(value, list | tuple):
            left += value
    return "\n".join(texts), frozenset(numbers)


def _joins(found: Sequence[Token], place: int) -> bool:
    """Whether "over" and its like say where something is, and do not compare."""
    if found[place].is_word("frequent", "common", "recent"):
        return True  # "most" before it is what matters
    if not found[place].is_word(*_COMPARING):
        return False
    after = next((token for token in found[place + 1 :] if not token.is_word(*ARTICLES)), None)
    return after is None or (after.kind != "number" and not after.text[:1].isdigit())


def _matters(token: Token, names: Mapping[str, str]) -> bool:
    written = token.text.lower()
    return (
        any(word in MATTERS or word in names for word in (token.word, written))
        or written in RANKS
        or token.word in LEVELS
        or token.text[:1].isdigit()
        or token.is_word(*_ONLY)
    )


def _otherwise(found: Sequence[Token], place: int, names: Mapping[str, str]) -> Iterator[list[Token]]:
    """The request as it would be if that word said something else, or nothing."""
    token = found[place]
    if token.is_word(*_ONLY):  # it says again what its neighbour says
        for step in (1, -1):
            beside = place + step
            while 0 <= beside < len(found) and found[beside].is_word(*ARTICLES, "on", "in", "from", "for"):
                beside += step
            if 0 <= beside < len(found) and found[beside].kind != "stop":
                yield [*found[:beside], *found[beside + 1 :]]
        return
    yield [*found[:place], *_another(token, names), *found[place + 1 :]]


def _another(token: Token, names: Mapping[str, str]) -> list[Token]:
    if token.kind == "number":
        number = token.number * 2 + 1
        return [replace(token, text=f"{number:g}", word=f"{number:g}", number=number)]
    if token.kind in ("quoted", "path", "glob", "url"):
        return [replace(token, text=f"zz{token.text}zz", word=f"zz{token.word}zz")]
    if token.text[:1].isdigit() and token.text != _ANOTHER_DAY:
        return [replace(token, text=_ANOTHER_DAY, word=_ANOTHER_DAY)]
    other = names.get(token.text.lower()) or names.get(token.word) or opposite(token.text.lower())
    return [replace(token, text=other, word=other)] if other else []


def essence(edits: Sequence[Edit], outputs: Any) -> object:
    """What a plan does, whatever its tasks are called: equal for plans that do the same."""
    tasks = [edit.task for edit in edits if isinstance(edit, Add) and edit.task.executor != "person"]
    numbers = {task.id: str(number) for number, task in enumerate(tasks)}

    def numbered(value: Any) -> Any:
        if isinstance(value, Ref):
            return ("ref", numbers.get(value.task, value.task), value.path)
        if isinstance(value, dict):
            return {key: numbered(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [numbered(item) for item in value]
        fields = getattr(value, "__struct_fields__", None) or getattr(type(value), "__slots__", ())
        if fields:
            return [type(value).__name__, *(numbered(getattr(value, name)) for name in fields)]
        return value

    return [
        [task.op, numbered(task.args), numbered(task.each), numbered(task.when), numbered(task.place)] for task in tasks
    ], numbered(outputs)
