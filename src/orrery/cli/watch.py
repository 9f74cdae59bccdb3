"""`orrery watch`."""

from __future__ import annotations

import sys

from orrery.cli.options import RunName, Store, command
from orrery.cli.screen import FINE, can_move_its_cursor, marks_for, out
from orrery.errors import MissingExtraError, RequestError
from orrery.runtime.directory import find_run, open_existing


def watch(run: RunName, /, *, store: Store = None) -> int:
    """Watch a run on the terminal while it goes on: its tasks, why they wait or failed; answer, pause or cancel it.

    The keys stand on the last line; `q` leaves, and the run goes on.
    """
    console = out()
    if not (sys.stdin.isatty() and can_move_its_cursor(console)):
        raise RequestError(
            f"watch needs a terminal of at least 30 by 6; `{command(f'show {run}', store)}` prints the same run"
        )
    try:
        from orrery.dashboard.terminal.app import Watch
        from orrery.dashboard.terminal.drawing import FINE as FINE_SIGNS
        from orrery.dashboard.terminal.drawing import PLAIN as PLAIN_SIGNS
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("textual"):
            raise
        raise MissingExtraError("watch", needed_for="watching a run on the terminal") from error
    from orrery.dashboard.spectator import Spectator

    journal = open_existing(store)
    try:
        spectator = Spectator(journal, find_run(journal, run))
        spectator.catch_up()
        Watch(spectator, FINE_SIGNS if marks_for(console) is FINE else PLAIN_SIGNS).run()
        return 0
    finally:
        journal.close()
