"""Phrases about how much and which: ranks, order, groups, aggregates, comparisons, what is contained."""

from __future__ import annotations

from collections.abc import Callable

from orrery.planners.rules.cursor import ARTICLES, Cursor
from orrery.planners.rules.frame import HAVING, Aggregate, Rank, Test
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import (
    AGGREGATES,
    COMPARED_BY,
    COMPARISONS,
    CONTAINING,
    FILE_NOUNS,
    FILE_TYPES,
    LEVELS,
    MEASURES,
    NO_VALUES,
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
_NEGATIONS: dict[str, str] = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "=": "!=", "!=": "="}
_DONE = ("longest", "largest", "biggest", "highest", "greatest", "most", "newest", "latest", "descending", "desc")


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
    if word.is_word("most", "least", "fewest"):
        tail = c.at(place)
        if tail.is_word(*_COUNTED):
            dimension, place = "count", place + 1
        elif tail.is_word("recent", "recently"):
            dimension, place = "time", place + 1
            if c.at(place).is_word("modified", "changed", "edited"):
                place += 1
        elif tail.is_word("expensive", "costly", "valuable"):
            place += 1
    elif word.is_word("frequent", "commonest", "rarest"):
        dimension = "count"
    if number is None and c.at(place).kind == "number" and not c.at(place).unit:
        number, place = int(c.at(place).number), place + 1
        if c.at(place).text.lower() in RANKS and word.is_word("top", "bottom"):
            again, descending_again = RANKS[c.at(place).text.lower()]
            dimension, descending, place = again, descending_again, place + 1
            if c.at(place).is_word(*_COUNTED):
                dimension, place = "count", place + 1
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
    if length and not c.numeric(column) and dimension in ("", "count"):
        c.next(length)  # "the three regions with ...": rows are asked for by what names them
        _group(c, column)
        return True
    if length and c.numeric(column):
        c.next(length)
        c.frame.rank.column = column
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
            _group(c, column)
        elif part in ("level", "severity") and not c.columns:
            c.next()
            _group(c, "level")
        elif part in ("folder", "directory", "extension", "suffix", "type") and (
            c.frame.files or c.intent in ("count", "")
        ):
            c.next()
            if c.at().is_word("type", "extension"):
                c.next()
            _group(c, "folder" if part in ("folder", "directory") else "suffix")
        elif part == "file" and c.at(1).is_word("type", "extension"):
            c.next(2)
            _group(c, "suffix")
        elif part in ("file", "document", "log") and not c.at(1).is_word(*FILE_NOUNS):
            if c.at(1).is_word(*_MODIFIERS) or (c.at(1).kind == "path"):
                c.frame.each = True
                return True
            c.next()
            c.frame.each = True
        elif part == "word" and c.at().kind == "word":
            c.next()
            _group(c, "word")
        else:
            break
        found = True
        if (c.at().is_word("and") or c.at().text == ",") and (c.column_here(1)[1] or c.at(1).word in TIME_PARTS):
            c.next()
            c.skip_articles()
        else:
            break
    if found:
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


def _group(c: Cursor, column: str) -> None:
    if column not in c.frame.groups:
        c.frame.groups.append(column)


