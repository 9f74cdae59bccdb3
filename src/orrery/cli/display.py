"""Displays: how a run that goes on is shown. Redrawn on a terminal, line by line elsewhere, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orrery.cli.overhear import Overhear
from orrery.cli.picture import Picture
from orrery.cli.plain import span
from orrery.cli.screen import STYLES, can_move_its_cursor, kept, marks_for
from orrery.cli.tally import Happening, Tally
from orrery.scheduler.events import Event

REFRESH_S = 0.1
FEW_TASKS = 200
"""Up to so many tasks each has a line of its own; above, lines say how far the run is."""
MOST_TROUBLES = 20
LINE_EVERY_S, LINE_EVERY_SHARE = 1.0, 0.05


class Display(Protocol):
    """Shows a run. Never raises because of what it writes to: a run does not fail with its audience."""

    def begin(self, tally: Tally, name: str, clock: Callable[[], float]) -> None:
        """The run is about to go on; called inside the event loop."""

    def take(self, events: Sequence[Event]) -> None:
        """Something happened."""

    def end(self) -> None:
        """Nothing more will happen; the screen is left clean."""


def display_for(console: Console) -> Display:
    """The display that suits a console."""
    return LiveTree(console) if can_move_its_cursor(console) else Lines(console)


class Nothing:
    """Shows nothing, and keeps the tally."""

    def __init__(self) -> None:
        self.tally: Tally | None = None

    def begin(self, tally: Tally, name: str, clock: Callable[[], float]) -> None:  # noqa: ARG002 - as the protocol says
        self.tally = tally

    def take(self, events: Sequence[Event]) -> None:
        if self.tally is not None:
            self.tally.take(events)

    def end(self) -> None:
        """There is nothing to clean."""


class LiveTree:
    """The tree of a run, redrawn at most ten times a second, on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console, self._marks = kept(console), marks_for(console)
        self._overhear = Overhear(self._print_above)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._timer: asyncio.TimerHandle | None = None
        self._tally: Tally | None = None
        self._name = ""
        self._tick = 0
        self._clock: Callable[[], float] = lambda: 0.0

    def begin(self, tally: Tally, name: str, clock: Callable[[], float]) -> None:
        self._tally, self._name, self._clock = tally, name, clock
        self._overhear.start()
        self._live.start()
        self._refresh()

    def take(self, events: Sequence[Event]) -> None:
        if self._tally is not None:
            self._tally.take(events)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tally = None
        self._overhear.stop()
        with suppress(OSError):  # the terminal may be gone, and with it what was to be cleaned
            self._live.stop()
            self._console.file.close()

    def _print_above(self, lines: str) -> None:
        with suppress(OSError):  # as above
            self._console.print(Text.from_ansi(lines), soft_wrap=True)

    def _refresh(self) -> None:
        if self._tally is None:
            return
        try:
            self._live.update(Picture(self._tally, self._name, self._marks, self._tick, self._clock()), refresh=True)
        except OSError:  # the terminal is gone; the run goes on
            return
        self._tick += 1
        self._timer = asyncio.get_running_loop().call_later(REFRESH_S, self._refresh)


class Lines:
    """A line for each task that ends; for more than 200 tasks one a second or every 5 %, and one per trouble."""

    def __init__(self, console: Console) -> None:
        self._console, self._marks = console, marks_for(console)
        self._tally: Tally | None = None
        self._clock: Callable[[], float] = lambda: 0.0
        self._troubles = 0
        self._said_at, self._said_done = 0.0, 0
        self._muted = False

    def begin(self, tally: Tally, name: str, clock: Callable[[], float]) -> None:
        self._tally, self._clock = tally, clock
        before = f", {tally.done_before} of {tally.total} tasks done before" if tally.done_before else ""
        self._write(Text(f"{name}: run {tally.machine.run}{before}"))

    def take(self, events: Sequence[Event]) -> None:
        tally = self._tally
        if tally is None:
            return
        told = tally.take(events)
        ended = tally.ended - sum(one.kind not in ("retrying", "asking") for one in told)
        is_large = tally.total > FEW_TASKS
        for one in told:
            is_end = one.kind not in ("retrying", "asking")
            ended += is_end
            if is_large and one.kind in ("succeeded", "skipped", "cancelled"):
                continue
            if is_large and one.kind != "asking":
                self._troubles += 1
                if self._troubles > MOST_TROUBLES:
                    continue
            self._write(self._line(tally, one, ended))
        if is_large:
            self._say_how_far(tally)

    def _line(self, tally: Tally, one: Happening, ended: int) -> Text:
        total = str(tally.total)
        line = Text(f"[{ended:>{len(total)}}/{total}] ", "dim")
        line.append(f"{one.kind:<9} ", STYLES.get(one.kind, ""))
        line.append(one.task)
        if one.seconds is not None:
            line.append(f"  {span(one.seconds)}", "dim")
        if one.about:
            line.append(f"  {' '.join(one.about.split())}")
        if one.kind == "asking":
            line.append(f"  (orrery approve {tally.machine.run} {one.task})", "bold")
        return line

    def _say_how_far(self, tally: Tally) -> None:
        now, done, total = self._clock(), tally.done, tally.total
        step = total * LINE_EVERY_SHARE
        if done == self._said_done or (done - self._said_done < step and now - self._said_at < LINE_EVERY_S):
            return
        self._said_at, self._said_done = now, done
        parts = [f"{done}/{total} tasks ({100 * done // max(1, total)} %)", f"{len(tally.machine.in_flight)} running"]
        parts += [f"{tally.retries} retries"] if tally.retries else []
        parts += [f"{len(tally.machine.failed)} failed"] if tally.machine.failed else []
        self._write(Text(f"{', '.join(parts)}  {span(max(0.0, now - tally.began_at))}"))

    def _write(self, line: Text) -> None:
        if self._muted:
            return
        try:
            self._console.print(line, soft_wrap=True)
            self._console.file.flush()
        except OSError:  # nobody reads any more; the run goes on
            self._muted = True

    def end(self) -> None:
        hidden = self._troubles - MOST_TROUBLES
        if hidden > 0:
            self._write(Text(f"and {hidden} more retries and failures, not shown"))
