"""Phrases about which come first and what belongs together: ranks, order, groups."""

from __future__ import annotations

from orrery.planners.rules.cursor import Cursor
from orrery.planners.rules.frame import Aggregate, Rank
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import (
    AGGREGATES,
    ARTICLES,
    FILE_NOUNS,
    FILE_TYPES,
    LEVELS,
    MEASURES,
    PERIODIC,
    RANKS,
    ROW_NOUNS,
    TIME_PARTS,
)

_COUNTED = ("common", "frequent", "often", "used", "popular", "numerous", "requested", "visited", "active")
_MODIFIERS = (
    "in",
    "under",
    "inside",
    "whose",
    "that",
    "which",
    "named",
    "called",
    "larger",
    "smaller",
    "bigger",
    "longer",
    "shorter",
    "with",
    "containing",
    "ending",
    "starting",
    "modified",
    "older",
    "newer",
    "over",
    "within",
    "below",
    "mentioning",
)
"""What may follow "file" where it is said which files are meant."""


def rank(c: Cursor) -> bool:
    """ "the ten longest", "top 5", "largest", "the 3 most common", "first 10", "last five"."""
    token, following = c.at(), c.at(1)
    if c.sees("at most") or c.sees("at least") or (token.is_word("most") and following.is_word("of")):
        return False
    if token.is_word("first", "last", "final") and following.kind == "number" and not following.unit:
        c.next(2)
        c.frame.rank = Rank(int(following.number), "", False, token, from_end=not token.is_word("first"), plain=True)
        return True
    if token.is_word("first", "last") and (
        following.word in ROW_NOUNS or following.word in LEVELS or following.is_word("line")
    ):
        c.next()
        c.frame.rank = Rank(1, "", False, token, from_end=token.is_word("last"), plain=True)
        return True
    number = int(token.number) if token.kind == "number" and not token.unit else None
    place = 1 if number is not None else 0
    if c.at(place).is_word("of") and c.at(place + 1).is_word("the"):
        place += 2
    word = c.at(place)
    if word.is_word("maximum", "minimum") or (word.word in AGGREGATES and c.at(place + 1).is_word("and")):
        return False
    if word.text.lower() not in RANKS or (word.is_word("recent") and number is None):
        return False
    dimension, descending = RANKS[word.text.lower()]
    place += 1
    if dimension == "length" and c.at(place).is_word("line", "word") and not c.at(place + 1).is_word("count"):
        return False  # no tool measures a line
    if word.is_word("most", "least", "fewest"):
        tail = c.at(place)
        if tail.is_word(*_COUNTED):
            dimension, place = "count", place + 1
        elif tail.is_word("recent", "recently"):
            dimension, place = "time", place + 1
            if c.at(place).is_word("modified", "changed", "edited"):
                place += 1
        elif tail.is_word("expensive", "costly", "valuable"):
            dimension, place = "price", place + 1
    elif word.is_word("frequent", "commonest", "rarest"):
        dimension = "count"
    if number is None and c.at(place).kind == "number" and not c.at(place).unit:
        number, place = int(c.at(place).number), place + 1
        if c.at(place).text.lower() in RANKS and word.is_word("top", "bottom"):
            again, descending_again = RANKS[c.at(place).text.lower()]
            dimension, descending, place = again, descending_again, place + 1
            if c.at(place).is_word(*_COUNTED):
                dimension, place = "count", place + 1
    if number is None and _both_ends(c, place, descending):
        return True
    column, length = c.column_here(place)
    if c.at(place + length).is_word("first") and not (length and not c.numeric(column)):
        c.next(place + length + 1)  # "largest amount first" says in which order
        if c.frame.sort is None:
            c.frame.sort = Rank(None, dimension, descending, word, column=column)
        c.frame.sort.descending = descending
        return True
    level = c.at(place)
    if level.word in LEVELS and dimension == "count" and c.column_here(place + 1)[1]:
        c.frame.levels.append((level.word, level))  # "the most common error message"
        column, length = c.column_here(place + 1)
        place += 1
    is_reduction = (
        number is None
        and c.frame.quantity is None
        and word.is_word(
            "highest", "lowest", "maximum", "minimum", "greatest", "least", "largest", "biggest", "smallest"
        )
    )
    many = c.at(place).text.lower() != c.at(place).word or word.is_word("top")
    if is_reduction and length and c.numeric(column) and c.intent not in ("which", "count") and not c.frame.columns:
        c.next(place + length)
        c.frame.aggregates.append(Aggregate("max" if descending else "min", column))
        return True
    if is_reduction and c.at(place).is_word("value") and not c.frame.groups:
        return False
    c.next(place)
    if number is None and c.frame.quantity is not None:
        number, c.frame.quantity = int(c.frame.quantity.number), None
    if c.frame.rank is not None and c.frame.rank.plain is False and not c.frame.rank.dimension and number is None:
        c.frame.rank.dimension, c.frame.rank.descending = dimension, descending
        return True
    c.frame.rank = Rank(
        number if number is not None else (None if many and word.is_word("top") else 1), dimension, descending, word
    )
    if length and (dimension == "count" or (dimension == "" and not c.numeric(column))):
        c.next(length)  # "the three regions with ...": rows are asked for by what names them
        group_by(c, column)
        return True
    if length and c.numeric(column):
        c.next(length)
        c.frame.rank.column = column
    return True


