"""Spread: what a clause asks of several devices is done on each, and what came of it taken together.

What each gave is a row with the device's name in the column `device`, so that later parts can choose, sort and draw.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain

from orrery.planners.rules import refine
from orrery.planners.rules.build import Value
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.frame import Aggregate, Frame, problem
from orrery.planners.rules.places import has_stand_in, stands_in
from orrery.planners.rules.surroundings import Column
from orrery.planners.rules.where import HERE, Where
from orrery.planners.rules.writing import Writing

DEVICE = Column("device")
_WHOLE = ("copy", "remove", "hash", "which")
_ONLY_WRITE = ("write", "append", "convert", "chart", "make", "merge")
_BYTES = ("size_bytes", "size")
_DIMENSIONS = {"size": "size_bytes", "length": "lines", "time": "modified_at"}
_WRITES = ("write", "append", "convert", "chart", "make", "show", "", "count", "which", "sum", "mean", "sort", "filter")


class Spread(Writing):
    """Does a clause where it is to be done."""

    def _done_there(self, deed: Callable[[Frame, Clause], None], frame: Frame, clause: Clause) -> None:
        self.b.visited.clear()
        where = self._lies(frame, clause)
        if self.b.problems:
            return
        if where.fits and (frame.paths or frame.files):
            token = frame.devices[0] if frame.devices else None
            message = "on which device do the files lie? Name it"
            self.b.problems.append(problem("plan/ambiguous", token, message))
        elif not where.is_here and clause.intent not in _WHOLE and (packed := self._packed(frame)):
            message = f"{packed!r} may be compressed, which is not opened there; name files that are not"
            self.b.problems.append(problem("plan/no-tool", frame.devices[0] if frame.devices else None, message))
        elif where.is_several:
            self._on_several(deed, frame, clause, where)
        else:
            with self.b.at(where):
                deed(frame, clause)
            if not where.is_here and self.last is not None and self.last.where.is_here and _lies_somewhere(self.last):
                self.last = self._told_where(self.last, where)
        if not self.b.problems and self.edit is None:
            self._all_visited(frame, clause)
        self._remember(frame, clause)

    def _packed(self, frame: Frame) -> str:
        """The file or the pattern that is compressed text, or may find some."""
        named = [path for path, _ in frame.paths] + (frame.files.patterns if frame.files is not None else [])
        packed = (path for path in named if path.endswith(".gz") and self.around.kind_by_name(path) != "table")
        rotated = (path for path in named if path.endswith("*") and "." in path.rpartition("/")[2])
        return next(chain(packed, rotated), "")

    def _all_visited(self, frame: Frame, clause: Clause) -> None:
        """Note a problem where a device was named on which nothing is done."""
        said = [frame.where, frame.goes, *(target.where for target in frame.targets)]
        said += [self.led if self.led is not self.led_before else None, *(where for where, _ in frame.lying)]
        for where in said:
            for name in where.names if where is not None and not where.fits else ():
                if name not in self.b.visited and not self.b.problems:
                    message = f"I do not see what is to be done on {name} here; name the file, or leave the device out"
                    token = frame.devices[0] if frame.devices else self._verb(clause)
                    self.b.problems.append(problem("plan/not-understood", token, message))
        self.led_before = self.led

    def _told_where(self, value: Value, where: Where) -> Value:
        """The value with where it lies; in the answers too."""
        told = value.but(where=where) if not value.where.names else value
        for key, answer in self.answers.items():
            if answer is value:
                self.answers[key] = told
        return told

    def _on_several(self, deed: Callable[[Frame, Clause], None], frame: Frame, clause: Clause, where: Where) -> None:
        target = next(iter(frame.targets), None)
        own = self._goal_said(frame, target)
        stands = target is not None and has_stand_in(target.path)
        each_writes = own is self.led or (own is not None and own.same(where)) or stands
        writes = (target is not None or bool(frame.chart) or clause.intent == "chart") and clause.intent in _WRITES
        if (writes and not each_writes) or clause.intent == "merge":
            self._together_then_written(frame, clause, where)
            return
        if clause.intent == "copy" and own is not None and not stands and not own.same(where):
            message = f"they would have the same name {own}; say in which names the device's stands: to logs/HOST.log"
            self.b.problems.append(problem("plan/ambiguous", self._verb(clause), message))
            return
        if target is not None and not each_writes and clause.intent not in (*_WRITES, "copy"):
            message = "each of them would write that file; first take together what they gave, and then write it"
            self.b.problems.append(problem("plan/ambiguous", target.token, message))
            return
        later = self._later(frame, clause, where)
        if self.b.problems:
            return
        self._each(deed, frame, clause, where)
        if self.b.problems or later is None or self.last is None:
            return
        self._used()
        found = refine.rows(self.last, later, self.b, clause.intent)
        self._keep(found.but(noun=found.noun or "devices"))

    def _each(self, deed: Callable[[Frame, Clause], None], frame: Frame, clause: Clause, where: Where) -> None:
        """Do a clause on each device, and take together what they answered."""
        before, last, base = self.answers, self.last, self.base
        parts: dict[str, Value] = {}
        answered = used = False
        for name in where.names:
            mine = copy.deepcopy(frame)
            if len({named for one, _ in mine.lying for named in one.names}) > 1:
                mine.paths = [path for one, path in mine.lying if name in one.names]
            for target in mine.targets:
                target.path = stands_in(target.path, name)
                if target.where is not None and target.where.same(where):
                    target.where = where.only(name)
            if mine.goes is not None and mine.goes.same(where):
                mine.goes = where.only(name)
            own, files = copy.copy(clause), len(self.files)
            written = [file for file in self.files if isinstance(file, str)]
            self.answers = dict(before)
            self.last = last.parts.get(name, last) if last is not None else None
            began = self.last
            self.base = base.parts.get(name, base) if base is not None else None
            with self.b.at(where.only(name)):
                deed(mine, own)
                self.finish()
            self.edit = None
            again = [file for file in self.files[files:] if file in written]
            if again and clause.intent != "append":
                message = f"each of them would write {again[0]!r}; say in which names the device's stands: HOST.txt"
                self.b.problems.append(problem("plan/ambiguous", self._verb(clause), message))
            if self.b.problems:
                return
            answered = answered or any(value is not before.get(key) for key, value in self.answers.items())
            used = used or (began is not last and self.was_used is began)
            if self.last is not None and self.last.kind == "rows" and self.last.summed and self.last.measure:
                with self.b.at(where.only(name)):
                    total = self._answer(self.last)
                self.last = Value("number", total, noun=self.last.measure)
            if self.last is not None:
                lies = _lies_somewhere(self.last) and self.last.where.is_here
                parts[name] = self.last.but(where=where.only(name)) if lies else self.last
        self.answers, self.base, self.last = before, None, last
        if used:
            self._used()
        if len(parts) < len(where.names):
            return
        joined = self.joined(parts)
        if answered:
            self._keep(joined)
        else:
            self.last = joined

    def _together_then_written(self, frame: Frame, clause: Clause, where: Where) -> None:
        """What each device gave, taken together and written or drawn once."""
        asked = copy.deepcopy(frame)
        asked.targets, asked.goes, asked.chart, asked.charted, asked.title = [], None, "", None, ""
        shown = copy.copy(clause)
        shown.intent = "show" if clause.intent in _ONLY_WRITE else clause.intent
        if any(a.how == "count" for a in asked.aggregates) or frame.counted:
            shown.intent = "count"
        if (frame.chart or clause.intent == "chart") and asked.levels and not (asked.groups or asked.parts):
            shown.intent = "count"  # a bar for each device
        before = set(self.answers)
        later = self._later(asked, shown, where)
        if self.b.problems:
            return
        self._each(self._told_alone, asked, shown, where)
        if self.b.problems or self.last is None:
            return
        for key in [key for key in self.answers if key not in before]:
            del self.answers[key]
        if later is not None:
            self.last = refine.rows(self.last, later, self.b, clause.intent)
        texts = [part.ref for part in self.last.parts.values() if part.kind == "text"]
        if clause.intent == "merge" and texts and len(texts) == len(self.last.parts):
            joined = self.b.records("joined", "text", {"value": texts})
            self.last = Value("text", joined, noun="joined text")
        if clause.intent == "merge" and not frame.targets:
            self._keep(self.last)
            return
        with self.b.at(HERE):
            rest = Frame(
                chart=frame.chart,
                charted=frame.charted,
                title=frame.title,
                targets=frame.targets,
                goes=frame.goes,
                where=frame.where,
                mapped=frame.mapped,
            )
            if frame.chart or clause.intent == "chart":
                self._chart(rest, clause)
            else:
                self._write_value(self.last, rest, clause)

    def _told_alone(self, frame: Frame, clause: Clause) -> None:
        value = self._shown(frame, clause)
        if value is not None:
            self._keep(value)

    def _later(self, frame: Frame, clause: Clause, where: Where) -> Frame | None:
        """Take out of a frame what is asked of all devices together; None where nothing is."""
        about_rows = where.together or frame.rank or frame.sort or frame.groups or frame.parts or frame.total
        about_rows = about_rows or any(a.how != "count" or frame.total for a in frame.aggregates)
        lines = frame.rank is not None and frame.rank.plain and frame.measures == ["lines"] and bool(frame.paths)
        if (where.every and not where.asked) or (lines and not where.together and not frame.total):
            return None  # the first lines of a file are those of each
        one_each = bool(frame.metrics) and frame.duration_s is None and frame.interval_s is None
        if where.asked and not one_each and not (frame.measures or frame.levels or frame.contains or frame.unit):
            measure = _DIMENSIONS.get(frame.rank.dimension, "") if frame.rank is not None else ""
            if measure and (frame.paths or frame.files):
                frame.measures.append(measure)
            elif frame.paths and not (frame.rank or frame.sort or frame.tests or frame.aggregates):
                return None  # "which of them have app.log": those where there is one
            elif not frame.files:
                message = "which of them by what? Say what is counted: the most errors, the most lines"
                self.b.problems.append(problem("plan/not-understood", self._verb(clause), message))
        if one_each or where.asked:
            later = Frame(rank=frame.rank, sort=frame.sort, tests=frame.tests, any_of=frame.any_of)
            if one_each and all(path[-1].endswith("bytes") for path in frame.metrics):
                later.tests = [replace(t, column="") if t.column in _BYTES else t for t in frame.tests]
            later.aggregates = [a for a in frame.aggregates if a.how != "count"] if one_each else []
            frame.rank, frame.sort, frame.tests = None, None, []
            frame.aggregates = [a for a in frame.aggregates if a not in later.aggregates]
            if where.asked and not one_each:
                clause.intent = "count"
            is_asked = later.rank or later.sort or later.tests or later.aggregates
            if where.asked and not is_asked:
                self.b.problems.append(
                    problem("plan/not-understood", self._verb(clause), "which of them by what? Say: the most, over 3")
                )
            return later if is_asked else None
        if not about_rows:
            return None
        said_together = where.together or frame.total
        if not said_together:
            token = frame.devices[0] if frame.devices else self._verb(clause)
            message = (
                f"for each of {', '.join(where.names)}, or for all of them together? Say 'on each of ...' or 'together'"
            )
            self.b.problems.append(problem("plan/ambiguous", token, message))
            return None
        later = Frame(
            rank=frame.rank,
            sort=frame.sort,
            groups=frame.groups,
            parts=frame.parts,
            total=frame.total,
            aggregates=frame.aggregates,
        )
        frame.rank, frame.sort, frame.groups, frame.parts, frame.total, frame.aggregates = None, None, [], [], False, []
        counts = [a for a in later.aggregates if a.how == "count"]
        if clause.intent == "count" or counts or frame.measures:
            later.aggregates = [_added_up(a) for a in later.aggregates] or [Aggregate("sum")]
            clause.intent = "count"
            if later.groups or later.parts:
                clause.intent, frame.unit = "show", "rows"
                later.aggregates = counts
        elif not (later.groups or later.parts or later.rank or later.sort or later.aggregates):
            later.aggregates = [Aggregate("sum")]
        elif later.rank is not None and later.rank.dimension in _DIMENSIONS and frame.files is not None:
            frame.measures.append(_DIMENSIONS[later.rank.dimension])
        else:
            frame.unit = "rows"
        return later

    def joined(self, parts: Mapping[str, Value]) -> Value:
        """What several devices gave as one value, which keeps what each of them gave."""
        known = set(self.b.names)
        value = self._joined(parts)
        self.b.spare |= set(self.b.names) - known
        return value

    def _joined(self, parts: Mapping[str, Value]) -> Value:
        names, values = list(parts), list(parts.values())
        first = values[0]
        refs = [value.ref for value in values]
        noun = _column(first)
        columns: tuple[Column, ...]
        b = self.b
        if any(value.kind != first.kind for value in values):
            return Value("map", dict(zip(names, refs, strict=True)), noun=first.noun, parts=parts)
        base = f"{noun}-by-device"
        if first.kind == "done":
            done = [f"{name}:{value.ref}" if isinstance(value.ref, str) else value.ref for name, value in parts.items()]
            return Value("done", done, noun=first.noun, parts=parts)
        if first.kind in ("number", "text"):
            ref = b.records(base, "zip", {"columns": {"device": names, noun: refs}})
            columns = (DEVICE, Column(noun, numeric=first.kind == "number"))
            measure = noun if first.kind == "number" else ""
            return Value("rows", ref, columns, label="device", measure=measure, noun=base, parts=parts)
        if first.kind == "map" and isinstance(first.ref, dict):
            table = {key: [value.ref[key] for value in values] for key in first.ref}
            ref = b.records(base, "zip", {"columns": {"device": names, **table}})
            columns = (DEVICE, *(Column(key, numeric=True) for key in first.ref))
            return Value("rows", ref, columns, label="device", noun=base, parts=parts)
        if first.kind == "map":
            ref = b.records(base, "zip", {"columns": {"device": names}, "spread": [refs]})
            return Value("rows", ref, (DEVICE,), label="device", noun=base, parts=parts)
        columns = first.columns
        if first.kind in ("list", "paths"):
            noun = "path" if first.kind == "paths" else noun
            refs = [
                b.records(f"{noun}-{name}", "zip", {"columns": {noun: ref}})
                for name, ref in zip(names, refs, strict=True)
            ]
            columns = (Column(noun),)
        ref = b.records(base, "flatten", {"lists": refs, "labels": names, "name": "device"})
        rest = tuple(column for column in columns if column.name != "device")
        label = "device" if first.measure else first.label or "device"
        return Value("rows", ref, (DEVICE, *rest), label=label, measure=first.measure, noun=base, parts=parts)


def _added_up(aggregate: Aggregate) -> Aggregate:
    """The aggregate over what each device has counted: numbers that were counted are added up."""
    return replace(aggregate, how="sum") if aggregate.how == "count" else aggregate


def _lies_somewhere(value: Value) -> bool:
    return value.kind == "paths" or (value.kind == "text" and bool(value.path)) or value.has("path")


def _column(value: Value) -> str:
    """What the column of single values is called."""
    if value.kind == "text":
        return "text" if value.path or not value.noun or " " in value.noun or "." in value.noun else value.noun
    if value.noun.startswith("number of") or value.noun in ("", "number"):
        return "count"
    name = value.noun.replace(" ", "_")
    return name.removesuffix("s") if value.kind == "list" else name


__all__ = ["Spread"]
