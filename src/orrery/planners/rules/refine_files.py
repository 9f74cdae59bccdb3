"""From files to what is said of them: chosen by name and content, measured, searched for lines."""

from __future__ import annotations

from typing import Any

from orrery.graph import Ref
from orrery.graph.ref import ITEM
from orrery.planners.rules.build import Builder, Value
from orrery.planners.rules.frame import Frame, Rank
from orrery.planners.rules.sources import MATCH_COLUMNS
from orrery.planners.rules.surroundings import Column
from orrery.planners.rules.vocabulary import RANKS

_FILE_MEASURES = ("lines", "words", "chars")
_STAT = ("size_bytes", "modified_at")
_UNTITLED = 10


def files(value: Value, frame: Frame, b: Builder, intent: str) -> Value:
    """Paths after the tests on their names, content and measures; rows where measures or a rank are asked for."""
    value = _by_name(value, frame, b)
    if frame.contains and not wants_lines(frame, intent):
        value = _by_content(value, frame, b)
    wanted = _dimensions(frame)
    if "folder" in frame.groups or "suffix" in frame.groups:
        rows = b.records("path-parts", "of_paths", {"paths": value.ref})
        columns = tuple(Column(name) for name in ("path", "name", "stem", "suffix", "folder"))
        value = Value("rows", rows, columns, label="path", noun=value.noun)
        if wanted:
            value = measured(value, wanted, b, paths=b.plain_paths(value))
        return value
    if not wanted:
        if frame.sort is not None and value.kind == "paths" and frame.sort.descending:
            rows = b.records("path-parts", "of_paths", {"paths": value.ref})
            return Value("rows", rows, (Column("path"),), label="path", noun=value.noun)
        if frame.rank is not None and frame.rank.plain:
            return value.but(ref=taken(value.ref, frame.rank, b), path="")
        return value
    if value.path and not frame.rank and not frame.tests:
        return of_one(value, wanted, b)
    return measured(value, wanted, b)


def _dimensions(frame: Frame) -> list[str]:
    """The measures of files that a frame needs, in the order in which it names them."""
    wanted = [name for name in frame.measures if name in (*_FILE_MEASURES, *_STAT)]
    for test in frame.tests:
        column = {"size": "size_bytes", "": ""}.get(test.column, test.column)
        if column in (*_FILE_MEASURES, *_STAT):
            wanted.append(column)
    for rank in (frame.rank, frame.sort):
        if rank is not None and not rank.plain:
            named = rank.column or rank.dimension
            if named in (*_FILE_MEASURES, *_STAT):
                wanted.append(named)
            elif named == "length" and not any(name in wanted for name in _FILE_MEASURES):
                wanted.append("lines")
            elif named == "size" and not wanted:
                wanted.append("size_bytes")
            elif named == "time":
                wanted.append("modified_at")
    return list(dict.fromkeys(wanted))


def of_one(value: Value, wanted: list[str], b: Builder) -> Value:
    parts: dict[str, Any] = {}
    for name in wanted:
        if name in _FILE_MEASURES:
            parts[name] = b.add("count", "text.count", {"text": b.read(value)})[name]
        else:
            parts[name] = b.add("look-at", "files.stat", {"path": value.path})[name]
    if len(parts) == 1:
        return Value("number", parts[wanted[0]], noun=wanted[0], items=value)
    return Value("map", parts, noun="measures", items=value)


def measured(value: Value, wanted: list[str], b: Builder, paths: Value | None = None) -> Value:
    """One row for each file with the measures that are wanted."""
    paths = paths or (b.plain_paths(value) if value.kind == "rows" else value)
    listed = paths.ref if not paths.path else [paths.path]
    plain = paths.but(path="", ref=listed)
    spread: list[Any] = []
    if any(name in _FILE_MEASURES for name in wanted):
        texts = b.read(plain)
        spread.append(b.add("count", "text.count", {"text": Ref(ITEM)}, over=texts))
    if any(name in _STAT for name in wanted):
        spread.append(b.per_file(plain, "look-at", "files.stat", "path"))
    if value.kind == "rows":
        spread.insert(0, value.ref)
    rows = b.records("measures", "zip", {"columns": {"path": listed}, "spread": spread})
    extra = [column for column in value.columns if value.kind == "rows" and column.name != "path"]
    kept = ["path", *(column.name for column in extra), *wanted]
    rows = b.records(
        "-".join(wanted[:2]).replace("_bytes", "") + "-of-each", "select", {"records": rows, "columns": kept}
    )
    columns = (Column("path"), *extra, *(Column(name, name != "modified_at", name == "modified_at") for name in wanted))
    return Value("rows", rows, columns, label="path", measure=wanted[0], noun=value.noun, sample=value.sample)


def _by_name(value: Value, frame: Frame, b: Builder) -> Value:
    tests = [
        test for test in frame.tests if test.column == "name" and test.test in ("contains", "starts", "ends", "lacks")
    ]
    if not tests:
        return value
    for test in tests:
        frame.tests.remove(test)
    rows = b.records("names", "of_paths", {"paths": value.ref})
    conditions = [{"column": "name", "test": test.test, "value": test.value} for test in tests]
    rows = b.records("named", "where", {"records": rows, "conditions": conditions})
    found = b.records("paths", "values", {"records": rows, "column": "path"})
    return value.but(ref=found, path="")


