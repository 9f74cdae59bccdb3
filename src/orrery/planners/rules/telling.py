"""Telling: values as an answer wants them, counted or as text, and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from orrery.graph import Ref
from orrery.planners.rules import charts, refine, refine_files, sources
from orrery.planners.rules.build import Value
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.conditions import Conditions
from orrery.planners.rules.frame import Frame, Target
from orrery.planners.rules.surroundings import Column
from orrery.planners.rules.where import HERE


class Telling(Conditions):
    """Shows values, and draws them."""

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
        if intent == "which" and value.kind == "paths" and value.path:
            found = b.add("look-for", "files.glob", {"pattern": value.path, "kind": "any", "hidden": True})
            return Value("list", found, noun="files")
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
        if value.kind in ("number", "map"):
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
            return refine_files.of_one(value, frame.measures or ["lines"], b)
        if value.kind == "text":
            counted = b.add("count", "text.count", {"text": value.ref})
            return Value("number", counted[(frame.measures or ["lines"])[0]], noun="lines")
        number = b.records(f"number-of-{value.noun}", "reduce", {"items": value.ref, "how": "count"})
        return Value("number", number, noun=f"number of {value.noun}", items=value)

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
        goals = self._goals(frame) if targets or self.led is not None else [HERE]
        place = self._place(targets, "chart.png")
        for goal in goals:
            with self.b.at(goal):
                path, value = charts.drawn(value, kind, frame, self.b, place)
                if path is not None:
                    self._wrote(path)
        if not goals or self.b.problems:
            return
        if goes_on and earlier is not None:
            self._used()
        self.drawn = next(reversed(self.b.names))
        self._keep(value)

    def _place(self, targets: Sequence[Target], otherwise: str) -> str:
        for target in targets:
            if target.path and not target.path.endswith("/"):
                return target.path
            if target.path:
                return self.around.free_name(target.path + otherwise, self.made)
            if target.form in ("png", "svg"):
                return self.around.free_name(f"{PurePosixPath(otherwise).stem}.{target.form}", self.made)
        return self.around.free_name(otherwise, self.made)

    def _wrote(self, path: Any) -> None:
        if self.b.when is not None:
            self.perhaps_written = True
        at = self.b.where
        if isinstance(path, str) and at.device and self.b.when is None:
            self.files.append(f"{at.device}:{path}")
        elif self.b.when is None or isinstance(path, Ref):
            self.files.append(path)
        else:
            task = self.b.last_task()
            self.files.append(Ref(task.id, () if task.op.startswith("chart.") else ("path",)))
        if isinstance(path, str):
            if at.is_here:
                self.made[path] = None
            self.last_file, self.last_file_at = path, at
            if self.last is None:
                self.last = Value("paths", [path], path=path, sample=(path,), noun=path, where=at)
