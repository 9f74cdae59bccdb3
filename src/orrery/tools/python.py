"""Python: run a program given as text in a fresh interpreter, with limits, and get its result as plain data."""

from __future__ import annotations

import asyncio
import contextlib
import json
import keyword
import math
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from orrery.errors import ArgumentError, FileAccessError, LimitReachedError, ProgramError, ToolTimeoutError
from orrery.graph import Blob
from orrery.tools import python_inside
from orrery.tools.context import BlobWriter, ToolContext
from orrery.tools.disk import opened
from orrery.tools.program import Limits, Program, ending, tail
from orrery.tools.tool import tool

MEMORY_BYTES = 512 << 20
OUTPUT_BYTES = 16 << 20
FILE_BYTES = 256 << 20


class Ran(TypedDict):
    """What came of a program: its result, and what it printed (a `Blob` above 64 kB)."""

    value: Any
    stdout: str | Blob


@tool(name="python.run", effects="once")
async def run(
    code: str,
    *,
    inputs: dict[str, Any] | None = None,
    timeout_s: float = 10.0,
    cpu_s: int | None = None,
    memory_bytes: int = MEMORY_BYTES,
    max_output_bytes: int = OUTPUT_BYTES,
    max_file_bytes: int = FILE_BYTES,
    ctx: ToolContext,
) -> Ran:
    """Run a Python program; its value is what it assigns to `result`, or else its last expression.

    It runs in a fresh interpreter (`python -I`) in an empty folder of its own that is removed afterwards, and
    sees no environment variable of this process. It is limited, not walled in: it reads what this user may
    read, and the network is not shut off yet. At most 32 processes more than the user has may stand
    beside it (the system does not hold root to that), and one that leaves its process group on purpose is not
    found. If it is cancelled or late, the whole group is ended.

    Args:
        code: the program.
        inputs: its variables, by name; plain data.
        timeout_s: after this time it is ended.
        cpu_s: seconds of processor time it may use; as many as `timeout_s` unless given.
        memory_bytes: address space it may use.
        max_output_bytes: how much it may print, and how large its result may be.
        max_file_bytes: how large a file that it writes may become.
    """
    _check(inputs or {}, timeout_s)
    whole_s = math.ceil(timeout_s)
    limits = Limits(timeout_s, max_output_bytes, "error", cpu_s or whole_s, memory_bytes)
    order = {
        "code": code,
        "inputs": inputs or {},
        "limits": {
            "timeout_s": whole_s,
            "cpu_s": limits.cpu_s,
            "memory_bytes": memory_bytes,
            "file_bytes": max(max_file_bytes, max_output_bytes + 1024),  # its result is written to a file too
        },
    }
    with (
        contextlib.ExitStack() as writers,
        tempfile.TemporaryDirectory(prefix="orrery-python-", ignore_cleanup_errors=True) as folder,
    ):

        def blob() -> BlobWriter:
            return writers.enter_context(ctx.blob_writer("text/plain"))

        program = Program(limits, blob)
        command = [sys.executable, "-I", "-B", "-X", "utf8", python_inside.__file__]
        try:
            async with asyncio.timeout(timeout_s):
                await program.run(command, _variables(folder, ctx), Path(folder), json.dumps(order))
        except TimeoutError as error:
            raise ToolTimeoutError(
                f"the program did not end within timeout_s={timeout_s:g}, so it and what it had started were ended"
            ) from error
        if program.refused is not None:
            raise program.refused
        return {"value": _value(program, Path(folder), limits), "stdout": program.stdout.value()}


def _check(inputs: Mapping[str, Any], timeout_s: float) -> None:
    """Raise ArgumentError where the order cannot be carried out as it is."""
    if not 0 < timeout_s < math.inf:
        raise ArgumentError(f"tool 'python.run': timeout_s={timeout_s!r} is no time to run in; give some seconds")
    for name in inputs:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__") or name == "result":
            raise ArgumentError(f"tool 'python.run': an input cannot be called {name!r}; choose a variable's name")
    try:
        json.dumps(inputs, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"tool 'python.run': the inputs are not plain data: {error}") from error


def _variables(folder: str, ctx: ToolContext) -> dict[str, str]:
    """The program's whole environment: nothing of this process's own, which may hold keys."""
    return {
        "PATH": os.defpath,
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "ORRERY_IDEMPOTENCY_KEY": ctx.idempotency_key,
    }


def _value(program: Program, folder: Path, limits: Limits) -> Any:
    """What the program left as its result. Raises what became of it instead."""
    outcome = _outcome(folder, limits) if program.status == 0 else None
    if outcome is None:
        if program.status == -signal.SIGXCPU:
            raise LimitReachedError(f"the program had used its cpu_s={limits.cpu_s} of processor time, and was ended")
        raise ProgramError(f"the program {ending(program.status, limits)} before it was done{tail(program.stderr)}")
    if "error" not in outcome:
        return outcome["value"]
    if outcome["kind"] == "memory":
        raise LimitReachedError(f"the program needed more than memory_bytes={limits.memory_bytes}; raise it")
    if outcome["kind"] == "not-plain":
        raise ProgramError(f"the program ran, but {outcome['error']}")
    line, trace = outcome.get("line"), outcome.get("trace", "")
    where = f" in line {line}" if line is not None else ""
    raise ProgramError(f"the program failed{where}: {outcome['error']}\n{trace}".rstrip(), line=line)


def _outcome(folder: Path, limits: Limits) -> dict[str, Any] | None:
    """What stands in the file that the program's interpreter writes at the end; None where it did not come to that."""
    path = folder / python_inside.OUTCOME
    try:
        with opened(path) as file:  # the program may have put a pipe there, from which nothing would ever come
            data = file.read(limits.max_output_bytes + 1)
    except FileAccessError:
        return None
    if len(data) > limits.max_output_bytes:
        raise LimitReachedError(
            f"the program's result is larger than max_output_bytes={limits.max_output_bytes}; raise it, or return less"
        )
    try:
        outcome: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(outcome, dict) and ("value" in outcome or {"error", "kind"} <= outcome.keys())
    return outcome if whole else None
