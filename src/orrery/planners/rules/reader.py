"""Reader: from a clause's tokens to a frame, one phrase after the other.

At each place the rules are tried in one fixed order; what none of them takes is kept as not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orrery.planners.rules import read_files, read_order, read_rows, read_tests
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.cursor import Cursor
from orrery.planners.rules.frame import Frame, Test
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.surroundings import Column, Surroundings
from orrery.planners.rules.vocabulary import (
    ARTICLES,
    CHART_NOUNS,
    CHARTS,
    FILE_NOUNS,
    FILE_TYPES,
    FILLERS,
    MACHINE_NOUNS,
    MACHINE_STATES,
    MEASURES,
    METRIC_TAILS,
    METRICS,
    PRONOUNS,
    RANKS,
    ROW_NOUNS,
    TIME_PARTS,
    words,
)
from orrery.planners.rules.where import NOUNS

_RELATIONS = words(
    """took brought bring spend pay paid buy buying use using visit visited serve raise raised report reported
    requested take taken sent made make earn earned get got received happen happened occur occurred appear appeared
    spent cost costing produced logged recorded sold bought placed ordered belonging belong live living work
    working came come coming returned served written seen found generated caused listed stored held responded
    issued done ran running end ended ending answered replied sell weigh visits"""
)
"""Verbs that say how a row and its column belong together: "the job that took longest", "who earns the most"."""
_MAPPED = words("number count total value percent percentage hash digest sha256 load usage output text result")
Rule = Callable[[Cursor], bool]
_CONNECTING = words(
    """of showing displaying listing right in from with for on at by per into as and or to using over via that
    which have has had having one than
    out up between across containing where whose who while each every all any either whole entire made than
    about much many since versus against how what per does did not-at-all down along through number list result
    these those both"""
)
"""Words that join phrases; what they join has been read by the phrases themselves."""


def read(clause: Clause | Sequence[Token], around: Surroundings, columns: Sequence[Column]) -> Frame:
    """The frame of a clause, or of a condition's words."""
    words = clause.words if isinstance(clause, Clause) else list(clause)
    intent = clause.intent if isinstance(clause, Clause) else "if"
    frame = Frame()
    c = Cursor(words, frame, around, columns, intent)
    while not c.done:
        before = c.place
        if c.at().kind == "stop":
            c.next()
            continue
        if not any(rule(c) for rule in _RULES) and not _connecting(c):
            frame.unknown.append(c.at())
            c.place += 1
        assert c.place > before
    if frame.quantity is not None:
        frame.unknown.append(frame.quantity)
    return frame


def _connecting(c: Cursor) -> bool:
    token = c.at()
    if token.kind == "word" and (token.text.lower() in FILLERS or token.is_word(*_CONNECTING)):
        if token.is_word("each", "every"):
            c.frame.each = True
        if token.is_word("or"):
            c.frame.either = token
        if token.is_word("both", "all") and c.at(1).is_word("together"):
            c.frame.total = True
        c.next()
        return True
    if token.is_word("content", "text", "body") and (c.at(1).is_word("of", "in") or c.frame.pronoun or c.done):
        c.next()
        return True
    prints = token.is_word("print", "output", "return", "write", "say", "produce", "show", "display", "give", "yield")
    if prints and c.frame.command is not None:
        c.next()
        return True
    if token.is_word("often") and c.at(-1).is_word("how"):
        c.next()
        return True
    if token.is_word("occur", "appear") and (c.frame.groups or c.frame.measures or c.frame.contains):
        c.next()
        return True
    if token.is_word("contain", "have", "comprise") and c.frame.measures and c.at(1).kind == "stop":
        c.next()
        return True
    saved = token.is_word("saved", "written", "stored", "exported", "put", "called")
    if saved and c.at(1).is_word("as", "to", "into", "in") and c.at(2).kind in ("path", "quoted"):
        c.next()
        return True
    if token.is_word("say", "hold") and c.frame.paths and c.done is False and c.at(1).kind == "stop":
        c.next()
        return True
    if token.is_word("table", "overview", "chart") and c.at(1).is_word("of", "with", "showing"):
        c.next()
        return True
    if c.at(-1).is_word("it", "what") and token.is_word(
        "print", "printed", "output", "write", "wrote", "return", "say", "said"
    ):
        c.next()
        return True
    if token.is_word("according") and c.at(1).is_word("to"):
        c.next(2)
        return True
    if c.columns and token.is_word(*_RELATIONS):
        c.next()
        return True
    if token.kind == "number" and c.at().number == 1 and token.text.lower() == "one":
        c.next()
        return True
    return False


