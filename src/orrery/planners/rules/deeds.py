"""From clauses to tasks, one after the other: what each verb does with what its clause speaks of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from orrery.graph import Ref
from orrery.graph.ref import ITEM
from orrery.planners.rules import sources
from orrery.planners.rules.build import Value
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.frame import Aggregate, Frame, Rank, problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.reader import read
from orrery.planners.rules.spread import Spread
from orrery.planners.rules.surroundings import Column
from orrery.planners.rules.vocabulary import NO_TOOL
from orrery.planners.rules.where import Where
from orrery.planners.rules.writing import Writing

_OPPOSITE = {
    "=": "!=", "!=": "=", ">": "<=", "<=": ">", "<": ">=", ">=": "<", "contains": "lacks", "lacks": "contains",
    "empty": "filled", "filled": "empty",
}  # fmt: skip


class Deeds(Spread):
    """Takes up the clauses of a request, one after the other."""

    def clause(self, clause: Clause, led: Where | None = None) -> None:
        """Take up a clause.

        Args:
            led: the place that was named before it, for all of its sentence.
        """
        self._look([*clause.verb, *clause.words], led)
        self._sends(clause)
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
        self._carries(frame, clause)
        if verb is None and self.others.names and frame.unknown and frame.unknown[0] is clause.words[0]:
            # No verb that the grammar knows, but a tool may: "notify somebody".
            first, rest = clause.words[0], clause.words[1:]
            self._other(Clause(rest, "", [first], clause.condition, clause.negated, clause.sentence))
            return
        self._not_understood(frame)
        if self.b.problems:
            return
        self._either(frame)
        self._averaged(frame)
        self._who(frame, clause)
        self._grouped_question(frame, clause)
        self._number_of_measures(frame, clause)
        self._counted_in_chart(frame, clause)
        self._counted_columns(frame, clause)
        self._one_of_each(frame, clause)
        if self.b.problems:
            return
        if (
            [t.text.lower() for t in clause.verb] == ["how", "much"]
            and (frame.groups or frame.parts)
            and not frame.aggregates
        ):
            frame.aggregates.append(Aggregate("sum"))
        if (
            verb is None
            and not clause.intent
            and self.intent_before == "count"
            and (frame.unit or frame.levels or frame.files)
        ):
            clause.intent = "count"  # "count the rows of a.csv, then the rows of b.csv"
        self.intent_before = clause.intent
        if frame.digest and clause.intent in ("show", "", "count"):
            clause.intent = "hash"
        self._grouped_before(frame, clause)
        self._of_each_kind(frame)
        self.b.when = self._when(clause)
        deed = self._DO.get(clause.intent, Deeds._show)
        self._done_there(lambda mine, own: deed(self, mine, own), frame, clause)
        self.b.when = None

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
        makes = clause.intent == "make" and (frame.targets or frame.texts or frame.contains)
        if makes or (frame.targets and any(t.path or t.form for t in frame.targets)):
            self._write(frame, clause)
            return
        value = self._shown(frame, clause)
        if value is not None:
            self._keep(value)

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
            self.b.problems.append(problem("plan/no-object", self._verb(clause), "group by what? Name a column"))
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

    def _length(self, frame: Frame, clause: Clause) -> None:
        if not frame.measures:
            frame.measures.append("lines" if clause.intent == "length" else "size_bytes")
        frame.each = frame.each or (clause.words[:1] != [] and clause.words[0].is_word("are"))  # not: "is the folder"
        self._show(frame, clause)

    def _compare(self, frame: Frame, clause: Clause) -> None:
        if frame.chart or frame.aggregates or frame.groups:
            if frame.columns and not frame.groups:
                frame.groups.append(frame.columns.pop(0))
            self._show(frame, clause)
            return
        self.b.problems.append(
            problem(
                "plan/no-tool",
                self._verb(clause),
                "there is no tool that compares; say what to count or chart of each, or register a tool: "
                "docs/guides/tools.md",
            )
        )

    def _tables(self, base: Value | None, frame: Frame) -> Value | None:
        """Several table files, named here or before."""
        found = base if base is not None else (self.last if frame.pronoun is not None else None)
        if found is None or found.kind != "paths" or found.path or sources.kind_of(found, self.around) != "table":
            return None
        return found

    def _drop(self, frame: Frame, clause: Clause) -> None:
        """ "Drop the rows where ...": those for which it does not hold are kept."""
        tests = frame.tests
        if len(tests) != 1 or tests[0].test not in _OPPOSITE:
            message = "which rows are left out? Say one condition: drop the rows where amount is below 10"
            self.b.problems.append(problem("plan/ambiguous", self._verb(clause), message))
            return
        tests[0].test = _OPPOSITE[tests[0].test]
        clause.intent = "filter"
        self._show(frame, clause)

    def _measure(self, frame: Frame, clause: Clause) -> None:
        if not (frame.metrics or frame.snapshot or frame.duration_s or frame.interval_s):
            self._show(frame, clause)
            return
        frame.snapshot = True
        self._show(frame, clause)

    def _describe(self, frame: Frame, clause: Clause) -> None:
        verb = self._verb(clause)
        base = sources.paths_of(frame, self.b, self.around, frozenset(self.made))
        if self.b.problems:
            return
        if base is not None and base.path and sources.kind_of(base, self.around) == "table":
            table: Any = base.path
        elif (several := self._tables(base, frame)) is not None:
            described = self.b.add("describe", "data.describe", {"table": Ref(ITEM)}, over=several.ref)
            rows = self.b.records("descriptions", "zip", {"columns": {"path": several.ref, "columns": described}})
            self._keep(Value("rows", rows, (Column("path"), Column("columns")), label="path", noun="descriptions"))
            return
        else:
            value = self.value(frame, "describe", verb)
            if value is None or self.b.problems:
                return
            if value.kind != "rows":
                self.b.problems.append(
                    problem(
                        "plan/no-tool",
                        verb,
                        f"there is no tool that can {verb.text.lower() if verb else 'describe'} text; only tables are "
                        "described. Register one: docs/guides/tools.md",
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

    def _fetch(self, frame: Frame, clause: Clause) -> None:
        if not frame.urls:
            if frame.has_source:
                self._show(frame, clause)
                return
            self.b.problems.append(
                problem(
                    "plan/no-object",
                    self._verb(clause),
                    "fetch what? Write its address, such as https://example.org/data.json",
                )
            )
            return
        target = next((t for t in frame.targets if t.path), None)
        if target is not None or (clause.verb and clause.verb[0].is_word("download")):
            name = PurePosixPath(frame.urls[0].partition("?")[0]).name or "download"
            path = self._place(frame.targets, name)
            for goal in self._goals(frame):
                with self.b.at(goal):
                    ref = self.b.add(
                        "download",
                        "http.download",
                        {"url": frame.urls[0], "path": path},
                        fresh=True,
                        question=f"Download {frame.urls[0]} to {path!r}{f' {goal}' if goal.names else ''}?",
                    )
                    self._wrote(path)
                self.last = Value("paths", [ref["path"]], path=path, sample=(path,), noun=path, where=goal)
            return
        self._show(frame, clause)

    def _send(self, frame: Frame, clause: Clause) -> None:
        verb = self._verb(clause)
        url = next((t.path for t in frame.targets if t.path.startswith("http")), "") or next(iter(frame.urls), "")
        if not url:
            what = (
                f"there is no tool that can {verb.text.lower() if verb else 'send'} it without an address that begins "
                "with https://; for mail and the like register one: docs/guides/tools.md"
            )
            self.b.problems.append(problem("plan/no-tool", verb, what))
            return
        frame.urls.clear()
        value = self.value(frame, "show", verb)
        if value is None or self.b.problems:
            return
        content = self.b.read(value) if value.kind == "paths" else self._answer(value)
        key = "content" if value.kind in ("text", "paths") else "json"
        ref = self.b.add("send", "http.post", {"url": url, key: content}, fresh=True, question=f"Send it to {url}?")
        self._keep(Value("number", ref["status"], noun="status"))

    def _run(self, frame: Frame, clause: Clause) -> None:
        if frame.command is None:
            path = frame.paths[0] if frame.paths else None
            words = [t for t in clause.words if t.kind in ("word", "path", "number")]
            message = "run what? Put the command in quotes: run 'git status'"
            if path is not None or words:
                command = " ".join(t.text for t in words)
                message = f"a command is only run as it is written: put it in quotes, as in run '{command}'"
            self.b.problems.append(problem("plan/command", self._verb(clause), message))
            return
        target = list(frame.targets)
        value = sources.command(frame, self.b)
        if frame.measures or frame.contains or frame.levels:
            value = self._of_text(value, frame, "show")
        self._keep(value)
        if target:
            self._used()
            self._write_value(value, frame, clause)

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

    def _other(self, clause: Clause) -> None:
        phrases = [token for token in clause.words if token.where is not None]
        clause.words = [token for token in clause.words if token.where is None]
        where = phrases[0].where if phrases else self.led
        if where is None or where.is_here:
            self._called(clause)
            return
        frame = Frame(where=where, devices=phrases)
        self.b.visited.clear()
        self.b.whole = True  # a tool that only computes is done there too: so it was said
        if len(phrases) > 1:
            frame.unknown.append(phrases[1])
            self._not_understood(frame)
        elif where.is_several:
            self._each(lambda _, mine: self._called(mine), frame, clause, where)
        else:
            with self.b.at(where):
                self._called(clause)
        self.b.whole = False
        self.led_before = self.led
        self._remember(frame, clause)

    def _called(self, clause: Clause) -> None:
        """Call a tool beyond the grammar."""
        self.b.when = self._when(clause)
        value = self.others.call(clause, self)
        self.b.when = None
        if value is not None:
            if any(t.is_word("it", "them", "this", "that") for t in clause.words):
                self._used()
            self._keep(value)

    _DO: Mapping[str, Callable[[Deeds, Frame, Clause], None]] = {
        "show": _show,
        "count": _show,
        "which": _show,
        "occurrences": _show,
        "filter": _show,
        "parse": _show,
        "": _show,
        "sum": _aggregate,
        "mean": _aggregate,
        "group": _group,
        "sort": _sort,
        "search": _search,
        "chart": Writing._chart,
        "write": Writing._write,
        "make": _show,
        "append": Writing._append,
        "copy": Writing._copy,
        "remove": Writing._remove,
        "hash": Writing._hash,
        "replace": Writing._replace,
        "fetch": _fetch,
        "run": _run,
        "convert": Writing._convert,
        "merge": Writing._merge,
        "describe": _describe,
        "measure": _measure,
        "size": _length,
        "length": _length,
        "compare": _compare,
        "drop": _drop,
        "send": _send,
    }

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
        if self.files and self.perhaps_written:
            found["files"] = self.b.records("written", "present", {"items": self.files})
            for ref in self.files:
                if isinstance(ref, Ref):
                    self.b.after(ref, found["files"], "completion")  # skipped or not
        elif self.files:
            named = list(dict.fromkeys(path for path in self.files if isinstance(path, str)))
            listed = [path for item in self.files if isinstance(item, list) for path in item]
            single = [item for item in self.files if isinstance(item, Ref) and item.path]
            several = [item for item in self.files if isinstance(item, Ref) and not item.path]
            found["files"] = several[0] if self.files == several[:1] else [*named, *listed, *single, *several]
        return found
