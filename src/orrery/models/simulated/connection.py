"""One connection: h11 between the socket and the service. Waits until a frame is due and sends it; decides nothing."""

from __future__ import annotations

import asyncio
import http
import socket
import struct

from orrery.errors import MissingExtraError
from orrery.models.simulated.exchange import Exchange, Frame
from orrery.models.simulated.pace import Pace
from orrery.models.simulated.service import Arrived, Service
from orrery.models.simulated.wire.form import written

try:
    import h11
except ImportError as error:
    raise MissingExtraError("models", needed_for="the simulated model server") from error

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST instead of FIN."""


class Connection(asyncio.Protocol):
    """The server's end of one connection; requests on it are answered one after the other.

    Args:
        pace: when frames are due where calls share the server.
        open_connections: where it keeps itself while it is open.
        largest_bytes: bodies above this size are refused with 413.
    """

    def __init__(self, service: Service, pace: Pace, open_connections: set[Connection], *, largest_bytes: int) -> None:
        self._service, self._pace, self._all, self._largest = service, pace, open_connections, largest_bytes
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._body = bytearray()
        self._head: h11.Request | None = None
        self._answering: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop calls it so
        """The client is gone, so nobody waits for the answer."""
        self._transport = None
        self._all.discard(self)
        if self._answering is not None:
            self._answering.cancel()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        try:
            self._http.receive_data(data)
            self._take()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error))
        if self._answering is not None and len(self._http.trailing_data[0]) > self._largest:
            self.abort()  # it sends ahead without end while it is being answered

    def eof_received(self) -> bool:
        """The client will send no more. It may still be reading, but no client of models does that: let it go."""
        return False

    def abort(self) -> None:
        """Close at once: what is under way is broken off."""
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Return when what was under way has ended."""
        if self._answering is not None:
            await asyncio.wait([self._answering])

    def _take(self) -> None:
        """Read events until a request is whole, or the bytes run out."""
        while self._answering is None:
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            if isinstance(event, h11.Request):
                self._head, self._body = event, bytearray()
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._largest:
                    self._refuse(413, f"the request is larger than {self._largest} bytes")
                    return
            elif isinstance(event, h11.EndOfMessage):
                self._answering = self._loop.create_task(self._answer(self._loop.time()))

    def _refuse(self, status: int, message: str) -> None:
        """Say what is wrong with the request as HTTP, and close."""
        if self._transport is None:
            return
        if self._answering is None and self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = written({"error": {"message": message}})
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            self._send(h11.Response(status_code=status, headers=headers, reason=_reason(status)))
            self._send(h11.Data(data=body))
            self._send(h11.EndOfMessage())
            self._transport.close()
        else:
            self.abort()

    async def _answer(self, at: float) -> None:
        assert self._head is not None
        headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in self._head.headers}
        arrived = Arrived(self._head.method.decode(), self._head.target.decode("latin-1"), headers, bytes(self._body))
        exchange = self._service.answer(arrived, at)
        self._service.began(exchange)
        if exchange.job is not None:
            self._pace.changed()
        whole = False
        try:
            await self._deliver(exchange, at)
            whole = True
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: it is kept, and the client is not left waiting
            self._service.broken.append(error)
            self.abort()
            return
        finally:
            self._service.ended(exchange, whole=whole)
            if exchange.job is not None:
                self._pace.left(exchange.job)
        self._next()

    async def _deliver(self, exchange: Exchange, at: float) -> None:
        """Send the frames, each when it is due and those that are due together at once."""
        started = False
        waiting = bytearray()
        token = 0
        for frame in exchange.frames:
            early = self._is_early(frame, exchange, at)
            if early or len(waiting) > 16_384:
                await self._write(waiting, exchange, token)
                if early:
                    await self._until_due(frame, exchange, at)
            if not started:
                started = True
                waiting += self._http.send(_response(exchange)) or b""
            waiting += self._http.send(h11.Data(data=frame.data)) or b""
            token = max(token, frame.token)
        if not started:
            waiting += self._http.send(_response(exchange)) or b""
        if exchange.ending == "done":
            waiting += self._http.send(h11.EndOfMessage()) or b""
        await self._write(waiting, exchange, token)
        if exchange.ending == "reset":
            await self._reset()
        elif exchange.ending == "stall":
            await asyncio.get_running_loop().create_future()  # until the client leaves, or the server is closed

    def _is_early(self, frame: Frame, exchange: Exchange, at: float) -> bool:
        if exchange.job is not None:
            return not self._pace.is_out(exchange.job, frame.token)
        return at + frame.due_s > self._loop.time()

    async def _until_due(self, frame: Frame, exchange: Exchange, at: float) -> None:
        if exchange.job is not None:
            await self._pace.until(exchange.job, frame.token)
        else:
            await asyncio.sleep(at + frame.due_s - self._loop.time())

    async def _write(self, waiting: bytearray, exchange: Exchange, token: int) -> None:
        if waiting and self._transport is not None:
            self._transport.write(bytes(waiting))
            waiting.clear()
            self._service.sent(exchange, token)
        # Also where nothing waits: a stream without end that is never late would otherwise hold the loop for ever.
        await (self._writable.wait() if not self._writable.is_set() else asyncio.sleep(0))

    async def _reset(self) -> None:
        """Make the client see ECONNRESET, after it has read what was sent."""
        if self._transport is None:
            return
        self._transport.set_write_buffer_limits(high=0)  # so that "writable" means that all of it has gone
        await self._writable.wait()
        found = self._transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.abort()

    def _next(self) -> None:
        """Get ready for the next request, or close."""
        self._answering = None
        if self._transport is None:
            return
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            try:
                self._take()  # a client may have sent its next request already
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint, str(error))
        else:
            self._transport.close()

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data and self._transport is not None:
            self._transport.write(data)


def _response(exchange: Exchange) -> h11.Response:
    headers = [("content-type", exchange.content_type), *exchange.headers]
    if exchange.length is not None:
        headers.append(("content-length", str(exchange.length)))
    else:
        headers += [("transfer-encoding", "chunked"), ("cache-control", "no-cache")]
    return h11.Response(status_code=exchange.status, headers=headers, reason=_reason(exchange.status))


def _reason(status: int) -> bytes:
    try:
        return http.HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Simulated"
