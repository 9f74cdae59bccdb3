"""Pace: how a device's slowness is waited for."""

from __future__ import annotations

import os
import time

PACE = "ORRERY_FLEET_PACE"
"""The variable of a device's process that says by how much its waits are longer than those of others."""


def pause(seconds: float) -> None:
    """Wait as long as the work that is stood for takes on this device."""
    time.sleep(seconds * float(os.environ.get(PACE, "1")))


__all__ = ["PACE", "pause"]
