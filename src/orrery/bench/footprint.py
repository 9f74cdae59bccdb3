"""Footprint: the peak memory and the time of one run in a process of its own.

`python -m orrery.bench.footprint TASKS STORE SEED` prints both as JSON.
"""

from __future__ import annotations

import asyncio
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import msgspec

from orrery.bench.rivals import Store, orrery_seconds
from orrery.bench.shapes import layered
from orrery.errors import OutsideError


class Footprint(msgspec.Struct, frozen=True):
    """Peak memory in MB (10^6 bytes), and seconds to make the graph and run it."""

    peak_mb: float
    seconds: float


def footprint(tasks: int, store: Store, seed: int) -> Footprint:
    """Run a layered graph of so many tasks in a fresh process. Raises OutsideError if it does not succeed."""
    command = [sys.executable, "-m", "orrery.bench.footprint", str(tasks), store, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise OutsideError(f"the process that ran {tasks:,} tasks failed: {last[0]}")
    return msgspec.json.decode(done.stdout, type=Footprint)


def peak_mb() -> float:
    """The most memory this process has had resident, in MB."""
    # Not ru_maxrss where there is a choice: Linux hands the parent's on to a process that it starts.
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    if found is not None:
        return int(found[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _main(tasks: str, store: str, seed: str) -> None:
    began = time.perf_counter()
    chosen: Store = next(known for known in get_args(Store) if known == store)
    asyncio.run(orrery_seconds(layered(int(tasks), int(seed)), chosen))
    measured = Footprint(peak_mb(), time.perf_counter() - began)
    print(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    _main(*sys.argv[1:])
