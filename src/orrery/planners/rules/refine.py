"""From rows to what is said of them: filtered, grouped, ranked, reduced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from orrery.planners.rules.build import Builder, Value
from orrery.planners.rules.frame import HAVING, Aggregate, Frame, Rank, Test, problem
from orrery.planners.rules.refine_files import taken
from orrery.planners.rules.sources import label_of
from orrery.planners.rules.surroundings import Column
from orrery.planners.rules.vocabulary import LEVELS

_HOW_NAMES = {"sum": "total", "mean": "average", "distinct": "different", "count": "count"}


def rows(value: Value, frame: Frame, b: Builder, intent: str) -> Value:
    """Rows after tests, groups, aggregates, rank, order and choice of columns."""
    value = _levels(value, frame, b)
    value = tested(value, frame, b)
    if frame.each and frame.aggregates and value.has("path") and not (frame.groups or frame.parts or value.measure):
        frame.groups.append("path")
    if frame.contains and not value.has("match") and value.columns:
        column = "message" if value.has("message") else next((c.name for c in value.columns if not c.numeric), "")
        conditions = [
            {"column": column, "test": "lacks" if no else "contains", "value": text}
            for text, no, _, _ in frame.contains
        ]
        args = {"records": value.ref, "conditions": conditions, **({"any_of": True} if frame.any_of else {})}
        value = value.but(ref=b.records("containing", "where", args))
    value = _with_parts(value, frame, b)
    ranked_first = frame.rank is not None and frame.aggregates and not frame.groups and not frame.parts
    if ranked_first:
        value = _ranked(value, frame, b, intent)
    if frame.groups or frame.parts:
        value = _grouped(value, frame, b, intent)
    elif frame.aggregates:
        return _reduced(value, frame, b)
    elif frame.distinct and frame.columns:
        column = frame.columns[0]
        found = b.records(f"different-{column}", "values", {"records": value.ref, "column": column, "distinct": True})
        if intent == "count":
            return Value("number", b.records("number", "reduce", {"items": found, "how": "count"}), noun=column)
        return Value("list", found, noun=column)
    if not ranked_first:
        value = _ranked(value, frame, b, intent)
    return _chosen(value, frame, b)


def _levels(value: Value, frame: Frame, b: Builder) -> Value:
    if not frame.levels:
        return value
    conditions: list[dict[str, Any]] = []
    for word, _ in frame.levels:
        if value.has("level"):
            conditions += [{"column": "level", "test": "=", "value": level} for level in LEVELS[word]]
        elif value.has("status"):
            conditions.append({"column": "status", "test": ">=", "value": 400})
        else:
            text = "message" if value.has("message") else label_of(value.columns)
            conditions.append({"column": text, "test": "contains", "value": word})
    name = "-and-".join(f"{word}s" for word, _ in frame.levels)
    args = {"records": value.ref, "conditions": conditions, **({"any_of": True} if len(conditions) > 1 else {})}
    return value.but(ref=b.records(name, "where", args), noun=name)


def tested(value: Value, frame: Frame, b: Builder) -> Value:
    """The rows that pass the frame's tests; tests on one column of which any suffices are one step."""
    plain: list[dict[str, Any]] = []
    alternatives: dict[str, list[dict[str, Any]]] = {}
    for test in frame.tests:
        if test.column.startswith(HAVING):
            continue
        column = _column_of(test, value)
        if not column and not test.column:
            column = _only_number(value, [])
            if not column:
                numbers = [known.name for known in value.columns if known.numeric]
                number = test.token.text if test.token is not None else "a number"
                message = f"{number} of which column? {' or '.join(numbers) or _listed(value)}"
                b.problems.append(problem("plan/ambiguous", test.token, message))
                continue
        if not column or (value.columns and not value.has(column)):
            b.problems.append(_no_column(test.column or "number", test.token, value))
            continue
        condition: dict[str, Any] = {"column": column, "test": test.test}
        if test.test not in ("empty", "filled"):
            condition["value"] = _plain(test)
        same = [other for other in frame.tests if other.column == test.column and other.test == "="]
        if frame.any_of and test.test == "=" and len(same) > 1:
            alternatives.setdefault(column, []).append(condition)
        else:
            plain.append(condition)
    if plain:
        value = value.but(ref=b.records("chosen", "where", {"records": value.ref, "conditions": plain}))
    for conditions in alternatives.values():
        args = {"records": value.ref, "conditions": conditions, "any_of": True}
        value = value.but(ref=b.records("chosen", "where", args))
    return value


def _column_of(test: Test, value: Value) -> str:
    if test.column == "":
        return value.measure
    if test.column == "modified_at" and not value.has("modified_at"):
        return next((c.name for c in value.columns if c.is_time), "modified_at")
    if test.column == "size" and not value.has("size"):
        return "size_bytes" if value.has("size_bytes") else value.measure
    if test.column == "lines" and not value.has("lines"):
        return value.measure or "lines"
    return test.column


