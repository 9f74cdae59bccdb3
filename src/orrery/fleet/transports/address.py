"""Address: a URL of the fleet, taken apart and found good."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from orrery.errors import TransportUrlError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """Where something listens. `path` begins with a slash, or is empty."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def check(url: str) -> str:
    """The scheme of a URL that carries no secret.

    Raises:
        TransportUrlError: it is no URL, or has user info, a query or a fragment. What stands there may be a token, so
            the message does not repeat it.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or not scheme.isalnum() or not scheme.isascii():
        raise TransportUrlError(f"{url!r} is not the URL of a hub; write one such as 'ws://127.0.0.1:8765'")
    authority = rest.removeprefix("//").partition("/")[0]
    if "@" in authority or "?" in rest or "#" in rest:
        raise TransportUrlError(
            f"the URL {scheme}:... holds user information or a query. A token or a password does not belong in a URL, "
            "where logs and lists of processes show it: a token is given as --token-file or --token, the user and "
            "password of an MQTT broker as ORRERY_MQTT_USER and ORRERY_MQTT_PASSWORD in the environment"
        )
    return scheme.lower()


def address(url: str, ports: Mapping[str, int]) -> Address:
    """The parts of a URL.

    Args:
        url: such as "ws://[::1]:8765/fleet".
        ports: the schemes that will do, with the port of each where the URL names none.

    Raises:
        TransportUrlError: it is not such a URL.
    """
    scheme = check(url)
    if scheme not in ports:
        raise TransportUrlError(f"the URL {url!r} begins with {scheme!r}, not with {' or '.join(ports)}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TransportUrlError(f"the URL {url!r} cannot be read: {error}") from None
    if not host or any(letter.isspace() for letter in host):
        raise TransportUrlError(f"the URL {url!r} names no host; write one such as '{scheme}://127.0.0.1:8765'")
    return Address(scheme, host, ports[scheme] if port is None else port, parts.path.rstrip("/"))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens at a host; of names, only "localhost" is known to be so."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
