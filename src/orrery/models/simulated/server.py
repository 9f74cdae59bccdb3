"""The running server: in the loop of whoever uses it with `async with`, or in a thread of its own with `with`."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from orrery.errors import OutsideError, RequestError
from orrery.models.serving.timing import Timing
from orrery.models.simulated.answer import Split
from orrery.models.simulated.asked import KINDS, Asked, Kind
from orrery.models.simulated.connection import Connection
from orrery.models.simulated.counts import Counts
from orrery.models.simulated.faults import Fault
from orrery.models.simulated.limits import Limits
from orrery.models.simulated.pace import Pace
from orrery.models.simulated.scripts import echo
from orrery.models.simulated.service import Script, Service

MODEL = "simulated"
PATHS: dict[Kind, str] = {
    "openai-chat": "/v1",
    "openai-responses": "/v1",
    "anthropic": "",
    "google": "",
    "ollama": "/ollama/v1",
}


class SimulatedServer:
    """A model server that answers from a script, over real HTTP, in five wire formats.

    Used with `with` it runs in a thread of its own; with `async with` in the present loop. Where its script raised
    an error, leaving raises it, unless another is on its way already.

    Args:
        script: (Asked) -> Answer, text or Fault; runs in the server's loop, so it must not block.
        timing: when tokens are due; with `slots`, calls share the server, and wait for and slow each other.
        split: how streams are cut: "tokens", "lines", or "chars" for anywhere, in the middle of characters too.
        faults: what goes wrong, the first that applies: `Fault`s, or texts as on the command line.
        limits: what is answered with 429.
        seed: of chance.
        models: the names that are listed; any other is answered too.
        host, port: where to listen; port 0 takes a free one.
        exposed: allow a host that other machines can reach; needs a token.
        token: the key that clients must send.
        largest_bytes: the largest request that is read.

    Raises:
        RequestError: the host is not this machine's own and `exposed` or the token is missing.
        OutsideError: the port is taken.
    """

    def __init__(
        self,
        script: Script = echo,
        *,
        timing: Timing | None = None,
        split: Split = "tokens",
        faults: Iterable[Fault | str] = (),
        limits: Limits | None = None,
        seed: int = 0,
        models: Sequence[str] = (MODEL,),
        host: str = "127.0.0.1",
        port: int = 0,
        exposed: bool = False,
        token: str | None = None,
        largest_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        local = _is_loopback(host)
        if not local and not (exposed and token):
            raise RequestError(
                f"{host} can be reached by other machines: that needs `exposed` and a token (--exposed --token TEXT)"
            )
        self._service = Service(
            script,
            timing=timing or Timing(),
            split=split,
            faults=faults,
            limits=limits,
            seed=seed,
            models=models,
            token=token,
            hosts=frozenset({"localhost", "127.0.0.1", "::1", host}) if local else None,
            now=time.time,
        )
        self._models, self._host, self._port, self._largest = tuple(models), host, port, largest_bytes
        self._token = token
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._thread: _Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def base_url(self, kind: Kind) -> str:
        """What a client of this format takes as its base URL."""
        return self.url + PATHS[kind]

    @property
    def counts(self) -> Counts:
        """What was counted until now."""
        return self._service.counts.copy()

    @property
    def requests(self) -> list[Asked]:
        """What was asked until now, in the order of arrival."""
        return list(self._service.requests)

    @property
    def broken(self) -> list[Exception]:
        """What the script raised until now; each was answered with status 422."""
        return list(self._service.broken)

    def environment(self) -> dict[str, str]:
        """The variables by which the providers' own clients find this server."""
        key = self._token or "simulated"
        return {
            "OPENAI_BASE_URL": self.base_url("openai-chat"),
            "OPENAI_API_KEY": key,
            "ANTHROPIC_BASE_URL": self.base_url("anthropic"),
            "ANTHROPIC_API_KEY": key,
            "GOOGLE_GEMINI_BASE_URL": self.base_url("google"),
            "GOOGLE_API_KEY": key,
            "OLLAMA_BASE_URL": self.base_url("ollama"),
            "OLLAMA_API_KEY": key,
        }

    def config(self) -> str:
        """A models.toml with a provider for each wire format, named sim-KIND."""
        key = "none" if self._token is None else "env:OPENAI_API_KEY"
        lines = [f'default = "sim-{KINDS[0]}:{self._models[0]}"', ""]
        for kind in KINDS:
            lines += [f"[providers.sim-{kind}]", f'kind = "{kind}"', f'base_url = "{self.base_url(kind)}"']
            lines += [f'key = "{key}"', ""]
        return "\n".join(lines)

    async def start(self) -> None:
        """Listen. Raises OutsideError."""
        loop, pace = asyncio.get_running_loop(), Pace(self._service.replica)

        def connect() -> Connection:
            return Connection(self._service, pace, self._connections, largest_bytes=self._largest)

        try:
            self._server = await loop.create_server(connect, self._host, self._port, backlog=1024)
        except OSError as error:
            raise OutsideError(f"cannot listen on {self._host}:{self._port}: {error.strerror or error}") from error
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, break off what is being sent, and wait until all of it has ended."""
        if self._server is None:
            return
        self._server.close()
        open_ones = list(self._connections)
        for connection in open_ones:
            connection.abort()
        for connection in open_ones:
            await connection.closed()
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._complain(error)

    def __enter__(self) -> Self:
        self._thread = _Thread(self)
        self._thread.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.end()
            self._thread = None
        self._complain(error)

    def _complain(self, error: BaseException | None) -> None:
        if not self._service.broken:
            return
        first = self._service.broken[0]
        if error is None:
            raise first
        if error is not first:
            error.add_note(f"before that, the script of the simulated server failed: {type(first).__name__}: {first}")


class _Thread(threading.Thread):
    """A loop of its own for a server."""

    def __init__(self, server: SimulatedServer) -> None:
        super().__init__(name="simulated-models", daemon=True)
        self._server_ = server
        self._up = threading.Event()
        self._failed: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    def begin(self) -> None:
        """Start, and return once it listens. Raises what kept it from that."""
        self.start()
        self._up.wait()
        if self._failed is not None:
            self.join()
            raise self._failed

    def end(self) -> None:
        """Stop, and return once all has ended."""
        if self._loop is not None and self._over is not None:
            self._loop.call_soon_threadsafe(self._over.set)
        self.join()

    def run(self) -> None:
        """The thread's work."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._server_.start()
        except OutsideError as error:
            self._failed = error
            return
        finally:
            self._up.set()
        await self._over.wait()
        await self._server_.stop()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
