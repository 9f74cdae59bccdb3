"""`orrery demo`."""

from __future__ import annotations

from importlib import import_module

from orrery.cli.options import Json, Store


def demo(*, crash: bool = False, json: Json = False, store: Store = None) -> int:
    """Run a real workflow on this machine: its own source and history, and live metrics.

    Args:
        crash: Let the process kill itself half-way, to see the next command finish the run.
    """
    status: int = import_module("orrery.apps.demo").main(crash=crash, json=json, store=store)
    return status
