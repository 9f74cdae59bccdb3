"""`orrery demo --fleet`: a hub and five devices on this machine, and a run over all of them, while one dies."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orrery import Result, Session
from orrery.apps.constellation.flow import survey
from orrery.apps.constellation.machines import LEASE_S, MEMBERS, Machines
from orrery.apps.constellation.network import Network, can_go_inside, go_inside, is_inside
from orrery.apps.constellation.screen import Screen
from orrery.apps.constellation.tally import Tally
from orrery.scheduler import Event

MODULE = "orrery.apps.constellation"
OWN_SOURCE = Path(__file__).parents[2]
VICTIM, AFTER = "quarry-2", 4
"""The device that is killed, once so many of its tasks are done."""
WATCH_S = 2.0


def main(*, as_json: bool, store: str | None, spare: bool = False) -> int:
    """Run the demo of a fleet.

    Args:
        as_json: print one JSON object last, and nothing else.
        store: the URL of the store; by default the usual one.
        spare: kill nobody.

    Returns: 0 if the run succeeded, 1 if not.
    Raises: OrreryError: the fleet could not be started, or the store cannot be used.
    """
    if not is_inside() and can_go_inside():
        words = ["--store", store] if store else []
        words += [word for word, wanted in (("--json", as_json), ("--spare", spare)) if wanted]
        return go_inside(MODULE, words)
    return asyncio.run(_to_its_end(as_json, store, spare))


async def _to_its_end(as_json: bool, store: str | None, spare: bool) -> int:
    tally = Tally()
    screen = Screen(tally, quiet=as_json)
    root = _source()
    network = Network()
    with tempfile.TemporaryDirectory(prefix="orrery-fleet-") as folder:
        where = "each in a network of its own" if network.is_separate else "all on this machine's loopback"
        screen.say(f"starting a hub and {len(MEMBERS)} devices, {where}")
        async with Machines(Path(folder), network, root) as machines:
            victim = None if spare else _Victim(machines, tally, screen)
            observers = (tally.take, *([victim.take] if victim is not None else []))
            async with Session(store, hub=machines.hub, observers=observers) as session:
                run = session.start(survey.workflow(), {"root": str(root), "seconds": WATCH_S}, folder=Path.cwd())
                screen.say(f"run {run.id} surveys {root}")
                screen.begin()
                try:
                    result = await run.wait()
                finally:
                    screen.end()
    _tell(result, tally, screen, as_json=as_json, separate=network.is_separate)
    return 0 if result.state == "succeeded" else 1


class _Victim:
    """The device that is killed once it has done its share of a few tasks."""

    def __init__(self, machines: Machines, tally: Tally, screen: Screen) -> None:
        self._machines, self._tally, self._screen = machines, tally, screen
        self._is_dead = False

    def take(self, _run: str, _events: Sequence[Event]) -> None:
        """Something is durable; an observer of the session."""
        if not self._is_dead and len(self._tally.on(VICTIM)) >= AFTER:
            self._is_dead = True
            self._machines.kill(VICTIM)
            self._screen.killed(VICTIM)


def _tell(result: Result, tally: Tally, screen: Screen, *, as_json: bool, separate: bool) -> None:
    if as_json:
        print(json.dumps(_plain(result, tally, separate=separate)))
        return
    if result.state != "succeeded":
        screen.say(f"✗ {result.state}: {result.error}", "bold red")
        return
    screen.summary(result.outputs, result.seconds)
    screen.say("")
    screen.say(f"  {tally.sequential_s:.1f} s of work in {result.seconds:.1f} s, on {os.cpu_count()} processors")
    if tally.moved:
        tasks = "1 task" if len(tally.moved) == 1 else f"{len(tally.moved)} tasks"
        screen.say(f"  {tasks} of {VICTIM} went to another device when its lease of {LEASE_S:g} s had run out")
    screen.say(f"  orrery trace {result.run_id}   shows it all")


def _plain(result: Result, tally: Tally, *, separate: bool) -> dict[str, Any]:
    return {
        "run": result.run_id,
        "state": result.state,
        "outputs": result.outputs,
        "seconds": result.seconds,
        "sequential_s": tally.sequential_s,
        "devices": {member.name: len(tally.on(member.name)) for member in MEMBERS},
        "moved": tally.moved,
        "separate_networks": separate,
    }


def _source() -> Path:
    """The git repository around the working folder; where there is none, Orrery's own source."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".git").exists() and any(folder.glob("**/*.py")):
            return folder
    return OWN_SOURCE
