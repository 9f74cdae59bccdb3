"""Conditions: from "if there are more than 3 errors" to an expression over results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.graph import Add, Expr, Ref
from orrery.planners.rules import sources
from orrery.planners.rules.build import Value
from orrery.planners.rules.clauses import Clause, Condition
from orrery.planners.rules.conventions import Conventions
from orrery.planners.rules.frame import Frame, Test, problem
from orrery.planners.rules.reader import read
from orrery.planners.rules.where import Where

_PYTHON = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "=": "==", "!=": "!="}


class Conditions(Conventions):
    """Takes up the conditions of a request."""

    def condition(self, number: int, condition: Condition, led: Where | None = None) -> None:
        """Take up a condition; the clauses under it ask for it by number.

        Args:
            led: the place that was named before it, for all of its sentence.
        """
        self._look(condition.words, led)
        frame = read(condition.words, self.around, self._columns(condition.words))
        self._not_understood(frame)
        self._either(frame)
        if not self.b.problems:
            clause = Clause(condition.words, "if")
            where = self._lies(frame, clause)
            if where.is_several or where.fits:
                message = "a condition is about one device; name it"
                b_problem = problem("plan/ambiguous", condition.opener, message)
                self.b.problems.append(b_problem)
                return
            with self.b.at(where):
                expr = self._holds(frame, condition)
            if not where.is_here and self.last is not None and self.last.kind == "paths":
                self.last = self.last.but(where=where)
            self._remember(frame, clause)
            self.led_before = led
            if expr is not None:
                self.conditions[number] = expr

    def _when(self, clause: Clause) -> Expr | None:
        if clause.condition is None:
            return None
        holds = self.conditions.get(clause.condition)
        if holds is None:
            return None
        return Expr(f"not ({holds.source})", holds.names) if clause.negated else holds

    def _holds(self, frame: Frame, condition: Condition) -> Expr | None:
        b = self.b
        if frame.status:
            status = self._command_status(frame)
            if status is None:
                b.problems.append(
                    problem("plan/no-reference", condition.opener, "which command's status is meant? Run one before")
                )
                return None
            return Expr("status == 0" if frame.status == "succeeded" else "status != 0", {"status": status})
        of_each_row = frame.unit == "rows" and any(token.is_word("any", "some") for token in condition.words)
        counted = [test for test in frame.tests if self._is_count(test, frame) and not of_each_row]
        frame.tests = [test for test in frame.tests if test not in counted]
        about = frame.levels or frame.contains or frame.texts or frame.tests or counted or frame.measures or frame.unit
        if frame.exists is None and frame.paths and not about and condition.words[0].is_word("there"):
            frame.exists = not frame.none  # "if there is a README.md", whatever it holds
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
        n: Any = value.ref
        if value.kind == "rows" and counted and value.summed and value.measure:
            n, value = (
                b.records("total", "reduce", {"items": value.ref, "how": "sum", "column": value.measure}),
                Value("number", 0),
            )
        if value.kind == "map" and isinstance(n, Mapping):
            b.problems.append(problem("plan/ambiguous", condition.opener, "compare one value at a time"))
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
        return any(a.column == test.column and a.how != "count" for a in frame.aggregates)

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
        if frame.command is None and frame.texts:
            frame.command = frame.texts[0]
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

        for place, edit in enumerate(self.b.edits):
            if isinstance(edit, Add) and isinstance(ref, Ref) and edit.task.id == ref.task:
                args = {**edit.task.args, "check": False}
                self.b.edits[place] = Add(msgspec.structs.replace(edit.task, args=args))


def subject_of(value: Value, frame: Frame) -> Value:
    """What "it" or "them" is after a condition: the one file of which it spoke, else what was looked at."""
    if len(frame.paths) == 1 and not (frame.levels or frame.groups or frame.unit == "rows"):
        path = frame.paths[0][0]
        return Value("paths", [path], path=path, sample=(path,), noun=path)
    return value


def _number(test: Test) -> str:
    value = float(test.value)
    return str(int(value)) if value.is_integer() else repr(value)
