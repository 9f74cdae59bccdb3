"""Files: read, write, find, hash. Writing is whole or not at all; nothing is read without a cap."""

from __future__ import annotations

import glob as globbing
import hashlib
import os
import shutil
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from orrery.errors import ArgumentError, ContentError, FileAccessError, LimitReachedError
from orrery.tools.context import ToolContext
from orrery.tools.disk import disk_errors, kind_of, opened, replacing, resolved
from orrery.tools.tool import tool

MAX_READ_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20

Encoding = Annotated[str, "the text encoding, such as utf-8 or latin-1"]


class Written(TypedDict):
    """What was written where."""

    path: str
    size_bytes: int


class Stat(TypedDict):
    """What is known about a path without reading it."""

    path: str
    kind: Literal["file", "folder", "other"]
    size_bytes: int
    modified_at: str
    mode: str


@tool(name="files.read", effects="idempotent", reads=("file:{path}",))
def read(
    path: Path,
    *,
    encoding: Encoding = "utf-8",
    errors: Literal["strict", "replace"] = "strict",
    max_bytes: int = MAX_READ_BYTES,
    ctx: ToolContext | None = None,
) -> str:
    """The text of a file.

    Args:
        path: relative paths are read against the run's folder.
        errors: "replace" puts U+FFFD where bytes are not valid in the encoding; "strict" refuses them.
        max_bytes: a larger file is refused.
    """
    data = _read(resolved(path, ctx), max_bytes)
    return decoded(data, encoding, errors, name=str(path))


@tool(name="files.read_bytes", effects="idempotent", reads=("file:{path}",))
def read_bytes(path: Path, *, max_bytes: int = MAX_READ_BYTES, ctx: ToolContext | None = None) -> bytes:
    """The bytes of a file; one larger than `max_bytes` is refused."""
    return _read(resolved(path, ctx), max_bytes)


@tool(name="files.write", effects="idempotent", writes=("file:{path}",))
def write(path: Path, content: str | bytes, *, encoding: Encoding = "utf-8", ctx: ToolContext | None = None) -> Written:
    """Write a file whole or not at all, replacing what was there; missing folders are made."""
    data = _encoded(content, encoding)
    with replacing(resolved(path, ctx)) as temporary:
        temporary.write_bytes(data)
    return {"path": str(path), "size_bytes": len(data)}


