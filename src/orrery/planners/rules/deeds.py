"""From clauses to tasks, one after the other: what each verb does with what its clause speaks of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from orrery.graph import Expr, Ref, Template
from orrery.graph.ref import ITEM
from orrery.planners.rules import charts, refine, sources
from orrery.planners.rules.build import Builder, Value
from orrery.planners.rules.clauses import Clause, Condition
from orrery.planners.rules.frame import Aggregate, Frame, Rank, Target, Test, problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.other_tools import OtherTools
from orrery.planners.rules.reader import read
from orrery.planners.rules.surroundings import Column, Surroundings
from orrery.planners.rules.vocabulary import CHARTS, NO_TOOL, SAMPLE_COLUMNS

_FORM_OF_SUFFIX = {
    ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "markdown",
    ".markdown": "markdown",
}  # fmt: skip
_ROW_INTENTS = ("sum", "mean", "group", "sort", "filter", "describe", "parse")


class Deeds:
    """The state of a plan while its clauses are taken up: what was said last, and what was made.

    Args:
        b: where the tasks go.
        around: the folder.
        others: the tools beyond the grammar.
    """

    def __init__(self, b: Builder, around: Surroundings, others: OtherTools) -> None:
        self.b, self.around, self.others = b, around, others
        self.last: Value | None = None
        self.base: Value | None = None
        self.answers: dict[str, Value] = {}
        self.made: dict[str, None] = {}
        self.files: list[Any] = []
        self.last_file: str = ""
        self.conditions: dict[int, Expr] = {}
        self.grouping: list[str] = []
        self.edit: tuple[Ref, str, Frame, Clause, Expr | None] | None = None
        """A change of a file that is made at the end, unless the changed text is written elsewhere."""

    # -- clauses ------------------------------------------------------------------------------------------

    def condition(self, number: int, condition: Condition) -> None:
        """Take up a condition; the clauses under it ask for it by number."""
        frame = read(condition.words, self.around, self._columns(condition.words))
        self._not_understood(frame, None)
        if not self.b.problems:
            expr = self._holds(frame, condition)
            if expr is not None:
                self.conditions[number] = expr

    def clause(self, clause: Clause) -> None:
        """Take up a clause."""
        verb = clause.verb[0] if clause.verb else None
        if (not clause.intent and verb is not None) or (
            verb is not None and self.others.named(verb.text.lower()) and not self.others.grammar_only(clause)
        ):
            self._other(clause)
            return
        if verb is None and clause.words and not clause.intent:
            first = clause.words[0]
            if first.text.lower() in NO_TOOL or self.others.named(first.text.lower()):
                self._other(Clause(clause.words[1:], "", [first], clause.condition, clause.negated, clause.sentence))
                return
        frame = read(clause, self.around, self._columns(clause.words))
        self._upper_case_is_text(frame, clause)
        if clause.intent == "ask":
            self._ask(clause)
            return
        if verb is None and self.others.names and frame.unknown and frame.unknown[0] is clause.words[0]:
            # No verb that the grammar knows, but a tool may: "notify somebody".
            first, rest = clause.words[0], clause.words[1:]
            self._other(Clause(rest, "", [first], clause.condition, clause.negated, clause.sentence))
            return
        self._not_understood(frame, verb)
        if self.b.problems:
            return
        self._grouped_question(frame, clause)
        self._number_of_measures(frame, clause)
        self._counted_in_chart(frame, clause)
        if frame.digest and clause.intent in ("show", "", "count"):
            clause.intent = "hash"
        self._grouped_before(frame, clause)
        self.b.when = self._when(clause)
        self._DO.get(clause.intent, Deeds._show)(self, frame, clause)
        self.b.when = None

    def _when(self, clause: Clause) -> Expr | None:
        if clause.condition is None:
            return None
        holds = self.conditions.get(clause.condition)
        if holds is None:
            return None
        return Expr(f"not ({holds.source})", holds.names) if clause.negated else holds

    def _columns(self, words: Sequence[Token]) -> tuple[Column, ...]:
        """The columns of which a clause may speak: those of the files it names, else those of what was said last."""
        listed = [token for token in words if token.kind in ("path", "glob")]
        for token in listed:
            paths = [token.text] if token.kind == "path" else self.around.matches([token.text, f"**/{token.text}"])
            for path in paths:
                folder = next((t.text for t in words if t is not token and self.around.kind(t.text) == "folder"), "")
                for candidate in (path, f"{folder}/{path}"):
                    if self.around.kind(candidate) in ("table", "log") and (found := self.around.columns(candidate)):
                        return found
        for token in listed:
            if self.around.kind(token.text) == "document":
                return self.around.keys(token.text)
        texts = [token for token in words if token.kind == "path" and self.around.kind(token.text) != "missing"]
        if texts:
            return self._last_columns() if any(t.is_word("it", "them") for t in words) else ()
        kinds = {"csv": ".csv", "log": ".log", "json": ".json", "jsonl": ".jsonl", "tsv": ".tsv", "parquet": ".parquet"}
        for place, token in enumerate(words):
            if (
                token.kind in ("word", "suffix")
                and token.word in kinds
                and words[place - 1].text not in ("as", "to", "into")
            ):
                folder = next((t.text.rstrip("/") + "/" for t in words if self.around.kind(t.text) == "folder"), "")
                for path in self.around.matches([f"{folder}**/*{kinds[token.word]}"], most=3):
                    if found := self.around.columns(path):
                        return (Column("path"), *found) if token.text.lower() != token.word else found
        return self._last_columns()

    def _last_columns(self) -> tuple[Column, ...]:
        found: dict[str, Column] = {}
        for value in (self.last, self.last.items if self.last else None, self.base):
            for column in value.columns if value is not None else ():
                found.setdefault(column.name, column)
        return tuple(found.values())

    def _upper_case_is_text(self, frame: Frame, clause: Clause) -> None:
        """ "Find TODO in ...": a word in capitals that nothing else took is what is looked for."""
        if frame.contains or clause.intent not in ("search", "show", "count", "which", "occurrences", "filter", ""):
            return
        capitals = [t for t in frame.unknown if t.text.rstrip("s").isupper() and len(t.text) > 2]
        if capitals and len(frame.unknown) == 1 and (frame.files or frame.paths or frame.pronoun):
            token = capitals[0]
            frame.unknown.remove(token)
            frame.contains.append((token.text.rstrip("s"), False, False, token))
            frame.unit = frame.unit or "lines"

    def _counted_in_chart(self, frame: Frame, clause: Clause) -> None:
        """ "Chart the log levels": a column without numbers is drawn as how often each of its values occurs."""
        wants = frame.chart or clause.intent == "chart"
        said = frame.groups or frame.parts or frame.aggregates or frame.measures or frame.rank
        if not wants or said or not frame.columns or not frame.has_source:
            return
        columns = {column.name: column for column in self._columns(clause.words)}
        if all(name in columns and not columns[name].numeric for name in frame.columns):
            frame.groups = [frame.columns[0]]

    @staticmethod
    def _number_of_measures(frame: Frame, clause: Clause) -> None:
        """ "The number of lines" is the lines, counted."""
        plain = [a for a in frame.aggregates if a.how == "count" and not a.column]
        if (
            plain
            and (frame.measures or frame.unit == "matches")
            and clause.intent in ("show", "", "count", "write", "make")
        ):
            frame.aggregates = [a for a in frame.aggregates if a not in plain]
            clause.intent = "count" if clause.intent in ("show", "") else clause.intent
            frame.counted = True

    def _grouped_before(self, frame: Frame, clause: Clause) -> None:
        """ "Group them by region and sum the amount": the groups of the clause before are those of this one."""
        grouping, self.grouping = self.grouping, []
        if clause.intent == "group" and not frame.aggregates:
            self.grouping = [*frame.groups]
        aggregates = bool(frame.aggregates) or clause.intent in ("sum", "mean", "count")
        if grouping and aggregates and not frame.has_source and not frame.groups:
            frame.groups = grouping
            self._used()
            self.last = self.last.items if self.last is not None and self.last.items is not None else self.last

    @staticmethod
    def _grouped_question(frame: Frame, clause: Clause) -> None:
        """ "Which region has the highest total?", "which customer has the most orders?": what is asked for is a group."""
        rank = frame.rank
        if (
            clause.intent not in ("which", "show", "")
            or rank is None
            or rank.plain
            or frame.groups
            or not frame.column_tokens
        ):
            return
        first = frame.columns[0] if frame.columns else ""
        counted = rank.token.is_word("most", "fewest", "least") and frame.unit == "rows" and not rank.column
        if first and first != rank.column and (frame.aggregates or counted):
            if counted:
                frame.aggregates = [a for a in frame.aggregates if a.how != "count"]
                rank.dimension = "count"
            frame.groups.append(frame.columns.pop(0))

    def _not_understood(self, frame: Frame, verb: Token | None) -> None:
        for token in frame.unknown_columns:
            columns = [column.name for column in self._last_columns()]
            known = frame.paths and self.around.columns(frame.paths[0][0])
            names = [column.name for column in known] if known else columns
            if names:
                from orrery.errors import suggestion

                message = f"there is no column {token.text!r} here; {suggestion(token.text, names)}"
                self.b.problems.append(problem("unknown-column", token, message))
            else:
                frame.unknown.append(token)
        for token in [token for token in frame.unknown if token.word in NO_TOOL]:
            message = f"there is no tool that {NO_TOOL[token.word]}; register one: docs/guides/tools.md"
            self.b.problems.append(problem("no-tool", token, message))
            frame.unknown.remove(token)
        if frame.unknown:
            spans: list[list[Token]] = []
            for token in sorted(frame.unknown, key=lambda t: t.start):
                if spans and token.start - spans[-1][-1].end <= 1:
                    spans[-1].append(token)
                else:
                    spans.append([token])
            for span in spans:
                text = " ".join(token.text for token in span)
                whole = Token("word", text, span[0].start, span[-1].end)
                columns = self.around.columns(frame.paths[0][0]) if frame.paths else self._last_columns()
                hint = f"; its columns are {', '.join(column.name for column in columns)}" if columns else ""
                message = f"I do not know what {text!r} means here{hint}"
                self.b.problems.append(problem("not-understood", whole, message))

    # -- values -------------------------------------------------------------------------------------------

    def value(self, frame: Frame, intent: str, clause_verb: Token | None = None) -> Value | None:
        """What a frame stands for; None where a problem was noted."""
        b = self.b
        if intent == "occurrences" and not (frame.contains or frame.texts or frame.groups or frame.columns):
            message = "how often does what occur? Put the text in quotes, or count by a column: count errors by message"
            b.problems.append(problem("no-object", clause_verb, message))
            return None
        if frame.command is not None:
            return sources.command(frame, b)
        if frame.urls:
            return sources.page(frame, b)
        if frame.metrics or frame.snapshot:
            return sources.metric(frame, b)
        base = sources.paths_of(frame, b, self.around, frozenset(self.made))
        if base is None:
            base = self._spoken_of(frame, intent, clause_verb)
            if base is None:
                return None
        else:
            self.base = None
        if b.problems:
            return None
        return self._said_of(base, frame, intent)

    def _spoken_of(self, frame: Frame, intent: str, verb: Token | None) -> Value | None:
        """What was said before, as far as this clause goes on with it."""
        last = self.last
        if last is None:
            token = frame.pronoun or verb
            what = repr(token.text) if token is not None else "this"
            message = f"{what} of what? Nothing was named before; name a file, a folder, a table or a log"
            code = "no-reference" if frame.pronoun is not None else "no-object"
            self.b.problems.append(problem(code, token, message))
            return None
        if frame.levels and self.base is not None and (frame.pronoun is None or last.kind != "rows"):
            return self.base
        about_rows = bool(frame.rank or frame.sort or frame.groups or frame.parts or frame.aggregates or frame.tests
                          or frame.columns or frame.contains or intent in _ROW_INTENTS or frame.chart
                          or (frame.pronoun is not None and frame.pronoun.is_word("them", "those", "these", "ones")))  # fmt: skip
        needs = [*(a.column for a in frame.aggregates), *frame.groups, *frame.columns, *(t.column for t in frame.tests)]
        missing = [name for name in needs if name and not last.has(name)]
        if last.kind == "rows" and missing and last.items is not None and all(last.items.has(name) for name in missing):
            return last.items
        if last.kind == "rows" and missing and self.base is not None and all(self.base.has(name) for name in missing):
            return self.base
        if (
            last.kind in ("number", "map", "list")
            and last.items is not None
            and (about_rows or frame.unit or frame.measures)
        ):
            return last.items
        if frame.measures and last.kind == "rows" and last.has("path") and not last.has(frame.measures[0]):
            return self.b.plain_paths(last)
        return last

    def _said_of(self, base: Value, frame: Frame, intent: str) -> Value:
        b = self.b
        if base.kind == "paths":
            if intent == "merge" and not self._wants_rows(base, frame, intent):
                return base
            base = self._of_paths(base, frame, intent)
            if base.kind == "rows" and self.base is None and not base.has("path"):
                self.base = base
        if base.kind == "rows":
            if self.base is None:
                self.base = base
            only_files = base.label == "path" and base.measure in (
                "lines",
                "words",
                "chars",
                "size_bytes",
                "modified_at",
            )
            if frame.total and not frame.aggregates and base.measure:
                frame.aggregates.append(Aggregate("sum"))
            found = refine.rows(base, frame, b, intent)
            return found.but(summed=base.summed) if only_files and found.kind == "rows" and not frame.rank else found
        if base.kind == "list" and frame.rank is not None:
            return base.but(ref=refine._taken(base.ref, frame.rank, b))
        if base.kind == "text":
            return self._of_text(base, frame, intent)
        return base

    def _of_paths(self, base: Value, frame: Frame, intent: str) -> Value:
        b = self.b
        kind = sources.kind_of(base, self.around)
        if self._is_word_count(frame, intent):
            return self._words(base, frame)
        if intent in ("copy", "remove", "hash"):
            return refine.files(base, frame, b, "which")
        if frame.unit == "matches" or intent == "occurrences":
            if frame.contains or frame.texts:
                found = refine.occurrences(base, frame, b)
                frame.contains.clear()
                frame.texts.clear()
                return found
        if self._wants_rows(base, frame, intent):
            return sources.rows_of(base, b, self.around, kind if kind in ("table", "document") else "log")
        if (
            frame.rank is not None
            and frame.rank.plain
            and not frame.contains
            and (frame.measures == ["lines"] or base.path)
        ):
            frame.measures.clear()
            return self._some_lines(base, frame.rank)
        if frame.sort is not None and frame.measures == ["lines"] and base.path and intent in ("sort", "show"):
            return self._sorted_lines(base, frame)
        if kind == "document" and frame.columns and base.path:
            return self._entries(base, frame)
        if frame.contains and refine._wants_lines(frame, intent):
            found = refine.matching_lines(base, frame, b, count=intent == "count")
            frame.contains.clear()
            return found
        if base.path and not (frame.measures or frame.tests or frame.rank or frame.sort or frame.contains):
            return base
        found = refine.files(base, frame, b, intent)
        frame.contains.clear()
        if found.kind == "rows":
            asked = bool(frame.measures) and not frame.rank
            found = found.but(
                summed=asked and not frame.each and (intent in ("count", "size", "length", "if") or frame.counted)
            )
            if not frame.measures and frame.tests and not frame.rank and not frame.sort:
                return b.plain_paths(refine.tested(found, self._without_tests(frame), b))
        return found

    def _some_lines(self, base: Value, rank: Rank) -> Value:
        """The first or last lines of a file, or of each."""
        lines = self.b.per_item(base, self.b.read(base), "lines", "text.lines", "text")
        if base.path:
            return Value("list", refine._taken(lines, rank, self.b), noun="lines", items=None)
        args = {"items": Ref(ITEM), "count": rank.count, **({"from_end": True} if rank.from_end else {})}
        taken = self.b.add("some-lines", "records.take", args, over=lines)
        rows = self.b.records("lines-of-each", "zip", {"columns": {"path": base.ref, "lines": taken}})
        return Value("rows", rows, (Column("path"), Column("lines")), label="path", noun="lines")

    def _sorted_lines(self, base: Value, frame: Frame) -> Value:
        lines = self.b.add("lines", "text.lines", {"text": self.b.read(base)})
        rows = self.b.records("as-rows", "zip", {"columns": {"text": lines}})
        down = frame.sort is not None and frame.sort.descending
        rows = self.b.records(
            "sorted-lines", "sort", {"records": rows, "by": "text", **({"descending": True} if down else {})}
        )
        frame.measures.clear()
        return Value("list", self.b.records("texts", "values", {"records": rows, "column": "text"}), noun="lines")

    def _entries(self, base: Value, frame: Frame) -> Value:
        """Entries of a JSON document, by their keys."""
        whole = self.b.add("parse", "text.json", {"text": self.b.read(base)})
        parts = {name: Ref(whole.task, tuple(name.split("."))) for name in frame.columns}
        if len(parts) == 1:
            return Value("number", next(iter(parts.values())), noun=frame.columns[0])
        return Value("map", parts, noun="entries")

    @staticmethod
    def _without_tests(frame: Frame) -> Frame:
        tests, frame.tests = frame.tests, []
        return frame.copy(tests=tests)

    @staticmethod
    def _is_word_count(frame: Frame, intent: str) -> bool:
        by_count = frame.rank is not None and frame.rank.dimension in ("count", "") and not frame.rank.plain
        return (
            "words" in frame.measures and by_count and intent != "which" and not frame.files
        ) or "word" in frame.groups

    def _words(self, base: Value, frame: Frame) -> Value:
        texts = self.b.read(base)
        found = self.b.per_item(base, texts, "words", "records.words", "text")
        if not base.path:
            found = self.b.records("all-words", "flatten", {"lists": found})
        frame.measures.clear()
        frame.groups[:] = ["word"]
        if frame.rank is not None:
            frame.rank.dimension = "count"
        return Value("rows", found, (Column("word"),), label="word", noun="words")

    def _wants_rows(self, base: Value, frame: Frame, intent: str) -> bool:
        """Whether the rows in the files are meant, rather than the files or their text."""
        kind = sources.kind_of(base, self.around)
        if kind not in ("table", "log"):
            if frame.files is not None and kind == "text" and not frame.levels:
                return False
            return bool(frame.levels or (frame.unit == "rows" and kind != "document") or frame.parts)
        if "folder" in frame.groups or "suffix" in frame.groups:
            return False
        columns = {column.name for path in base.sample for column in self.around.columns(path)}
        of_rows = [
            *frame.columns,
            *frame.groups,
            *(a.column for a in frame.aggregates),
            *(t.column for t in frame.tests),
        ]
        if any(name in columns for name in of_rows) or frame.levels or frame.parts or frame.unit == "rows":
            return True
        if frame.measures or frame.unit in ("lines", "matches") or frame.exists is not None:
            return False
        if frame.rank is not None and (frame.rank.column in columns or base.path):
            return True
        if base.path:
            return kind == "table" or bool(
                frame.aggregates or frame.sort or intent in (*_ROW_INTENTS, "chart") or frame.chart
            )
        return bool(frame.aggregates and frame.aggregates[0].how != "count") or intent in (
            "merge",
            "group",
            "sum",
            "mean",
        )

    def _of_text(self, base: Value, frame: Frame, intent: str) -> Value:
        b = self.b
        if self._is_word_count(frame, intent):
            found = b.records("words", "words", {"text": base.ref})
            frame.measures.clear()
            frame.groups[:] = ["word"]
            return refine.rows(Value("rows", found, (Column("word"),), label="word"), frame, b, intent)
        if frame.contains:
            found = b.add("matching-lines", "text.grep", {"text": base.ref, **refine._pattern(frame)})
            frame.contains.clear()
            value = Value("rows", found, refine.MATCH_COLUMNS[1:], label="text", noun="lines")
            return (
                value
                if intent != "count"
                else Value("number", b.records("number", "reduce", {"items": found, "how": "count"}))
            )
        if frame.levels or frame.unit == "rows":
            rows = Value("rows", b.records("records", "of_log", {"text": base.ref}), noun="records")
            return refine.rows(rows.but(columns=(Column("level"), Column("message"))), frame, b, intent)
        measures = [name for name in frame.measures if name in ("lines", "words", "chars")]
        if "size_bytes" in frame.measures:
            measures.append("chars")
        if not measures and intent == "count":
            measures = ["lines"]
        if measures:
            counted = b.add("count", "text.count", {"text": base.ref})
            if len(measures) == 1:
                return Value("number", counted[measures[0]], noun=measures[0], items=base)
            return Value("map", {name: counted[name] for name in measures}, items=base)
        if frame.rank is not None and frame.rank.plain:
            lines = b.add("lines", "text.lines", {"text": base.ref})
            return Value("list", refine._taken(lines, frame.rank, b), noun="lines")
        return base

    # -- conditions ---------------------------------------------------------------------------------------

    def _holds(self, frame: Frame, condition: Condition) -> Expr | None:
        b = self.b
        if frame.status:
            value = self._command_status(frame)
            if value is None:
                b.problems.append(
                    problem("no-reference", condition.opener, "which command's status is meant? Run one before")
                )
                return None
            return Expr("status == 0" if frame.status == "succeeded" else "status != 0", {"status": value})
        counted = [test for test in frame.tests if self._is_count(test, frame)]
        frame.tests = [test for test in frame.tests if test not in counted]
        if frame.exists is not None and (frame.paths or frame.files):
            return self._exists(frame)
        negative = frame.none
        aggregates = list(frame.aggregates)
        intent = "if"
        if frame.contains and frame.paths and frame.unit in ("", "lines"):
            frame.unit = "lines"
        value = self.value(frame, intent)
        if value is None or b.problems:
            return None
        if value.kind == "paths" and value.path and not counted and not aggregates:
            value = self._lines_of(value)
        if frame.has_source:
            self.last = subject_of(value, frame)
        n = value.ref
        if value.kind == "rows" and counted and value.summed and value.measure:
            n, value = (
                b.records("total", "reduce", {"items": value.ref, "how": "sum", "column": value.measure}),
                Value("number", 0),
            )
        if value.kind == "map" and isinstance(n, Mapping):
            b.problems.append(problem("ambiguous", condition.opener, "compare one value at a time"))
            return None
        if value.kind == "paths" and value.path:
            n, value = b.add("count", "text.count", {"text": b.read(value)})["lines"], Value("number", 0)
        subject = "n" if value.kind == "number" else "len(n)"
        tests = [f"{subject} {_PYTHON[test.test]} {_number(test)}" for test in counted if test.test in _PYTHON]
        if not tests and frame.texts and value.kind in ("text",):
            tests = [f"contains(n, {frame.texts[0].text!r})"]
        if not tests:
            tests = [f"{subject} == 0" if negative or frame.exists is False else f"{subject} > 0"]
        return Expr(" and ".join(tests), {"n": n}) if isinstance(n, Ref) else None

    def _lines_of(self, value: Value) -> Value:
        texts = self.b.add("count", "text.count", {"text": self.b.read(value)})
        return Value("number", texts["chars"])

    def _is_count(self, test: Test, frame: Frame) -> bool:
        """Whether a test is about how many or how much, rather than about each row."""
        if test.test not in _PYTHON or not isinstance(test.value, int | float):
            return False
        if test.column == "" or (frame.metrics and test.column in ("size_bytes", "size")):
            return True
        if test.column in ("lines", "words", "chars"):
            return frame.files is None or bool(frame.contains)
        if test.column == "size_bytes" and (frame.paths or frame.metrics):
            if frame.paths and not frame.measures:
                frame.measures.append("size_bytes")
            return True
        numeric_now = self.last is not None and self.last.kind == "number" and not frame.has_source
        if numeric_now:
            return True
        if any(a.column == test.column and a.how != "count" for a in frame.aggregates):
            return True
        return False

    def _exists(self, frame: Frame) -> Expr:
        b = self.b
        if frame.paths:
            self.last = subject_of(Value("done", None), frame)
            pattern = frame.paths[0][0]
            found = b.add("look-for", "files.glob", {"pattern": pattern, "kind": "any", "hidden": True})
        else:
            value = sources.paths_of(frame, b, self.around)
            found = value.ref if value is not None else Ref("missing")
        return Expr("len(found) > 0" if frame.exists else "len(found) == 0", {"found": found})

    def _command_status(self, frame: Frame) -> Ref | None:
        if frame.command is not None:
            value = sources.command(frame, self.b, check=False)
        elif self.last is not None and self.last.items is not None and self.last.items.kind == "map":
            value = self.last
            self._tolerate(value.items.ref if value.items else None)
        else:
            return None
        self.last = value
        return value.items.ref["status"] if value.items is not None else None

    def _tolerate(self, ref: Any) -> None:
        """Let an earlier command end with any status: a condition asks for it."""
        import msgspec

        from orrery.graph import Add

        for place, edit in enumerate(self.b.edits):
            if isinstance(edit, Add) and isinstance(ref, Ref) and edit.task.id == ref.task:
                args = {**edit.task.args, "check": False}
                self.b.edits[place] = Add(msgspec.structs.replace(edit.task, args=args))

    # -- deeds --------------------------------------------------------------------------------------------

    def _keep(self, value: Value, name: str = "") -> None:
        """Remember a value as what was said last, and as an answer."""
        self.last = value
        key = name or value.noun or value.kind
        number = 2
        while key in self.answers:
            key, number = f"{name or value.noun or value.kind} {number}", number + 1
        self.answers[key] = value

    def _used(self) -> None:
        """What was said last has gone into something else: it is no answer of its own."""
        for key, value in list(self.answers.items()):
            if value is self.last:
                del self.answers[key]

    def _verb(self, clause: Clause) -> Token | None:
        return clause.verb[0] if clause.verb else None

    def _show(self, frame: Frame, clause: Clause) -> None:
        if frame.chart and clause.intent != "sort":
            charts_wanted = clause.intent in (
                "show",
                "make",
                "chart",
                "",
                "count",
                "convert",
                "which",
                "sort",
                "compare",
            )
            if charts_wanted:
                self._chart(frame, clause)
                return
        if clause.intent == "make" or (frame.targets and any(t.path or t.form for t in frame.targets)):
            self._write(frame, clause)
            return
        value = self._shown(frame, clause)
        if value is not None:
            self._keep(value)

    def _shown(self, frame: Frame, clause: Clause) -> Value | None:
        intent = clause.intent
        goes_on = not frame.has_source
        before = self.last
        value = self.value(frame, intent, self._verb(clause))
        if value is None or self.b.problems:
            return None
        if goes_on and value is before and frame.texts and not frame.pronoun:
            return Value("text", frame.texts[0].text, noun="text")
        if goes_on and before is not None and before.kind not in ("number", "map"):
            self._used()
        return self._told(value, frame, intent)

    def _told(self, value: Value, frame: Frame, intent: str) -> Value:
        """The value as the verb wants it: counted, or as text where a single file is shown."""
        b = self.b
        if intent == "count" or (frame.aggregates and frame.aggregates[0].how == "count"):
            return self._counted(value, frame)
        if value.kind == "paths" and value.path and intent in ("show", "") and not frame.targets:
            kind = sources.kind_of(value, self.around)
            if kind == "table":
                return sources.rows_of(value, b, self.around, kind)
            text = Value("text", b.read(value), noun=value.path, sample=value.sample, path=value.path)
            return self._of_text(text, frame, intent)
        if (
            intent == "which"
            and value.kind == "rows"
            and frame.rank is None
            and value.has("path")
            and value.has("text")
        ):
            return b.plain_paths(value)
        return value

    def _counted(self, value: Value, frame: Frame) -> Value:
        b = self.b
        if value.kind == "number" or value.kind == "map":
            return value
        if value.kind == "rows" and (frame.groups or frame.parts):
            return value
        if value.kind == "rows" and value.measure and (frame.measures or frame.each or value.measure == "occurrences"):
            return value
        if value.kind == "rows" and len(frame.levels) > 1:
            parts: dict[str, Any] = {}
            assert self.base is not None
            for level in frame.levels:
                rows = refine.rows(self.base, frame.copy(levels=[level], aggregates=[]), b, "count")
                parts[f"{level[0]}s"] = b.records(
                    f"number-of-{level[0]}s", "reduce", {"items": rows.ref, "how": "count"}
                )
            return Value("map", parts, noun="counts", items=value)
        if value.kind == "rows" and frame.each and value.has("path") and not frame.groups:
            args = {"records": value.ref, "by": ["path"], "measures": {"count": {"how": "count"}}}
            columns = (Column("path"), Column("count", numeric=True))
            return Value(
                "rows", b.records("by-file", "group", args), columns, label="path", measure="count", items=value
            )
        if value.kind == "paths" and value.path:
            return refine._of_one(value, frame.measures or ["lines"], b)
        if value.kind == "text":
            counted = b.add("count", "text.count", {"text": value.ref})
            return Value("number", counted[(frame.measures or ["lines"])[0]], noun="lines")
        number = b.records(f"number-of-{value.noun}", "reduce", {"items": value.ref, "how": "count"})
        return Value("number", number, noun=f"number of {value.noun}", items=value)

    def _aggregate(self, frame: Frame, clause: Clause) -> None:
        how = {"sum": "sum", "mean": "mean"}[clause.intent]
        if not frame.aggregates:
            numeric = [name for name in frame.columns if name not in frame.groups]
            frame.aggregates += [Aggregate(how, name) for name in numeric] or [Aggregate(how)]
            frame.columns.clear()
        elif len(frame.aggregates) == 1 and frame.aggregates[0].how == "count":
            frame.aggregates = [Aggregate(how)]
        self._show(frame, clause)

    def _group(self, frame: Frame, clause: Clause) -> None:
        if not frame.groups and not frame.parts:
            self.b.problems.append(problem("no-object", self._verb(clause), "group by what? Name a column"))
            return
        self._show(frame, clause)

    def _sort(self, frame: Frame, clause: Clause) -> None:
        if frame.sort is None:
            token = self._verb(clause) or Token("word", "sort", 0, 0)
            frame.sort = Rank(None, "", False, token)
            if frame.columns:
                frame.sort.column = frame.columns.pop(0)
        self._show(frame, clause)

    def _search(self, frame: Frame, clause: Clause) -> None:
        if not frame.contains and frame.texts:
            token = frame.texts.pop(0)
            frame.contains.append((token.text, False, False, token))
        self._show(frame, clause)

    def _chart(self, frame: Frame, clause: Clause) -> None:
        kind = frame.chart or "any"
        intent = "chart" if clause.intent in ("show", "make", "", "convert") else clause.intent
        goes_on = not frame.has_source
        earlier = self.last
        targets = frame.targets
        value = self.value(frame, intent, self._verb(clause))
        if value is None or self.b.problems:
            return
        if (
            value.kind in ("number", "map", "list")
            and value.items is not None
            and value.items.kind == "rows"
            and goes_on
        ):
            value = value.items
        if intent == "count" and value.kind == "rows" and not value.measure:
            value = self._counted(value, frame)
        path, value = charts.drawn(value, kind, frame, self.b, self._place(targets, "chart.png", clause))
        if path is None or self.b.problems:
            return
        if goes_on and earlier is not None:
            self._used()
        self._wrote(path)
        self._keep(value)

    def _place(self, targets: Sequence[Target], otherwise: str, clause: Clause) -> str:
        for target in targets:
            if target.path and not target.path.endswith("/"):
                return target.path
            if target.path:
                return self.around.free_name(target.path + otherwise, self.made)
            if target.form in ("png", "svg"):
                return self.around.free_name(f"{PurePosixPath(otherwise).stem}.{target.form}", self.made)
        return self.around.free_name(otherwise, self.made)

    def _wrote(self, path: Any) -> None:
        self.files.append(path)
        if isinstance(path, str):
            self.made[path] = None
            self.last_file = path
            if self.last is None:
                self.last = Value("paths", [path], path=path, sample=(path,), noun=path)

    def _write(self, frame: Frame, clause: Clause) -> None:
        if frame.chart:
            self._chart(frame, clause)
            return
        texts = [token for token in frame.texts]
        goes_on = not frame.has_source
        if (
            goes_on
            and clause.intent in ("make", "write", "append")
            and not texts
            and frame.contains
            and frame.pronoun is None
        ):
            texts = [token for _, _, _, token in frame.contains]
        if goes_on and not frame.pronoun and texts:
            if len(frame.targets) == 0 and len(texts) == 2:
                frame.targets.append(Target("to", texts.pop().text))
            self._write_content(" ".join(token.text for token in texts) + "\n", "", frame, clause)
            return
        target = next((t for t in frame.targets), None)
        if (
            target is not None
            and not target.path
            and not target.form
            and target.token is not None
            and not frame.has_source
        ):
            target.form = "txt"
        if self.last is not None and self.last.kind == "done" and self.last.path and goes_on and self.last_file:
            self.b.problems.append(problem("no-object", self._verb(clause), "it is written already"))
            return
        value = self._shown(frame, clause)
        if value is not None:
            if self.edit is not None and value.ref == self.edit[0]:
                self.edit = None
            self.last = value
            self._write_value(value, frame, clause)

    def finish(self) -> None:
        """Make the change of a file that was put off; to be called once, after the last clause."""
        if self.edit is not None:
            done, path, frame, clause, self.b.when = self.edit
            self._write_content(done, path, frame, clause)
            self.b.when = None

    def _write_value(self, value: Value, frame: Frame, clause: Clause) -> None:
        target = next(iter(frame.targets), None)
        suffix = f".{target.form}" if target is not None and target.form else ".txt"
        stem = PurePosixPath(value.path).stem if value.path else "result"
        default = f"{stem}{suffix}" if not (value.path and value.path.endswith(suffix)) else f"{stem}-copy{suffix}"
        path = self._place(frame.targets, default, clause)
        form = _FORM_OF_SUFFIX.get(PurePosixPath(path).suffix.lower(), "text")
        content = self._answer(value)
        if value.kind == "paths" and value.path:
            content = self.b.read(value)
        if PurePosixPath(path).suffix.lower() == ".parquet":
            ref = self.b.add("write", "data.write_table", {"records": content, "path": path}, fresh=True)
            self._wrote(ref["path"])
            self.made[path] = None
            return
        if form == "text" and value.kind == "rows" and value.label == "text" and value.has("line"):
            content = self.b.records("texts", "values", {"records": content, "column": "text"})
        elif form == "text" and value.kind == "rows" and len(value.columns) == 1:
            content = self.b.records("texts", "values", {"records": content, "column": value.columns[0].name})
        if value.kind == "text":
            self._write_content(content, path, frame, clause)
            return
        text = self.b.records(f"as-{form}", "text", {"value": content, "form": form})
        self._write_content(text, path, frame, clause)

    def _write_content(self, content: Any, path: str, frame: Frame, clause: Clause) -> None:
        path = path or self._place(frame.targets, "result.txt", clause)
        op = "files.append" if clause.intent == "append" else "files.write"
        verb = "Append to" if op == "files.append" else "Write"
        stem = PurePosixPath(path).stem
        ref = self.b.add(
            f"{'append-to' if op == 'files.append' else 'write'}-{stem}", op, {"path": path, "content": content},
            question=f"{verb} {path!r}?", fresh=True,
        )  # fmt: skip
        self._wrote(path)

    def _append(self, frame: Frame, clause: Clause) -> None:
        if not frame.targets:
            self.b.problems.append(problem("no-object", self._verb(clause), "append to which file? Say: to notes.txt"))
            return
        self._write(frame, clause)

    def _copy(self, frame: Frame, clause: Clause) -> None:
        value = self._whole_files(frame, clause)
        if value is None:
            return
        target = next((t.path for t in frame.targets if t.path), "")
        if not target:
            if not value.path:
                self.b.problems.append(
                    problem("no-object", self._verb(clause), "copy them to which folder? Say: to backup/")
                )
                return
            target = self.around.free_name(value.path, self.made)
        into = target.endswith("/") or self.around.kind(target) == "folder" or not value.path
        folder = target.rstrip("/")
        if value.path:
            place = f"{folder}/{PurePosixPath(value.path).name}" if into else target
            self.b.add("copy", "files.copy", {"source": value.path, "target": place}, question=f"Copy {value.path!r} to {place!r}?",
                       fresh=True)  # fmt: skip
            self._wrote(place)
            self.last = Value("paths", [place], path=place, sample=(place,), noun=place)
            return
        parts = self.b.records("path-parts", "of_paths", {"paths": value.ref})
        question = (
            Template((f"Copy to {folder!r}: ", value.ref, "?"))
            if isinstance(value.ref, Ref)
            else f"Copy to {folder!r}?"
        )
        args = {"source": Ref(ITEM, ("path",)), "target": Template((f"{folder}/", Ref(ITEM, ("name",))))}
        copied = self.b.add("copy", "files.copy", args, over=parts, question=question, fresh=True)
        made = self.b.records("copies", "values", {"records": copied, "column": "path"})
        self._wrote(made)
        self.last = Value("paths", made, sample=value.sample, noun="copies")

    def _whole_files(self, frame: Frame, clause: Clause) -> Value | None:
        """The files that a verb about whole files is about."""
        goes_on = not frame.has_source
        if goes_on and self.last is not None and self.last.kind == "done" and self.last_file:
            return Value("paths", [self.last_file], path=self.last_file, sample=(self.last_file,))
        value = self.value(frame, clause.intent, self._verb(clause))
        if value is None or self.b.problems:
            return None
        if goes_on and self.last is not None and self.last.kind not in ("number", "map"):
            self._used()
        if value.kind == "number" and value.items is not None:
            value = value.items
        if value.kind == "rows" and value.has("path"):
            value = self.b.plain_paths(value)
        if value.kind == "text" and value.path:
            value = Value("paths", [value.path], path=value.path, sample=value.sample)
        if value.kind != "paths" and goes_on and self.last_file and clause.intent != "remove":
            path = self.last_file
            return Value("paths", [path], path=path, sample=(path,), noun=path)
        if value.kind != "paths":
            self.b.problems.append(
                problem("no-object", self._verb(clause), f"only files can be used here, not {value.noun or value.kind}")
            )
            return None
        return value

    def _remove(self, frame: Frame, clause: Clause) -> None:
        verb = self._verb(clause)
        vague = frame.files is not None and not (
            frame.files.suffixes or frame.files.patterns or frame.files.folder or frame.tests or frame.contains
        )
        if (
            vague
            or (frame.files is not None and frame.files.folders)
            or (not frame.has_source and frame.pronoun is None)
        ):
            self.b.problems.append(
                problem(
                    "vague-effect",
                    verb,
                    "it must be said exactly what is removed: name the files, or their kind and folder",
                )
            )
            return
        bare = frame.files is not None and not (
            frame.files.suffixes or frame.files.patterns or frame.tests or frame.contains
        )
        if bare and not frame.paths:
            self.b.problems.append(
                problem(
                    "vague-effect",
                    verb,
                    f"whole folders are not removed on a guess; name the files in {frame.files.folder!r}"
                    if frame.files
                    else "",
                )
            )
            return
        value = self._whole_files(frame, clause)
        if value is None:
            return
        if value.path:
            self.b.add(
                "remove",
                "files.remove",
                {"path": value.path, "missing_ok": False},
                question=f"Remove {value.path!r}?",
                fresh=True,
            )
        else:
            question = (
                Template(("Remove ", value.ref, "?"))
                if isinstance(value.ref, Ref)
                else f"Remove {', '.join(map(str, value.ref))}?"
            )
            self.b.add("remove", "files.remove", {"path": Ref(ITEM)}, over=value.ref, question=question, fresh=True)
        self._keep(Value("done", value.ref if not value.path else value.path, noun="removed"), "removed")

    def _hash(self, frame: Frame, clause: Clause) -> None:
        value = self._whole_files(frame, clause)
        if value is None:
            return
        more = {"algorithm": frame.digest} if frame.digest not in ("", "sha256") else {}
        digests = self.b.per_file(value, "hash", "files.hash", "path", more)
        if value.path:
            self._keep(Value("text", digests, noun="hash"))
            return
        rows = self.b.records("hashes", "zip", {"columns": {"path": value.ref, "hash": digests}})
        self._keep(Value("rows", rows, (Column("path"), Column("hash")), label="path", noun="hashes"))

    def _replace(self, frame: Frame, clause: Clause) -> None:
        verb = self._verb(clause)
        texts = [token.text for token in frame.texts] + [text for text, _, _, _ in frame.contains]
        if len(texts) != 2:
            self.b.problems.append(
                problem(
                    "no-object", verb, "say what is replaced by what, both in quotes: replace 'a' with 'b' in x.txt"
                )
            )
            return
        frame.contains.clear()
        if len(frame.texts) == 2:
            old, new = texts
        else:
            old, new = (
                (texts[0], texts[1])
                if frame.texts and frame.texts[0].start < clause.words[-1].start
                else (texts[1], texts[0])
            )
        frame.texts.clear()
        targets, frame.targets = frame.targets, []
        value = self.value(frame, "which", verb)
        if value is None or self.b.problems:
            return
        if value.kind == "text":
            done = self.b.add("replace", "text.replace", {"text": value.ref, "old": old, "new": new})
            if targets:
                self._write_content(done, self._place(targets, "result.txt", clause), frame, clause)
            self._keep(Value("text", done, noun="text"))
            return
        texts_ref = self.b.read(value)
        done = self.b.per_item(value, texts_ref, "replace", "text.replace", "text", {"old": old, "new": new})
        if value.path:
            path = self._place(targets, value.path, clause) if targets else value.path
            if targets:
                self._write_content(done, path, frame, clause)
                self.last = Value("paths", [path], path=path, sample=(path,))
            else:
                self.last = Value("text", done, noun="text")
                self.edit = (done, path, frame, clause, self.b.when)
            return
        rows = self.b.records("replaced", "zip", {"columns": {"path": value.ref, "content": done}})
        args = {"path": Ref(ITEM, ("path",)), "content": Ref(ITEM, ("content",))}
        question = (
            Template((f"Replace {old!r} with {new!r} in ", value.ref, "?"))
            if isinstance(value.ref, Ref)
            else f"Replace {old!r}?"
        )
        self.b.add("write", "files.write", args, over=rows, question=question, fresh=True)
        self._wrote(value.ref)
        self.last = value

    def _fetch(self, frame: Frame, clause: Clause) -> None:
        if not frame.urls:
            if frame.has_source:
                self._show(frame, clause)
                return
            self.b.problems.append(
                problem(
                    "no-object",
                    self._verb(clause),
                    "fetch what? Write its address, such as https://example.org/data.json",
                )
            )
            return
        target = next((t for t in frame.targets if t.path), None)
        if target is not None or (clause.verb and clause.verb[0].is_word("download")):
            name = PurePosixPath(frame.urls[0].partition("?")[0]).name or "download"
            path = self._place(frame.targets, name, clause)
            ref = self.b.add(
                "download",
                "http.download",
                {"url": frame.urls[0], "path": path},
                fresh=True,
                question=f"Download {frame.urls[0]} to {path!r}?",
            )
            self._wrote(path)
            self.last = Value("paths", [ref["path"]], path=path, sample=(path,), noun=path)
            return
        self._show(frame, clause)

    def _run(self, frame: Frame, clause: Clause) -> None:
        if frame.command is None:
            path = frame.paths[0] if frame.paths else None
            words = [t for t in clause.words if t.kind in ("word", "path", "number")]
            message = "run what? Put the command in quotes: run 'git status'"
            if path is not None or words:
                message = f"a command is only run as it is written: put it in quotes, as in run '{' '.join(t.text for t in words)}'"
            self.b.problems.append(problem("command", self._verb(clause), message))
            return
        target = list(frame.targets)
        value = sources.command(frame, self.b)
        if frame.measures or frame.contains or frame.levels:
            value = self._of_text(value, frame, "show")
        self._keep(value)
        if target:
            self._used()
            self._write_value(value, frame, clause)

    def _convert(self, frame: Frame, clause: Clause) -> None:
        if frame.chart:
            self._chart(frame, clause)
            return
        if not frame.targets:
            self.b.problems.append(
                problem("no-object", self._verb(clause), "convert it to what? Say: to JSON, or: to table.csv")
            )
            return
        value = self.value(frame, "show", self._verb(clause))
        if value is None or self.b.problems:
            return
        if not frame.has_source:
            self._used()
        path = value.path or next(iter(value.sample), "") if value.kind == "paths" else next(iter(value.sample), "")
        if value.kind == "paths":
            value = sources.rows_of(
                value, self.b, self.around, "table" if sources.kind_of(value, self.around) == "table" else "log"
            )
        self.last = value
        self._write_value(value.but(path=path), frame, clause)

    def _merge(self, frame: Frame, clause: Clause) -> None:
        value = self.value(frame, "merge", self._verb(clause))
        if value is None or self.b.problems:
            return
        if value.kind == "paths":
            texts = self.b.read(value)
            joined = self.b.records("joined", "text", {"value": texts})
            value = Value("text", joined, noun="joined text")
        if frame.targets:
            self.last = value
            self._write_value(value, frame, clause)
        else:
            self._keep(value)

    def _describe(self, frame: Frame, clause: Clause) -> None:
        verb = self._verb(clause)
        base = sources.paths_of(frame, self.b, self.around, frozenset(self.made))
        if self.b.problems:
            return
        if base is not None and base.path and sources.kind_of(base, self.around) == "table":
            table: Any = base.path
        else:
            value = self.value(frame, "describe", verb)
            if value is None or self.b.problems:
                return
            if value.kind != "rows":
                self.b.problems.append(
                    problem(
                        "no-tool",
                        verb,
                        f"there is no tool that can {verb.text.lower() if verb else 'describe'} text; only tables are described. Register one: docs/guides/tools.md",
                    )
                )
                return
            table = value.ref
        ref = self.b.add("describe", "data.describe", {"table": table})
        names = ("name", "type", "rows", "nulls", "distinct", "min", "max", "mean")
        columns = tuple(Column(name, name in ("rows", "nulls", "distinct", "mean")) for name in names)
        self._keep(Value("rows", ref, columns, label="name", noun="description"))
        if frame.targets:
            self._write_value(self.last or Value("rows", ref), frame, clause)

    def _measure(self, frame: Frame, clause: Clause) -> None:
        if not (frame.metrics or frame.snapshot or frame.duration_s or frame.interval_s):
            self._show(frame, clause)
            return
        frame.snapshot = True
        self._show(frame, clause)

    def _ask(self, clause: Clause) -> None:
        quoted = next((t for t in clause.words if t.kind == "quoted"), None)
        text = (
            quoted.text
            if quoted
            else " ".join(t.text for t in clause.words if not t.is_word("me", "for", "whether", "if"))
        )
        if not text:
            text = "Go on?"
        self.b.when = self._when(clause)
        asked = self.b.ask("ask", text)
        self.b.when = None
        self._keep(Value("text", asked, noun="answer of a person"))
        self.b.gate = asked

    def _length(self, frame: Frame, clause: Clause) -> None:
        if not frame.measures:
            frame.measures.append("lines" if clause.intent == "length" else "size_bytes")
        self._show(frame, clause)

    def _compare(self, frame: Frame, clause: Clause) -> None:
        if frame.chart or frame.aggregates or frame.groups:
            if frame.columns and not frame.groups:
                frame.groups.append(frame.columns.pop(0))
            self._show(frame, clause)
            return
        self.b.problems.append(
            problem(
                "no-tool",
                self._verb(clause),
                "there is no tool that compares; say what to count or chart of each, or register a tool: docs/guides/tools.md",
            )
        )

    def _send(self, frame: Frame, clause: Clause) -> None:
        verb = self._verb(clause)
        url = next((t.path for t in frame.targets if t.path.startswith("http")), "") or next(iter(frame.urls), "")
        if not url:
            what = f"there is no tool that can {verb.text.lower() if verb else 'send'} it without an address that begins with https://; for mail and the like register one: docs/guides/tools.md"
            self.b.problems.append(problem("no-tool", verb, what))
            return
        frame.urls.clear()
        value = self.value(frame, "show", verb)
        if value is None or self.b.problems:
            return
        content = self.b.read(value) if value.kind == "paths" else self._answer(value)
        key = "content" if value.kind in ("text", "paths") else "json"
        ref = self.b.add("send", "http.post", {"url": url, key: content}, fresh=True, question=f"Send it to {url}?")
        self._keep(Value("number", ref["status"], noun="status"))

    def _other(self, clause: Clause) -> None:
        self.b.when = self._when(clause)
        value = self.others.call(clause, self)
        self.b.when = None
        if value is not None:
            if any(not t.kind == "stop" and t.is_word("it", "them", "this", "that") for t in clause.words):
                self._used()
            self._keep(value)

    _DO: Mapping[str, Callable[[Deeds, Frame, Clause], None]] = {
        "show": _show, "count": _show, "which": _show, "occurrences": _show, "filter": _show, "parse": _show, "": _show,
        "sum": _aggregate, "mean": _aggregate, "group": _group, "sort": _sort, "search": _search, "chart": _chart,
        "write": _write, "make": _show, "append": _append, "copy": _copy, "remove": _remove, "hash": _hash,
        "replace": _replace, "fetch": _fetch, "run": _run, "convert": _convert, "merge": _merge, "describe": _describe,
        "measure": _measure, "size": _length, "length": _length, "compare": _compare, "send": _send,
    }  # fmt: skip

    # -- the end ------------------------------------------------------------------------------------------

    def _answer(self, value: Value) -> Any:
        """What a person would want to see of a value."""
        if value.kind == "rows" and value.summed and value.measure:
            args = {"items": value.ref, "how": "sum", "column": value.measure}
            return self.b.records(f"total-{value.measure}", "reduce", args)
        return value.ref

    def outputs(self) -> dict[str, Any]:
        """What the workflow returns: the answer (by name where there are several), and the files written."""
        found: dict[str, Any] = {}
        answers = {name: self._answer(value) for name, value in self.answers.items()}
        if len(answers) > 1:
            answers.pop("removed", None)
        if len(answers) == 1:
            found["answer"] = next(iter(answers.values()))
        elif answers:
            found["answer"] = answers
        if self.files:
            flat = [path for path in self.files if isinstance(path, str)]
            refs = [path for path in self.files if not isinstance(path, str)]
            listed = list(dict.fromkeys(flat))
            found["files"] = listed + [ref for ref in refs if ref.path] if not [r for r in refs if not r.path] else (
                refs[0] if len(refs) == 1 and not listed else [*listed, *refs])  # fmt: skip
        return found


def subject_of(value: Value, frame: Frame) -> Value:
    """What "it" or "them" is after a condition: the one file of which it spoke, else what was looked at."""
    if len(frame.paths) == 1 and not (frame.levels or frame.groups or frame.unit == "rows"):
        path = frame.paths[0][0]
        return Value("paths", [path], path=path, sample=(path,), noun=path)
    return value


_PYTHON = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "=": "==", "!=": "!="}


def _number(test: Test) -> str:
    value = float(test.value)
    return str(int(value)) if value.is_integer() else repr(value)


__all__ = ["CHARTS", "SAMPLE_COLUMNS", "Deeds"]
