"""Functions that the devices of tests are allowed to call."""

from __future__ import annotations

import os
import time
from pathlib import Path

from orrery import Context


def mark_and_wait(begun: str, gate: str, ctx: Context) -> str:
    """Leave a line in one file, and return once another one is there."""
    with Path(begun).open("a", encoding="utf-8") as file:
        file.write(f"{ctx.attempt} {os.getpid()}\n")
    ctx.progress(0.5, "waiting")
    while not Path(gate).exists():
        time.sleep(0.01)
    return "done"


def mark(begun: str) -> str:
    """Leave a line."""
    with Path(begun).open("a", encoding="utf-8") as file:
        file.write("once\n")
    return "marked"


def fill(size_bytes: int) -> int:
    """Take that much memory."""
    return len(bytearray(size_bytes))


def burn() -> None:
    """Use processor time without end."""
    while True:
        sum(range(1000))


def open_many(count: int) -> int:
    """Have that many files open at once."""
    files = [open(os.devnull, "rb") for _ in range(count)]  # noqa: SIM115
    for file in files:
        file.close()
    return len(files)


def die() -> None:
    """End the worker."""
    os._exit(7)


def environment(name: str) -> str:
    """What a task finds in its environment."""
    return os.environ.get(name, "")
