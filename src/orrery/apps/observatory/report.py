"""The report on disk: `report.html`, which needs nothing else, and `report.md` with its charts beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from orrery.apps.observatory.account import Account
from orrery.apps.observatory.findings import Findings
from orrery.apps.observatory.markdown import markdown_charts, markdown_page
from orrery.apps.observatory.page import html_page, style
from orrery.tools import files

CHARTS = "charts"


class Written(TypedDict):
    """Where the two forms of the report are."""

    html: str
    markdown: str


def write(folder: Path, findings: Findings, account: Account | None = None) -> Written:
    """Write both forms into a folder, each file whole or not at all; what was there before is replaced.

    Args:
        account: what the run itself did, which is known once it has ended.

    Raises:
        FileAccessError: the folder cannot be written.
    """
    pictures: dict[str, str] = {}
    for name, drawing in markdown_charts(findings, account).items():
        pictures[name] = f"{CHARTS}/{name}.svg"
        files.write(folder / pictures[name], _standalone(drawing))
    html, markdown = folder / "report.html", folder / "report.md"
    files.write(html, html_page(findings, account))
    files.write(markdown, markdown_page(findings, account, pictures))
    return {"html": str(html), "markdown": str(markdown)}


def _standalone(drawing: str) -> str:
    """A chart with the styles that its page would give it."""
    head, close, rest = drawing.partition(">")
    return f"{head}{close}<style>{style('chart.css')}</style>{rest}\n"