def _plain(test: Test) -> Any:
    if test.column == "modified_at" and test.unit == "seconds":
        return (datetime.now(UTC) - timedelta(seconds=float(test.value))).isoformat(timespec="seconds")
    if isinstance(test.value, float) and test.value.is_integer():
        return int(test.value)
    return test.value


def _no_column(name: str, token: Any, value: Value) -> Any:
    from orrery.errors import suggestion

    known = [column.name for column in value.columns]
    return problem("plan/unknown-column", token, f"there is no column {name!r} here; {suggestion(name, known)}")


def _with_parts(value: Value, frame: Frame, b: Builder) -> Value:
    for part in frame.parts:
        if value.has(part):
            continue
        column = next((c.name for c in value.columns if c.is_time), "time" if value.has("time") else "")
        if not column:
            b.problems.append(
                problem("plan/unknown-column", None, f"to go by {part}, a column with times is needed; there is none")
            )
            continue
        ref = b.records(f"with-{part}", "derive", {"records": value.ref, "column": column, "part": part})
        value = value.but(ref=ref, columns=(*value.columns, Column(part)))
    return value


def _grouped(value: Value, frame: Frame, b: Builder, intent: str) -> Value:
    by = [*frame.groups, *frame.parts]
    for name in frame.groups:
        if value.columns and not value.has(name):
            b.problems.append(_no_column(name, None, value))
    numeric = [name for name in frame.columns if _numeric(value, name) and name not in by]
    aggregates = list(frame.aggregates)
    rank = frame.rank
    if not aggregates and numeric:
        aggregates = [Aggregate("count" if intent == "count" else "sum", name) for name in numeric]
    if not aggregates and rank is not None and rank.column and _numeric(value, rank.column):
        aggregates = [Aggregate("sum", rank.column)]
    if not aggregates and value.measure:
        aggregates = [Aggregate("sum" if intent != "count" or value.measure != "path" else "count", value.measure)]
    measures: dict[str, dict[str, str]] = {}
    for aggregate in aggregates or [Aggregate("count")]:
        column = aggregate.column or (numeric[0] if numeric else value.measure or _only_number(value, by))
        without_numbers = not any(known.numeric for known in value.columns)
        if aggregate.how == "count" or (not column and aggregate.how == "sum" and without_numbers):
            measures["count"] = {"how": "count"}
        elif not _can(aggregate.how, column, value, b):
            continue
        elif not column:
            b.problems.append(
                problem("plan/which-column", None, f"the {aggregate.how} of which column? {_listed(value)}")
            )
        else:
            measures[f"{_HOW_NAMES.get(aggregate.how, aggregate.how)}_{column}"] = {
                "how": aggregate.how,
                "column": column,
            }
    name = "by-" + "-".join(by)
    ref = b.records(name, "group", {"records": value.ref, "by": by, "measures": measures})
    having = [test for test in frame.tests if test.column.startswith(HAVING)]
    if having:
        conditions = []
        for test in having:
            how, _, column = test.column.removeprefix(HAVING).partition(":")
            measured_as = f"{_HOW_NAMES.get(how, how)}_{column}"
            conditions.append({"column": measured_as, "test": test.test, "value": _plain(test)})
        ref = b.records("chosen-groups", "where", {"records": ref, "conditions": conditions})
    columns = tuple(Column(n, is_time=n in frame.parts) for n in by) + tuple(Column(n, numeric=True) for n in measures)
    grouped = Value("rows", ref, columns, label=by[0], measure=next(iter(measures), ""), noun=name, items=value)
    if frame.parts and rank is None and frame.sort is None and "weekday" not in frame.parts:
        ref = b.records("in-time-order", "sort", {"records": grouped.ref, "by": frame.parts[0]})
        return grouped.but(ref=ref)
    return grouped


def _can(how: str, column: str, value: Value, b: Builder) -> bool:
    """Whether a column can be added up; if not, a problem is noted."""
    known = next((known for known in value.columns if known.name == column), None)
    if how not in ("sum", "mean", "median") or known is None or known.numeric or not (known.cells or known.is_time):
        return True
    numbers = [other.name for other in value.columns if other.numeric]
    there = ", ".join(numbers) or "none"
    message = f"the column {column!r} holds no numbers, so there is no {how}; those with numbers: {there}"
    b.problems.append(problem("plan/not-a-number", None, message))
    return False


def _only_number(value: Value, by: list[str]) -> str:
    numbers = [column.name for column in value.columns if column.numeric and column.name not in (*by, "line", "id")]
    return numbers[0] if len(numbers) == 1 else ""


def _listed(value: Value) -> str:
    return "There are " + ", ".join(column.name for column in value.columns) if value.columns else "Name it"


def _numeric(value: Value, name: str) -> bool:
    return any(column.name == name and column.numeric for column in value.columns)


