"""At what a hub listens, and by which names it is called."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec

from orrery.fleet.transports.address import is_loopback
from orrery.fleet.transports.protocol import Transport
from orrery.fleet.transports.registry import transport_for


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """How a hub is reached.

    Args:
        ssl: its certificate, for `wss:`.
        allowed_hosts: names by which it is called besides its addresses, those of loopback and this machine's.
        allowed_origins: web pages whose scripts may connect.
        insecure_network: listen beyond loopback without TLS.
        transports: by scheme, in place of the usual ones.
    """

    ssl: ssl.SSLContext | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    insecure_network: bool = False
    transports: Mapping[str, Transport] = {}


def listener_for(url: str, how: Listening, *, handshake_s: float, on_refused: Callable[[str, str], None]) -> Transport:
    """What listens at a URL.

    Args:
        on_refused: is told of each connection that a transport turned away itself: where it came from, and why.

    Raises: TransportUrlError, UnknownNameError, MissingExtraError.
    """
    scheme = url.partition(":")[0]
    if scheme in how.transports:
        return how.transports[scheme]
    if scheme not in ("ws", "wss"):
        return transport_for(url)
    from orrery.fleet.transports.websocket import WebSocketOptions, WebSocketTransport

    options = WebSocketOptions(
        allowed_hosts=(*how.allowed_hosts, *names_of_this_machine()),
        allowed_origins=how.allowed_origins,
        ssl=how.ssl if scheme == "wss" else None,
        handshake_s=handshake_s,
        insecure=how.insecure_network,
        on_refused=on_refused,
    )
    return WebSocketTransport(options)


def dialled(url: str, how: Listening) -> str:
    """The URL that others dial. Where it listens at every address, they need one of its names."""
    host = urlsplit(url).hostname
    if host not in ("0.0.0.0", "::"):  # noqa: S104 - where it listens, which is not where it is dialled
        return url
    names = (*how.allowed_hosts, *names_of_this_machine(), "localhost")
    return url.replace(f"[{host}]" if ":" in host else host, names[0], 1)


def names_of_this_machine() -> tuple[str, ...]:
    """By which others on the network call it; a web page from elsewhere cannot have them."""
    name = socket.gethostname().lower()
    return (name, f"{name.partition('.')[0]}.local") if name else ()


def is_remote(url: str) -> bool:
    """Whether other machines can reach it."""
    host = urlsplit(url).hostname or ""
    return bool(host) and not is_loopback(host)
