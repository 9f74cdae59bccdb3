"""Programs: run one from its argument vector, with limits, and nothing left behind.

The program gets a process group of its own. However the call ends (exit, timeout, cancellation, too much
output) the whole group is ended, so that a background child cannot outlive it. Output is kept in memory
up to 64 kB and streams into a blob beyond.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypedDict, cast

import msgspec

from orrery.errors import (
    ArgumentError,
    CommandError,
    FileAccessError,
    LimitReachedError,
    OrreryError,
    ToolError,
    ToolTimeoutError,
)
from orrery.graph import Blob
from orrery.tools.context import BlobWriter, ToolContext
from orrery.tools.disk import resolved
from orrery.tools.hints import WayOut
from orrery.tools.tool import tool

IN_MEMORY_BYTES = 64 << 10
MAX_OUTPUT_BYTES = 1 << 30
GRACE_S = 2.0
"""How long a program has between SIGTERM and SIGKILL."""
_TAIL_CHARS = 2_000

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


class Limits(msgspec.Struct, frozen=True):
    """What one program may use. None sets no limit."""

    timeout_s: float | None
    max_output_bytes: int
    on_overflow: Literal["error", "truncate"]
    cpu_s: int | None
    memory_bytes: int | None


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
    words = _with_limits(_found(command, folder, variables), limits)
    begun = time.perf_counter()
    with contextlib.ExitStack() as writers:

        def blob() -> BlobWriter:
            return writers.enter_context(ctx.blob_writer("text/plain"))

        program = _Program(limits, blob)
        try:
            async with asyncio.timeout(limits.timeout_s):
                await program.run(words, variables, folder, stdin)
        except TimeoutError as error:
            raise ToolTimeoutError(
                f"{command[0]!r} did not end within {limits.timeout_s:g} s, so it and what it had started were ended"
                f"{_tail(program.stderr)}",
                severity="transient",
            ) from error
        seconds = time.perf_counter() - begun
        status = program.status
        if program.refused is not None:
            raise program.refused
        if check and status != 0:
            raise CommandError(f"{command[0]!r} {_ending(status, limits)}{_tail(program.stderr)}", status=status)
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


def _with_limits(command: list[str], limits: Limits) -> list[str]:
    """The command behind a shell that lowers its own limits and then becomes it.

    `preexec_fn` with resource.setrlimit would do the same, but may deadlock in a process that has threads.
    """
    steps = []
    if limits.cpu_s is not None:
        # The soft limit gives SIGXCPU, which names the reason; at the hard one it would be a plain SIGKILL.
        steps.append(f"ulimit -S -t {limits.cpu_s:d} && ulimit -H -t {limits.cpu_s + 1:d}")
    if limits.memory_bytes is not None:
        steps.append(f"ulimit -v {max(1, limits.memory_bytes >> 10):d}")
    if not steps:
        return command
    return ["/bin/sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh", *command]


class _Output:
    """What came out of one pipe: in memory, beyond that in a blob, beyond that counted as too much."""

    def __init__(self, name: str, limits: Limits, blob: Callable[[], BlobWriter]) -> None:
        self._name, self._limits, self._new_blob = name, limits, blob
        self._memory = bytearray()
        self._writer: BlobWriter | None = None
        self._size_bytes = 0
        self.last = b""
        self.truncated = False
        self.invalid_utf8 = False

    def add(self, data: bytes) -> None:
        """Keep more output. Raises LimitReachedError when it is too much and that is an error."""
        room = self._limits.max_output_bytes - self._size_bytes
        if len(data) > room:
            if self._limits.on_overflow == "error":
                raise LimitReachedError(
                    f"{self._name} grew past max_output_bytes={self._limits.max_output_bytes}, so the program was "
                    "ended; raise the cap, or keep only the beginning with on_overflow='truncate'"
                )
            self.truncated = True
            data = data[:room]
        self._size_bytes += len(data)
        self.last = (self.last + data)[-4 * _TAIL_CHARS :]
        if self._writer is not None:
            self._writer.write(data)
        elif len(self._memory) + len(data) <= IN_MEMORY_BYTES:
            self._memory += data
        else:
            self._writer = self._new_blob()
            self._writer.write(bytes(self._memory) + data)

    def value(self) -> str | Blob:
        """The whole output; text where it is small."""
        if self._writer is not None:
            return self._writer.close()
        try:
            return self._memory.decode()
        except UnicodeDecodeError:
            self.invalid_utf8 = True
            return self._memory.decode(errors="backslashreplace")


class _Program(asyncio.SubprocessProtocol):
    """One running program.

    This is asyncio's low-level form because it tells of the exit apart from the end of the pipes, which a
    background child may hold open, and hands over output as it comes instead of keeping it.
    """

    def __init__(self, limits: Limits, blob: Callable[[], BlobWriter]) -> None:
        self.stdout, self.stderr = _Output("stdout", limits, blob), _Output("stderr", limits, blob)
        self.refused: OrreryError | None = None
        self.status = 0
        self._exited, self._closed = asyncio.Event(), asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None

    async def run(
        self, command: Sequence[str], variables: Mapping[str, str], folder: Path, stdin: str | bytes | None
    ) -> None:
        """Start it, feed it, and return when it has ended and its group is gone."""
        start = asyncio.get_running_loop().subprocess_exec(
            lambda: self,
            *command,
            env=variables,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        # Shielded: a start that is cancelled half-way would leave a group that nobody knows.
        starting = asyncio.ensure_future(start)
        try:
            transport, _ = await asyncio.shield(starting)
            if stdin is not None:
                pipe = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
                pipe.write(stdin.encode() if isinstance(stdin, str) else stdin)
                pipe.write_eof()
            await self._exited.wait()
        except OSError as error:
            raise CommandError(f"cannot start {command[0]!r}: {error.strerror or error}") from error
        finally:
            await asyncio.wait([starting])
            if self._transport is not None:
                await self._end(self._transport)

    async def _end(self, transport: asyncio.SubprocessTransport) -> None:
        """End the process group: kindly where the program still runs, then for certain; then drain the pipes."""
        try:
            if not self._exited.is_set():
                self._signal(signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GRACE_S):
                        await self._exited.wait()
            self._signal(signal.SIGKILL)
            # Only a child that left the group (a daemon) can still hold a pipe; it is not waited for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await self._exited.wait()
                    await self._closed.wait()
        finally:  # also when cancelled once more
            self._signal(signal.SIGKILL)
            transport.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._transport is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the group is gone already
            os.killpg(self._transport.get_pid(), number)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """More output. What refuses it ends the program."""
        if self.refused is not None:
            return
        try:
            (self.stdout if fd == 1 else self.stderr).add(data)
        except OrreryError as error:
            self.refused = error
        except OSError as error:
            self.refused = ToolError(f"the output cannot be stored: {error}", severity="transient")
        if self.refused is not None:
            self._signal(signal.SIGKILL)

    def process_exited(self) -> None:
        """It has ended; its pipes may still hold output."""
        assert self._transport is not None
        self.status = self._transport.get_returncode() or 0
        self._exited.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has been started."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """It has ended and all its pipes are closed."""
        self._closed.set()


def _ending(status: int, limits: Limits) -> str:
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    if status == -signal.SIGXCPU:
        return f"was ended by {name}: it had used its {limits.cpu_s} s of processor time"
    return f"was ended by {name}"


def _tail(stderr: _Output) -> str:
    text = stderr.last.decode(errors="backslashreplace").strip()
    if not text:
        return "; it wrote nothing to stderr"
    return f"; the end of its stderr:\n{text[-_TAIL_CHARS:]}"
