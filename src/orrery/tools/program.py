"""One running program: its process group, its output, its limits, and that nothing of it is left behind.

However it ends (exit, timeout, cancellation, too much output) the whole process group is ended, so that a
background child cannot outlive the call. Output is kept in memory up to 64 kB and streams into a blob beyond.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

import msgspec

from orrery.errors import CommandError, LimitReachedError, OrreryError, ToolError
from orrery.graph import Blob
from orrery.tools.context import BlobWriter

IN_MEMORY_BYTES = 64 << 10
MAX_OUTPUT_BYTES = 1 << 30
GRACE_S = 2.0
"""How long a program has between SIGTERM and SIGKILL."""
KILLED_WITHIN_S = 10.0
"""How long the end of a killed program may take to be heard of, on a busy machine or deep in the kernel."""
_TAIL_CHARS = 2_000


class Limits(msgspec.Struct, frozen=True):
    """What one program may use. None sets no limit."""

    timeout_s: float | None
    max_output_bytes: int
    on_overflow: Literal["error", "truncate"]
    cpu_s: int | None
    memory_bytes: int | None


def with_limits(command: list[str], limits: Limits) -> list[str]:
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


class Output:
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


class Program(asyncio.SubprocessProtocol):
    """One running program.

    This is asyncio's low-level form because it tells of the exit apart from the end of the pipes, which a
    background child may hold open, and hands over output as it comes instead of keeping it.
    """

    def __init__(self, limits: Limits, blob: Callable[[], BlobWriter]) -> None:
        self.stdout, self.stderr = Output("stdout", limits, blob), Output("stderr", limits, blob)
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
                await _happens(self._exited, GRACE_S)
            self._signal(signal.SIGKILL)
            await _happens(self._exited, KILLED_WITHIN_S)
            # Only a child that left the group (a daemon) can still hold a pipe; it is not waited for.
            await _happens(self._closed, GRACE_S)
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


async def _happens(event: asyncio.Event, within_s: float) -> None:
    """Return once it happens, or after so many seconds.

    Not by `asyncio.timeout`: before Python 3.11.3 its end passes for a cancellation where the task is being cancelled
    already, as it is here after a time-out of the call; then nobody waited for the program.
    """
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([waiting], timeout=within_s)
    finally:
        waiting.cancel()


def ending(status: int, limits: Limits) -> str:
    """How a program ended, in words: its status, or the signal and the limit behind it."""
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    if status == -signal.SIGXCPU:
        return f"was ended by {name}: it had used its {limits.cpu_s} s of processor time"
    return f"was ended by {name}"


def tail(stderr: Output) -> str:
    """The half-sentence with the end of what a program wrote to stderr."""
    text = stderr.last.decode(errors="backslashreplace").strip()
    if not text:
        return "; it wrote nothing to stderr"
    return f"; the end of its stderr:\n{text[-_TAIL_CHARS:]}"
