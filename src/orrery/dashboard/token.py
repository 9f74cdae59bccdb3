"""The token that opens the dashboard, and where those of a folder run: files that only their owner reads."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from orrery.errors import HubRefusedError, NotPrivateError, StoreError
from orrery.fleet.private import check_private, write_private

FOLDER = Path(".orrery")


class Running(msgspec.Struct, frozen=True):
    """A dashboard that was started in a folder: where it is, and its process."""

    url: str
    pid: int


def kept_token(folder: Path = FOLDER, *, anew: bool = False) -> str:
    """The token of a folder; it stays the same over restarts, so that an open page finds its server again.

    Args:
        anew: make another one, after which the old one opens nothing.

    Raises:
        NotPrivateError: others can read or write its file.
        StoreError: the file cannot be read or written.
    """
    path = folder / "ui.token"
    try:
        if not anew and path.exists():
            _check(path)
            token = path.read_text(encoding="ascii").strip()
            if len(token) >= 32:
                return token
        token = secrets.token_urlsafe(32)
        write_private(path, token + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be used: {error}") from error
    return token


def note_running(running: Running, folder: Path = FOLDER) -> None:
    """Leave word of where a dashboard is. Raises StoreError."""
    path = _word_of(running.pid, folder)
    try:
        write_private(path, msgspec.json.encode(running).decode() + "\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def find_running(folder: Path = FOLDER) -> Running | None:
    """The dashboard that was started last of those that run in a folder; None where none does.

    Words of processes that were killed are taken away on the way. Raises NotPrivateError, StoreError.
    """
    found: list[tuple[float, Running]] = []
    for path in folder.glob(_word_of("*", folder).name):
        try:
            written_at = path.stat().st_mtime
            _check(path)
            running = msgspec.json.decode(path.read_bytes(), type=Running)
            if _is_alive(running.pid):
                found.append((written_at, running))
            else:
                path.unlink(missing_ok=True)
        except FileNotFoundError:  # it has ended meanwhile
            continue
        except (OSError, msgspec.MsgspecError) as error:
            raise StoreError(f"{path} cannot be used: {error}") from error
    return max(found, key=lambda one: one[0])[1] if found else None


def forget_running(pid: int, folder: Path = FOLDER) -> None:
    """Take the word about a process back, as far as that can be done: who reads it asks whether the process lives."""
    with suppress(OSError):
        _word_of(pid, folder).unlink(missing_ok=True)


def _word_of(pid: int | str, folder: Path) -> Path:
    return folder / f"ui-{pid}.json"


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 is none, a file that was left behind is believed
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _check(path: Path) -> None:
    try:
        check_private(path)
    except HubRefusedError as error:
        raise NotPrivateError(str(error)) from error


__all__ = ["Running", "find_running", "forget_running", "kept_token", "note_running"]
