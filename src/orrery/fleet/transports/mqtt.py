"""Connections over an MQTT 5 broker: `mqtt://HOST:PORT/PREFIX` and `mqtts:`.

Both ends are clients of the broker. One who dials is one pair of topics, PREFIX/ID/up and PREFIX/ID/down, where ID is
its random client id, so that a broker can hold everybody to their own topics (docs/guides/transports.md has the rules
for Mosquitto). A listener announces itself by a retained message at PREFIX/hub. Both leave a last will: whoever
vanishes, the other end is told at once.

What is published begins with a letter:

    o FORM            from who dials: open; frames are written in this form
    w                 welcome
    m POSITION BYTES  a message; POSITION counts what was sent, this message included
    a POSITION        what was sent up to there has been read
    c REASON          closed; also the last will

A broker keeps no promise about a reader that does not read, so the sender stops when too much is unread (`WINDOW`).
What the broker drops is missed by the session, which sends it again. Nothing is kept in the broker but the
announcement; to lose the broker is to lose the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from orrery.errors import ConnectionLostError, MessageTooLargeError, TransportUrlError
from orrery.fleet.transports.address import Address, address, is_loopback
from orrery.fleet.transports.bell import Bell
from orrery.fleet.transports.mqtt_broker import Broker, MqttOptions, Will, detach, name_of
from orrery.fleet.transports.protocol import Accepted, Connection, Listener

WINDOW_BYTES = 1_000_000
"""How much may be sent and not yet read; the message that exceeds it is still sent."""
FORMS = ("msgpack", "json")
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_COST_BYTES = 64  # of any message, so that many empty ones are bounded too
_CLOSE_S = 1.0
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LOG = logging.getLogger("orrery.fleet")


class MqttConnection:
    """One end of a pair of topics."""

    def __init__(self, broker: Broker, *, peer: str, form: str, topic: str, max_bytes: int) -> None:
        self.peer, self.form, self.max_bytes = peer, form, max_bytes
        self._broker, self.topic = broker, topic
        self._messages: deque[tuple[int, bytes]] = deque()
        self._queued_bytes = 0
        self._sent = self._acknowledged = 0
        self._read = self._told = 0
        self._closed: str | None = None
        self._too_large = 0
        self._hub: bytes | None = None
        self._welcome = False
        self._bell = Bell()
        self.release: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def send(self, message: bytes) -> None:
        await self._until(lambda: self._sent - self._acknowledged < WINDOW_BYTES)
        if self._closed is not None:
            raise ConnectionLostError(self._closed)
        self._sent += len(message) + _COST_BYTES
        await self._broker.publish(self.topic, b"m" + self._sent.to_bytes(8, "big") + message)

    async def receive(self) -> bytes:
        await self._until(lambda: bool(self._messages))
        if not self._messages:
            if self._too_large:
                raise MessageTooLargeError(
                    f"{self.peer} sent a message of {self._too_large} bytes; {self.max_bytes} are taken in"
                )
            raise ConnectionLostError(self._closed)
        position, message = self._messages.popleft()
        self._queued_bytes -= len(message) + _COST_BYTES
        self._read = max(self._read, position)
        if self._read - self._told >= WINDOW_BYTES // 4:
            self._told = self._read
            self._broker.post(self.topic, b"a" + self._read.to_bytes(8, "big"))
        return message

    async def close(self, because: str = "") -> None:
        if self._closed is None:
            self._broker.post(self.topic, b"c" + because.encode())
            self._messages.clear()
        self.end(f"the connection was closed: {because}" if because else "the connection was closed")
        if self.release is not None:
            await self.release()

    async def open(self) -> None:
        """Ask the hub in, as soon as it announces itself, and wait for its welcome. Raises ConnectionLostError."""
        await self._until(lambda: self._hub is not None)
        if self._closed is None:
            await self._broker.publish(self.topic, b"o" + self.form.encode())
        await self._until(lambda: self._welcome)
        if self._closed is not None:
            raise ConnectionLostError(self._closed)

    def announced(self, hub: bytes) -> None:
        """Take in a hub's announcement: the first one is whom we want, another one or none means that it is gone."""
        if self._hub is None:
            self._hub = hub or None
        elif hub != self._hub:
            self.end(f"the hub at {self.peer} went away")
        self._bell.ring()

    def arrived(self, payload: bytes) -> None:
        """Take in what the other end published."""
        if self._closed is not None:
            return
        kind, body = payload[:1], payload[1:]
        if kind == b"m" and len(body) >= 8:
            self._arrived(int.from_bytes(body[:8], "big"), body[8:])
        elif kind == b"a" and len(body) == 8:
            self._acknowledged = max(self._acknowledged, int.from_bytes(body, "big"))
        elif kind == b"w":
            self._welcome = True
        elif kind == b"c":
            self.end(
                f"the connection with {self.peer} is closed: {body.decode(errors='replace') or 'by the other end'}"
            )
        self._bell.ring()

    def end(self, because: str) -> None:
        """Nothing comes or goes any more; what arrived before can still be received."""
        if self._closed is None:
            self._closed = because
            if self.release is not None:
                detach(self.release())
        self._bell.ring()

    def _arrived(self, position: int, message: bytes) -> None:
        self._queued_bytes += len(message) + _COST_BYTES
        if len(message) > self.max_bytes:
            self._too_large = len(message)
            because = "a message was too large"
        elif self._queued_bytes > 2 * WINDOW_BYTES + self.max_bytes:
            because = "more was sent than was allowed"
        else:
            self._messages.append((position, message))
            return
        self._broker.post(self.topic, b"c" + because.encode())
        self.end(f"the connection with {self.peer} was closed: {because}")

    async def _until(self, ready: Callable[[], bool]) -> None:
        while self._closed is None and not ready():
            await self._bell.rung()


