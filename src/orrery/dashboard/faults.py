"""What is wrong, for a page: each problem of a request with its place and its line, or a fault of our own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orrery.dashboard.begun import Fault
from orrery.errors import Problem

MOST_FAULTS = 200
UNFORESEEN = "this is a fault of Orrery's; the terminal of `orrery ui` shows what happened"
"""What is said where the fault lies with nobody who asked."""
_LINE = re.compile(r"\bline (\d+)|:(\d+):\d+")


def faults(problems: Iterable[Problem]) -> tuple[Fault, ...]:
    """The problems of an error, the first 200."""
    return tuple(
        Fault(problem.code, problem.place, problem.message, _line(problem.place))
        for problem, _ in zip(problems, range(MOST_FAULTS), strict=False)
    )


def _line(place: str) -> int | None:
    found = _LINE.search(place)
    return int(found[1] or found[2]) if found else None
