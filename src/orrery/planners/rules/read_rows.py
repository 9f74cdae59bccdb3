"""Phrases about what is measured: aggregates, measures, columns."""

from __future__ import annotations

from orrery.planners.rules.cursor import Cursor
from orrery.planners.rules.frame import HAVING, Aggregate
from orrery.planners.rules.read_order import group_by
from orrery.planners.rules.vocabulary import (
    AGGREGATES,
    COMPARISONS,
    FILE_TYPES,
    LEVELS,
    MEASURES,
    ROW_NOUNS,
)


def aggregate(c: Cursor) -> bool:
    """ "the average amount", "sum of sales", "total", "number of rows", "how many different customers", "in total"."""
    begin = c.place
    if c.take("in total", "altogether", "overall", "combined", "all together", "in all", "taken together", "in sum"):
        c.frame.total = True
        return True
    if c.take("on average", "on the average"):
        c.frame.averaged = True
        return True
    if c.take("distinct", "unique", "different"):
        c.frame.distinct = True
        column, length = c.column_here()
        if length:
            c.next(length)
            c.frame.columns.append(column)
        return True
    word = c.at()
    if c.column_here()[1] and not (word.word in AGGREGATES and c.column_here(1)[1]):
        return False
    how = AGGREGATES.get(word.word)
    if how is None:
        return False
    if word.is_word("amount") and not c.sees("amount of"):
        return False
    c.next()
    c.take("value", "number")
    more: list[str] = []
    while c.at().is_word("and", ",") or (c.at().text == "," and c.at(1).word in AGGREGATES):
        if c.at(1).word not in AGGREGATES:
            break
        c.next()
        more.append(AGGREGATES[c.next().word])
    while c.at().is_word("of", "the", "all", "in", "value", "for", "a", "each"):
        if c.at().is_word("in", "for", "each") or c.at(1).kind in ("path", "glob"):
            break
        c.next()
    if how == "count":
        if c.at().is_word("of"):
            c.next()
        if c.column_here()[1] and not c.at().is_word(*ROW_NOUNS):
            column, length = c.column_here()
            c.next(length)
            c.frame.aggregates.append(Aggregate("distinct" if c.frame.distinct else "count", column))
            return True
        c.frame.aggregates.append(Aggregate("count"))
        return True
    column, length = c.column_here()
    if c.at().is_word("number") and not length:
        c.next()
        c.take("of")
        c.frame.total = how == "sum" or c.frame.total
        c.frame.aggregates.append(Aggregate(how))
        return True
    c.next(length)
    if length and not more and c.intent != "if" and _compares(c):
        c.pending = f"{HAVING}{how}:{column}"  # "with a total quantity above 5" is about each group
    hows = [how, *more]
    c.frame.aggregates += [Aggregate(one, column) for one in hows]
    while (
        length
        and (c.at().is_word("and") or c.at().text == ",")
        and c.column_here(1)[1]
        and c.numeric(c.column_here(1)[0])
    ):
        c.next()
        column, length = c.column_here()
        c.next(length)
        c.frame.aggregates += [Aggregate(one, column) for one in hows]
    if not length and c.place == begin + 1 and c.at().kind == "word" and c.columns and _unknown_noun(c):
        c.frame.unknown_columns.append(c.next())
    return True


def _unknown_noun(c: Cursor) -> bool:
    token = c.at()
    known = token.word in MEASURES or token.word in FILE_TYPES or token.word in LEVELS or token.word in ROW_NOUNS
    return not known and not token.is_word(
        "in",
        "of",
        "by",
        "per",
        "for",
        "from",
        "and",
        "is",
        "over",
        "across",
        "with",
        "the",
        "on",
        "to",
        "at",
        "it",
        "them",
        "file",
        "that",
        "result",
        "as",
        "into",
        "request",
        "each",
        "every",
    )


def measure(c: Cursor) -> bool:
    """ "lines", "line counts", "words", "characters", "the size", "lines of code", "rows", "errors", "requests"."""
    token = c.at()
    if token.kind != "word" or c.column_here()[1]:
        return False
    if token.text.isupper() and len(token.text) > 2 and c.at(1).is_word("line") and not c.frame.contains:
        c.next(2)  # "the ERROR lines", "TODO lines": as they are written in the text
        c.frame.contains.append((token.text, False, False, token))
        c.frame.unit = "lines"
        c.frame.measures.append("lines")
        return True
    if token.word in LEVELS:
        c.next()
        c.take("message", "entry", "line", "record", "event", "count", "level")
        c.frame.levels.append((token.word, token))
        return True
    if token.is_word("request", "hit", "response", "visit") and c.columns:
        c.next()
        c.frame.unit = c.frame.unit or "rows"
        return True
    if token.is_word("comment", "mention", "marker", "match"):
        c.next()
        c.frame.unit = c.frame.unit or "lines"
        return True
    if token.is_word("occurrence") or (c.sees("time") and c.intent in ("count", "occurrences")):
        c.next()
        c.frame.unit = "matches"
        return True
    if token.word in ROW_NOUNS:
        c.next()
        c.take("count")
        c.frame.unit = c.frame.unit or "rows"
        return True
    if token.word not in MEASURES and not token.is_word("length", "linecount"):
        return False
    c.next()
    c.take("of code", "count", "of text", "number")
    name = MEASURES.get(token.word, "lines")
    if name == "lines":
        c.frame.unit = c.frame.unit or "lines"
    if name not in c.frame.measures:
        c.frame.measures.append(name)
    return True


def column(c: Cursor) -> bool:
    """A column's name by itself: what is shown, or what the next comparison is about."""
    name, length = c.column_here()
    if not length:
        return False
    before = c.at(-1)
    token = c.at()
    c.next(length)
    c.take("column", "field", "value")
    if c.at().is_word("count", "frequency", "distribution", "breakdown") and not c.frame.groups:
        c.next()
        group_by(c, name)
        return True
    c.pending = name
    about = before.is_word("where", "whose", "with", "when", "having", "if") or _compares(c)
    if not about:
        c.frame.columns.append(name)
        c.frame.column_tokens.append(token)
    return True


def _compares(c: Cursor) -> bool:
    ahead = 0
    while c.at(ahead).is_word("is", "are", "was", "not", "does", "do", "were", "of"):
        ahead += 1
    if c.at(ahead).kind == "sign" or c.at(ahead).is_word("between", "contain", "containing", "starting", "start"):
        return True
    return any(
        tuple(c.at(ahead + place).text.lower() for place in range(length)) in COMPARISONS
        and (c.at(ahead + length).kind == "number" or c.at(ahead + length).kind == "quoted")
        for length in (1, 2, 3)
    )
