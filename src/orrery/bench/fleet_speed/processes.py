"""Processes: a hub, its devices and what they are compared with, as processes of their own; and what they use."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from orrery.bench.fleet_speed.deeds import DEEDS
from orrery.errors import MissingExtraError, OutsideError
from orrery.fleet.client import HubClient
from orrery.fleet.hub.registry import Registry
from orrery.fleet.private import write_private
from orrery.fleet.profile import DeviceView

if TYPE_CHECKING:
    import psutil

START_S, STOP_S = 60.0, 10.0
"""How long a process may take to be there, and to end."""


class Used(NamedTuple):
    """Processor time of a process and its children so far, and the memory that it holds itself."""

    cpu_s: float
    rss_mb: float


class Program:
    """A process that is spoken with by lines.

    Args:
        arguments: of the interpreter.
        log: a file for its stderr.
    """

    def __init__(self, arguments: Sequence[str], log: Path, *, cwd: Path) -> None:
        self._log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def line(self, *, within_s: float = START_S) -> str:
        """The next line that it prints. Raises OutsideError."""
        try:
            async with asyncio.timeout(within_s):
                said = await asyncio.to_thread(_open(self._process.stdout).readline)
        except TimeoutError:
            self.kill()
            raise OutsideError(f"a process says nothing for {within_s:g} s: {self.complaint()}") from None
        if not said:
            raise OutsideError(f"a process ended: {self.complaint()}")
        return said.decode().strip()

    def say(self, line: str) -> None:
        """Write a line to it."""
        stdin = _open(self._process.stdin)
        stdin.write(line.encode() + b"\n")
        stdin.flush()

    def complaint(self) -> str:
        """The last that it wrote to its stderr."""
        return self._log.read_text(errors="replace").strip()[-500:] or "it left no word"

    def used(self) -> Used:
        """What it has used so far."""
        process = _process(self.pid)
        cpu_s = sum(_cpu_s(one) for one in (process, *process.children(recursive=True)))
        return Used(cpu_s, process.memory_info().rss / 1e6)

    def own_cpu_s(self) -> float:
        """Processor time without that of its children."""
        return _cpu_s(_process(self.pid))

    def end(self) -> None:
        """Ask it to end, and make sure that it does."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()


class Fleet:
    """A hub and its devices in a folder; use `fleet`."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.programs: dict[str, Program] = {}
        self.url = self.token = ""

    async def begin(self) -> None:
        """Start `orrery hub`."""
        self.hub = self._start(
            "hub", "hub", "--listen", "ws://127.0.0.1:0", "--state", str(self.root / "hub"), "--json"
        )
        said = json.loads(await self.hub.line())
        self.url = said["urls"][0]
        self.token = json.loads((self.root / said["file"]).read_text())["token"]

    def enrol(self, names: Iterable[str]) -> dict[str, str]:
        """A token for each of these devices, as `orrery devices enrol` makes them."""
        registry = Registry(self.root / "hub")
        try:
            return {name: registry.enrolment_token(at=time.time(), name=name) for name in names}
        finally:
            registry.close()

    def device(self, name: str, *options: str) -> Program:
        """Start `orrery device` in a folder of its own."""
        return self.device_with(self.enrol([name])[name], name, *options)

    def device_with(self, enrolment: str, name: str, *options: str) -> Program:
        """The same with a token that is there already."""
        token = self.root / f"{name}.token"
        write_private(token, enrolment)
        joined = ("--hub", self.url, "--name", name, "--token-file", str(token), "--folder", str(self.root / name))
        return self._start(name, "device", *joined, "--allow", DEEDS, *options)

    def _start(self, name: str, *arguments: str) -> Program:
        program = Program(("-m", "orrery", *arguments), self.root / f"{name}.err", cwd=self.root)
        self.programs[name] = program
        return program

    async def online(self, client: HubClient, names: Sequence[str], *, within_s: float = START_S) -> None:
        """Wait until the hub sees all of these online. Raises OutsideError."""
        seen: Mapping[str, str] = {}
        there = asyncio.Event()

        def look(views: tuple[DeviceView, ...]) -> None:
            nonlocal seen
            seen = {view.name: view.state for view in views}
            if all(seen.get(name) == "online" for name in names):
                there.set()

        client.watch(look)
        try:
            async with asyncio.timeout(within_s):
                await there.wait()
        except TimeoutError:
            away = [name for name in names if seen.get(name) != "online"]
            told = self.programs[away[0]].complaint() if away[0] in self.programs else ""
            raise OutsideError(f"{len(away)} devices did not come, such as {away[0]}: {told}") from None

    def end(self) -> None:
        """End them all, the hub last."""
        for program in reversed(self.programs.values()):
            program.end()


@asynccontextmanager
async def fleet(root: Path) -> AsyncIterator[tuple[Fleet, HubClient]]:
    """A hub below a folder and a client of it, and what is started there, while the block runs."""
    there = Fleet(root)
    try:
        await there.begin()
        async with HubClient(there.url, there.token) as client:
            yield there, client
    finally:
        there.end()


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "both were asked for"
    return stream


def _process(pid: int) -> psutil.Process:
    try:
        import psutil
    except ImportError as error:
        raise MissingExtraError("metrics", needed_for="measuring what other processes use") from error
    return psutil.Process(pid)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
