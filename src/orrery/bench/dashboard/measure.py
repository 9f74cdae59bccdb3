"""Measure: all parts of the bench, one after the other."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import orrery
from orrery.bench.dashboard import frames, memory, paint, server, slowdown
from orrery.bench.dashboard.browser import HEIGHT, WIDTH, chromium
from orrery.bench.dashboard.driver import SHAPES
from orrery.bench.dashboard.picture import draw
from orrery.bench.dashboard.processes import Stage
from orrery.bench.dashboard.section import EVENTS_A_SECOND, TASKS, Section
from orrery.bench.report import Options, Report, unjudged
from orrery.errors import MissingBrowserError, UnknownNameError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PARTS = ("paint", "frames", "memory", "server", "slowdown")
PAGE = Path(orrery.__file__).parent / "dashboard" / "page" / "index.html"
"""Where `make ui` builds the page; the dashboard itself is above the benches, and only started."""
_NEED_A_PAGE = ("paint", "frames", "memory")


def measure(options: Options) -> Report:
    """First paint, frames, memory, the server, and the run that is looked at; or the part that `only` names.

    Raises:
        UnknownNameError: `only` names no part.
        MissingBrowserError: the part that it names needs a browser, and there is none; or the page was not built.
        MissingExtraError: "ui" or "cli" is not installed.
        OutsideError: a process or the page does not do what it should.
    """
    if options.only and options.only not in PARTS:
        raise UnknownNameError("part of the bench", options.only, PARTS)
    parts: tuple[str, ...] = (options.only,) if options.only else PARTS
    found: list[Section] = []
    notes: list[str] = []
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orrery-dashboard-")))
        browser: Browser | None = None
        try:
            browser = _browser(stack) if parts != ("server",) else None
        except MissingBrowserError as error:
            if options.only in _NEED_A_PAGE:
                raise
            parts = tuple(part for part in parts if part not in _NEED_A_PAGE)
            notes.append(f"The page was not measured: {error}")
        for part in parts:
            options.tell(f"dashboard: {part}")
            place = root / part
            place.mkdir()
            found.append(_part(part, Stage(place), browser, options))
    rows = [row for section in found for row in section.rows]
    curves = [curve for section in found for curve in section.curves]
    size = _tasks(options)
    setting = (
        f"runs of {size:,} tasks in SQLite; window of {WIDTH} x {HEIGHT}, drawn without a GPU; seed {options.seed}"
    )
    return Report(
        "dashboard",
        unjudged(rows) if options.quick else rows,
        setting,
        [*notes, *(note for section in found for note in section.notes)],
        draw=(lambda path: draw(curves, path)) if curves else None,
    )


def _tasks(options: Options) -> int:
    return 2_000 if options.quick else TASKS


def _browser(stack: ExitStack) -> Browser:
    """A browser, for as long as the stack lasts. Raises MissingBrowserError also where there is no page to show."""
    browser = stack.enter_context(chromium())
    if not PAGE.is_file():
        raise MissingBrowserError("the page of the dashboard has not been built: make ui")
    return browser


def _part(part: str, stage: Stage, browser: Browser | None, options: Options) -> Section:
    quick, seed, tasks, per_s = options.quick, options.seed, _tasks(options), float(EVENTS_A_SECOND)
    match part, browser:
        case "server", _:
            return server.measure(stage, tasks=tasks, per_s=per_s, seconds=1.1 if quick else 15.0, seed=seed)
        case "slowdown", _:
            turns, turn_s = (1, 0.3) if quick else (15, 1.5)
            return slowdown.measure(stage, browser, tasks=tasks, turns=turns, turn_s=turn_s, seed=seed)
        case "paint", there if there is not None:
            shapes, repeats = (SHAPES[:1], 1) if quick else (SHAPES, 5)
            return paint.measure(stage, there, shapes, tasks=tasks, repeats=repeats, seed=seed)
        case "frames", there if there is not None:
            seconds = 1.0 if quick else 20.0
            return frames.measure(stage, there, SHAPES, tasks=tasks, per_s=per_s, seconds=seconds, seed=seed)
        case "memory", there if there is not None:
            minutes = 0.02 if quick else options.minutes
            return memory.measure(stage, there, tasks=tasks, per_s=per_s, minutes=minutes, seed=seed)
        case _:
            raise AssertionError(part)


__all__ = ["measure"]
