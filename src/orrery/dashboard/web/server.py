"""The server of the dashboard: where it listens, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from orrery.dashboard.board import Board
from orrery.dashboard.web.access import LOOPBACK_NAMES, Access, Guard
from orrery.dashboard.web.app import application
from orrery.dashboard.web.patience import Patient
from orrery.errors import ListenError

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8642
_PORTS_TRIED = 20
_END_S = 2.0
"""How long answers that are under way may take at the end."""


@dataclass(frozen=True)
class Address:
    """Where to listen.

    Args:
        host: an address, or a name for one.
        port: 0 takes a free one; None the usual one, or the next that is free.
        allowed: names besides by which it is reached.
        cert, key: PEM files for https.
        insecure_network: listen beyond loopback without them.
    """

    host: str = DEFAULT_HOST
    port: int | None = None
    allowed: tuple[str, ...] = ()
    cert: Path | None = None
    key: Path | None = None
    insecure_network: bool = False

    def bind(self) -> socket.socket:
        """A socket that listens there. Raises ListenError."""
        ports = range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED) if self.port is None else [self.port]
        if any(not 0 <= port < 1 << 16 for port in ports):
            raise ListenError(f"there is no port {self.port}; take one from 1 to 65535, or 0 for a free one")
        try:
            family, _, _, _, address = socket.getaddrinfo(self.host, ports[0], type=socket.SOCK_STREAM)[0]
        except (OSError, UnicodeError) as error:
            raise ListenError(f"{self.host!r} is no address of this machine: {error}") from error
        ip = str(address[0])
        if not (_is_loopback(ip) or self.cert is not None or self.insecure_network):
            raise ListenError(
                f"{self.host} can be reached by others, who could read the token on its way: give --tls-cert, "
                "or --insecure-network if you mean it; `ssh -L` reaches 127.0.0.1 from elsewhere"
            )
        failed: OSError | None = None
        for port in ports:
            listening = socket.socket(family, socket.SOCK_STREAM)
            try:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listening.bind((ip, port, *address[2:]))
                listening.listen(128)
            except OSError as error:
                listening.close()
                failed = error
                continue
            return listening
        what = f"port {self.port}" if self.port is not None else f"ports {ports[0]} to {ports[-1]}"
        raise ListenError(f"{what} of {self.host} cannot be used: {failed}; give another with --port") from failed

    def access(self, listening: socket.socket, token: str) -> Access:
        """Who may call what listens there."""
        ip, port = listening.getsockname()[:2]
        shown = f"[{ip}]" if ":" in ip else str(ip)
        names = (shown, *(name for name in LOOPBACK_NAMES if name != shown))
        if ip in ("0.0.0.0", "::"):  # noqa: S104 - only to know it
            names = (socket.gethostname().lower(), *LOOPBACK_NAMES)
        elif not _is_loopback(ip):
            names = (self.host.lower(), shown) if self.host.lower() != shown else (shown,)
        allowed = tuple(name.lower() for name in self.allowed)
        return Access(token, port, names, allowed, secure=self.cert is not None)


def _is_loopback(ip: str) -> bool:
    return ipaddress.ip_address(ip.partition("%")[0]).is_loopback


async def serve(
    board: Board, listening: socket.socket, access: Access, address: Address, began: Callable[[], None]
) -> None:
    """Serve a board until SIGINT or SIGTERM, then end open streams and what is under way.

    Args:
        listening: the socket to be served.
        began: called once a page can be asked for.

    Raises ListenError: the certificate cannot be used.
    """
    app = application(board)
    config = uvicorn.Config(
        Guard(app, access),
        http=Patient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(_END_S),
        h11_max_incomplete_event_size=64 << 10,
        ssl_certfile=address.cert,
        ssl_keyfile=address.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ListenError(f"the certificate {address.cert} cannot be used: {error}") from error
    server = _Server(config, began)

    def end() -> None:
        server.should_exit = True
        app.state.streams.close()

    with _signals(end):
        await server.serve([listening])


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to us, and says when it has begun."""

    def __init__(self, config: uvicorn.Config, began: Callable[[], None]) -> None:
        super().__init__(config)
        self._began = began

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._began()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them."""
        yield


@contextlib.contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the program by an exception instead
            loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in numbers:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)


__all__ = ["DEFAULT_HOST", "DEFAULT_PORT", "Address", "serve"]
