"""`orrery runs`."""

from __future__ import annotations

import time
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from orrery.cli.options import Json, Store, command
from orrery.cli.screen import STYLES, out, say, say_table, write_json
from orrery.errors import UnknownRunError
from orrery.journal import RunSummary
from orrery.runtime.directory import open_existing, standing, without_windows
from orrery.runtime.session import store_url
from orrery.telling.plain import span, target_line


def runs(
    *,
    json: Json = False,
    store: Store = None,
    most: Annotated[int, Parameter(name=("--most", "-n"))] = 20,
    all: Annotated[bool, Parameter(name="--all")] = False,
) -> int:
    """List the runs in the store, the newest last. One that should run and that nobody drives is interrupted.

    Args:
        most: How many of the newest to list, 20 unless given; 0 lists all.
        all: List the windows of batches too, through which their rows go.
    """
    try:
        journal = open_existing(store)
    except UnknownRunError:
        found: list[RunSummary] = []
    else:
        try:
            found = [run for run in journal.runs() if run.events or run.live]
        finally:
            journal.close()
    found = found if all else without_windows(found)
    shown = found[-most:] if most > 0 else found
    if json:
        write_json({"store": store_url(store), "runs": [_plain(run) for run in shown]})
        return 0
    console = out()
    if not found:
        say(console, f"no runs yet in {store_url(store)}; `orrery run TARGET` makes one")
        return 0
    now = time.time()
    lines = [
        (
            Text(run.run, "bold"),
            Text(standing(run), STYLES.get(standing(run), "")),
            span(max(0.0, now - run.created_at)),
            span(max(0.0, run.updated_at - run.created_at)),
            f"{run.events:,}",
            Text(target_line(run.target), "dim"),
        )
        for run in shown
    ]
    say_table(console, ("run", "state", "age", "took", "events", "target"), lines, right="age took events")
    if len(shown) < len(found):
        say(console, f"and {len(found) - len(shown)} older; --most 0 lists all", "dim")
    interrupted = [run.run for run in shown if standing(run) == "interrupted"]
    if interrupted:
        say(console, f"`{command(f'resume {interrupted[-1]}', store)}` goes on with it", "dim")
    return 0


def _plain(run: RunSummary) -> dict[str, object]:
    return {
        "run": run.run,
        "state": standing(run),
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "events": run.events,
        "target": run.target,
        "live": run.live,
    }
