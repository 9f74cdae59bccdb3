"""Files: put, get, copy, pack, hash, and break."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orrery.bench.fleet.deeds.pace import pause
from orrery.runtime.context import Context


def put(path: str, content: Any, wait_s: float = 0.1, *, ctx: Context) -> str:
    """Write a file, whole or not at all: text and bytes as they are, other values as JSON. Returns the path."""
    pause(wait_s)
    target = ctx.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else _json(content)
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(data)
    part.replace(target)
    return path


def get(path: str, wait_s: float = 0.2, mark: str = "", *, ctx: Context) -> bytes:
    """The bytes of a file. Raises FileNotFoundError.

    Args:
        mark: a file that is written before the work begins, so that others see that it has.
    """
    if mark:
        begun(mark, ctx=ctx)
    pause(wait_s)
    return (ctx.folder / path).read_bytes()


def get_text(path: str, wait_s: float = 0.2, mark: str = "", *, ctx: Context) -> str:
    """The text of a file; as `get`."""
    return get(path, wait_s, mark, ctx=ctx).decode()


def begun(mark: str, *, ctx: Context) -> None:
    """Leave a sign that the work has begun."""
    (ctx.folder / mark).parent.mkdir(parents=True, exist_ok=True)
    (ctx.folder / mark).write_text("begun\n")


def get_all(paths: str, wait_s: float = 0.2, *, ctx: Context) -> list[str]:
    """The texts of the files that match a pattern, in the order of their paths. Raises FileNotFoundError."""
    pause(wait_s)
    found = sorted(ctx.folder.glob(paths))
    if not found:
        raise FileNotFoundError(f"no file matches {paths} here")
    return [path.read_text(encoding="utf-8") for path in found]


def get_json(path: str, wait_s: float = 0.2, *, ctx: Context) -> Any:
    """The value in a JSON file. Raises FileNotFoundError, and ValueError if it is none."""
    return msgspec.json.decode(get(path, wait_s, ctx=ctx))


def count_lines(path: str, wait_s: float = 0.4, *, ctx: Context) -> int:
    """How many lines a file has."""
    return len(get(path, wait_s, ctx=ctx).splitlines())


def zipped(names: Sequence[Mapping[str, str]], values: Sequence[int]) -> dict[str, int]:
    """Values under the names of the records that they belong to."""
    return {record["name"]: value for record, value in zip(names, values, strict=True)}


def remove(path: str, wait_s: float = 0.1, *, ctx: Context) -> bool:
    """Remove a file; whether there was one."""
    pause(wait_s)
    there = (ctx.folder / path).exists()
    (ctx.folder / path).unlink(missing_ok=True)
    return there


def sha256(path: str, wait_s: float = 0.2, *, ctx: Context) -> str:
    """The digest of a file, in hexadecimal."""
    return hashlib.sha256(get(path, wait_s, ctx=ctx)).hexdigest()


def packed(path: str, wait_s: float = 0.4, *, ctx: Context) -> bytes:
    """The bytes of a file, compressed with gzip; the same for the same file."""
    return gzip.compress(get(path, wait_s, ctx=ctx), mtime=0)


def unpack(path: str, data: bytes, wait_s: float = 0.4, *, ctx: Context) -> str:
    """Write what gzip has compressed; returns the path."""
    return put(path, gzip.decompress(data), wait_s, ctx=ctx)


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
