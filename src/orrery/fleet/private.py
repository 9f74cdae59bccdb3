"""Files for their owner alone: what holds a token or a key is written so, and is not believed otherwise."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from orrery.errors import HubRefusedError, StoreError


def write_private(path: Path, text: str) -> None:
    """Put `text` into a file that only its owner can read, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def check_private(path: Path) -> None:
    """See to it that a file is ours, and that others can neither read nor write it.

    Whoever could write it could send our tasks elsewhere; whoever could read it could run his own.

    Raises:
        HubRefusedError: it is not so.
        StoreError: it cannot be looked at.
    """
    if os.name == "nt":  # its permissions are not in the mode
        return
    try:
        found = path.stat()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise HubRefusedError(f"{path} is not used: it must be yours and closed to others (chmod 600 {path})")


__all__ = ["check_private", "write_private"]
