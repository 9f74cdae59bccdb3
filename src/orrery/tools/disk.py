"""How tools touch the disk: paths read against the run's folder, whole-or-nothing writing, plain errors."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from orrery.errors import FileAccessError, Severity, suggestion
from orrery.tools.context import ToolContext

_TRANSIENT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EBUSY})


def resolved(path: Path, ctx: ToolContext | None) -> Path:
    """The path, read against the run's folder (without a context, against the current one). "~" is the home folder."""
    try:
        return (ctx.folder if ctx is not None else Path.cwd()) / path.expanduser()
    except RuntimeError as error:
        raise FileAccessError(f"{str(path)!r} begins with a user that this machine does not know") from error


@contextmanager
def disk_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a FileAccessError that says what was being done to which path, and the way out."""
    try:
        yield
    except OSError as error:
        severity: Severity = "transient" if error.errno in _TRANSIENT else "permanent"
        raise FileAccessError(f"cannot {doing} {str(path)!r}: {_reason(error, path)}", severity=severity) from error


def _reason(error: OSError, path: Path) -> str:
    match error:
        case FileNotFoundError():
            parent = path.parent
            if not parent.is_dir():
                return f"there is no folder {str(parent)!r}"
            return f"there is nothing of that name; {suggestion(path.name, _names_in(parent))}"
        case IsADirectoryError():
            return "it is a folder"
        case PermissionError():
            return "permission denied"
    if error.errno == errno.ENOSPC:
        return "there is no space left on the disk"
    return error.strerror or str(error)


def _names_in(folder: Path, most: int = 1_000) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry, _ in zip(entries, range(most), strict=False)]
    except OSError:
        return []  # only a suggestion would have come of it


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file open for reading. Raises FileAccessError; a pipe or a device is refused: it might never end."""
    with disk_errors("read", path):
        # Opening a pipe would wait for a writer; O_NONBLOCK does not, and changes nothing for files.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise FileAccessError(f"cannot read {str(path)!r}: it is {kind_of(mode)}, not a file")
    with os.fdopen(descriptor, "rb") as file, disk_errors("read", path):
        yield file


def kind_of(mode: int) -> str:
    """What a mode from `stat` says the thing is, with its article."""
    if stat.S_ISREG(mode):
        return "a file"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or a socket"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all: yields a temporary path beside it that becomes the file at the end.

    Missing folders are made; the mode of a file that is replaced is kept; a symbolic link is followed. After
    the block the content and the name are on the disk (fsync of both). Raises FileAccessError.
    """
    target = Path(os.path.realpath(path))  # resolve() would raise on a loop of links; this replaces it
    with disk_errors("write", path):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        temporary = target.parent / f".{target.stem[:40]}.{secrets.token_hex(6)}{target.suffix}"
        temporary.touch(exist_ok=False)  # with the mode that a new file has here, which mkstemp would not give
        try:
            yield temporary
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
