"""From a frame to what it speaks of: the files, the rows of a table or a log, a measurement, a page, a command."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from orrery.graph import Ref
from orrery.planners.rules.build import Builder, Value
from orrery.planners.rules.frame import FileSet, Frame, problem
from orrery.planners.rules.surroundings import Column, Surroundings
from orrery.planners.rules.vocabulary import TABLE_SUFFIXES

MATCH_COLUMNS = (Column("path"), Column("line", numeric=True), Column("text"), Column("match"))
_SAMPLE = (
    "at",
    "cpu_percent",
    "memory_percent",
    "read_bytes_per_s",
    "written_bytes_per_s",
    "received_bytes_per_s",
    "sent_bytes_per_s",
)


def paths_of(frame: Frame, b: Builder, around: Surroundings, known: frozenset[str] = frozenset()) -> Value | None:
    """The files that a frame names; None where it names none.

    Args:
        known: paths that an earlier step writes, which need not exist yet.
    """
    listed = [(path, token) for path, token in frame.paths]
    found = frame.files
    folder = found.folder if found is not None else ""
    bare = found is not None and not (found.suffixes or found.patterns or found.folders)
    if folder and not folder.startswith(("/", "~")) and around.lacks(folder) and not known:
        b.problems.append(_missing(folder, frame.folder_token, around, "folder"))
    if listed and (found is None or bare):
        paths = [around.within(folder, path) for path, _ in listed]
        for path, (_, token) in zip(paths, listed, strict=True):
            if around.lacks(path) and path not in known and "*" not in known:
                b.problems.append(_missing(path, token, around, "file"))
        kept = [path for path in paths if path not in (found.without if found else ())]
        one = kept[0] if len(kept) == 1 else ""
        return Value("paths", kept, path=one, sample=tuple(kept), noun=one or "files")
    if found is None:
        return None
    return _searched(found, b, around)


def _missing(path: str, token: Any, around: Surroundings, what: str) -> Any:
    near = around.nearest(path)
    return problem("plan/no-such-file", token, f"there is no {what} {path!r} here" + (f"; {near}" if near else ""))


def _searched(files: FileSet, b: Builder, around: Surroundings) -> Value:
    patterns = patterns_of(files)
    absolute = files.folder.startswith(("/", "~"))
    globs: list[Ref] = []
    for pattern in patterns:
        args: dict[str, Any] = {"pattern": pattern}
        if files.folders:
            args["kind"] = "folder"
        if files.hidden:
            args["hidden"] = True
        if absolute:
            args["root"] = files.folder
        globs.append(b.add(f"find-{files.called}" if not files.folders else "find-folders", "files.glob", args))
    ref: Any = globs[0] if len(globs) == 1 else b.records("all-files", "flatten", {"lists": globs})
    if files.without or len(globs) > 1:
        ref = b.records(
            "chosen-files", "choose_paths", {"paths": ref, **({"without": files.without} if files.without else {})}
        )
    if absolute:
        return Value("paths", ref, noun=files.called)
    return Value("paths", ref, sample=tuple(around.matches(patterns)), noun=files.called)


def patterns_of(files: FileSet) -> list[str]:
    """The patterns that find a set of files."""
    if files.more_folders:
        each = [replace(files, folder=folder, more_folders=[]) for folder in (files.folder, *files.more_folders)]
        return [pattern for one in each for pattern in patterns_of(one)]
    within = "" if files.folder.startswith(("/", "~")) else files.folder
    begin = f"{within}/" if within else ""
    deep = f"{begin}**/" if files.deep else begin
    patterns = []
    for pattern in files.patterns:
        nested = "/" in pattern or (not within and not files.deep)
        patterns.append(
            (begin + pattern if not pattern.startswith(begin) else pattern) if nested or not within else deep + pattern
        )
    if files.folders:
        return [deep + "*"]
    if not patterns or files.suffixes:
        if files.patterns and files.suffixes:
            return patterns
        patterns += [f"{deep}*{suffix}" for suffix in files.suffixes] or ([f"{deep}*"] if not files.patterns else [])
    return list(dict.fromkeys(patterns))


def kind_of(paths: Value, around: Surroundings) -> str:
    """What the files are: "table", "log", "document" or "text", by the first of them."""
    if paths.path and around.kind(paths.path) != "missing":
        return around.kind(paths.path)
    for path in paths.sample:
        return around.kind(path) if around.kind(path) != "missing" else around.kind_by_name(path)
    return "text"


def rows_of(paths: Value, b: Builder, around: Surroundings, kind: str) -> Value:
    """The rows of tables or logs, with the file that each came from where there are several."""
    columns = next((known for path in paths.sample if (known := around.columns(path))), ())
    name = PurePosixPath(paths.path).stem if paths.path else paths.noun
    if kind == "table" and paths.path.endswith(".json") and around.kind(paths.path) == "document":
        kind = "document"
    if kind == "table":
        read = b.per_file(paths, f"read-{name}", "data.read_table", "path")
    else:
        texts = b.read(paths)
        read = b.per_item(paths, texts, f"records-of-{name}", "records.of_log", "text")
    if paths.path:
        return Value("rows", read, columns, label=label_of(columns), sample=paths.sample, noun=name)
    ref = b.records(f"rows-of-{name}", "flatten", {"lists": read, "labels": paths.ref})
    return Value(
        "rows",
        ref,
        (Column("path"), *(c for c in columns if c.name != "path")),
        label=label_of(columns),
        noun=f"rows of {name}",
        sample=paths.sample,
    )


def label_of(columns: tuple[Column, ...]) -> str:
    """The column that names a row: the first of text, else the first time, else the first."""
    for wanted in (lambda c: not c.numeric and not c.is_time, lambda c: c.is_time, lambda _c: True):
        for column in columns:
            if wanted(column) and column.name not in ("line",):
                return column.name
    return ""


def metric(frame: Frame, b: Builder) -> Value:
    """A measurement of the machine: one moment, or samples over a time."""
    if frame.duration_s is not None or frame.interval_s is not None:
        seconds = frame.duration_s if frame.duration_s is not None else 5 * (frame.interval_s or 1.0)
        args: dict[str, Any] = {"seconds": seconds}
        args["interval_s"] = frame.interval_s if frame.interval_s is not None else min(1.0, seconds / 5)
        ref = b.add("samples", "metrics.sample", args)
        names = {"cpu_percent": "cpu_percent", "memory": "memory_percent"}
        wanted = [names[path[0]] for path in frame.metrics if path[0] in names]
        columns = tuple(Column(name, numeric=True) for name in _SAMPLE)
        if wanted:
            ref = b.records("samples-of-" + "-".join(wanted), "select", {"records": ref, "columns": ["at", *wanted]})
            columns = tuple(Column(name, numeric=True) for name in ("at", *wanted))
        return Value("rows", ref, columns, label="at", measure=wanted[0] if wanted else "cpu_percent", noun="samples")
    ref = b.add("machine", "metrics.snapshot", {})
    if not frame.metrics:
        return Value("map", ref, noun="machine")
    parts = {_called(path): Ref(ref.task, path) for path in frame.metrics}
    if len(parts) == 1:
        return Value("number", next(iter(parts.values())), noun=next(iter(parts)))
    return Value("map", parts, noun="metrics")


def _called(path: tuple[str, ...]) -> str:
    return "_".join(path)


def page(frame: Frame, b: Builder) -> Value:
    """What an address answers."""
    refs = [b.add("fetch", "http.get", {"url": url}) for url in frame.urls]
    if len(refs) > 1:
        return Value("list", [ref["body"] for ref in refs], noun="pages")
    is_table = PurePosixPath(frame.urls[0]).suffix.lower() in TABLE_SUFFIXES - {".parquet", ".csv", ".tsv"}
    return Value("rows" if is_table else "text", refs[0]["body"], noun="page")


def command(frame: Frame, b: Builder, *, check: bool = True) -> Value:
    """What a command writes."""
    assert frame.command is not None
    text = frame.command.text
    try:
        words = shlex.split(text)
    except ValueError as error:
        b.problems.append(problem("plan/command", frame.command, f"the command cannot be read: {error}"))
        words = [text]
    if not words:
        b.problems.append(problem("plan/command", frame.command, "the command is empty"))
        words = ["true"]
    base = "run-" + PurePosixPath(words[0]).name
    more = {} if check else {"check": False}
    if shutil.which(words[0]) is None or any(sign in text for sign in "|<>&;$`*"):
        ref = b.add(base, "shell.script", {"script": text, **more}, question=f"Run {text!r} in a shell?", fresh=True)
    else:
        ref = b.add(base, "shell.run", {"command": words, **more}, question=f"Run {text!r}?", fresh=True)
    return Value("text", ref["stdout"], noun=f"output of {text!r}", items=Value("map", ref))
