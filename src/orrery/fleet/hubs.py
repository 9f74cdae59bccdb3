"""Which hub to use: what was said, what the environment says, or the one that was started in this folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from orrery.errors import HubRefusedError, StoreError

HUB_FILE = Path(".orrery/hub.json")


class HubAddress(msgspec.Struct, frozen=True):
    """Where a hub is, and the token of a client there; `said_by` is who named it, for people."""

    url: str
    token: str
    said_by: str = ""


def find_hub(url: str | None = None, *, token: str | None = None, token_file: Path | None = None) -> HubAddress | None:
    """The hub to use; None where there is none.

    What is given counts first, then $ORRERY_HUB and $ORRERY_HUB_TOKEN, then `.orrery/hub.json`, which a hub leaves in
    the folder in which it was started.

    Raises:
        HubRefusedError: there is no token for it, or the file that has it may be read or written by others.
        StoreError: the file cannot be read.
    """
    said_by = "--hub" if url else "ORRERY_HUB"
    url = url or os.environ.get("ORRERY_HUB") or None
    if token is None and token_file is not None:
        token = _token_in(token_file)
    token = token or os.environ.get("ORRERY_HUB_TOKEN") or None
    if url and token:
        return HubAddress(url, token, said_by)
    if HUB_FILE.exists():
        _check_private(HUB_FILE)
        from orrery.fleet.nearby import nearby

        found = nearby(HUB_FILE)
        if found is not None and found.urls and (url is None or url in found.urls):
            return HubAddress(url or found.urls[0], token or found.token, said_by if url else str(HUB_FILE))
    if url is None:
        return None
    raise HubRefusedError(
        f"there is no token for the hub at {url}: give --hub-token-file or set ORRERY_HUB_TOKEN; "
        "the hub has it in its folder, in client.token"
    )


def _token_in(path: Path) -> str:
    _check_private(path)
    try:
        return path.read_text().strip()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error


def _check_private(path: Path) -> None:
    """Whoever could write it could send our tasks elsewhere; whoever could read it could run his own."""
    if os.name == "nt":  # its permissions are not in the mode
        return
    try:
        found = path.stat()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise HubRefusedError(f"{path} is not used: it must be yours and closed to others (chmod 600 {path})")


__all__ = ["HubAddress", "find_hub"]
