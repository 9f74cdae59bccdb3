"""The clock by which a device counts its leases."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial


def _boot_clock() -> Callable[[], float]:
    if sys.platform == "linux":
        return partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    return time.monotonic


boot_clock = _boot_clock()
"""Seconds that only go forward and do not stop while the machine sleeps: a lease runs on then, too."""
