"""The link that is printed leads to the address at which the dashboard listens."""

from __future__ import annotations

import sys
from contextlib import closing

import pytest

from orrery.dashboard.web.server import Address
from orrery.errors import ListenError


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "[::1]")])
def test_the_link_is_that_of_the_address(host: str, shown: str) -> None:
    address = Address(host, 0)
    try:
        listening = address.bind()
    except ListenError:
        assert sys.platform != "linux" or ":" in host
        pytest.skip(f"this machine has no {host}")
    with closing(listening):
        access = address.access(listening, "t" * 40)
    assert access.url == f"http://{shown}:{access.port}"
    assert all(access.is_host(f"{name}:{access.port}") for name in (shown, "localhost", "127.0.0.1", "[::1]"))
    assert not access.is_host(f"127.0.0.3:{access.port}")
