"""Running: calls of a made tool in the limited subprocess, several of them for one start."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec

from orrery.tools.context import ToolContext
from orrery.tools.made.screening import BUILTINS, MODULES

TIMEOUT_S = 5.0
MEMORY_BYTES = 256 << 20
RESULT_BYTES = 8 << 20


class Called(msgspec.Struct, frozen=True):
    """What came of one call.

    Args:
        value: what it returned.
        kind: "plain", or what it returned that is no plain data.
        error: what it raised; empty if it returned.
        refused: it raised a ValueError, which is how a made tool refuses arguments; any other error is a mistake.
        changed: it changed its arguments.
    """

    value: Any = None
    kind: str = "plain"
    error: str = ""
    refused: bool = False
    changed: bool = False


class Ran(msgspec.Struct, frozen=True):
    """What came of a program: its calls, and what it tried to reach outside."""

    calls: tuple[Called, ...]
    reached: tuple[str, ...] = ()


async def call_each(
    source: str, name: str, calls: Sequence[dict[str, Any]], ctx: ToolContext, *, timeout_s: float = TIMEOUT_S
) -> Ran:
    """Call a function of a program with each of the arguments, in a fresh interpreter under limits.

    Raises:
        ToolError: it did not end in time, needed more memory than it may, or broke its interpreter.
    """
    from orrery.tools.python import run

    program = (files("orrery.tools.made") / "inside.py").read_text(encoding="utf-8")
    inputs = {
        "source": source,
        "name": name,
        "calls": list(calls),
        "modules": sorted(MODULES),
        "allowed": sorted(BUILTINS - {"None", "True", "False"}),
    }
    ran = await run.function(
        program,
        inputs=inputs,
        timeout_s=timeout_s,
        memory_bytes=MEMORY_BYTES,
        max_output_bytes=RESULT_BYTES,
        max_file_bytes=0,
        ctx=ctx,
    )
    *called, last = ran["value"]
    return Ran(tuple(msgspec.convert(one, Called) for one in called), tuple(last["reached"]))


__all__ = ["Called", "Ran", "call_each"]
