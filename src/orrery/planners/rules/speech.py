"""What a clause speaks of, given what was said before: the files, rows or text that its frame stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orrery.graph import Expr, Ref
from orrery.graph.ref import ITEM
from orrery.planners.rules import refine, refine_files, sources
from orrery.planners.rules.build import Builder, Value
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.frame import Aggregate, Frame, Rank, problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.other_tools import OtherTools
from orrery.planners.rules.surroundings import Column, Surroundings
from orrery.planners.rules.where import HERE

_ROW_INTENTS = ("sum", "mean", "group", "sort", "filter", "describe", "parse")


class Speech:
    """The state of a plan while its clauses are taken up: what was said last, and what was made.

    Args:
        b: where the tasks go.
        around: the folder.
        others: the tools beyond the grammar.
    """

    def __init__(self, b: Builder, around: Surroundings, others: OtherTools) -> None:
        self.b, self.around, self.others = b, around, others
        self.home = around
        """The folder of this machine, whichever is looked at now."""
        self.was_used: Value | None = None
        """What went into something else last."""
        self.last: Value | None = None
        self.base: Value | None = None
        self.answers: dict[str, Value] = {}
        self.made: dict[str, None] = {}
        self.files: list[Any] = []
        self.perhaps_written = False
        """Whether one of the files is only written under a condition."""
        self.last_file: str = ""
        self.last_file_at = HERE
        self.conditions: dict[int, Expr] = {}
        self.grouping: list[str] = []
        self.kinds: Frame | None = None
        """The frame of the clause before, for the kinds that it names."""
        self.intent_before = ""
        self.drawn = ""
        """The task that drew the last chart."""
        self.edit: tuple[Ref, str, Frame, Clause, Expr | None] | None = None
        """A change of a file that is made at the end, unless the changed text is written elsewhere."""

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
        if self.last is not None and self.last.kind == "paths" and self.last.path:
            path = self.last.path
            return self.around.keys(path) if self.around.kind(path) == "document" else self.around.columns(path)
        return self._last_columns()

    def _last_columns(self) -> tuple[Column, ...]:
        found: dict[str, Column] = {}
        for value in (self.last, self.last.items if self.last else None, self.base):
            for column in value.columns if value is not None else ():
                found.setdefault(column.name, column)
        return tuple(found.values())

    def value(self, frame: Frame, intent: str, clause_verb: Token | None = None) -> Value | None:
        """What a frame stands for; None where a problem was noted."""
        b = self.b
        if intent == "occurrences" and not (frame.contains or frame.texts or frame.groups or frame.columns):
            message = "how often does what occur? Put the text in quotes, or count by a column: count errors by message"
            b.problems.append(problem("plan/no-object", clause_verb, message))
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
            plain = not (frame.tests or frame.rank or frame.groups or frame.parts or frame.columns or frame.unit)
            if base.summed and base.measure and plain and frame.aggregates == [Aggregate("count")]:
                frame.aggregates = [Aggregate("sum", base.measure)]  # "the number" is the one that was told
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
            code = "plan/no-reference" if frame.pronoun is not None else "plan/no-object"
            self.b.problems.append(problem(code, token, message))
            return None
        if frame.levels and self.base is not None and (frame.pronoun is None or last.kind != "rows"):
            return self.base
        about_rows = bool(
            frame.rank
            or frame.sort
            or frame.groups
            or frame.parts
            or frame.aggregates
            or frame.tests
            or frame.columns
            or frame.contains
            or intent in _ROW_INTENTS
            or frame.chart
            or (frame.pronoun is not None and frame.pronoun.is_word("them", "those", "these", "ones"))
        )
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
            return base.but(ref=refine_files.taken(base.ref, frame.rank, b))
        if base.kind == "text":
            return self._of_text(base, frame, intent)
        return base

    def _of_paths(self, base: Value, frame: Frame, intent: str) -> Value:
        b = self.b
        kind = sources.kind_of(base, self.around)
        if self._is_word_count(frame, intent):
            return self._words(base, frame)
        if intent in ("copy", "remove", "hash"):
            return refine_files.files(base, frame, b, "which")
        if (frame.unit == "matches" or intent == "occurrences") and (frame.contains or frame.texts):
            found = refine_files.occurrences(base, frame, b)
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
            rank, frame.rank = frame.rank, None
            return self._some_lines(base, rank)
        if frame.sort is not None and frame.measures == ["lines"] and base.path and intent in ("sort", "show"):
            return self._sorted_lines(base, frame)
        if kind == "document" and frame.columns and base.path:
            return self._entries(base, frame)
        if frame.contains and refine_files.wants_lines(frame, intent):
            found = refine_files.matching_lines(base, frame, b, count=intent == "count")
            frame.contains.clear()
            return found
        if base.path and not (frame.measures or frame.tests or frame.rank or frame.sort or frame.contains):
            return base
        found = refine_files.files(base, frame, b, intent)
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
            return Value("list", refine_files.taken(lines, rank, self.b), noun="lines", items=None)
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
            found = b.add("matching-lines", "text.grep", {"text": base.ref, **refine_files.pattern(frame)})
            frame.contains.clear()
            value = Value("rows", found, sources.MATCH_COLUMNS[1:], label="text", noun="lines")
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
            return Value("list", refine_files.taken(lines, frame.rank, b), noun="lines")
        return base

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
        self.was_used = self.last
        for key, value in list(self.answers.items()):
            if value is self.last:
                del self.answers[key]

    def _verb(self, clause: Clause) -> Token | None:
        return clause.verb[0] if clause.verb else None

    def _answer(self, value: Value) -> Any:
        """What a person would want to see of a value."""
        if value.kind == "rows" and value.summed and value.measure:
            args = {"items": value.ref, "how": "sum", "column": value.measure}
            return self.b.records(f"total-{value.measure}", "reduce", args)
        return value.ref