def _both_ends(c: Cursor, place: int, descending: bool) -> bool:
    """ "The largest and the smallest amount": two aggregates of one column."""
    ahead = place + 1
    while c.at(ahead).is_word(*ARTICLES):
        ahead += 1
    other = RANKS.get(c.at(ahead).text.lower())
    column, length = c.column_here(ahead + 1)
    if not c.at(place).is_word("and") or other is None or not c.numeric(column):
        return False
    c.next(ahead + 1 + length)
    c.frame.aggregates += [Aggregate("max" if down else "min", column) for down in (descending, other[1])]
    return True


def sort(c: Cursor) -> bool:
    """ "sorted by size", "in descending order", "from largest to smallest", "largest first", "alphabetically"."""
    token = c.at()
    opened = c.take(
        "sorted by",
        "ordered by",
        "ranked by",
        "arranged by",
        "sort by",
        "order by",
        "sorted on",
        "rank by",
        "in order of",
        "sort them by",
        "sorted",
        "ordered",
        "measured by",
        "measured in",
        "in terms of",
        "according to",
        "judged by",
        "based on",
    )
    by_rank = token.is_word("measured", "in", "according", "judged", "based") and c.frame.rank is not None
    if opened and by_rank and c.frame.rank is not None and c.at().kind != "path":
        c.skip_articles("number")
        column, length, dimension = _dimension(c)
        c.next(length)
        c.frame.rank.column, c.frame.rank.dimension = column, dimension or c.frame.rank.dimension
        return True
    if not opened and c.intent == "sort" and (c.at().is_word("by", "on")):
        c.next()
        opened = True
    if opened:
        if token.is_word("according", "based") and c.at().kind == "path":
            return True
        c.skip_articles()
        if c.at().is_word("from", "in", "descending", "ascending", "alphabetically") or c.at().kind == "stop":
            c.frame.sort = c.frame.sort or Rank(None, "", False, token)
            return True
        _order(c, token)
        return True
    if c.take(
        "in descending order",
        "descending",
        "desc",
        "in decreasing order",
        "in reverse order",
        "in reverse",
        "decreasing",
        "reversed",
    ):
        _direct(c, token, descending=True)
        return True
    if c.take("in ascending order", "ascending", "asc", "in increasing order", "increasing"):
        _direct(c, token, descending=False)
        return True
    if c.take("alphabetically", "in alphabetical order", "alphabetical"):
        c.frame.sort = Rank(None, "name", False, token)
        return True
    if c.at().text.lower() in RANKS and c.at(1).is_word("first"):
        dimension, descending = RANKS[c.next(2).text.lower()]
        _direct(c, token, descending=descending, dimension=dimension)
        return True
    if c.at().is_word("from") and c.at(1).text.lower() in RANKS and c.at(2).is_word("to"):
        dimension, descending = RANKS[c.at(1).text.lower()]
        c.next(4)
        _direct(c, token, descending=descending, dimension=dimension)
        return True
    if c.take("from high to low", "from highest to lowest"):
        _direct(c, token, descending=True)
        return True
    return bool(c.take("first")) if c.frame.sort is not None else False


def _direct(c: Cursor, token: Token, *, descending: bool, dimension: str = "") -> None:
    if c.frame.sort is None:
        c.frame.sort = Rank(None, dimension, descending, token)
    else:
        c.frame.sort.descending = descending
        c.frame.sort.dimension = dimension or c.frame.sort.dimension


def _order(c: Cursor, token: Token) -> None:
    column, length, dimension = _dimension(c)
    if not length:
        if c.at().kind == "word" and c.at().text.lower() not in RANKS:
            c.frame.unknown_columns.append(c.next())
        c.frame.sort = Rank(None, "", False, token)
        return
    c.next(length)
    descending = dimension in ("count",)
    c.frame.sort = Rank(None, dimension, descending, token, column=column)


def _dimension(c: Cursor) -> tuple[str, int, str]:
    """A column or a measure by which one may sort, the tokens that it takes, and the dimension."""
    place = 0
    while c.at(place).is_word(*ARTICLES, "number", "total") and not (c.column_here(place)[1]):
        place += 1
    column, length = c.column_here(place)
    if length:
        return column, place + length, ""
    token = c.at(place)
    named = {
        "size": "size",
        "length": "length",
        "name": "name",
        "date": "time",
        "age": "time",
        "time": "time",
        "modification": "time",
        "count": "count",
        "frequency": "count",
        "path": "name",
        "value": "",
        "result": "",
        "total": "",
    }
    if token.word in named:
        more = 2 if token.word == "modification" and c.at(place + 1).is_word("date", "time") else 1
        return "", place + more, named[token.word]
    if token.word in MEASURES:
        more = 2 if c.at(place + 1).is_word("count") else 1
        return MEASURES[token.word], place + more, ""
    if place and c.at(place - 1).is_word("total", "number"):
        return "", place, ""
    return "", 0, ""