def _reduced(value: Value, frame: Frame, b: Builder) -> Value:
    found: dict[str, Any] = {}
    for aggregate in frame.aggregates:
        if aggregate.how == "count" and not aggregate.column:
            found["count"] = b.records("number", "reduce", {"items": value.ref, "how": "count"})
            continue
        numeric = [name for name in frame.columns if _numeric(value, name)]
        column = aggregate.column or (numeric[0] if numeric else value.measure or _only_number(value, []))
        if not column:
            b.problems.append(
                problem("plan/which-column", None, f"the {aggregate.how} of which column? {_listed(value)}")
            )
            continue
        if not _can(aggregate.how, column, value, b):
            continue
        how = _HOW_NAMES.get(aggregate.how, aggregate.how)
        args = {"items": value.ref, "how": aggregate.how, "column": column}
        found[f"{how}_{column}"] = b.records(f"{how}-{column}", "reduce", args)
    if len(found) == 1:
        name, ref = next(iter(found.items()))
        return Value("number", ref, noun=name, items=value)
    return Value("map", found, noun="results", items=value)


def _ranked(value: Value, frame: Frame, b: Builder, intent: str) -> Value:
    for rank in (frame.sort, frame.rank):
        if rank is None:
            continue
        if rank.plain:
            value = value.but(ref=taken(value.ref, rank, b))
            continue
        column, descending = _rank_column(value, rank), rank.descending
        by_shown = rank is frame.sort and not rank.column and rank.dimension in ("", "name")
        if by_shown and frame.columns and not frame.rank and value.has(frame.columns[0]):
            column = frame.columns[0]  # "the customers, alphabetically"
        if (
            not column
            and rank is frame.rank
            and frame.columns
            and (numeric := [n for n in frame.columns if _numeric(value, n)])
        ):
            column = numeric[0]
        if not column:
            b.problems.append(problem("plan/ranked-by-what", rank.token, f"by what? {_listed(value)}"))
            continue
        if rank is frame.sort and rank.dimension == "" and not rank.column and frame.rank is None and intent == "sort":
            column = value.measure or column
        if rank.dimension == "time" and column == "age":  # the oldest has the highest age
            descending = not rank.descending
        ref = b.records(
            f"sorted-by-{column}",
            "sort",
            {"records": value.ref, "by": column, **({"descending": True} if descending else {})},
        )
        value = value.but(ref=ref)
        if rank is frame.rank and rank.count is not None:
            value = value.but(ref=taken(value.ref, rank, b), noun=f"{rank.count} rows")
        if column in {c.name for c in value.columns if c.numeric} and not value.measure:
            value = value.but(measure=column)
    return value


def _rank_column(value: Value, rank: Rank) -> str:
    names = {column.name: column for column in value.columns}
    if rank.column:
        of_group = [name for name in names if name.endswith(f"_{rank.column}")]
        return rank.column if rank.column in names or not names else (of_group[0] if of_group else "")
    usual = {
        "size": ("size_bytes", "size", "bytes", "weight"),
        "price": ("price", "unit_price", "cost", "fee", "amount"),
        "length": ("lines", "length", "duration_ms", "duration", "seconds"),
        "time": ("modified_at", "time", "date"),
        "count": ("count",),
        "name": ("name", "path"),
        "duration": ("duration_ms", "duration", "ms", "latency_ms", "seconds"),
    }.get(rank.dimension, (rank.dimension,))
    known = next((name for name in usual if name in names), "")
    if not known and rank.dimension == "time" and "age" in names:
        return "age"
    if not known and rank.dimension == "time":
        known = next((column.name for column in value.columns if column.is_time), "")
    if not known and rank.dimension == "name":
        known = value.label
    if not known and rank.dimension == "duration":
        known = next((name for name in names if "ms" in name or "duration" in name or "seconds" in name), "")
    return known or value.measure or _only_number(value, [])


def _chosen(value: Value, frame: Frame, b: Builder) -> Value:
    wanted = [name for name in dict.fromkeys(frame.columns) if value.has(name)]
    if not wanted or frame.groups or frame.parts or frame.chart:
        return value
    if len(wanted) == 1 and frame.rank is not None and frame.rank.column == wanted[0]:
        return value
    ref = b.records("columns", "select", {"records": value.ref, "columns": wanted})
    columns = tuple(column for column in value.columns if column.name in wanted)
    measure = next((c.name for c in columns if c.numeric), "")
    if len(wanted) == 1 and not frame.targets:
        listed = b.records(f"{wanted[0]}s", "values", {"records": value.ref, "column": wanted[0]})
        rows = value.but(ref=ref, columns=columns, label=label_of(columns), measure=measure)
        return Value("list", listed, noun=f"{wanted[0]}s", items=rows)
    return value.but(ref=ref, columns=columns, label=label_of(columns), measure=measure)
