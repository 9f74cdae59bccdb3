"""`orrery replay`."""

from __future__ import annotations

import time
from typing import Any

from rich.text import Text

from orrery.cli import DID_NOT_SUCCEED, SUCCEEDED
from orrery.cli.options import Json, RunName, Store
from orrery.cli.screen import STYLES, out, say, write_json
from orrery.errors import ReplayDivergedError
from orrery.runtime.directory import find_run, open_existing
from orrery.runtime.history import fold
from orrery.scheduler.events import AnyEvent, Decision
from orrery.scheduler.machine import Machine


def replay(run: RunName, /, *, json: Json = False, store: Store = None) -> int:
    """Decide a run again from its log, with the recorded results, and compare every decision.

    Exit status: 0 if this code decides as the log says, 1 at the first event that differs.
    """
    journal = open_existing(store)
    decisions = 0

    def watch(event: AnyEvent, _machine: Machine) -> None:
        nonlocal decisions
        decisions += isinstance(event, Decision)

    try:
        name = find_run(journal, run)
        found: dict[str, Any] = {"run": name, "same": True}
        began = time.perf_counter()
        try:
            history = fold(journal, name, watch=watch)
            found |= {"state": history.machine.state, "events": history.seq}
        except ReplayDivergedError as error:
            found |= {"same": False, "events": error.seq, "differs_at": error.seq, "message": str(error)}
        seconds = time.perf_counter() - began
    finally:
        journal.close()
    found |= {"decisions": decisions, "seconds": round(seconds, 6), "events_per_s": round(found["events"] / seconds)}
    if json:
        write_json(found)
    else:
        _print(found)
    return SUCCEEDED if found["same"] else DID_NOT_SUCCEED


def _print(found: dict[str, Any]) -> None:
    console = out()
    if found["same"]:
        line = Text("the same", STYLES["succeeded"])
        line.append(f": {found['events']:,} events folded, all {found['decisions']:,} decisions as recorded")
    else:
        line = Text("differs", STYLES["failed"]).append(f": {found['message']}")
    say(console, line)
    say(console, f"{found['events_per_s']:,} events a second ({found['seconds']:.3f} s)", "dim")
