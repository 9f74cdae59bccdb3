"""The hub of a folder: `.orrery/hub.json`, by which commands in the same folder find the hub that was started there."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from orrery.errors import StoreError
from orrery.fleet.hub.registry import write_private
from orrery.fleet.hubs import HUB_FILE

DEFAULT_STATE = Path(".orrery/hub")


class NearbyHub(msgspec.Struct, frozen=True):
    """How to reach the hub of a folder.

    Args:
        urls: where it listens, the best first.
        token: of a client; whoever has it can run tasks on every device.
        state: its folder.
    """

    urls: tuple[str, ...]
    token: str
    state: str


def write_nearby(hub: NearbyHub, path: Path = HUB_FILE) -> None:
    """Leave the file for other commands; only its owner can read it. Raises StoreError."""
    try:
        write_private(path, msgspec.json.format(msgspec.json.encode(hub)).decode() + "\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def nearby(path: Path = HUB_FILE) -> NearbyHub | None:
    """The hub that was started in this folder, whether or not it still runs; None if there was none.

    Raises: StoreError: the file cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=NearbyHub)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise StoreError(f"{os.fspath(path)} is damaged: {error}; `orrery hub` writes it anew") from error


__all__ = ["DEFAULT_STATE", "HUB_FILE", "NearbyHub", "nearby", "write_nearby"]
