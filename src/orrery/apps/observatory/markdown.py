"""The report as Markdown, with its charts as files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orrery.apps.observatory import charts
from orrery.apps.observatory.account import Account
from orrery.apps.observatory.findings import Findings
from orrery.apps.observatory.timeline import timeline


def markdown_charts(findings: Findings, account: Account | None) -> dict[str, str]:
    """The charts by the name of their file, without the styles that they need."""
    found = {
        "hotspots": charts.hotspot_chart(findings["files"], has_history=findings["history"] is not None),
        "files": charts.tree_chart(findings["files"]),
        "complexity": charts.complexity_chart(findings["complexity_classes"]),
        "imports": charts.matrix(findings["imports"]),
    }
    if account is not None:
        found["timeline"] = timeline(account)
    if findings["history"] is not None:
        found["history"] = charts.history_chart(findings["history"])
    if findings["machine"]:
        found["machine"] = charts.machine_chart(findings["machine"])
    return found


def markdown_page(findings: Findings, account: Account | None, pictures: Mapping[str, str]) -> str:
    """The text. `pictures` are the paths of the charts by name, relative to it."""

    def picture(name: str, about: str) -> list[str]:
        return [f"![{about}]({pictures[name]})", ""] if name in pictures else []

    history = findings["history"]
    lines = [f"# {findings['name']}, seen by Orrery", ""]
    lines += [
        f"{len(findings['files']):,} files, {findings['lines']:,} lines, {findings['functions']:,} functions.",
        "",
    ]
    if account is not None:
        lines += ["## How this report was made", "", *_run_lines(account), "", *picture("timeline", "What ran when")]
    lines += ["## Where change hurts", "", *picture("hotspots", "Files by change and complexity")]
    lines += _table(
        ["file", "complexity", "commits", "lines changed"],
        [[one["path"], one["complexity"], one["commits"], one["churn"]] for one in findings["hotspots"]],
    )
    lines += [
        "## What it is made of",
        "",
        *picture("files", "Files by size"),
        *picture("complexity", "Functions by complexity"),
    ]
    lines += _table(
        ["function", "place", "lines", "paths"],
        [
            [one["name"], f"{one['path']}:{one['line']}", one["lines"], one["complexity"]]
            for one in findings["worst_functions"]
        ],
    )
    lines += ["## Who stands on whom", "", *picture("imports", "Imports between packages")]
    if history is not None:
        lines += ["## How it came to be", ""]
        lines += [
            f"{history['commits']:,} commits, {history['authors']} authors, {history['first']} to {history['last']}.",
            "",
        ]
        lines += picture("history", "Commits over time")
    lines += ["## What was written twice", ""]
    lines += _table(
        ["file", "shares with", "share"],
        [
            [f"{d['one']}:{d['one_line']}", f"{d['other']}:{d['other_line']}", f"{d['share']:.0%}"]
            for d in findings["duplicates"]
        ],
    )
    lines += (
        ["## The machine meanwhile", "", *picture("machine", "Processor and memory")] if findings["machine"] else []
    )
    lines += ["## What is installed", ""]
    lines += _table(
        ["package", "licence", "answered at attempt"],
        [[f"{one['name']} {one['version']}", one["licence"], one["attempt"]] for one in findings["packages"]],
    )
    if findings["notes"]:
        lines += ["## Notes", "", *(f"- {note}" for note in findings["notes"]), ""]
    return "\n".join(lines)


def _run_lines(account: Account) -> list[str]:
    speed = (
        f"{account.wall_s:.1f} s; one after the other {account.work_s:.1f} s, so {account.speed_up:.1f} times as fast"
    )
    lines = [
        f"- {account.tasks:,} tasks in {speed}",
        f"- at most {account.most_at_once} at once, {account.retries} retries, {account.healed} failures healed",
    ]
    lines += [
        (
            f"- killed and resumed: {one.done_before} tasks were done before, {one.ran_again} of them ran again, "
            f"{one.ran_after} ran after"
        )
        for one in account.resumptions
    ]
    return lines


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    if not rows:
        return ["Nothing.", ""]
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return [_row(heads), _row(["---"] * len(heads)), *map(_row, cells), ""]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