class MqttListener:
    """Takes those who dial at a prefix, as long as there is a broker, and again when there is one again."""

    def __init__(self, at: Address, options: MqttOptions, accepted: Accepted, max_bytes: int) -> None:
        self.url = str(at._replace(path=f"/{_prefix(at)}"))
        self._at, self._options, self._accepted, self._max_bytes = at, options, accepted, max_bytes
        self._prefix = _prefix(at)
        self._name = f"hub-{secrets.token_hex(16)}"
        self._open: dict[str, MqttConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._broker: Broker | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Come up. Raises ConnectionLostError: there is no broker, or it refuses."""
        await self._announce()
        self._running = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
        tasks = self._tasks - {asyncio.current_task()}
        for connection in list(self._open.values()):
            await connection.close("the listener closes")
        if tasks:
            await asyncio.wait(tasks)
        if self._broker is not None:
            with contextlib.suppress(ConnectionLostError, TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._broker.publish(f"{self._prefix}/hub", b"", retain=True)
            await self._broker.close()

    async def _announce(self) -> None:
        hub = f"{self._prefix}/hub"
        will = Will(hub, b"", retain=True)  # an empty retained message takes the announcement away
        broker = await Broker.reach(self._at, self._options, self._name, will, self._take)
        try:
            await broker.subscribe(f"{self._prefix}/+/up")
            self._broker = broker
            await broker.publish(hub, secrets.token_hex(16).encode(), retain=True)
        except BaseException:
            self._broker = None
            await broker.close()
            raise

    async def _run(self) -> None:
        """Come up again whenever the broker was lost."""
        while True:
            assert self._broker is not None
            because = await asyncio.shield(self._broker.ended)
            _LOG.warning("%s; trying to reach it again", because)
            lost, self._broker = self._broker, None
            for connection in self._open.values():
                connection.end(because)
            await lost.close()
            tries = 0
            while self._broker is None:
                await asyncio.sleep(_BACK_OFF_S[min(tries, len(_BACK_OFF_S) - 1)])
                tries += 1
                try:
                    await self._announce()
                except ConnectionLostError as error:
                    _LOG.info("%s", error)

    def _take(self, topic: str, payload: bytes) -> None:
        name = topic[len(self._prefix) + 1 : -len("/up")]
        connection = self._open.get(name)
        if connection is not None:
            connection.arrived(payload)
        elif self._broker is not None and payload[:1] == b"o":
            self._welcome(self._broker, name, payload[1:].decode(errors="replace"))
        elif self._broker is not None and payload[:1] == b"m":
            self._broker.post(f"{self._prefix}/{name}/down", b"cthe hub does not know this connection")

    def _welcome(self, broker: Broker, name: str, form: str) -> None:
        down = f"{self._prefix}/{name}/down"
        if form not in FORMS:
            broker.post(down, f"cframes are written in one of {', '.join(FORMS)}".encode())
            return
        connection = MqttConnection(broker, peer=f"{self.url}/{name}", form=form, topic=down, max_bytes=self._max_bytes)
        self._open[name] = connection
        broker.post(down, b"w")
        task = asyncio.ensure_future(self._serve(name, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, name: str, connection: MqttConnection) -> None:
        try:
            await self._accepted(connection)
        except ConnectionLostError:
            return  # the usual end
        finally:
            del self._open[name]
            await connection.close()


class MqttTransport:
    """Dials and listens through a broker.

    Args:
        options: None: those in the environment.
    """

    def __init__(self, options: MqttOptions | None = None) -> None:
        self._options = options or MqttOptions.from_environment()

    async def dial(self, url: str, *, max_bytes: int) -> Connection:
        at, options = self._address(url), self._options
        prefix, name = _prefix(at), secrets.token_hex(16)
        up, down, hub = f"{prefix}/{name}/up", f"{prefix}/{name}/down", f"{prefix}/hub"
        inbox: list[MqttConnection] = []

        def take(topic: str, payload: bytes) -> None:
            for connection in inbox:
                (connection.announced if topic == hub else connection.arrived)(payload)

        broker = await Broker.reach(at, options, name, Will(up, b"cit vanished"), take)
        connection = MqttConnection(
            broker, peer=f"{name_of(at)}/{prefix}", form=options.form, topic=up, max_bytes=max_bytes
        )
        inbox.append(connection)
        broker.ended.add_done_callback(lambda ended: connection.end("closed" if ended.cancelled() else ended.result()))
        try:
            async with asyncio.timeout(options.patience_s):
                await broker.subscribe(hub, down)
                await connection.open()
        except BaseException as error:
            # The hub may have let us in already; a client that leaves in order has no last will.
            broker.post(up, b"cwho dialled has given up")
            closing = detach(broker.close())
            if not isinstance(error, TimeoutError):
                raise
            await asyncio.shield(closing)
            raise ConnectionLostError(f"no hub announces itself at {name_of(at)}/{prefix}, or none answers") from None
        connection.release = broker.close
        return connection

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Listener:
        listener = MqttListener(self._address(url), self._options, accepted, max_bytes)
        await listener.start()
        return listener

    def _address(self, url: str) -> Address:
        at = address(url, _PORTS)
        if at.scheme == "mqtt" and not self._options.insecure and not is_loopback(at.host):
            raise TransportUrlError(
                f"the broker {name_of(at)} is on another machine, and everything could be read on the way; "
                "use mqtts: (or, where the network itself is safe, ORRERY_MQTT_INSECURE=1)"
            )
        return at


def _prefix(at: Address) -> str:
    """The topic under which a hub and its devices meet."""
    prefix = at.path.strip("/") or "orrery"
    if any(letter in "+#$" or not letter.isprintable() for letter in prefix):
        raise TransportUrlError(f"{prefix!r} cannot be the beginning of an MQTT topic; use letters, digits and '/'")
    return prefix


__all__ = ["MqttConnection", "MqttListener", "MqttOptions", "MqttTransport"]
