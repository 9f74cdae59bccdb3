"""Driving a run from the command line: the session, the signals, the display, and what is printed at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orrery.cli import DID_NOT_SUCCEED, SUCCEEDED
from orrery.cli.ask import Questions, somebody_is_there
from orrery.cli.display import Display, Nothing, display_for
from orrery.cli.options import command
from orrery.cli.screen import err, out, write_json
from orrery.cli.summary import print_summary
from orrery.cli.tally import Tally
from orrery.errors import OutsideError
from orrery.fleet.hubs import HubAddress
from orrery.journal import Durability
from orrery.runtime import Result, Run, Session
from orrery.runtime.result import result_of
from orrery.scheduler import Machine, story
from orrery.scheduler.events import Event
from orrery.telling.plain import plain_result

Begin = Callable[[Session], Run]
"""Starts or resumes a run in an open session."""


@dataclass(frozen=True)
class Drive:
    """How a run is to be driven and shown.

    Args:
        name: what it is called on the screen.
        store: the URL of the store, or None for the usual one.
        durability: what an acknowledged event survives.
        resources: capacity of the resources that tasks name.
        as_json: print one JSON object last on stdout; progress then goes to stderr, if that is a terminal.
        answers: it is a request in plain words, so what is returned is an answer, to be read as it is.
        hub: of the fleet on which tasks with a place run; None: the one of the environment or the folder, if any.
        sums_up: say in the end what came of it.
    """

    name: str
    store: str | None = None
    durability: Durability = "process"
    resources: Mapping[str, int] | None = None
    as_json: bool = False
    answers: bool = False
    hub: HubAddress | None = None
    sums_up: bool = True

    def __call__(self, begin: Begin) -> int:
        """Drive it to its end, or until a signal, and return the exit status."""
        return asyncio.run(self._to_its_end(begin))

    async def _to_its_end(self, begin: Begin) -> int:
        display = self._display()
        shown = _Shown(display)
        with _Signals(display.end) as signals:
            try:
                async with Session(
                    self.store,
                    durability=self.durability,
                    hub=self.hub,
                    resources=self.resources,
                    observers=(shown.take,),
                ) as session:
                    run = begin(session)
                    now = session.driver.now
                    tally = Tally(run.machine, now())
                    questions = Questions(run, tally, self.store) if self._can_ask() else None
                    shown.begin(tally, self.name, now, questions)
                    if run.machine.paused:
                        go_on = command(f"continue {run.id}", self.store)
                        print(f"the run is paused; `{go_on}` lets it go on", file=sys.stderr)
                    await _first(run, signals)
                    blobs = session.journal.blobs
                    result = result_of(run.machine, blobs)
                if run.machine.state == "running":
                    result = replace(result, seconds=now() - run.machine.started_at)
                elif result.state == "running":  # it ended while the session closed
                    result = result_of(run.machine, blobs)
            except OutsideError as error:
                if shown.tally is not None:
                    again = self._command(f"resume {shown.tally.machine.run}")
                    error.add_note(f"`{again}` goes on once that is put right")
                raise
            except Exception as error:
                if shown.tally is not None:
                    for line in _stories(shown.tally.machine):
                        error.add_note(line)
                raise
            finally:
                display.end()
        return self._tell(result, tally, signals)

    def _command(self, words: str) -> str:
        return command(words, self.store, self.hub.url if self.hub is not None else None)

    def _display(self) -> Display:
        if not self.as_json:
            return display_for(out())
        console = err()
        return display_for(console) if console.is_terminal else Nothing(console)

    def _can_ask(self) -> bool:
        """Whether questions can be put to somebody who sees them and can answer."""
        return (err() if self.as_json else out()).is_terminal and somebody_is_there()

    def _tell(self, result: Result, tally: Tally, signals: _Signals) -> int:
        interrupted = result.state == "running"
        state = "interrupted" if interrupted else result.state
        if self.sums_up and self.as_json:
            write_json(plain_result(result, state, tally.machine.ledger))
        elif self.sums_up:
            print_summary(out(), result, tally, state, self.store, answers=self.answers)
        if interrupted:
            for task in tally.asking:
                print(f"`{command(f'approve {result.run_id} {task}', self.store)}` answers {task}", file=sys.stderr)
            print(f"interrupted; `{self._command(f'resume {result.run_id}')}` goes on from here", file=sys.stderr)
            return 128 + signals.received
        return SUCCEEDED if result.state == "succeeded" else DID_NOT_SUCCEED


class _Shown:
    """Passes the events of the one run on to the display, once that has begun."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.tally: Tally | None = None

    def begin(self, tally: Tally, name: str, clock: Callable[[], float], questions: Questions | None) -> None:
        self.tally = tally
        self.display.begin(tally, name, clock, questions)

    def take(self, run: str, events: Sequence[Event]) -> None:
        if self.tally is not None and run == self.tally.machine.run:  # not those that the one run has begun
            self.display.take(events)


def _stories(machine: Machine) -> list[str]:
    """What was going on, for the report of an internal error."""
    return [f"run {machine.run}, event {machine.seq}", *(story(machine, task) for task in list(machine.in_flight)[:20])]


async def _first(run: Run, signals: _Signals) -> None:
    """Return when the run has ended or a signal has come."""
    ended: asyncio.Future[Any] = asyncio.ensure_future(run.wait())
    try:
        await asyncio.wait({ended, signals.came}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            ended.result()
    finally:
        ended.cancel()


class _Signals:
    """SIGINT and SIGTERM: the first asks for an orderly end, the second ends at once.

    Args:
        leave: gives the terminal back before an end at once.

    Attributes:
        came: done once the first has come.
        received: the number of the first; 0 before.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._loop = asyncio.get_running_loop()
        self.came: asyncio.Future[None] = self._loop.create_future()
        self.received = 0

    def __enter__(self) -> _Signals:
        if os.name != "nt":  # Windows has no signals for event loops; there Ctrl-C is KeyboardInterrupt
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(number, self._take, number)
        return self

    def __exit__(self, *_: object) -> None:
        if os.name != "nt":
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.remove_signal_handler(number)

    def _take(self, number: int) -> None:
        if self.received:
            self._leave()
            os._exit(128 + number)  # nothing is lost: whatever is in the log is durable already
        self.received = number
        self.came.set_result(None)


__all__ = ["Begin", "Drive"]
