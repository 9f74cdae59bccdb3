"""Connections over WebSocket: `ws:` and `wss:`.

The subprotocol says how frames are written: "orrery.1.msgpack" or "orrery.1.json"; who asks for neither is refused.

A browser can be made to talk to what listens on loopback: any page may open a WebSocket to any address, and a name that
first led to the page's server may lead to 127.0.0.1 a moment later (DNS rebinding). In both cases the browser tells
the truth about the page: in `Origin` and in `Host`. So both are checked before the handshake completes. Devices
send no `Origin`, and the `Host` of the URL that they were given.
"""

from __future__ import annotations

import asyncio
import http
import ipaddress
import logging
import socket
import ssl as tls
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from orrery.errors import ConnectionLostError, MessageTooLargeError, MissingExtraError, OutsideError, TransportUrlError
from orrery.fleet.transports.address import LOOPBACK_NAMES, Address, address, is_loopback
from orrery.fleet.transports.protocol import Accepted, Connection, Listener

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.asyncio.server import Server, ServerConnection, serve
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
    from websockets.frames import CloseCode
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

    from orrery.fleet.transports.wire import Wire, keep_freed_memory
except ImportError as error:
    raise MissingExtraError("fleet", needed_for="a connection over WebSocket") from error

FORMS = {"orrery.1.msgpack": "msgpack", "orrery.1.json": "json"}
"""The form of frames by subprotocol, best first."""
_PORTS = {"ws": 80, "wss": 443}
_CLOSE_S = 1.0
_WRITE_BYTES = 1 << 18
_LOG = logging.getLogger("orrery.fleet")


class WebSocketOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a WebSocket transport allows.

    Args:
        allowed_hosts: names besides the listening address and those of loopback by which it may be called.
        allowed_origins: web pages, such as "https://example.org", whose scripts may connect.
        ssl: this end's context; None: `wss:` is dialled with the usual one, and nothing listens at it.
        handshake_s: how long a handshake may take.
        max_opening: how many connections may be amid their handshake; of more, the oldest has to go.
        max_connections: how many may be open, those included.
        insecure: listen beyond loopback without TLS.
        on_refused: is told of each connection that was turned away: where it came from, and why.
        form: how frames are to be written on what is dialled.
    """

    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    ssl: tls.SSLContext | None = None
    handshake_s: float = 10.0
    max_opening: int = 128
    max_connections: int = 4096
    insecure: bool = False
    on_refused: Callable[[str, str], None] | None = None
    form: str = "msgpack"


class WebSocketConnection:
    """One end of a WebSocket."""

    def __init__(self, ws: Wire) -> None:
        self._ws = ws
        self.form = FORMS[str(ws.subprotocol)]
        self.peer = _place(ws.remote_address)

    @property
    def max_bytes(self) -> int:
        """The largest message that is taken in."""
        return int(self._ws.protocol.max_message_size or 0)

    @max_bytes.setter
    def max_bytes(self, size: int) -> None:
        self._ws.protocol.max_message_size = size

    async def send(self, message: bytes) -> None:
        try:
            await self._ws.put(message, text=self.form == "json")
        except ConnectionClosed as closed:
            raise self._lost(closed) from None

    async def receive(self) -> bytes:
        try:
            return await self._ws.take()
        except ConnectionClosed as closed:
            # What was received first is only repeated in what was sent.
            if closed.sent and closed.sent.code == CloseCode.MESSAGE_TOO_BIG and not closed.rcvd_then_sent:
                raise MessageTooLargeError(
                    f"{self.peer} sent a message of more than the {self.max_bytes} bytes that are taken in"
                ) from None
            raise self._lost(closed) from None

    async def close(self, because: str = "") -> None:
        await self.end(CloseCode.NORMAL_CLOSURE, because)

    async def end(self, code: CloseCode, because: str) -> None:
        """Close with a code; at once if the other end does not answer in time."""
        reason = because.encode()[:123].decode(errors="ignore")
        self._ws.forget()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._ws.close(code, reason)
        except TimeoutError:
            pass  # it does not read, or is gone
        finally:
            self._ws.transport.abort()

    def _lost(self, closed: ConnectionClosed) -> ConnectionLostError:
        frame = closed.rcvd or closed.sent
        if frame is None:
            because = str(closed.__cause__ or "") or "it vanished without a word"
        elif closed.rcvd is not None and frame.code == CloseCode.MESSAGE_TOO_BIG:
            because = "it takes in no message as large as one that was sent"
        else:
            because = frame.reason or CloseCode(frame.code).name.lower().replace("_", " ")
        return ConnectionLostError(f"the connection with {self.peer} is closed: {because}")


class _Dialled(Wire, ClientConnection):
    """The end of who dialled."""


class _Doorway(Wire, ServerConnection):
    """A connection that is counted from its first byte, and turned away if there are too many.

    Of those that are amid their handshake the oldest has to go: who means well is through in a moment, and those who
    never finish, however many they are, keep nobody out.
    """

    door: _Door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        because = self.door.crowded()
        self.entered = not because
        if because:
            self.transport = transport  # type: ignore[assignment]
            self.door.refused(_place(transport.get_extra_info("peername")), because)
            transport.abort()  # type: ignore[attr-defined]
            return
        self.door.opening[self] = None
        super().connection_made(transport)
        self.door.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.entered:
            return
        if self in self.door.opening:
            del self.door.opening[self]
            if self.response is None:
                self.door.refused(_place(self.remote_address), "it did not finish its handshake")
        super().connection_lost(exc)


class _Door:
    """Who may come in."""

    def __init__(self, at: Address, options: WebSocketOptions) -> None:
        self.opening: dict[_Doorway, None] = {}
        self.open: set[WebSocketConnection] = set()
        self._options = options
        self._path = at.path
        self._hosts = {*LOOPBACK_NAMES, at.host, *(host.lower() for host in options.allowed_hosts)}
        self._hosts -= {"0.0.0.0", "::"}  # noqa: S104 - no names of anything

    def crowded(self) -> str:
        """Why one more connection is one too many."""
        if len(self.opening) + len(self.open) >= self._options.max_connections:
            return f"{self._options.max_connections} connections are open"
        return ""

    def make_room(self) -> None:
        """Let the oldest go of those that are amid their handshake, if there are too many."""
        if len(self.opening) > self._options.max_opening:
            oldest = next(iter(self.opening))
            del self.opening[oldest]
            self.refused(_place(oldest.transport.get_extra_info("peername")), "others are waiting behind its handshake")
            oldest.transport.abort()

    def refused(self, peer: str, because: str) -> None:
        _LOG.info("refused %s: %s", peer, because)
        if self._options.on_refused is not None:
            self._options.on_refused(peer, because)

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer that turns a request away, or None."""
        hosts = request.headers.get_all("Host")
        host = _host(hosts[0]) if len(hosts) == 1 else ""
        if host not in self._hosts and not _same_host(host, connection.local_address[0]):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "this host is not served here\n")
        for origin in request.headers.get_all("Origin"):
            if origin not in self._options.allowed_origins:
                return connection.respond(http.HTTPStatus.FORBIDDEN, "no web page may connect here\n")
        if "?" in request.path:  # it may be a token, and somebody else may have it in his log by now
            return connection.respond(http.HTTPStatus.BAD_REQUEST, "a URL with a query is not answered\n")
        if urlsplit(request.path).path.rstrip("/") != self._path:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "there is nothing here\n")
        return None

    def report(self, connection: ServerConnection, request: Request, response: Response) -> None:
        """Tell of a request that is turned away, by `check` or by the library."""
        if response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS:
            return
        said = {name: request.headers.get_all(name) for name in ("Host", "Origin", "Sec-WebSocket-Protocol")}
        told = ", ".join(f"{name} {str(value)[:200]}" for name, value in said.items() if value)
        because = (response.body or b"").decode(errors="replace").strip()
        self.refused(_place(connection.remote_address), f"{response.status_code} {because} ({told})")


class WebSocketListener:
    """A WebSocket server."""

    def __init__(self, at: Address, server: Server, door: _Door) -> None:
        self._server, self._door = server, door
        self.url = str(at._replace(port=server.sockets[0].getsockname()[1]))

    async def close(self) -> None:
        self._server.close(close_connections=False)
        for opening in list(self._door.opening):
            opening.transport.abort()
        handlers = self._server.handler_tasks - {asyncio.current_task()}
        async with asyncio.TaskGroup() as closing:
            for connection in list(self._door.open):
                closing.create_task(connection.end(CloseCode.GOING_AWAY, "the listener closes"))
        if handlers:
            await asyncio.wait(handlers)


