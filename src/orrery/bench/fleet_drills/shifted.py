"""Shifted: `orrery` on a machine whose clock is wrong, without touching the clock of this one.

`python -m orrery.bench.fleet_drills.shifted SECONDS device --hub ...` is `orrery device --hub ...` in a process in
which every clock that tells the time of day, or the time since the machine was started, is ahead by so many seconds.
"""

from __future__ import annotations

import runpy
import sys
import time
from collections.abc import Callable


def shift(seconds: float) -> None:
    """Set the clocks of this process ahead."""
    wall, wall_ns, clock, clock_ns = time.time, time.time_ns, time.clock_gettime, time.clock_gettime_ns
    ahead_ns = int(seconds * 1e9)
    changed: dict[str, Callable[..., float]] = {
        "time": lambda: wall() + seconds,
        "time_ns": lambda: wall_ns() + ahead_ns,
        "clock_gettime": lambda which: clock(which) + seconds,
        "clock_gettime_ns": lambda which: clock_ns(which) + ahead_ns,
    }
    for name, function in changed.items():
        setattr(time, name, function)


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    del sys.argv[1]
    runpy.run_module("orrery", run_name="__main__")  # loaded only now, so that nobody has kept a clock that is right
