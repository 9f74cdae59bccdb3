"""Displays: how a run that goes on is shown. Redrawn on a terminal, line by line elsewhere, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orrery.cli.ask import Keyboard, Questions
from orrery.cli.overhear import Overhear
from orrery.cli.picture import Picture
from orrery.cli.screen import STYLES, can_move_its_cursor, kept, marks_for
from orrery.cli.tally import Happening, Tally
from orrery.graph.ref import TaskId
from orrery.scheduler.events import Event
from orrery.telling.plain import span

REFRESH_S = 0.1
FEW_TASKS = 200
"""Up to so many tasks each has a line of its own; above, lines say how far the run is."""
MOST_TROUBLES = 20
LINE_EVERY_S, LINE_EVERY_SHARE = 1.0, 0.05
ROWS_EVERY_S = 5.0
"""A batch is one task that runs for long, so its lines say how its rows stand."""


class Display(Protocol):
    """Shows a run. Never raises because of what it writes to: a run does not fail with its audience."""

    def begin(self, tally: Tally, name: str, clock: Callable[[], float], questions: Questions | None = None) -> None:
        """The run is about to go on; called inside the event loop.

        Args:
            questions: put to whoever sits at the terminal; None where nobody does.
        """

    def take(self, events: Sequence[Event]) -> None:
        """Something happened."""

    def end(self) -> None:
        """Nothing more will happen; the screen is left clean."""


def display_for(console: Console) -> Display:
    """The display that suits a console."""
    return LiveTree(console) if can_move_its_cursor(console) else Lines(console)


class Nothing:
    """Shows nothing but what a person must answer: a run that waits must not look like one that hangs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.tally: Tally | None = None

    def begin(
        self,
        tally: Tally,
        name: str,  # noqa: ARG002 - as the protocol says
        clock: Callable[[], float],  # noqa: ARG002
        questions: Questions | None = None,  # noqa: ARG002
    ) -> None:
        self.tally = tally

    def take(self, events: Sequence[Event]) -> None:
        if self.tally is None:
            return
        for one in self.tally.take(events):
            if one.kind == "asking":
                how = f"(orrery approve {self.tally.machine.run} {one.task})"
                with suppress(OSError):  # nobody reads any more; the run goes on
                    self._console.print(f"{one.task} asks: {' '.join(one.about.split())}  {how}", soft_wrap=True)

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
        self._questions: Questions | None = None
        self._keyboard = Keyboard(self._hear, raw=True)

    def begin(self, tally: Tally, name: str, clock: Callable[[], float], questions: Questions | None = None) -> None:
        self._tally, self._name, self._clock, self._questions = tally, name, clock, questions
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
        self._keyboard.stop()
        self._overhear.stop()
        with suppress(OSError):  # the terminal may be gone, and with it what was to be cleaned
            self._live.stop()
            self._console.file.close()

    def _print_above(self, lines: str) -> None:
        with suppress(OSError):  # as above
            self._console.print(Text.from_ansi(lines), soft_wrap=True)

    def _hear(self, typed: str) -> None:
        if self._questions is not None:
            self._questions.hear(typed)
            self._draw()

    def _draw(self) -> bool:
        """Draw the present moment. False if the terminal is gone; the run goes on."""
        assert self._tally is not None
        asked = self._questions.lines(self._console.width - 4) if self._questions is not None else []
        if asked and self._questions is not None:
            asked.append(self._questions.prompt())
        picture = Picture(self._tally, self._name, self._marks, self._tick, self._clock(), asked=asked)
        try:
            if asked:
                self._keyboard.start()
            else:
                self._keyboard.stop()
            self._live.update(picture, refresh=True)
        except OSError:
            return False
        return True

    def _refresh(self) -> None:
        if self._tally is None or not self._draw():
            return
        self._tick += 1
        self._timer = asyncio.get_running_loop().call_later(REFRESH_S, self._refresh)


class Lines:
    """A line for each task that ends; for more than 200 tasks one a second or every 5 %, and one per trouble."""

    def __init__(self, console: Console) -> None:
        self._console, self._marks = console, marks_for(console)
        self._tally: Tally | None = None
        self._clock: Callable[[], float] = lambda: 0.0
        self._questions: Questions | None = None
        self._asked: TaskId | None = None
        self._keyboard = Keyboard(self._hear, raw=False)
        self._troubles = 0
        self._said_at, self._said_done = 0.0, 0
        self._told_rows_at: float | None = None
        self._muted = False

    def begin(self, tally: Tally, name: str, clock: Callable[[], float], questions: Questions | None = None) -> None:
        self._tally, self._clock, self._questions = tally, clock, questions
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
        self._say_how_rows_stand(tally)
        self._ask()

    def _hear(self, typed: str) -> None:
        if self._questions is not None:
            self._questions.hear(typed)
            self._asked = None  # if it was no answer, the question is asked again
            self._ask()

    def _ask(self) -> None:
        """Put the oldest open question to whoever sits there; the terminal shows what is typed by itself."""
        lines = self._questions.lines() if self._questions is not None else []
        question = self._questions.current if self._questions is not None else None
        if question is None:
            self._keyboard.stop()
        elif question.task != self._asked:
            for line in lines:
                self._write(line)
            self._keyboard.start()
        self._asked = question.task if question is not None else None

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

    def _say_how_rows_stand(self, tally: Tally) -> None:
        now = self._clock()
        for task, (_, note) in tally.progress.items():
            if tally.machine.records[task].task.executor == "batch":
                if self._told_rows_at is None:
                    self._told_rows_at = now
                elif now - self._told_rows_at >= ROWS_EVERY_S:
                    self._told_rows_at = now
                    self._write(Text(f"{note}  {span(max(0.0, now - tally.began_at))}"))

    def _write(self, line: Text) -> None:
        if self._muted:
            return
        try:
            self._console.print(line, soft_wrap=True)
            self._console.file.flush()
        except OSError:  # nobody reads any more; the run goes on
            self._muted = True

    def end(self) -> None:
        self._keyboard.stop()
        hidden = self._troubles - MOST_TROUBLES
        if hidden > 0:
            self._write(Text(f"and {hidden} more retries and failures, not shown"))
