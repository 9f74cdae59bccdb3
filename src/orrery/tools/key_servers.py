"""Addresses at which the machines of cloud providers get their own keys, in whatever form somebody writes them."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "metadata"})
_ADDRESSES = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200"))
)


def key_server(url: str) -> str:
    """The host of a URL if it hands out the machine's keys; empty if it does not, or if that is no URL.

    >>> key_server("http://2852039166/latest")
    '2852039166'
    >>> key_server("http://example.org/169.254.169.254")
    ''
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:  # no address at all, as the tool will say
        return ""
    if host in _NAMES:
        return host
    address = _address(host)
    return host if address in _ADDRESSES else ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, as the system reads it: 0xa9fea9fe and 169.254.43518 are addresses, too."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host)) if host.isascii() else None
        except (OSError, ValueError):
            return None
    if isinstance(found, ipaddress.IPv6Address):
        return found.ipv4_mapped or found.sixtofour or found
    return found


__all__ = ["key_server"]
