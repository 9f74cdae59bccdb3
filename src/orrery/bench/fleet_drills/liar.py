"""Liar: a device that says it could do everything, and whose owner allows nothing of it.

`python -m orrery.bench.fleet_drills.liar device --hub ...` is `orrery device --hub ...`, but for its profile.
"""

from __future__ import annotations

import runpy

from orrery.fleet.profile import Offer
from orrery.runtime.device import machine
from orrery.runtime.device.rules import DeviceRules


def boast() -> None:
    """Let the profile of this process's device name functions that its rules refuse."""
    truth = machine.offers

    def offers(rules: DeviceRules) -> tuple[Offer, ...]:
        return (Offer("py:*", "everything"), *truth(rules))

    machine.offers = offers


if __name__ == "__main__":
    boast()
    runpy.run_module("orrery", run_name="__main__")