def _chart(c: Cursor) -> bool:
    """ "a bar chart of", "as bars", "line graph", "histogram", "a chart"."""
    token, following = c.at(), c.at(1)
    if token.word in CHARTS and token.kind == "word":
        kind = CHARTS[token.word]
        if following.is_word(*CHART_NOUNS):
            c.next(2)
        elif kind in ("histogram", "timeline") or token.is_word("trend"):
            c.next()
        elif token.is_word("bar", "curve") or (
            token.is_word("line", "column") and c.at(-1).is_word("as", "a") and c.intent == "chart"
        ):
            if token.is_word("line", "column") and not c.at(-1).is_word("a", "as"):
                return False
            c.next()
        else:
            return False
        c.frame.chart, c.frame.charted = kind, token
        return True
    if token.is_word("barchart", "bargraph", "barplot"):
        c.next()
        c.frame.chart, c.frame.charted = "bar", token
        return True
    if token.is_word("chart", "graph", "plot", "diagram") and not c.at(-1).is_word("file"):
        c.next()
        c.frame.chart, c.frame.charted = c.frame.chart or "any", token
        return True
    horizontal = token.is_word("horizontal", "vertical") and (
        following.word in CHARTS or following.is_word(*CHART_NOUNS)
    )
    if horizontal:
        c.next()
    return horizontal


def _metric(c: Cursor) -> bool:
    """ "CPU usage", "free disk space", "the machine's load"; not where a table or a file is spoken of."""
    if c.frame.files or (c.columns and c.column_here()[1]):
        return False
    for length in (3, 2, 1):
        words = tuple(c.at(ahead).word for ahead in range(length))
        if words in METRICS:
            c.next(length)
            while c.at().is_word(*METRIC_TAILS):
                c.next()
            if METRICS[words] not in c.frame.metrics:
                c.frame.metrics.append(METRICS[words])
            c.take("left", "available", "free", "is used", "used")
            return True
    if c.at().is_word(*MACHINE_NOUNS):
        c.next()
        while c.at().is_word(*MACHINE_STATES):
            c.frame.snapshot = True
            c.next()
        if c.intent in ("measure", "show") and not c.frame.metrics and c.done:
            c.frame.snapshot = True
        return True
    if c.at().is_word("metric", "snapshot") and not c.columns:
        c.next()
        c.frame.snapshot = True
        return True
    return False


