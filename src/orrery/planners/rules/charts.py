"""From a value to a chart: which kind, which labels, which heights."""

from __future__ import annotations

from typing import Any

from orrery.planners.rules.build import Builder, Value
from orrery.planners.rules.frame import Frame, problem


def drawn(value: Value, kind: str, frame: Frame, b: Builder, path: str) -> tuple[str | None, Value]:
    """The path of the chart of a value, and what it shows; None and a problem where it cannot be drawn.

    Args:
        kind: "bar", "line", "histogram", or "any", which is a line over time and bars otherwise.
    """
    if value.kind == "map" and isinstance(value.ref, dict):
        b.add("chart", "chart.bar", {"values": value.ref, "path": path}, fresh=True, question=f"Draw {path!r}?")
        return path, value
    if value.kind == "paths" and not value.path:
        from orrery.planners.rules.refine_files import measured

        value = measured(value, ["lines"], b)
    if value.kind != "rows":
        what = value.noun or value.kind
        b.problems.append(
            problem(
                "plan/not-drawable",
                frame.charted,
                f"{what} is one value; a chart needs several, such as counts by file",
            )
        )
        return None, value
    columns = {column.name: column for column in value.columns}
    numbers = [name for name in dict.fromkeys(frame.columns) if name in columns and columns[name].numeric]
    height = numbers[0] if numbers else value.measure if value.measure in columns else ""
    if not height:
        numeric = [
            column.name for column in value.columns if column.numeric and column.name not in ("line", "id", "at")
        ]
        if len(numeric) != 1:
            there = ", ".join(numeric) or "none"
            message = f"a chart of which column? Those with numbers: {there}"
            b.problems.append(problem("plan/which-column", frame.charted, message))
            return None, value
        height = numeric[0]
    labels = [name for name in frame.columns if name in columns and name != height and name not in numbers]
    label = labels[0] if labels else value.label if value.label != height else ""
    if kind == "any":
        over_time = label in columns and (columns[label].is_time or label == "at")
        kind = "line" if over_time else "bar"
    title = frame.title or _title(height, label)
    if kind == "histogram":
        heights = b.records("heights", "values", {"records": value.ref, "column": height})
        args: dict[str, Any] = {"values": heights, "path": path, "title": title, "x_label": height}
        b.add("chart", "chart.histogram", args, fresh=True, question=f"Draw {path!r}?")
        return path, value.but(measure=height)
    if kind == "line":
        series = b.records("series", "series", {"records": value.ref, "columns": numbers or [height]})
        args = {"series": series, "path": path, "title": title, "y_label": height}
        if label in columns and columns[label].numeric:
            args["x"] = b.records("places", "values", {"records": value.ref, "column": label})
            args["x_label"] = "seconds" if label == "at" else label
        elif label:
            args["x_label"] = label
        b.add("chart", "chart.line", args, fresh=True, question=f"Draw {path!r}?")
        return path, value
    if kind == "timeline":
        b.problems.append(
            problem(
                "plan/not-drawable",
                frame.charted,
                "a timeline needs a start and an end of each row; draw bars or a line",
            )
        )
        return None, value
    if not label:
        label = next((column.name for column in value.columns if column.name != height), height)
    pairs = b.records("bars", "pairs", {"records": value.ref, "label": label, "value": height})
    args = {"values": pairs, "path": path, "title": title, "y_label": height}
    b.add("chart", "chart.bar", args, fresh=True, question=f"Draw {path!r}?")
    return path, value


def _title(height: str, label: str) -> str:
    return f"{height.replace('_', ' ')} by {label.replace('_', ' ')}" if label else height.replace("_", " ")