def comparison(c: Cursor) -> bool:
    """ "over 100", "is at least 3", "longer than 200 lines", ">= 5", "between 1 and 9", "older than 7 days"."""
    begin = c.place
    negated = False
    while c.at().is_word(
        "is",
        "are",
        "was",
        "were",
        "that",
        "which",
        "with",
        "having",
        "has",
        "have",
        "whose",
        "where",
        "be",
        "when",
        "of",
        "being",
        "do",
        "does",
        "who",
        "must",
    ):
        c.next()
    if c.at().is_word("not") and not c.sees("not equal to"):
        negated = True
        c.next()
    adjective = c.at().text.lower()
    if c.intent == "if" and c.at(-1).is_word("is", "are") and c.at().kind == "number" and not c.at().unit:
        value = c.next()
        c.frame.tests.append(Test(c.pending, "!=" if negated else "=", value.number, value))
        c.pending = ""
        return True
    test = _operator(c)
    if test is None:
        if c.take("between"):
            low = c.at()
            if low.kind == "number" and c.at(1).is_word("and") and c.at(2).kind == "number":
                c.next(2)
                high = c.next()
                column = c.pending or _measure_after(c)
                c.frame.tests += [
                    Test(column, ">=", low.number, low, low.unit),
                    Test(column, "<=", high.number, high, high.unit),
                ]
                return True
            if _is_date(low) and c.at(1).is_word("and") and _is_date(c.at(2)):
                c.next(2)
                high, column = c.next(), c.pending or _time_column(c)
                c.pending = ""
                c.frame.tests += [Test(column, ">=", low.text, low), Test(column, "<=", high.text, high)]
                return True
        c.place = begin
        return False
    c.skip_articles()
    value = c.at()
    if _is_date(value) and (c.pending or _time_column(c)):
        c.next()
        c.frame.tests.append(Test(c.pending or _time_column(c), test, value.text, value))
        c.pending = ""
        return True
    if value.kind == "number":
        c.next()
        column = c.pending or _measure_after(c) or _measure_by(adjective, value.unit)
        if test in ("older", "newer") and value.unit != "seconds" and (age := c.column_words.get(("age",))):
            test, column = (">" if test == "older" else "<"), age
            c.take("years", "year")
        elif test in ("older", "newer"):
            test = "<" if test == "older" else ">"
            column = column or "modified_at"
        if negated:
            test = _NEGATIONS[test]
        c.frame.tests.append(Test(column, test, value.number, value, value.unit))
        c.pending = ""
        return True
    if c.pending and value.kind in ("quoted", "word", "path") and (test in ("=", "!=") or _is_date(value)):
        cells, length = c.cell_here(within=c.pending)
        c.next(max(1, length))
        text = cells[0][1] if cells else value.text
        c.frame.tests.append(Test(c.pending, _NEGATIONS[test] if negated else test, text, value))
        c.pending = ""
        return True
    column, length = c.column_here()
    if length and test in (">", "<", ">=", "<=") and c.frame.aggregates is not None and c.intent == "filter":
        c.place = begin
        return False
    c.place = begin
    return False


def _is_date(value: Token) -> bool:
    return value.kind == "word" and value.text[:4].isdigit() and value.text[4:5] == "-"


def _time_column(c: Cursor) -> str:
    found = next((column.name for column in c.columns if column.is_time), "")
    return found or ("modified_at" if c.frame.files is not None else "")


def _operator(c: Cursor) -> str | None:
    if c.at().kind == "sign":
        return c.next().text
    for length in (3, 2, 1):
        words = tuple(c.at(ahead).text.lower() for ahead in range(length))
        singulars = tuple(c.at(ahead).word for ahead in range(length))
        test = COMPARISONS.get(words) or COMPARISONS.get(singulars)
        if test is not None:
            after = c.at(length)
            ahead = length + 1 if after.is_word(*ARTICLES) else length
            if (
                c.at(ahead).kind == "number"
                or _is_date(c.at(ahead))
                or (
                    c.pending
                    and c.at(ahead).kind in ("quoted", "word")
                    and words[0] not in ("under", "after", "before", "over")
                )
            ):
                c.next(length)
                return test
    return None


def _measure_after(c: Cursor) -> str:
    """What a number is of: "more than 100 lines", "at least 3 KB in size"."""
    token = c.at()
    if token.word in MEASURES and not c.column_here()[1]:
        c.next()
        if c.take("of code", "long", "in length"):
            pass
        return MEASURES[token.word]
    column, length = c.column_here()
    if length and c.numeric(column):
        c.next(length)
        return column
    if c.take("in size", "big", "large"):
        return "size_bytes"
    c.take("long", "old", "ago", "full", "busy")
    return ""


