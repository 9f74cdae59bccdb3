"""Reporting: many findings put together for people."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from orrery.bench.fleet.deeds import files
from orrery.bench.fleet.deeds.pace import pause
from orrery.errors import Failure
from orrery.runtime.context import Context


def total_by(parts: Sequence[Sequence[Any]], wait_s: float = 0.3) -> dict[str, int]:
    """Sums of the amounts of each region, the largest first; rows are lists or maps of region and amount."""
    pause(wait_s)
    total: Counter[str] = Counter()
    for part in parts:
        for row in part:
            region, amount = row.values() if isinstance(row, Mapping) else row
            total[region] += amount
    return dict(total.most_common())


def markdown_table(
    path: str, head: Sequence[str], rows: Mapping[str, int], wait_s: float = 0.2, *, ctx: Context
) -> str:
    """Write a table of two columns, the largest number first; returns the path."""
    lines = [head, ["---"] * len(head), *([name, str(n)] for name, n in sorted(rows.items(), key=lambda row: -row[1]))]
    return files.put(path, "".join(f"| {' | '.join(line)} |\n" for line in lines), wait_s, ctx=ctx)


def inventory(path: str, wait_s: float = 0.5, *, ctx: Context) -> dict[str, int]:
    """How many files are below a folder, and how many bytes."""
    pause(wait_s)
    sizes = [file.stat().st_size for file in (ctx.folder / path).rglob("*") if file.is_file()]
    return {"files": len(sizes), "bytes": sum(sizes)}


def sections(path: str, texts: Mapping[str, str | Failure], wait_s: float = 0.3, *, ctx: Context) -> str:
    """Write a section for each text, and a note where there is none; returns the path."""
    parts = [
        f"## {name}\n\n{text.strip() if isinstance(text, str) else 'No section this week.'}\n\n"
        for name, text in texts.items()
    ]
    return files.put(path, "".join(parts), wait_s, ctx=ctx)


def page(path: str, figures: Sequence[Mapping[str, Any]], wait_s: float = 0.3, *, ctx: Context) -> str:
    """Write a page of figures, and return its text."""
    items = "\n".join(f"<li>{html.escape(figure['name'])}: {figure['value']}</li>" for figure in figures)
    text = f"<!doctype html>\n<title>Figures</title>\n<ul>\n{items}\n</ul>\n"
    files.put(path, text, wait_s, ctx=ctx)
    return text


def letter(name: str, owes: int, wait_s: float = 0.4) -> dict[str, str]:
    """A letter and to whom it goes."""
    pause(wait_s)
    return {"name": name, "text": f"Dear {name}, please pay {owes}.\n"}


def printed(path: str, letters: Sequence[Mapping[str, str]], wait_s: float = 0.3, *, ctx: Context) -> int:
    """Write each letter into a file of its own; returns how many there are."""
    pause(wait_s)
    for one in letters:
        files.put(f"{path}/{one['name']}.txt", one["text"], 0.0, ctx=ctx)
    return len(letters)
