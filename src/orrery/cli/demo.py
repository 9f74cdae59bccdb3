"""`orrery demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from orrery.cli.options import Json, Store
from orrery.errors import RequestError


def demo(
    *,
    crash: bool = False,
    fleet: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
    store: Store = None,
    folder: Path | None = None,
) -> int:
    """Run a real workflow over the git repository around you, and watch this machine meanwhile.

    A demo that was interrupted is resumed.

    Args:
        crash: Let the process kill itself half-way; the next demo goes on with the run.
        fleet: Start a hub and five devices here instead, run a workflow over them, and kill one meanwhile.
        folder: Where the report goes; .orrery/demo/RUN unless given.
    """
    if fleet:
        if crash or folder is not None:
            raise RequestError("--fleet has no --crash and no --folder: a device is killed, and it writes no report")
        from orrery.apps.constellation.command import main as over_a_fleet

        return over_a_fleet(as_json=json, store=store)
    from orrery.apps.observatory import main

    return main(crash=crash, as_json=json, store=store, folder=folder)