def group(c: Cursor) -> bool:
    """ "by region", "per hour", "for each customer", "grouped by status and method", "in each region"."""
    begin, token = c.place, c.at()
    if token.word in PERIODIC and not c.column_here()[1] and not any(a.how != "sum" for a in c.frame.aggregates):
        c.next()
        c.frame.parts.append(PERIODIC[token.word])
        return True
    strong = c.take(
        "grouped by",
        "group by",
        "broken down by",
        "for each",
        "for every",
        "in each",
        "of each",
        "within each",
        "from each",
        "split by",
        "aggregated by",
        "for all",
    )
    if not strong and token.is_word("by", "per"):
        c.next()
        strong = c.intent == "group" or token.is_word("per")
    elif (not strong and token.is_word("each", "every")) or (
        not strong and c.intent == "group" and token.is_word("by")
    ):
        c.next()
    elif not strong:
        return False
    c.skip_articles("different", "distinct", "single")
    if token.is_word("by") and c.frame.rank is not None and not c.frame.groups:
        column, length, dimension = _dimension(c)
        if length and (not column or c.numeric(column) or column in MEASURES.values()):
            aggregate = c.at().is_word("total") and bool(column)
            c.next(length)
            c.frame.rank.column, c.frame.rank.dimension = column, dimension or c.frame.rank.dimension
            if aggregate:
                c.frame.aggregates.append(Aggregate("sum", column))
            return True
        how = AGGREGATES.get(c.at().word)
        if how is not None:
            return True
    found = False
    while True:
        column, length = c.column_here()
        part = c.at().word
        if part in TIME_PARTS and (not length or not c.around):
            c.next()
            c.frame.parts.append(part)
        elif length:
            c.next(length)
            group_by(c, column)
        elif part in ("level", "severity") and not c.columns:
            c.next()
            group_by(c, "level")
        elif part in ("folder", "directory", "extension", "suffix", "type") and (
            c.frame.files or c.intent in ("count", "") or c.at(1).is_word("in", "under")
        ):
            c.next()
            if c.at().is_word("type", "extension"):
                c.next()
            group_by(c, "folder" if part in ("folder", "directory") else "suffix")
        elif part == "file" and c.at(1).is_word("type", "extension"):
            c.next(2)
            group_by(c, "suffix")
        elif part in ("file", "document", "log") and not c.at(1).is_word(*FILE_NOUNS):
            if c.at(1).is_word(*_MODIFIERS) or (c.at(1).kind == "path"):
                c.frame.each = True
                return True
            c.next()
            c.frame.each = True
        elif part == "word" and c.at().kind == "word":
            c.next()
            group_by(c, "word")
        else:
            break
        found = True
        if (c.at().is_word("and") or c.at().text == ",") and (c.column_here(1)[1] or c.at(1).word in TIME_PARTS):
            c.next()
            c.skip_articles()
        else:
            break
    if found:
        distributes = not token.is_word("by") and not c.tokens[begin].is_word("grouped", "group", "broken", "split")
        if distributes and (c.frame.groups or c.frame.parts) and (c.frame.rank is not None or token.is_word("for")):
            c.frame.within = token
        return True
    if c.at().is_word("of") or c.at().is_word("one", "them", "it"):
        c.frame.each = True
        while c.at().is_word("of", "them", "those", "these", "one", "it"):
            if not c.at().is_word("of", "one") and c.frame.pronoun is None:
                c.frame.pronoun = c.at()
            c.next()
        return True
    if token.is_word("each", "every") or c.tokens[begin].is_word("for", "in", "of", "from", "within"):
        c.frame.each = True
        if c.place > begin + 1 and not token.is_word("each", "every"):
            c.place = begin + 1  # the noun, a file set, is read by others; "for" and "in" say nothing more
            if c.at().is_word("each", "every", "all"):
                c.next()
        return True
    if strong and c.at().kind == "word" and c.at().word not in FILE_TYPES and not c.at().is_word(*FILE_NOUNS):
        c.frame.unknown_columns.append(c.next())
        return True
    if token.is_word("by") and c.at().kind == "word" and c.at().word not in MEASURES and c.at().word not in AGGREGATES:
        c.frame.unknown_columns.append(c.next())
        return True
    return token.is_word("by", "per")


def group_by(c: Cursor, column: str) -> None:
    """Note a column by which rows are grouped, once."""
    if column not in c.frame.groups:
        c.frame.groups.append(column)
