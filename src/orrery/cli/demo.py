"""`orrery demo`."""

from __future__ import annotations

from pathlib import Path

from orrery.cli.options import Json, Store


def demo(*, crash: bool = False, json: Json = False, store: Store = None, folder: Path | None = None) -> int:
    """Run a real workflow over the git repository around you, and watch this machine meanwhile.

    A demo that was interrupted is resumed.

    Args:
        crash: Let the process kill itself half-way; the next demo goes on with the run.
        folder: Where the report goes; .orrery/demo/RUN unless given.
    """
    from orrery.apps.observatory import main

    return main(crash=crash, as_json=json, store=store, folder=folder)