def wants_lines(frame: Frame, intent: str) -> bool:
    if "lines" in frame.measures or frame.unit in ("lines", "matches", "rows"):
        return True
    return (
        intent in ("search", "filter", "occurrences") or frame.where_line or (frame.files is None and intent != "which")
    )


def _by_content(value: Value, frame: Frame, b: Builder) -> Value:
    listed = [value.path] if value.path else value.ref
    texts = b.read(value.but(path="", ref=listed))
    for place, (text, negated, regex, _) in enumerate(frame.contains):
        if place and frame.any_of:
            continue
        if regex or frame.any_of:
            counts = b.add("matches", "text.grep", {"text": Ref(ITEM), **pattern(frame)}, over=texts)
            rows = b.records("matches-of-each", "zip", {"columns": {"path": listed, "matches": counts}})
            condition: dict[str, Any] = {"column": "matches", "test": "empty" if negated else "filled"}
        else:
            args = {"text": Ref(ITEM), "what": text, **({"ignore_case": True} if frame.ignore_case else {})}
            counts = b.add("occurrences", "records.occurrences", args, over=texts)
            rows = b.records("occurrences-of-each", "zip", {"columns": {"path": listed, "occurrences": counts}})
            condition = {"column": "occurrences", "test": "=" if negated else ">", "value": 0}
        rows = b.records("files-containing", "where", {"records": rows, "conditions": [condition]})
        listed = b.records("paths", "values", {"records": rows, "column": "path"})
    return Value("paths", listed, sample=value.sample, noun=value.noun)


def pattern(frame: Frame) -> dict[str, Any]:
    import re

    parts = [text if regex else re.escape(text) for text, _, regex, _ in frame.contains]
    args: dict[str, Any] = {"pattern": "|".join(parts)}
    if frame.ignore_case:
        args["ignore_case"] = True
    if frame.contains[0][1]:
        args["invert"] = True
    return args


def matching_lines(value: Value, frame: Frame, b: Builder, *, count: bool) -> Value:
    """The lines that contain what is looked for, as rows; of several files with their paths."""
    if len(frame.contains) > 1 and not frame.any_of:
        negations = {negated for _, negated, _, _ in frame.contains}
        if len(negations) > 1:
            return _lines_step_by_step(value, frame, b)
    args = pattern(frame)
    texts = b.read(value)
    if value.path:
        found = b.add("matching-lines", "text.grep", {"text": texts, **args})
    else:
        each = b.add("matching-lines", "text.grep", {"text": Ref(ITEM), **args}, over=texts)
        if count and frame.each:
            sizes = b.add("number-of-lines", "records.reduce", {"items": Ref(ITEM), "how": "count"}, over=each)
            rows = b.records("lines-of-each", "zip", {"columns": {"path": value.ref, "count": sizes}})
            columns = (Column("path"), Column("count", numeric=True))
            return Value("rows", rows, columns, label="path", measure="count", noun="counts", sample=value.sample)
        found = b.records("all-matches", "flatten", {"lists": each, "labels": value.ref})
    wanted = ["line", "text"] if value.path else ["path", "line", "text"]
    rows = b.records("lines", "select", {"records": found, "columns": wanted}) if not value.path else found
    shown: tuple[Column, ...] = MATCH_COLUMNS[1:] if value.path else MATCH_COLUMNS[:3]
    return Value("rows", rows, shown, label="text", noun="lines", sample=value.sample)


def _lines_step_by_step(value: Value, frame: Frame, b: Builder) -> Value:
    first = frame.copy(contains=frame.contains[:1])
    found = matching_lines(value, first, b, count=False)
    tests = [
        {"column": "text", "test": "lacks" if negated else "contains", "value": text}
        for text, negated, _, _ in frame.contains[1:]
    ]
    return found.but(ref=b.records("chosen-lines", "where", {"records": found.ref, "conditions": tests}))


def occurrences(value: Value, frame: Frame, b: Builder) -> Value:
    """How often a text occurs, in one file or in each."""
    text = frame.contains[0][0] if frame.contains else frame.texts[0].text
    args = {"what": text, **({"ignore_case": True} if frame.ignore_case else {})}
    texts = b.read(value)
    found = b.per_item(value, texts, "occurrences", "records.occurrences", "text", args)
    if value.path:
        return Value("number", found, noun="occurrences")
    rows = b.records("occurrences-of-each", "zip", {"columns": {"path": value.ref, "occurrences": found}})
    columns = (Column("path"), Column("occurrences", numeric=True))
    return Value("rows", rows, columns, label="path", measure="occurrences", summed=not frame.each, noun="occurrences")


def taken(ref: Any, rank: Rank, b: Builder) -> Ref:
    word = "last" if rank.from_end else rank.token.text.lower() if rank.token.text.lower() in RANKS else "first"
    args = {
        "items": ref,
        "count": rank.count if rank.count is not None else _UNTITLED,
        **({"from_end": True} if rank.from_end else {}),
    }
    return b.records(f"{rank.count}-{word}", "take", args)
