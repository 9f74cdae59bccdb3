"""What the tasks of these tests do; workers of devices load this module by its name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from orrery.graph.values import Blob
from orrery.runtime.context import Context


def append(path: str, line: str) -> str:
    """Leaves a trace in the world."""
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return line


def append_and_wait(ctx: Context, path: str, line: str, until: str) -> str:
    """Leaves a trace, and ends when a file is there."""
    append(path, line)
    ctx.progress(0.5, "waiting")
    while not Path(until).exists():
        ctx.check_cancelled()
        time.sleep(0.01)
    return line


def where(ctx: Context) -> str:
    """The folder of the device that runs it."""
    return ctx.folder.parent.name


def large(size: int, seed: int = 0) -> bytes:
    """More than an event carries."""
    return bytes([seed]) * size


def sizes(*, values: list[Any]) -> list[int]:
    """How long each of these is."""
    return [len(value) for value in values]


def size(value: bytes) -> int:
    """How long it is."""
    return len(value)


def write(ctx: Context, text: str, times: int) -> Blob:
    """A file of its own making."""
    with ctx.blob_writer("text/plain") as out:
        for _ in range(times):
            out.write(text.encode())
        return out.close()


def die(path: str) -> None:
    """Takes its worker with it, each time."""
    append(path, "died")
    os.kill(os.getpid(), signal.SIGKILL)


def letters(text: str) -> int:
    """How many there are in a text, which may come as a blob."""
    return len(text)


def heavy_with_a_file(ctx: Context, size: int) -> dict[str, Any]:
    """A large result that has a file of its own making in it."""
    return {"filler": b"x" * size, "file": write(ctx, "ab", 3)}
