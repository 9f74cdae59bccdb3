"""Broker: one client of an MQTT 5 broker, over the library `aiomqtt`. What is published is `mqtt`'s business."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl as tls
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, cast

import msgspec

from orrery.errors import ConnectionLostError, MissingExtraError
from orrery.fleet.transports.address import Address

try:
    import aiomqtt
except ImportError as error:
    raise MissingExtraError("mqtt", needed_for="a connection over MQTT") from error

_CLOSE_S = 1.0
_PAHO_LOG = logging.getLogger("orrery.fleet.paho")
_PAHO_LOG.setLevel(logging.CRITICAL)  # it calls an error what we report as a lost connection

Take = Callable[[str, bytes], None]
"""Is handed each message: its topic and its bytes."""


class MqttOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a broker is spoken to.

    Args:
        username: for the broker.
        password: likewise.
        ssl: the context for `mqtts:`; None: the usual one.
        insecure: speak to a broker beyond loopback without TLS.
        qos: 1: a message is sent when the broker has it; 0: when it is on its way.
        keepalive_s: a broker that has not answered for so long is lost.
        patience_s: how long a dialler waits for a listener's announcement and welcome.
        form: how frames are to be written on what is dialled.
    """

    username: str | None = None
    password: str | None = None
    ssl: tls.SSLContext | None = None
    insecure: bool = False
    qos: int = 1
    keepalive_s: int = 15
    patience_s: float = 5.0
    form: str = "msgpack"

    @classmethod
    def from_environment(cls) -> MqttOptions:
        """Those in ORRERY_MQTT_USER, ORRERY_MQTT_PASSWORD, ORRERY_MQTT_CA (a file) and ORRERY_MQTT_INSECURE ("1")."""
        authority = os.environ.get("ORRERY_MQTT_CA")
        return cls(
            username=os.environ.get("ORRERY_MQTT_USER"),
            password=os.environ.get("ORRERY_MQTT_PASSWORD"),
            ssl=tls.create_default_context(cafile=authority) if authority else None,
            insecure=os.environ.get("ORRERY_MQTT_INSECURE") == "1",
        )


class Will(NamedTuple):
    """What the broker publishes when a client vanishes."""

    topic: str
    payload: bytes
    retain: bool = False


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """Hands on at once what a client would queue."""

    def __init__(self, take: Take) -> None:
        super().__init__()
        self._take = take

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if isinstance(item.payload, bytes):
            self._take(item.topic.value, item.payload)


class Broker:
    """One client of a broker, from its connection to its end."""

    def __init__(self, client: aiomqtt.Client, qos: int) -> None:
        self._client, self._qos = client, qos
        self._posts: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self.ended = asyncio.ensure_future(self._until_lost())
        """Done when the broker is lost; its result says why."""

    @classmethod
    async def reach(cls, at: Address, options: MqttOptions, name: str, will: Will, take: Take) -> Broker:
        """Connect. Raises ConnectionLostError."""
        secure = at.scheme == "mqtts"
        client = aiomqtt.Client(
            at.host,
            at.port,
            identifier=name,
            username=options.username,
            password=options.password,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=(options.ssl or tls.create_default_context()) if secure else None,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            keepalive=options.keepalive_s,
            timeout=options.patience_s,
            logger=_PAHO_LOG,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=will.retain),
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", lambda maxsize: _Inbox(take)),  # noqa: ARG005
        )
        client.pending_calls_threshold = 1 << 20  # it would warn of what is on its way
        # A thread connects, and goes on when we are cancelled: what it then has must be given back.
        connecting = asyncio.ensure_future(client.__aenter__())
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            detach(_undo(client, connecting))
            raise
        except aiomqtt.MqttError as error:
            told = str(error) or type(error).__name__
            raise ConnectionLostError(f"the broker {name_of(at)} cannot be used: {told}") from None
        return cls(client, options.qos)

    async def subscribe(self, *topics: str) -> None:
        """Be sent what is published there. Raises ConnectionLostError."""
        try:
            await self._client.subscribe([(topic, self._qos) for topic in topics])
        except aiomqtt.MqttError as error:
            raise ConnectionLostError(f"the broker refuses a subscription: {error}") from None

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns when the broker has it. Raises ConnectionLostError."""
        sending = asyncio.ensure_future(self._client.publish(topic, payload, self._qos, retain, timeout=float("inf")))
        # A publication that waits is not told when the broker is lost.
        try:
            await asyncio.wait((sending, self.ended), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
                return
        except aiomqtt.MqttError as error:
            raise ConnectionLostError(f"the broker does not take a message: {error}") from None
        finally:
            sending.cancel()
        raise ConnectionLostError(self.ended.result())

    def post(self, topic: str, payload: bytes) -> None:
        """Publish some time soon, if the broker is still there."""
        task = asyncio.ensure_future(self._post(topic, payload))
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def close(self) -> None:
        """Send what was posted, and leave."""
        if self._closing is None:
            self._closing = detach(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._posts and not self.ended.done():
            await asyncio.wait(self._posts, timeout=_CLOSE_S)
        for task in self._posts:
            task.cancel()
        self._client.timeout = _CLOSE_S
        with contextlib.suppress(aiomqtt.MqttError):  # it is gone already, or does not answer
            await self._client.__aexit__(None, None, None)
        await asyncio.wait([self.ended], timeout=_CLOSE_S)
        self.ended.cancel()

    async def _post(self, topic: str, payload: bytes) -> None:
        with contextlib.suppress(ConnectionLostError):
            await self.publish(topic, payload)

    async def _until_lost(self) -> str:
        try:
            async for _ in self._client.messages:
                raise AssertionError("the inbox keeps nothing")
        except aiomqtt.MqttError as error:
            return f"the broker is lost: {error.__cause__ or error}"
        return "the broker is lost"


_detached: set[asyncio.Task[None]] = set()


def detach(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin what is finished even if nobody waits for it."""
    task = asyncio.ensure_future(work)
    _detached.add(task)
    task.add_done_callback(_detached.discard)
    return task


async def _undo(client: aiomqtt.Client, connecting: asyncio.Future[aiomqtt.Client]) -> None:
    with contextlib.suppress(aiomqtt.MqttError):  # then there is nothing to give back
        await connecting
        await client.__aexit__(None, None, None)


def name_of(at: Address) -> str:
    """A broker's address, for messages."""
    return str(at._replace(path=""))