class WebSocketTransport:
    """Dials and listens at `ws:` and `wss:` URLs."""

    def __init__(self, options: WebSocketOptions | None = None) -> None:
        self._options = options or WebSocketOptions()

    async def dial(self, url: str, *, max_bytes: int) -> Connection:
        at, options = address(url, _PORTS), self._options
        keep_freed_memory()
        [subprotocol] = [Subprotocol(name) for name, form in FORMS.items() if form == options.form]
        more: dict[str, Any] = {"ssl": options.ssl} if at.scheme == "wss" and options.ssl is not None else {}
        try:
            ws = await _connect(
                str(at),
                subprotocols=[subprotocol],
                compression=None,
                proxy=None if is_loopback(at.host) else True,
                open_timeout=options.handshake_s,
                ping_interval=None,
                close_timeout=_CLOSE_S,
                max_size=max_bytes,
                write_limit=_WRITE_BYTES,
                create_connection=_Dialled,
                **more,
            )
        except InvalidURI as error:
            raise TransportUrlError(f"the URL {url!r} cannot be used: {error}") from None
        except InvalidStatus as error:
            because = (error.response.body or b"").decode(errors="replace").strip()[:200]
            raise ConnectionLostError(f"{at} answers {error.response.status_code}: {because}") from None
        except tls.SSLCertVerificationError as error:
            raise ConnectionLostError(f"the certificate of {at} is not good: {error.verify_message}") from None
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
            raise ConnectionLostError(f"{at} cannot be reached: {error or type(error).__name__}") from None
        assert isinstance(ws, _Dialled)
        if ws.subprotocol not in FORMS:
            ws.transport.abort()
            raise ConnectionLostError(f"what listens at {at} does not speak {subprotocol}")
        _no_delay(ws)
        return WebSocketConnection(ws)

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Listener:
        at, options = address(url, _PORTS), self._options
        if (at.scheme == "wss") != (options.ssl is not None):
            raise TransportUrlError(
                f"{at} is to be listened at {'without a certificate' if options.ssl is None else 'with one'}; "
                "wss: needs a certificate (--tls-cert, --tls-key), and ws: has none"
            )
        if at.scheme == "ws" and not options.insecure and not is_loopback(at.host):
            raise TransportUrlError(
                f"{at} could be reached from other machines, and everything could be read on the way; "
                "listen at wss: with a certificate (--tls-cert, --tls-key), or at 127.0.0.1"
            )
        keep_freed_memory()
        door = _Door(at, options)

        async def handle(ws: ServerConnection) -> None:
            assert isinstance(ws, _Doorway)
            door.opening.pop(ws, None)
            _no_delay(ws)
            connection = WebSocketConnection(ws)
            door.open.add(connection)
            try:
                await accepted(connection)
            except ConnectionLostError:
                return  # the usual end
            finally:
                door.open.discard(connection)
                await connection.close()

        try:
            server = await serve(
                handle,
                at.host,
                at.port,
                subprotocols=[Subprotocol(name) for name in FORMS],
                compression=None,
                process_request=door.check,
                process_response=door.report,
                server_header=None,
                open_timeout=options.handshake_s,
                ping_interval=None,  # the session has its own, which measures both ends
                close_timeout=_CLOSE_S,
                max_size=max_bytes,
                write_limit=_WRITE_BYTES,
                create_connection=type("_Doorway", (_Doorway,), {"door": door}),
                ssl=options.ssl,
                backlog=1024,
            )
        except OSError as error:
            raise OutsideError(f"{at} cannot be listened at: {error.strerror or error}") from None
        return WebSocketListener(at, server, door)


class _connect(connect):  # noqa: N801 - named as the library names it
    """Goes where it was told, and nowhere else: a token follows what is dialled."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


def _no_delay(ws: Wire) -> None:
    raw = ws.transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _place(name: Any) -> str:
    """A socket's name for logs."""
    match name:
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case _:
            return "somewhere unknown"


def _host(header: str) -> str:
    """The host of a `Host` header, without its port."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _same_host(host: str, ours: str) -> bool:
    """Whether a host is the address that a connection came in at."""
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(ours.partition("%")[0])
    except ValueError:
        return False
