"""What a version history tells: how often files change, on which days, by how many people."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import TypedDict

GIT_LOG = [
    *("git", "log", "--numstat", "--no-merges", "--no-renames", "--max-count=20000"),
    *("--format=%x01%at%x02%ae", "--relative", "--", "."),
]
"""Writes what `read_log` reads: a line for each commit, then one for each file of this folder that it changed."""

_CHANGED = re.compile(r"(\d+|-)\t(\d+|-)\t(.+)")


class Churn(TypedDict):
    """How much one file changed: the commits that touched it, and lines added or removed in all."""

    commits: int
    lines: int


class Period(TypedDict):
    """One day or hour of work, and what was committed in it."""

    begins: str
    commits: int
    added: int
    removed: int


class History(TypedDict):
    """A repository's past. `periods` are days, or hours (UTC) where all of it lies within three days."""

    commits: int
    authors: int
    first: str
    last: str
    by_the_hour: bool
    periods: list[Period]
    churn: dict[str, Churn]


def read_log(log: str) -> History | None:
    """The history in what `GIT_LOG` wrote; None without a commit. Only how many authors there are is kept, not who."""
    moments: list[int] = []
    authors: set[str] = set()
    changes: list[tuple[int, int, int]] = []
    churn: dict[str, Churn] = {}
    for line in log.split("\n"):
        if line.startswith("\x01"):
            moment, _, author = line[1:].partition("\x02")
            moments.append(int(moment))
            authors.add(author)
            changes.append((int(moment), 0, 0))
        elif moments and (found := _CHANGED.fullmatch(line)):
            added, removed = (0 if number == "-" else int(number) for number in found.group(1, 2))
            changes.append((moments[-1], added, removed))
            of_file = churn.setdefault(found[3], {"commits": 0, "lines": 0})
            of_file["commits"] += 1
            of_file["lines"] += added + removed
    if not moments:
        return None
    by_the_hour = max(moments) - min(moments) < 3 * 86_400
    return {
        "commits": len(moments),
        "authors": len(authors),
        "first": _day(min(moments)),
        "last": _day(max(moments)),
        "by_the_hour": by_the_hour,
        "periods": _periods(moments, changes, 3_600 if by_the_hour else 86_400),
        "churn": churn,
    }


def _periods(moments: list[int], changes: list[tuple[int, int, int]], length_s: int) -> list[Period]:
    """Every period from the first commit to the last, empty ones too."""
    commits = Counter(moment // length_s for moment in moments)
    added, removed = Counter[int](), Counter[int]()
    for moment, plus, minus in changes:
        added[moment // length_s] += plus
        removed[moment // length_s] += minus
    form = "%Y-%m-%d %H:00" if length_s < 86_400 else "%Y-%m-%d"
    return [
        {
            "begins": datetime.fromtimestamp(number * length_s, UTC).strftime(form),
            "commits": commits[number],
            "added": added[number],
            "removed": removed[number],
        }
        for number in range(min(commits), max(commits) + 1)
    ]


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
