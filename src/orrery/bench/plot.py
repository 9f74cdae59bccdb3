"""A report as a bar chart."""

from __future__ import annotations

from pathlib import Path

from orrery.bench.report import Report


def plot(report: Report, path: Path) -> None:
    """Draw the report's own picture; else the ratios to the baseline, or the rows that share the first one's unit.

    Args:
        path: an SVG or PNG file, by its suffix.

    Raises: MissingExtraError without the extra "charts"; ArgumentError if the path is neither.
    """
    from orrery.tools import chart

    if report.draw is not None:
        report.draw(path)
        return
    ratios = {row.case: row.ratio for row in report.rows if row.ratio is not None}
    unit = report.rows[0].unit if report.rows else ""
    values = ratios or {row.case: row.value for row in report.rows if row.unit == unit}
    label = "times the baseline" if ratios else unit
    chart.bar(values, path, title=f"orrery bench {report.bench}", x_label=label, horizontal=True)