def _duration(c: Cursor) -> bool:
    """ "for 3 seconds", "every 500 ms", "over 2 s", "once a second", "in the last 2 days"."""
    token, following = c.at(), c.at(1)
    in_last = c.sees("in the last") or c.sees("within the last") or c.sees("during the last") or c.sees("in the past")
    if in_last or c.sees("in last") or c.sees("last") or c.sees("past"):
        ahead = 3 if in_last else 2 if c.sees("in last") else 1
        amount = c.at(ahead)
        if amount.kind == "number" and amount.unit == "seconds":
            c.next(ahead + 1)
            c.frame.tests.append(Test("modified_at", ">", amount.number, amount, "seconds"))
            return True
        named = {"hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 2592000.0, "minute": 60.0}.get(amount.word)
        if named is not None and amount.kind == "word":
            c.next(ahead + 1)
            c.frame.tests.append(Test("modified_at", ">", named, amount, "seconds"))
            return True
        return False
    measures = c.frame.metrics or c.intent == "measure" or any(t.word in ("cpu", "memory") for t in c.tokens)
    if measures and token.is_word("for", "over", "during") and following.unit == "seconds":
        c.next(2)
        c.frame.duration_s = following.number
        return True
    if token.is_word("sampling", "sampled", "measuring", "measured", "sample") and following.is_word("every", "each"):
        c.next()
        return True
    if token.is_word("every", "each") and following.kind == "number" and following.unit == "seconds":
        c.next(2)
        c.frame.interval_s = following.number
        return True
    if c.take("once a second", "every second", "once per second", "each second"):
        c.frame.interval_s = 1.0
        return True
    if c.frame.metrics and token.kind == "number" and token.unit == "seconds":
        c.next()
        c.frame.duration_s = token.number
        return True
    return False


def _pronoun(c: Cursor) -> bool:
    token = c.at()
    if token.kind != "word" or token.text.lower() not in PRONOUNS:
        return False
    following = c.at(1)
    if token.is_word("that", "those", "these", "this") and not c.done:
        about = following.is_word(
            "file",
            "list",
            "table",
            "result",
            "number",
            "row",
            "line",
            "one",
            "data",
            "count",
            "value",
            "output",
            "record",
            "error",
            "total",
            "folder",
            "path",
            "text",
        )
        if about:
            c.next(2)
            c.frame.pronoun = c.frame.pronoun or token
            if following.is_word("total"):
                c.frame.total = True
            return True
        ends = following.kind == "stop" or following.is_word("to", "into", "by", "as", "in", "and", "with")
        if not ends:
            return False
    if token.is_word("one") and not c.at(-1).is_word("the"):
        return False
    c.next()
    c.frame.pronoun = c.frame.pronoun or token
    return True


def _its(c: Cursor) -> bool:
    if c.at().is_word("its", "their", "it's"):
        c.frame.pronoun = c.frame.pronoun or c.at()
        c.next()
        return True
    if c.at().text.lower() in ("result", "results", "output", "answer", "outcome", "matches", "findings"):
        c.frame.pronoun = c.frame.pronoun or c.at()
        c.next()
        return True
    if c.sees("the list") or c.sees("the data"):
        c.frame.pronoun = c.frame.pronoun or c.at(1)
        c.next(2)
        return True
    if c.sees("the same file") or (c.sees("the file") and c.at(1).text.lower() == "file") or c.sees("the table"):
        c.frame.pronoun = c.frame.pronoun or c.at(1)
        c.next(3 if c.at(1).is_word("same") else 2)
        return True
    if (
        c.at().is_word("file")
        and c.frame.pronoun is None
        and c.frame.files is None
        and (c.at(-1).is_word("the", "that", "this"))
    ):
        c.frame.pronoun = c.at()
        c.next()
        return True
    return False


def _state(c: Cursor) -> bool:
    """ "exists", "is missing", "fails", "succeeds", "status 5xx", "case-insensitively", "with line numbers"."""
    token = c.at()
    if token.is_word("exist", "exists", "present") or (token.is_word("there") and c.at(-1).is_word("is") and c.done):
        negated = c.at(-1).is_word("not")
        c.next()
        c.frame.exists = not negated
        return True
    if token.is_word("free", "left", "available", "remaining", "unused") and c.frame.metrics:
        free = {"disk": ("disk", "free_bytes"), "memory": ("memory", "available_bytes")}
        c.frame.metrics[-1] = free.get(c.frame.metrics[-1][0], c.frame.metrics[-1])
        c.next()
        return True
    if c.frame.chart and token.is_word("with", "and", "titled", "title", "entitled"):
        ahead = 1
        while c.at(ahead).is_word("the", "a", "title", "titled", "called", "of"):
            ahead += 1
        if c.at(ahead).kind == "quoted" and (token.is_word("titled", "title", "entitled") or ahead > 1):
            c.next(ahead)
            c.frame.title = c.next().text
            return True
    if c.take(
        "without duplicate", "with duplicate removed", "no duplicate", "removing duplicate", "once each", "only once"
    ):
        c.frame.distinct = True
        return True
    ranks = any(t.is_word("most", "fewest", "least", "busiest", "highest", "lowest") for t in c.tokens)
    if ranks and token.word in TIME_PARTS and c.columns and not c.column_here()[1] and c.intent in ("which", "show"):
        c.next()
        c.frame.parts.append(token.word)
        return True
    if c.frame.metrics and token.kind == "number" and c.at(1).is_word("time", "sample"):
        c.next(2)
        c.frame.duration_s = token.number * (c.frame.interval_s or 1.0)
        c.frame.interval_s = c.frame.interval_s or 1.0
        return True
    if token.is_word("how") and c.at(1).is_word("long", "big", "large"):
        c.next()
        c.frame.measures.append("lines" if c.next().is_word("long") else "size_bytes")
        return True
    if c.sees("over time") and (moment := next((column.name for column in c.columns if column.is_time), "")):
        c.next(2)
        c.frame.columns.append(moment)
        c.frame.chart = c.frame.chart or ("any" if c.intent == "chart" else "")
        return True
    if c.intent == "if" and token.is_word("no", "none", "nothing"):
        c.next()
        c.frame.none = True
        return True
    if c.frame.metrics and token.is_word("running", "second", "been", "up", "now", "moment", "byte", "run"):
        c.next()
        return True
    if token.is_word("missing", "absent") and c.intent == "if":
        c.next()
        c.frame.exists = False
        return True
    if token.is_word("empty") and c.intent == "if":
        negated = c.at(-1).is_word("not")
        c.next()
        c.frame.tests.append(Test("", ">" if negated else "=", 0, token))
        return True
    if token.is_word("not") and c.at(1).is_word("exist", "exists", "succeed", "succeeds", "pass", "work", "empty"):
        c.next()
        return True
    if c.intent == "if" and token.is_word("fail", "fails", "failed", "break"):
        c.next()
        c.frame.status = "failed"
        return True
    if c.intent == "if" and token.is_word(
        "succeed", "succeeds", "succeeded", "pass", "passes", "passed", "work", "works", "worked"
    ):
        negated = c.at(-1).is_word("not")
        c.next()
        c.frame.status = "failed" if negated else "succeeded"
        return True
    if c.take(
        "case insensitively", "case insensitive", "ignoring case", "regardless of case", "in any case", "ignore case"
    ):
        c.frame.ignore_case = True
        return True
    if token.is_word("case-insensitively", "case-insensitive"):
        c.next()
        c.frame.ignore_case = True
        return True
    is_status = (
        token.kind == "number" and 100 <= float(token.text.rstrip("sS") or 0) < 600
        if token.text.rstrip("sS").isdigit()
        else False
    )
    if is_status and c.numeric("status") and (token.unit == "" or token.text[-1] in "sS"):
        c.next()
        c.frame.tests.append(Test("status", "=", float(token.text.rstrip("sS")), token))
        c.take("error", "response", "status", "code")
        if len([test for test in c.frame.tests if test.column == "status" and test.test == "="]) > 1:
            c.frame.any_of = True  # no request has two
        return True
    if (
        token.is_word("occur", "appear", "occurring", "appearing", "mentioned", "found", "used")
        and c.frame.texts
        and (c.intent in ("occurrences", "count", "which", "show"))
    ):
        c.next()
        c.frame.contains += [(text.text, False, False, text) for text in c.frame.texts]
        c.frame.texts.clear()
        return True
    if token.is_word("empty") and c.at(1).is_word("file", "document"):
        c.next()
        c.frame.tests.append(Test("size_bytes", "=", 0, token))
        return True
    if token.is_word("name", "path", "filename") and not c.columns and c.at(1).is_word("of", "and", "in", "only"):
        c.next()
        return True
    if token.is_word("modified", "changed", "edited", "updated", "touched", "created") and c.frame.files is not None:
        c.next()
        c.pending = "modified_at"
        return True
    if token.text.lower() in ("5xx", "4xx"):
        c.next()
        low = int(token.text[0]) * 100
        earlier = [test for test in c.frame.tests if test.column == "status" and test.test in (">=", "<")]
        for test in earlier:  # "4xx and 5xx" is one range
            low = min(low, int(test.value)) if test.test == ">=" else low
            c.frame.tests.remove(test)
        if len(earlier) == 2:
            c.frame.tests += [Test("status", ">=", 400, token), Test("status", "<", 600, token)]
            c.take("error", "response", "status", "code")
            return True
        c.frame.tests += [Test("status", ">=", low, token), Test("status", "<", low + 100, token)]
        c.take("error", "response", "status", "code")
        return True
    if c.take("server error") and c.columns:
        c.frame.tests.append(Test("status", ">=", 500, token))
        return True
    if c.take("with line number", "with their line number", "line number", "and line number"):
        c.frame.where_line = True
        return True
    return False


def _quantity(c: Cursor) -> bool:
    """ "five Python files with the most lines": a number before what is ranked later."""
    token, following = c.at(), c.at(1)
    plain = token.kind == "number" and not token.unit and token.number == int(token.number)
    named = following.word in FILE_TYPES or following.kind == "suffix" or following.is_word(*FILE_NOUNS, *ROW_NOUNS)
    if not plain or not (named or c.column_here(1)[1]) or c.frame.quantity is not None:
        return False
    ranks = any(t.text.lower() in RANKS for t in c.tokens[c.place :])
    if ranks:
        c.frame.quantity = c.next()
    return ranks


def _digest(c: Cursor) -> bool:
    """ "the sha256 of", "md5 checksums", "their hashes"."""
    if not c.at().is_word("sha256", "md5", "sha1", "blake2b", "checksum", "hash", "digest", "fingerprint", "sha-256"):
        return False
    while c.at().is_word("sha256", "md5", "sha1", "blake2b", "checksum", "hash", "digest", "fingerprint", "sha-256"):
        token = c.next()
        named = token.word.replace("-", "")
        c.frame.digest = named if named in ("sha256", "md5", "sha1", "blake2b") else c.frame.digest or "sha256"
    return True


def _named_text(c: Cursor) -> bool:
    """ "the word 'x'", "the text 'hello'": what is quoted is text, whatever it looks like."""
    noun = c.at().is_word("word", "text", "string", "phrase", "term", "line", "sentence", "message")
    if not noun or c.at(1).kind != "quoted" or c.column_here()[1]:
        return False
    c.next()
    c.frame.texts.append(c.next())
    return True


def _command(c: Cursor) -> bool:
    """ "the command 'git status'", and quoted text after "run"."""
    begin = c.place
    if c.take("the command", "command", "the program", "the shell command", "shell command", "the script") and (
        c.at().kind == "quoted"
    ):
        c.frame.command = c.next()
        return True
    c.place = begin
    if c.intent == "run" and c.at().kind == "quoted":
        c.frame.command = c.next()
        return True
    return False


def _occurring(c: Cursor) -> bool:
    """ "(How often does) ERROR occur": the text itself, whatever else the word may mean."""
    token = c.at()
    if c.intent != "occurrences" or token.kind not in ("word", "quoted") or token.is_word("does", "do", "did"):
        return False
    if not c.at(1).is_word("occur", "appear", "happen"):
        return False
    c.frame.contains.append((token.text, False, False, token))
    c.next(2)
    return True


def _text(c: Cursor) -> bool:
    if c.at().kind != "quoted":
        return False
    c.frame.texts.append(c.next())
    c.take("with")
    return True


def _device(c: Cursor) -> bool:
    """ "on web1" after a file that is written says where it goes; elsewhere, where that lies of which is spoken."""
    token, before = c.at(), c.at(-1)
    if token.where is None:
        return False
    c.next()
    c.frame.devices.append(token)
    target = c.frame.targets[-1] if c.frame.targets else None
    if token.where.by == "to":
        c.frame.unknown += [token] if c.frame.goes is not None else []
        c.frame.goes = token.where
    elif target is not None and target.token is before and token.where.by == "on" and target.where is None:
        target.where = token.where
    elif c.frame.where is None:
        c.frame.where = token.where
        c.frame.lying += [(token.where, path) for path in c.frame.paths]
    elif c.frame.where.by == "from" and token.where.by == "on" and c.frame.goes is None and not c.frame.targets:
        c.frame.goes = token.where  # "from web1 here"
    elif c.frame.paths and c.frame.paths[-1][1] is before:
        known = [path for _, path in c.frame.lying]
        c.frame.lying += [(token.where, path) for path in c.frame.paths if path not in known]
    elif not c.frame.where.same(token.where):
        c.frame.unknown.append(token)
    return True


def _mapped(c: Cursor) -> bool:
    """ "as a JSON map from host to number": the name of each device to what it gave."""
    if not c.at().is_word("as", "to", "into"):
        return False
    ahead = 1
    while c.at(ahead).is_word("a", "one", "json"):
        ahead += 1
    if not c.at(ahead).is_word("map", "object", "dictionary", "mapping") or not c.at(ahead + 1).is_word("from"):
        return False
    ahead += 2
    while c.at(ahead).is_word("the", "each", "every", "name", "of"):
        ahead += 1
    if not c.at(ahead).is_word(*NOUNS) or not c.at(ahead + 1).is_word("to"):
        return False
    ahead += 2
    while c.at(ahead).is_word("the", "its", "a"):
        ahead += 1
    if not (c.at(ahead).is_word(*_MAPPED) or c.at(ahead).word in MEASURES):
        return False
    c.frame.mapped = c.at()
    c.next(ahead + 1)
    return True


def _articles(c: Cursor) -> bool:
    if c.at().is_word("a", "an", "the") or (c.at().is_word("of") and c.at(1).is_word(*ARTICLES)):
        c.next()
        return True
    return False


_RULES: tuple[Rule, ...] = (
    _device,
    _mapped,
    _command,
    _occurring,
    _quantity,
    _digest,
    read_files.url,
    _duration,
    read_files.without,
    _state,
    _chart,
    read_files.target,
    read_tests.equality,
    read_files.name_test,
    read_tests.comparison,
    read_tests.containing,
    read_order.sort,
    read_order.rank,
    read_files.depth,
    read_files.folder,
    _named_text,
    _metric,
    read_order.group,
    read_files.path,
    read_files.file_set,
    read_rows.aggregate,
    read_rows.column,
    read_rows.measure,
    _its,
    _articles,
    _pronoun,
    _text,
)
"""In the order in which they are tried."""