@tool(name="files.append", effects="once", writes=("file:{path}",))
def append(
    path: Path, content: str | bytes, *, encoding: Encoding = "utf-8", ctx: ToolContext | None = None
) -> Written:
    """Add to the end of a file, made if missing; the size returned is the whole file's."""
    target, data = resolved(path, ctx), _encoded(content, encoding)
    with disk_errors("append to", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            return {"path": str(path), "size_bytes": file.tell()}


@tool(name="files.glob", effects="idempotent", reads=("file:{root}",))
def glob(
    pattern: str,
    *,
    root: Path = Path(),
    kind: Literal["file", "folder", "any"] = "file",
    hidden: bool = False,
    max_results: int = 10_000,
    ctx: ToolContext | None = None,
) -> list[str]:
    """The paths below `root` that match, relative to it and sorted.

    Args:
        pattern: such as "src/**/*.py"; `**` stands for any number of folders.
        root: where to look; relative to the run's folder.
        hidden: whether `*` and `**` match names that begin with a dot.
        max_results: more matches than this are refused.
    """
    if os.path.isabs(pattern):
        raise ArgumentError(f"tool 'files.glob': the pattern {pattern!r} is absolute; give its folder as `root`")
    folder = resolved(root, ctx)
    if not folder.is_dir():
        raise FileAccessError(f"cannot look in {str(root)!r}: there is no such folder")
    found = globbing.iglob(pattern, root_dir=folder, recursive=True, include_hidden=hidden)
    wanted = (path for path in found if kind == "any" or (folder / path).is_dir() == (kind == "folder"))
    paths = list(islice(wanted, max_results + 1))
    if len(paths) > max_results:
        raise LimitReachedError(
            f"more than {max_results} paths match {pattern!r}; narrow the pattern or raise max_results"
        )
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise ContentError(
                f"the name {os.fsencode(path)!r} is not UTF-8; rename it or narrow the pattern"
            ) from error
    return sorted(Path(path).as_posix() for path in paths)


@tool(name="files.hash", effects="idempotent", reads=("file:{path}",))
def hash_file(
    path: Path,
    *,
    algorithm: Literal["sha256", "sha1", "md5", "blake2b"] = "sha256",
    ctx: ToolContext | None = None,
) -> str:
    """The digest of a file's content, in hexadecimal; files of any size are read piece by piece."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with opened(resolved(path, ctx)) as file:
        total = os.fstat(file.fileno()).st_size
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            if ctx is not None and total > 64 * _CHUNK_BYTES:
                ctx.progress(min(1.0, file.tell() / total))
    return digest.hexdigest()


@tool(name="files.stat", effects="idempotent", reads=("file:{path}",))
def stat(path: Path, *, ctx: ToolContext | None = None) -> Stat:
    """Kind, size, time of the last change (UTC, ISO 8601) and mode of a path."""
    target = resolved(path, ctx)
    with disk_errors("look at", target):
        found = target.stat()
    kind: dict[str, Literal["file", "folder"]] = {"a file": "file", "a folder": "folder"}
    return {
        "path": str(path),
        "kind": kind.get(kind_of(found.st_mode), "other"),
        "size_bytes": found.st_size,
        "modified_at": datetime.fromtimestamp(found.st_mtime, UTC).isoformat(),
        "mode": f"{found.st_mode & 0o7777:04o}",
    }


@tool(name="files.copy", effects="idempotent", reads=("file:{source}",), writes=("file:{target}",))
def copy(source: Path, target: Path, *, ctx: ToolContext | None = None) -> Written:
    """Copy a file whole or not at all, replacing what was there; into `target` itself where that is a folder."""
    place = resolved(target, ctx)
    if place.is_dir():
        place, target = place / source.name, target / source.name
    with opened(resolved(source, ctx)) as file, replacing(place) as temporary, temporary.open("wb") as out:
        shutil.copyfileobj(file, out, _CHUNK_BYTES)
        size_bytes = out.tell()
    return {"path": str(target), "size_bytes": size_bytes}


@tool(name="files.remove", effects="idempotent", writes=("file:{path}",))
def remove(path: Path, *, recursive: bool = False, missing_ok: bool = True, ctx: ToolContext | None = None) -> bool:
    """Remove a file, or with `recursive` a folder and all in it; true if there was something to remove.

    The run's own folder, and every folder above it, is refused.
    """
    target = resolved(path, ctx)
    home = (ctx.folder if ctx is not None else Path.cwd()).resolve()
    if home.is_relative_to(os.path.realpath(target)):
        raise ArgumentError(f"tool 'files.remove': {str(path)!r} is or holds the run's own folder, which stays")
    with disk_errors("remove", target):
        if not target.exists() and not target.is_symlink():
            if missing_ok:
                return False
            raise FileNotFoundError
        if target.is_dir() and not target.is_symlink():
            if not recursive:
                raise ArgumentError(f"tool 'files.remove': {str(path)!r} is a folder; say recursive=true to remove it")
            shutil.rmtree(target)
        else:
            target.unlink()
    return True


def decoded(data: bytes, encoding: str, errors: str, *, name: str) -> str:
    """Bytes as text. Raises ContentError with the place of the first bad byte, and ArgumentError for the encoding."""
    try:
        return data.decode(encoding, errors)
    except LookupError as error:
        raise ArgumentError(f"there is no text encoding {encoding!r}; utf-8 and latin-1 are the usual ones") from error
    except UnicodeDecodeError as error:
        raise ContentError(
            f"{name!r} is not {encoding} text: byte {error.start} is 0x{data[error.start]:02x} ({error.reason}); "
            "read it with errors='replace', with another encoding, or as bytes"
        ) from error


def _read(path: Path, max_bytes: int) -> bytes:
    with opened(path) as file:
        data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            size = max(os.fstat(file.fileno()).st_size, len(data))
            raise LimitReachedError(
                f"{str(path)!r} has {size} bytes, more than max_bytes={max_bytes}; raise the cap or read a part of it"
            )
    return data


def _encoded(content: str | bytes, encoding: str) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return content.encode(encoding)
    except LookupError as error:
        raise ArgumentError(f"there is no text encoding {encoding!r}; utf-8 is the usual one") from error
    except UnicodeEncodeError as error:
        raise ContentError(f"the text cannot be written as {encoding}: {error}; utf-8 writes every text") from error
