"""Processes: a run that is driven, and the dashboard that looks at it; and the processor time that they use."""

from __future__ import annotations

import http.client
import itertools
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from orrery.bench.dashboard.driver import Ended, Load
from orrery.errors import OutsideError

START_S, STOP_S = 60.0, 10.0
"""How long a process may take to say something, and to end."""


class Process:
    """A Python process that says lines.

    Args:
        arguments: of the interpreter.
        cwd: its folder; `log` takes what it writes to its stderr.
    """

    def __init__(self, arguments: Sequence[str], *, cwd: Path, log: Path) -> None:
        self._log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                bufsize=0,
            )
        self._rest = b""

    def line(self, *, within_s: float = START_S) -> bytes:
        """The next line that it says. Raises OutsideError."""
        stdout, until = self._process.stdout, time.monotonic() + within_s
        assert stdout is not None, "it was asked for"
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise OutsideError(f"a process says nothing for {within_s:g} s: {self._complaint()}")
                part = os.read(stdout.fileno(), 1 << 16)
                if not part:
                    raise OutsideError(f"a process ended: {self._complaint()}")
                self._rest += part
        said, _, self._rest = self._rest.partition(b"\n")
        return said

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def cpu_s(self) -> float:
        """Processor time that it has used so far, in seconds. Raises OutsideError."""
        return cpu_s(self._process.pid)

    def end(self) -> None:
        """Ask it to end, and make sure that it does."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _complaint(self) -> str:
        return self._log.read_text(errors="replace").strip()[-500:] or "it left no word"


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, in seconds. Raises OutsideError where there is none, or no /proc."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError as error:
        raise OutsideError(f"what process {pid} uses cannot be read: {error}; this bench needs Linux") from error
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Stage:
    """A folder with a store, in which runs are driven and a dashboard looks on."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, f"sqlite:///{root / 'runs.db'}"
        self.numbers = itertools.count(1)
        """For the names of runs."""

    def finished(self, load: Load) -> None:
        """Drive a run to its end. Raises OutsideError if it does not succeed."""
        with self.driven(load) as driver:
            ended = msgspec.json.decode(driver.line(within_s=600.0), type=Ended)
        if ended.state != "succeeded":
            raise OutsideError(f"the run {load.run} ended as {ended.state}")

    @contextmanager
    def driven(self, load: Load) -> Iterator[Process]:
        """A run that goes on while the block lasts; its process has said that it began."""
        text = msgspec.json.encode(load).decode()
        process = Process(("-m", "orrery.bench.dashboard.driver", text), cwd=self.root, log=self.root / "driver.log")
        try:
            process.line()
            yield process
        finally:
            process.end()

    @contextmanager
    def dashboard(self) -> Iterator[Dashboard]:
        """A dashboard that was just started. Raises MissingExtraError, OutsideError."""
        arguments = ("-m", "orrery", "ui", "--port", "0", "--no-browser", "--json", "--store", self.store)
        process = Process(arguments, cwd=self.root, log=self.root / "ui.log")
        try:
            yield Dashboard(process, msgspec.json.decode(process.line(), type=_Said))
        finally:
            process.end()


class _Said(msgspec.Struct, frozen=True):
    url: str
    link: str


class Dashboard:
    """A dashboard, as a process and as an address."""

    def __init__(self, process: Process, said: _Said) -> None:
        self.process, self.url = process, said.url
        self.token = said.link.partition("token=")[2]
        self._address = urlsplit(said.url)

    def cookie(self) -> tuple[str, str]:
        """Name and value of the cookie that opens the page. Raises OutsideError."""
        connection = self.connection()
        try:
            connection.request("GET", f"/login?token={self.token}")
            name, _, rest = (connection.getresponse().getheader("set-cookie") or "").partition("=")
        finally:
            connection.close()
        if not rest:
            raise OutsideError("the dashboard gives no cookie for its token")
        return name, rest.partition(";")[0]

    @property
    def headers(self) -> dict[str, str]:
        """What opens the API."""
        return {"Authorization": f"Bearer {self.token}"}

    def connection(self) -> http.client.HTTPConnection:
        """A connection to it."""
        return http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=START_S)
