"""Writing: values into files, and what is done with whole files: copied, removed, hashed, changed, joined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from orrery.graph import Ref, Template
from orrery.graph.ref import ITEM
from orrery.planners.rules import sources
from orrery.planners.rules.build import Value
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.frame import Frame, Target, problem
from orrery.planners.rules.places import stands_in
from orrery.planners.rules.surroundings import Column
from orrery.planners.rules.telling import Telling
from orrery.planners.rules.where import Where

_FORM_OF_SUFFIX = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".markdown": "markdown",
}


class Writing(Telling):
    """Changes the disk, and nothing that was not named outright."""

    def _write(self, frame: Frame, clause: Clause) -> None:
        if frame.chart:
            self._chart(frame, clause)
            return
        if self._renamed_chart(frame):
            return
        texts = list(frame.texts)
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
            self.b.problems.append(problem("plan/no-object", self._verb(clause), "it is written already"))
            return
        value = self._shown(frame, clause)
        if value is not None:
            if self.edit is not None and value.ref == self.edit[0]:
                self.edit = None
            self.last = value
            self._write_value(value, frame, clause)

    def _renamed_chart(self, frame: Frame) -> bool:
        """ "... and save it as pay.png": the chart that was drawn goes there."""
        target = next((t.path for t in frame.targets if t.path.lower().endswith((".png", ".svg"))), "")
        if not self.drawn or frame.has_source or frame.texts or (frame.targets and not target):
            return False
        if target:
            old = self.b.renamed(self.drawn, target)
            self.files = [target if path == old else path for path in self.files]
            self.made.pop(old, None)
            self.made[target] = None
            self.last_file = target
        self.drawn = ""
        return True

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
        path = self._place(frame.targets, default)
        form = _FORM_OF_SUFFIX.get(PurePosixPath(path).suffix.lower(), "text")
        content = self._answer(value)
        if frame.mapped is not None:
            value, form = self._by_name(value, frame), "json"
            content = value.ref
        if value.kind == "rows" and path.lower().endswith(".log") and value.has("message") and not value.has("text"):
            message = "a log's records are no lines any more; write them to a CSV or JSON lines file"
            self.b.problems.append(problem("plan/no-tool", self._verb(clause), message))
            return
        if value.kind == "paths" and value.path:
            content = self.b.read(value)
        if PurePosixPath(path).suffix.lower() == ".parquet":
            for goal in self._goals(frame):
                with self.b.at(goal):
                    ref = self.b.add("write", "data.write_table", {"records": content, "path": path}, fresh=True)
                    self._wrote(ref["path"])
                    self.made |= {path: None} if goal.is_here else {}
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

    def _by_name(self, value: Value, frame: Frame) -> Value:
        """A map from the name of each device to what it gave."""
        if value.parts and all(part.kind in ("number", "text") for part in value.parts.values()):
            return Value("map", {name: part.ref for name, part in value.parts.items()}, noun=value.noun)
        if value.kind == "rows" and value.has("device") and value.measure and value.label == "device":
            args = {"records": value.ref, "label": "device", "value": value.measure}
            return Value("map", self.b.records("by-name", "pairs", args), noun=value.noun)
        message = "a map needs one value of each device"
        self.b.problems.append(problem("plan/not-understood", frame.mapped, message))
        return value

    def _write_content(self, content: Any, path: str, frame: Frame, clause: Clause) -> None:
        path = path or self._place(frame.targets, "result.txt")
        op = "files.append" if clause.intent == "append" else "files.write"
        verb = "Append to" if op == "files.append" else "Write"
        stem = PurePosixPath(path).stem
        goals = self._goals(frame)
        for goal in goals:
            own = stands_in(path, goal.device) if len(goals) > 1 else path
            with self.b.at(goal):
                self.b.add(
                    f"{'append-to' if op == 'files.append' else 'write'}-{stem}",
                    op,
                    {"path": own, "content": content},
                    question=f"{verb} {own!r}{f' {goal}' if goal.names else ''}?",
                    fresh=True,
                )
                self._wrote(own)

    def _append(self, frame: Frame, clause: Clause) -> None:
        if not frame.targets:
            self.b.problems.append(
                problem("plan/no-object", self._verb(clause), "append to which file? Say: to notes.txt")
            )
            return
        self._write(frame, clause)

    def _whole_files(self, frame: Frame, clause: Clause) -> Value | None:
        """The files that a verb about whole files is about."""
        goes_on = not frame.has_source
        if goes_on and self.last is not None and self.last.kind == "done" and self.last_file:
            return self._written_last()
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
            return self._written_last()
        if value.kind != "paths":
            self.b.problems.append(
                problem(
                    "plan/no-object", self._verb(clause), f"only files can be used here, not {value.noun or value.kind}"
                )
            )
            return None
        return value

    def _written_last(self) -> Value:
        path = self.last_file
        if self.last_file_at != self.b.where:
            message = f"{path!r} was written {self.last_file_at}, and not {self.b.where}; name the file and the device"
            self.b.problems.append(problem("plan/ambiguous", None, message))
        return Value("paths", [path], path=path, sample=(path,), noun=path, where=self.last_file_at)

    def _copy(self, frame: Frame, clause: Clause) -> None:
        value = self._whole_files(frame, clause)
        if value is None:
            return
        target = next((t.path for t in frame.targets if t.path), "")
        goals = self._goals(frame)
        if any(not goal.same(self.b.where) for goal in goals):
            self._carry(value, target, goals)
            return
        if not goals:
            return
        if not target:
            if not value.path:
                self.b.problems.append(
                    problem("plan/no-object", self._verb(clause), "copy them to which folder? Say: to backup/")
                )
                return
            target = self.around.free_name(value.path, self.made)
        into = target.endswith("/") or self.around.kind(target) == "folder" or not value.path
        folder = target.rstrip("/")
        if value.path:
            place = f"{folder}/{PurePosixPath(value.path).name}" if into else target
            self.b.add(
                "copy",
                "files.copy",
                {"source": value.path, "target": place},
                question=f"Copy {value.path!r} to {place!r}?",
                fresh=True,
            )
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

    def _carry(self, value: Value, target: str, goals: Sequence[Where]) -> None:
        """Files to other devices: read where they lie, written where they go."""
        folder = target.rstrip("/")
        if value.path:
            name = PurePosixPath(value.path).name
            place = f"{folder}/{name}" if target.endswith("/") else target or value.path
            content = self.b.add(f"read-{PurePosixPath(name).stem}", "files.read_bytes", {"path": value.path})
            wanted = place
            for goal in goals:
                place = stands_in(wanted, goal.device) if len(goals) > 1 else wanted
                with self.b.at(goal):
                    question = f"Write {place!r} {goal}?"
                    args = {"path": place, "content": content}
                    self.b.add(f"write-{PurePosixPath(place).stem}", "files.write", args, question=question, fresh=True)
                    self._wrote(place)
            self.last = value  # it is the same everywhere
            if len(goals) == 1:
                self.last = Value("paths", [place], path=place, sample=(place,), noun=place, where=goals[0])
            return
        contents = self.b.add("read", "files.read_bytes", {"path": Ref(ITEM)}, over=value.ref)
        parts = [self.b.records("path-parts", "of_paths", {"paths": value.ref})]
        rows = self.b.records("to-carry", "zip", {"columns": {"content": contents}, "spread": parts})
        path = Template((f"{folder}/", Ref(ITEM, ("name",)))) if target else Ref(ITEM, ("path",))
        args = {"path": path, "content": Ref(ITEM, ("content",))}
        for goal in goals:
            with self.b.at(goal):
                question = f"Write these files {goal}{f' to {folder!r}' if folder else ''}?"
                written = self.b.add("write", "files.write", args, over=rows, question=question, fresh=True)
                made = self.b.records("copies", "values", {"records": written, "column": "path"})
                self._wrote(made)
                self.last = Value("paths", made, sample=value.sample, noun="copies", where=goal)

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
                    "plan/vague-effect",
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
                    "plan/vague-effect",
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
                    "plan/no-object",
                    verb,
                    "say what is replaced by what, both in quotes: replace 'a' with 'b' in x.txt",
                )
            )
            return
        frame.contains.clear()
        if not frame.has_source:
            self._used()
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
                self._write_content(done, self._place(targets, "result.txt"), frame, clause)
            self._keep(Value("text", done, noun="text"))
            return
        texts_ref = self.b.read(value)
        done = self.b.per_item(value, texts_ref, "replace", "text.replace", "text", {"old": old, "new": new})
        if value.path:
            path = self._place(targets, value.path) if targets else value.path
            if targets:
                self._write_content(done, path, frame, clause)
                self.last = Value("paths", [path], path=path, sample=(path,))
            else:
                self.last = Value("text", done, noun="text")
                frame.goes = self.b.where
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

    def _convert(self, frame: Frame, clause: Clause) -> None:
        if frame.chart:
            self._chart(frame, clause)
            return
        if not frame.targets:
            self.b.problems.append(
                problem("plan/no-object", self._verb(clause), "convert it to what? Say: to JSON, or: to table.csv")
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
        if frame.columns or frame.groups:
            message = "there is no tool that joins tables by a column; rows are only put one below the other"
            self.b.problems.append(problem("plan/no-tool", self._verb(clause), message))
            return
        value = self.value(frame, "merge", self._verb(clause))
        if value is None or self.b.problems:
            return
        texts_of = [part.ref for part in value.parts.values() if part.kind == "text"]
        if value.parts and len(texts_of) == len(value.parts):
            joined = self.b.records("joined", "text", {"value": texts_of})
            value = Value("text", joined, noun="joined text")
            self._used()
        if value.kind == "paths":
            texts = self.b.read(value)
            joined = self.b.records("joined", "text", {"value": texts})
            value = Value("text", joined, noun="joined text")
        if frame.targets:
            self.last = value
            self._write_value(value, frame, clause)
        else:
            self._keep(value)