def _measure_by(adjective: str, unit: str) -> str:
    if unit == "bytes":
        return "size_bytes"
    kind = COMPARED_BY.get(adjective, "")
    if kind == "length":
        return "lines"
    return "size" if kind == "size" else ""


def equality(c: Cursor) -> bool:
    """A column with its value beside it: "status 500", "region is North", "where level = ERROR", "the North region"."""
    begin = c.place
    if c.at().is_word("not") and len({column for column, _ in c.cell_here(1)[0]}) == 1:
        hits, length = c.cell_here(1)
        token = c.at(1)
        c.next(1 + length)
        c.frame.tests.append(Test(hits[0][0], "!=", hits[0][1], token))
        return True
    c.skip_articles()
    column, length = c.column_here()
    if length:
        ahead = length
        while c.at(ahead).is_word(
            "is", "are", "was", "of", "being", "code", "value", "equal", "equals", "to", "has", "=", "the"
        ):
            ahead += 1
        negated = c.at(ahead).is_word("not")
        if negated:
            ahead += 1
        if c.at(ahead).kind == "sign" and c.at(ahead).text in ("=", "!="):
            negated = negated or c.at(ahead).text == "!="
            ahead += 1
        if c.at(ahead).is_word("empty", "missing", "blank", "null", "unknown"):
            c.next(ahead + 1)
            c.frame.tests.append(Test(column, "filled" if negated else "empty", None, c.at(-1)))
            return True
        value = c.at(ahead)
        stated = ahead > length
        cells, cell_length = c.cell_here(ahead, within=column)
        if cells:
            c.next(ahead + cell_length)
            c.frame.tests.append(Test(column, "!=" if negated else "=", cells[0][1], value))
            _or_more(c, column, negated=negated)
            return True
        if value.kind == "number" and not value.unit and c.numeric(column) and not stated and _is_code(c, column):
            c.next(ahead + 1)
            c.frame.tests.append(Test(column, "=", value.number, value))
            _or_more(c, column, negated=False)
            return True
        by_sign = c.at(ahead - 1).kind == "sign" or c.at(ahead - 1).is_word(
            "is", "equal", "to", "was", "are", "not", "equals"
        )
        if (
            stated
            and by_sign
            and (
                value.kind in ("quoted", "number")
                or (value.kind == "word" and value.text.lower() not in NO_VALUES and not _is_operator(c, ahead))
            )
        ):
            c.next(ahead + 1)
            plain = value.number if value.kind == "number" else value.text
            c.frame.tests.append(Test(column, "!=" if negated else "=", plain, value, value.unit))
            _or_more(c, column, negated=negated)
            return True
        c.place = begin
        return False
    hits, length = c.cell_here()
    if hits and not c.at().is_word(*ROW_NOUNS) and c.at().word not in LEVELS:
        following, following_length = c.column_here(length)
        chosen = [hit for hit in hits if hit[0] == following] or hits
        token = c.at()
        if len({hit[0] for hit in chosen}) > 1:
            c.place = begin
            return False
        negated = c.at(-1).is_word("not")
        c.next(length + (following_length if chosen[0][0] == following else 0))
        c.frame.tests.append(Test(chosen[0][0], "!=" if negated else "=", chosen[0][1], token))
        return True
    c.place = begin
    return False


def _is_code(c: Cursor, column: str) -> bool:
    return (
        column in ("status", "code")
        or c.at(-1).is_word("with", "where", "whose", "having")
        or c.at(-2).is_word("with", "where", "whose")
    )


def _is_operator(c: Cursor, ahead: int) -> bool:
    words = [c.at(ahead + place).text.lower() for place in range(2)]
    return (
        (words[0],) in COMPARISONS
        or tuple(words) in COMPARISONS
        or c.at(ahead).is_word("between", "the", "highest", "more")
    )


