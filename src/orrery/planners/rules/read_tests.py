"""Phrases about what must hold of a row, a file or a line: comparisons, values of columns, what is contained."""

from __future__ import annotations

from orrery.planners.rules.cursor import Cursor
from orrery.planners.rules.frame import Test
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import (
    ARTICLES,
    COMPARED_BY,
    COMPARISONS,
    CONTAINING,
    FILE_NOUNS,
    FILE_TYPES,
    FOLDER_NOUNS,
    LEVELS,
    MEASURES,
    NO_VALUES,
    ROW_NOUNS,
)

_NEGATIONS: dict[str, str] = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "=": "!=", "!=": "="}


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
        same = any(test.column == chosen[0][0] and test.test == "=" for test in c.frame.tests)
        c.frame.any_of = c.frame.any_of or (same and not negated)  # "of Acme and Dune": no row has both
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


def _begins_files(c: Cursor) -> bool:
    """Whether files are looked for, and not a text."""
    ahead = 0
    while c.at(ahead).is_word(*ARTICLES) or c.at(ahead).kind == "number":
        ahead += 1
    here, following = c.at(ahead), c.at(ahead + 1)
    is_type = here.word in FILE_TYPES and (following.is_word(*FILE_NOUNS) or here.text.lower() != here.word)
    return is_type or here.kind in ("suffix", "glob") or here.is_word(*FILE_NOUNS, *FOLDER_NOUNS)


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
    elif _begins_files(c):
        c.place = begin
        return False
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
