"""From the URL of a hub to the transport that goes there."""

from __future__ import annotations

from collections.abc import Callable

from orrery.fleet.transports.address import check
from orrery.fleet.transports.protocol import Transport
from orrery.registry import Registry

transports: Registry[Callable[[], Transport]] = Registry("transport", group="orrery.transports")
"""The transports by the scheme of their URLs; each is made with its usual options."""


def transport_for(url: str) -> Transport:
    """The transport that dials a URL or listens at it.

    Raises:
        TransportUrlError: it is no URL, or there may be a secret in it.
        UnknownNameError: nobody registered its scheme.
        MissingExtraError: an optional part is not installed.
    """
    return transports.get(check(url))()


@transports.register("memory")
def _memory() -> Transport:
    from orrery.fleet.transports.memory import MemoryTransport

    return MemoryTransport()


@transports.register("wss")
@transports.register("ws")
def _websocket() -> Transport:
    from orrery.fleet.transports.websocket import WebSocketTransport

    return WebSocketTransport()


@transports.register("mqtts")
@transports.register("mqtt")
def _mqtt() -> Transport:
    from orrery.fleet.transports.mqtt import MqttTransport

    return MqttTransport()
