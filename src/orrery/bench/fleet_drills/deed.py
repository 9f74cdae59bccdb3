"""What the tasks of the drills do: half of their work, an effect on the world, the other half.

At each step the witness is told, and the task goes on when he says so. So a drill strikes exactly there.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import socket
from pathlib import Path
from typing import Any

from orrery.runtime.context import Context


def work(kind: str, sink: str, witness: str, after: Any = None, *, ctx: Context) -> str:
    """Do it. Returns a text that no other execution returns.

    Args:
        kind: of the effect.
        sink: the file in which effects are written down.
        witness: host and port of who is told how far the task is.
        after: the result that it waited for, which is not looked at.
    """
    del after
    value = f"{ctx.task} {secrets.token_hex(8)}"
    host, _, port = witness.rpartition(":")
    with socket.create_connection((host, int(port))) as line, line.makefile("rwb") as words:

        def tell(percent: int, value: str = "") -> None:
            said = {"task": ctx.task, "attempt": ctx.attempt, "key": ctx.idempotency_key, "value": value}
            words.write(json.dumps({**said, "device": ctx.folder.parent.name, "percent": percent}).encode() + b"\n")
            words.flush()
            if not words.readline():
                raise ConnectionError("the witness is gone")

        tell(0)
        commit(kind, Path(sink), ctx)
        tell(50)
        tell(99)
        tell(100, value)
    return value


def commit(kind: str, sink: Path, ctx: Context) -> None:
    """Change the world, as something of that kind does.

    What is pure changes nothing. What is keyed is written down once for each key, as a bank does with a booking; what
    may happen only once is written down each time that it happens.
    """
    if kind == "pure":
        return
    line = json.dumps({"task": ctx.task, "key": ctx.idempotency_key, "attempt": ctx.attempt})
    with sink.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, also by a death
        file.seek(0)
        if kind == "keyed" and any(json.loads(one)["key"] == ctx.idempotency_key for one in file):
            return
        file.write(line + "\n")


__all__ = ["work"]
