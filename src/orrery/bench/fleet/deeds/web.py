"""Web: ask services, and say something to them."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import msgspec

from orrery.runtime.context import Context

TIMEOUT_S = 20.0


def fetch(url: str) -> str:
    """What a URL answers. Raises OSError if the service refuses or cannot be reached."""
    with _asked(url) as answer:
        return str(answer.read().decode())


def fetch_json(url: str) -> Any:
    """The JSON that a URL answers."""
    return msgspec.json.decode(fetch(url))


def status(url: str) -> int:
    """The status with which a URL is answered; 0 if nobody answers."""
    try:
        with _asked(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def must_be_healthy(url: str) -> str:
    """What the service says of itself. Raises RuntimeError with what the service said instead."""
    try:
        return fetch(url)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"the health probe failed: {error.read().decode()}") from error


def post(url: str, value: Any) -> str:
    """Send a value as JSON."""
    with _asked(url, msgspec.json.encode(value), {"Content-Type": "application/json"}) as answer:
        return str(answer.read().decode())


def download(url: str, path: str, *, ctx: Context) -> int:
    """Fetch into a file, from where an earlier attempt stopped; returns its size.

    What had arrived of a broken connection stays in `PATH.part`. Raises OSError if it is not whole yet.
    """
    target = ctx.folder / path
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.exists() else 0
    with _asked(url, headers={"Range": f"bytes={have}-"} if have else {}) as answer, part.open("ab") as file:
        wanted = have + int(answer.headers["Content-Length"])
        while data := answer.read(1 << 16):
            file.write(data)
    if part.stat().st_size < wanted:
        raise ConnectionError(f"{url} broke off at byte {part.stat().st_size:,} of {wanted:,}")
    part.replace(target)
    return wanted


def _asked(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    request = urllib.request.Request(url, data, headers or {})  # noqa: S310 - a loopback address of the suite
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