def _or_more(c: Cursor, column: str, *, negated: bool) -> None:
    """ "status is 404 or 500": further values of the same column."""
    while c.at().is_word("or", "nor") and not negated:
        value = c.at(1)
        cells, length = c.cell_here(1, within=column)
        if cells:
            c.next(1 + length)
            c.frame.tests.append(Test(column, "=", cells[0][1], value))
        elif value.kind in ("number", "quoted"):
            c.next(2)
            c.frame.tests.append(Test(column, "=", value.number if value.kind == "number" else value.text, value))
        else:
            return
        c.frame.any_of = True


def containing(c: Cursor) -> bool:
    """ "containing 'TODO'", "that mention timeout", "with the word error", "not matching the pattern '...'"."""
    begin = c.place
    while c.at().is_word("that", "which", "do", "does", "where", "who", "in", "line", "it", "is") and not c.done:
        c.next()
    negated = False
    if c.at().is_word("not"):
        negated = True
        c.next()
    verb = c.at()
    if verb.is_word("without", "lacking", "lack"):
        negated = True
    elif (
        not (verb.word in CONTAINING or verb.text.lower() in CONTAINING)
        and not (c.intent == "search" and c.place == 0 and not c.frame.contains)
        and not verb.is_word("say", "saying")
    ):
        c.place = begin
        return False
    if (
        verb.word in CONTAINING
        or verb.text.lower() in CONTAINING
        or verb.is_word("without", "lacking", "lack", "say", "saying")
    ):
        c.next()
    regex = False
    named = False
    while c.at().is_word(
        "the",
        "a",
        "an",
        "word",
        "text",
        "string",
        "phrase",
        "pattern",
        "regex",
        "regular",
        "expression",
        "any",
        "term",
        "substring",
        "for",
        "of",
        "occurrence",
        "line",
        "containing",
        "in",
        "it",
        "every",
        "all",
        "with",
        "mention",
    ):
        regex = regex or c.at().is_word("pattern", "regex", "expression")
        named = named or c.at().is_word(
            "word", "text", "string", "phrase", "term", "pattern", "regex", "expression", "substring"
        )
        c.next()
    token = c.at()
    weak = verb.is_word("with", "having", "without") and not named and (c.frame.unit != "lines" or bool(c.columns))
    plain_word = (
        token.kind == "word"
        and not weak
        and (named or token.text.isupper() or (token.word not in LEVELS or c.frame.unit == "lines" or not c.columns))
        and not token.is_word("more", "at", "less", "fewer", "than")
    )
    plain_word = plain_word and token.text.lower() not in NO_VALUES
    upper = token.kind == "word" and token.text.isupper() and len(token.text) > 1
    ok = token.kind == "quoted" or upper or plain_word or (named and token.kind in ("path", "number"))
    if ok and c.pending and token.kind in ("quoted", "word"):
        c.next()
        c.frame.tests.append(Test(c.pending, "lacks" if negated else "contains", token.text, token))
        c.pending = ""
        return True
    if not ok or (token.kind == "word" and c.column_here()[1] and not named):
        c.place = begin
        return False
    c.next()
    c.frame.contains.append((token.text, negated, regex, token))
    while (
        c.at().is_word("or")
        and c.at(1).kind in ("quoted", "word")
        and (c.at(1).kind == "quoted" or c.at(1).text.isupper())
    ):
        c.next()
        more = c.next()
        c.frame.contains.append((more.text, negated, regex, more))
        c.frame.any_of = True
    return True


def aggregate(c: Cursor) -> bool:
    """ "the average amount", "sum of sales", "total", "number of rows", "how many different customers", "in total"."""
    begin = c.place
    if c.take("in total", "altogether", "overall", "combined", "all together", "in all", "taken together", "in sum"):
        c.frame.total = True
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
        _group(c, name)
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


RULES: tuple[Callable[[Cursor], bool], ...] = (
    equality,
    comparison,
    containing,
    rank,
    sort,
    group,
    aggregate,
    column,
    measure,
)
"""In the order in which they are tried at each place."""
