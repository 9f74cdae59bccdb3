"""Which hub to use: what was said, what the environment says, or the one that was started in this folder.

A hub leaves `.orrery/hub.json` in the folder in which it was started, by which commands in the same folder find it.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from orrery.errors import HubRefusedError, StoreError
from orrery.fleet.private import check_private, write_private
from orrery.fleet.transports.address import check

HUB_FILE = Path(".orrery/hub.json")
DEFAULT_STATE = Path(".orrery/hub")


class HubAddress(msgspec.Struct, frozen=True):
    """Where a hub is, and the token of a client there; `said_by` is who named it, for people."""

    url: str
    token: str
    said_by: str = ""


class NearbyHub(msgspec.Struct, frozen=True):
    """How to reach the hub of a folder: what is in its file.

    Args:
        urls: where it listens, the best first.
        token: of a client; whoever has it can run tasks on every device.
        state: its folder.
    """

    urls: tuple[str, ...]
    token: str
    state: str


def find_hub(url: str | None = None, *, token: str | None = None, token_file: Path | None = None) -> HubAddress | None:
    """The hub to use; None where there is none.

    What is given counts first, then $ORRERY_HUB and $ORRERY_HUB_TOKEN, then the file of this folder.

    Raises:
        HubRefusedError: there is no token for it, or the file that has it may be read or written by others.
        StoreError: the file cannot be read.
        TransportUrlError: the URL is none, or holds a secret, which no message repeats.
    """
    said_by = "--hub" if url else "ORRERY_HUB"
    url = url or os.environ.get("ORRERY_HUB") or None
    if url is not None:
        check(url)
    if token is None and token_file is not None:
        token = _token_in(token_file)
    token = token or os.environ.get("ORRERY_HUB_TOKEN") or None
    if url and token:
        return HubAddress(url, token, said_by)
    if HUB_FILE.exists():
        check_private(HUB_FILE)
        found = nearby_hub()
        if found is not None and found.urls and (url is None or url in found.urls):
            return HubAddress(url or found.urls[0], token or found.token, said_by if url else str(HUB_FILE))
    if url is None:
        return None
    raise HubRefusedError(
        f"there is no token for the hub at {url}: give --hub-token-file or set ORRERY_HUB_TOKEN; "
        "the hub has it in its folder, in client.token"
    )


def nearby_hub(path: Path = HUB_FILE) -> NearbyHub | None:
    """The hub that was started in this folder, whether or not it still runs; None if there was none.

    Raises: StoreError: the file cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=NearbyHub)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path} is damaged: {error}; `orrery hub` writes it anew") from error


def write_nearby_hub(hub: NearbyHub, path: Path = HUB_FILE) -> None:
    """Leave the file for other commands; only its owner can read it. Raises StoreError."""
    try:
        write_private(path, msgspec.json.format(msgspec.json.encode(hub)).decode() + "\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def _token_in(path: Path) -> str:
    check_private(path)
    try:
        return path.read_text().strip()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error


__all__ = ["DEFAULT_STATE", "HUB_FILE", "HubAddress", "NearbyHub", "find_hub", "nearby_hub", "write_nearby_hub"]
