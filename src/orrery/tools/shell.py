"""Programs: run one from its argument vector, with limits, and nothing left behind (see `program`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from orrery.errors import ArgumentError, CommandError, FileAccessError, ToolTimeoutError
from orrery.graph import Blob
from orrery.tools.context import BlobWriter, ToolContext
from orrery.tools.disk import resolved
from orrery.tools.hints import WayOut
from orrery.tools.program import MAX_OUTPUT_BYTES, Limits, Program, ending, tail, with_limits
from orrery.tools.tool import tool

Words = Annotated[
    list[str],
    WayOut("write each word of the command as its own item, such as ['ls', '-l']; shell.script runs a line of shell"),
]


class Finished(TypedDict):
    """How a program ended and what it wrote.

    `status` is its exit status, or the negative number of the signal that ended it. Output larger than
    64 kB is a `Blob`. Bytes that are not UTF-8 appear as `\\xNN`, and `invalid_utf8` is true then.
    """

    status: int
    stdout: str | Blob
    stderr: str | Blob
    seconds: float
    truncated: bool
    invalid_utf8: bool


@tool(name="shell.run", effects="once")
async def run(
    command: Words,
    *,
    env: dict[str, str] | None = None,
    cwd: Path = Path(),
    stdin: str | bytes | None = None,
    timeout_s: float | None = None,
    check: bool = True,
    max_output_bytes: int = MAX_OUTPUT_BYTES,
    on_overflow: Literal["error", "truncate"] = "error",
    cpu_s: int | None = None,
    memory_bytes: int | None = None,
    ctx: ToolContext,
) -> Finished:
    """Run a program and return what it wrote. No shell reads the words.

    Args:
        command: the program and its arguments, one item each.
        env: variables beside those of this process; ORRERY_IDEMPOTENCY_KEY is always there.
        cwd: its working folder, relative to the run's.
        stdin: what it can read; nothing by default.
        timeout_s: after this time its process group is ended (SIGTERM, 2 s later SIGKILL).
        check: whether a status other than 0 is an error.
        max_output_bytes: how much each of stdout and stderr may grow.
        on_overflow: "error" ends the program there, "truncate" keeps the beginning and lets it finish.
        cpu_s: seconds of processor time it may use (RLIMIT_CPU).
        memory_bytes: address space it may use (RLIMIT_AS).
    """
    limits = Limits(timeout_s, max_output_bytes, on_overflow, cpu_s, memory_bytes)
    return await _perform(command, env or {}, cwd, stdin, limits, check=check, ctx=ctx)


@tool(name="shell.script", effects="once")
async def script(
    script: str,
    *,
    shell: str = "/bin/sh",
    arguments: Sequence[str] = (),
    env: dict[str, str] | None = None,
    cwd: Path = Path(),
    stdin: str | bytes | None = None,
    timeout_s: float | None = None,
    check: bool = True,
    max_output_bytes: int = MAX_OUTPUT_BYTES,
    on_overflow: Literal["error", "truncate"] = "error",
    cpu_s: int | None = None,
    memory_bytes: int | None = None,
    ctx: ToolContext,
) -> Finished:
    """Run a script in a shell. Hand data in as `arguments` or `env`, never by building the script from it.

    The other arguments are those of shell.run.

    Args:
        script: what the shell reads.
        shell: which shell; it is called with -c.
        arguments: what the script knows as $1, $2, ...
    """
    limits = Limits(timeout_s, max_output_bytes, on_overflow, cpu_s, memory_bytes)
    command = [shell, "-c", script, shell, *arguments]
    return await _perform(command, env or {}, cwd, stdin, limits, check=check, ctx=ctx)


async def _perform(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    stdin: str | bytes | None,
    limits: Limits,
    *,
    check: bool,
    ctx: ToolContext,
) -> Finished:
    folder = resolved(cwd, ctx)
    variables = {**os.environ, **env, "ORRERY_IDEMPOTENCY_KEY": ctx.idempotency_key}
    words = with_limits(_found(command, folder, variables), limits)
    begun = time.perf_counter()
    with contextlib.ExitStack() as writers:

        def blob() -> BlobWriter:
            return writers.enter_context(ctx.blob_writer("text/plain"))

        program = Program(limits, blob)
        try:
            async with asyncio.timeout(limits.timeout_s):
                await program.run(words, variables, folder, stdin)
        except TimeoutError as error:
            raise ToolTimeoutError(
                f"{command[0]!r} did not end within {limits.timeout_s:g} s, so it and what it had started were ended"
                f"{tail(program.stderr)}",
                severity="transient",
            ) from error
        seconds = time.perf_counter() - begun
        status = program.status
        if program.refused is not None:
            raise program.refused
        if check and status != 0:
            raise CommandError(f"{command[0]!r} {ending(status, limits)}{tail(program.stderr)}", status=status)
        return {
            "status": status,
            "stdout": program.stdout.value(),
            "stderr": program.stderr.value(),
            "seconds": seconds,
            "truncated": program.stdout.truncated or program.stderr.truncated,
            "invalid_utf8": program.stdout.invalid_utf8 or program.stderr.invalid_utf8,
        }


def _found(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> list[str]:
    """The command with its program's place filled in. Raises before anything is started."""
    if isinstance(command, str) or not command:
        raise ArgumentError(
            f"a command is a list of words, such as ['ls', '-l'], not {command!r:.80}; "
            "shell.script runs a line of shell"
        )
    if any("\0" in word for word in command):
        raise ArgumentError(f"a word of the command {command[0]!r} holds a NUL character, which no program can receive")
    if not folder.is_dir():
        raise FileAccessError(f"cannot run {command[0]!r} in {str(folder)!r}: there is no such folder")
    name = str(folder / command[0]) if "/" in command[0] else command[0]
    program = shutil.which(name, path=variables.get("PATH", os.defpath))
    if program is None:
        raise CommandError(
            f"there is no program {command[0]!r} {'there' if '/' in command[0] else 'on the PATH'}, "
            "or it may not be executed",
            severity="permanent",
        )
    return [program, *command[1:]]
